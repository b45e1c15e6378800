# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on disk by frame: plates that come in, bakes that come out."""
