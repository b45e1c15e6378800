"""How a host reaches this engine: a command that works outside this terminal, and its client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mattelier.types.errors import EngineError
from mattelier.worker.client import clean_environment

# Alone; or, where pip put the packages into the user's own folder, at least without PYTHONPATH.
_ISOLATION = (("-I",), ("-E", "-P"))
_START_TIMEOUT_SECONDS = 60
_COPIED_FILES = ("worker/protocol.py", "worker/client.py", "requests/schema.json")


def engine_command() -> list[str]:
    """This Python with this Mattelier, tried out as a host would start it.

    Raises
    ------
    EngineError
        Python does not find Mattelier in an environment without this terminal's variables.
    """
    for flags in _ISOLATION:
        attempt = [sys.executable, *flags, "-c", "import mattelier.commands.worker"]
        try:
            done = subprocess.run(
                attempt,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=Path.home(),
                env=clean_environment(os.environ),
                timeout=_START_TIMEOUT_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return [sys.executable, *flags, "-m", "mattelier"]
    raise EngineError(
        f"{sys.executable} finds Mattelier only in this terminal; install it into an environment "
        "(install/setup in a checkout, or pip install) and run this from there."
    )


def copy_client(plugin: Path) -> None:
    """Put the worker's client and the requests' schema into a plug-in: `mattelier_worker`."""
    package = plugin / "mattelier_worker"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in _COPIED_FILES:
        shutil.copyfile(Path(__file__).parents[1] / name, package / Path(name).name)
