# SPDX-License-Identifier: GPL-3.0-or-later
"""What all nodes share: settings, the group inside, operators and panels to build on."""
