# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values, without Blender: frames, plates and their files, what was baked, failures."""
