# SPDX-License-Identifier: GPL-3.0-or-later
"""One file or folder for each type of node; `registry` lists them."""
