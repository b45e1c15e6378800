# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from Blender for all that is above: its versions, paths, plates, a scratch scene."""
