# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking and rendering where nobody sits at a window."""
