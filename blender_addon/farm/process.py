# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender without a window as a process: its lines on stdout, its exit code."""

from __future__ import annotations

import os
import sys

EXIT_FAILED = 3
MESSAGE_PREFIX = "Mattelier: "


def print_message(sentence: str) -> None:
    print(f"{MESSAGE_PREFIX}{sentence}", flush=True)


def exit_process(code: int) -> None:
    """End the process with a truthful exit code.

    Blender gives 0 after a script's error, and some versions crash or hang as they clean up after
    a render; nothing is left to be cleaned here.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
