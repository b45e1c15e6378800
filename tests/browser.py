"""A real Chromium without a window, in a Debian system of its own, driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from debian_root import UnavailableError, debian_root, skip_or_fail

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RELEASE = "trixie"
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
_START_SECONDS = 60


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser for the block; the test is skipped where there can be none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    try:
        root = debian_root("browser-root", RELEASE, PACKAGES)
    except UnavailableError as error:
        skip_or_fail(error)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="mtb") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)  # where Playwright has the browser put what it downloads
        command = root.command(
            "chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--remote-debugging-port={port}", f"--user-data-dir={folder}/profile",
            shared=[Path(folder)],
        )  # fmt: skip
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait(port, process)
            with playwright.sync_playwright() as driver:
                browser = driver.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
                yield browser
                browser.close()
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # Debian's program is a script that starts it
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/json"):
            return
        time.sleep(0.1)
    pytest.fail("the browser does not answer")
