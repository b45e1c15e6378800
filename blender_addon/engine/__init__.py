# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the engine, and which one the artist prefers."""
