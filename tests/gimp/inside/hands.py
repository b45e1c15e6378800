"""A user's hands and eyes in front of GIMP's windows: keys, clicks, screenshots."""

import subprocess
import threading
import time

SCREEN = 1390, 870
PATIENCE = 40  # seconds until something must have shown itself


def xdotool(*words):
    """What xdotool answers, or "" when it found nothing."""
    done = subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True)
    return done.stdout.strip()


def until(condition, what):
    """Wait for a condition that is true in the end; gives its value."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} seconds")


def window(title):
    """The visible window whose title matches; waits for it."""
    windows = until(
        lambda: xdotool("search", "--onlyvisible", "--name", title), f"a window “{title}”"
    )
    return windows.split()[-1]


def image_window():
    """GIMP's one large window, as large as the screen."""

    def largest():
        best = (0, "")
        for one in xdotool("search", "--onlyvisible", "--class", "gimp").split():
            width, height = size(one)
            best = max(best, (width * height, one))
        return best[0] > 300_000 and best[1]

    main_window = until(largest, "GIMP's window")
    xdotool("windowsize", "--sync", main_window, *SCREEN)
    return main_window


def size(where):
    """Width and height of a window."""
    lines = xdotool("getwindowgeometry", "--shell", where).splitlines()
    shape = dict(line.split("=") for line in lines)
    return int(shape.get("WIDTH", 0)), int(shape.get("HEIGHT", 0))


def press(where, *keys):
    """Press keys in a window."""
    xdotool("windowactivate", "--sync", where)
    until(lambda: xdotool("getactivewindow") == where, "the window's activation")
    for key in keys:
        xdotool("key", "--clearmodifiers", key)
        time.sleep(0.1)


def click(where, right, bottom):
    """Click into a window, at a place counted from its lower right corner."""
    width, height = size(where)
    xdotool("mousemove", "--window", where, width - right, height - bottom)
    time.sleep(0.1)
    xdotool("click", 1)


def screenshot(path):
    """The whole screen as a PNG."""
    subprocess.run(["import", "-window", "root", str(path)], check=True, timeout=60)


class Meanwhile:
    """Hands that act in a thread, while the block waits for GIMP; their failure is the block's."""

    def __init__(self, act):
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(act,))

    def _run(self, act):
        try:
            act()
        except BaseException as error:
            self._failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, error_type, error, trace):
        self._thread.join()
        if self._failure:  # the block may have failed for no other reason
            raise self._failure from error
