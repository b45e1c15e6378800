# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node's settings to files in the cache: what is fresh, and making the rest."""
