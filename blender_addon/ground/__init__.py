# SPDX-License-Identifier: GPL-3.0-or-later
"""What all else stands on: failures, frame lists, JSON files, versions of Blender."""
