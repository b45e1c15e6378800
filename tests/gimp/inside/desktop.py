"""Run a program on a virtual screen with a window manager: `desktop.py PROGRAM ARGUMENTS …`."""

import os
import subprocess
import sys
import time

SIZE = "1400x900x24"
TRIALS = 10  # the window manager may be faster than the screen


def main(program):
    """Gives the program's exit code."""
    read_end, write_end = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", SIZE, "-nolisten", "tcp"],
        pass_fds=[write_end], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write_end)
    with os.fdopen(read_end) as line:
        os.environ["DISPLAY"] = f":{line.readline().strip()}"
    for _ in range(TRIALS):
        manager = subprocess.Popen(["openbox"], stderr=subprocess.DEVNULL)
        time.sleep(0.4)
        if manager.poll() is None:
            break
    try:
        return subprocess.run(program).returncode
    finally:
        manager.terminate()
        screen.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
