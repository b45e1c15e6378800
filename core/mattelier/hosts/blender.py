"""What goes into Blender: the add-on, the worker's client, and where the engine lives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mattelier import __version__
from mattelier.hosts.blender_programs import Blender
from mattelier.hosts.engine import copy_client
from mattelier.types.errors import OutputError
from mattelier.worker.client import clean_environment

NAME = "mattelier"
_REPOSITORY = "user_default"  # Blender's own name for what a user installs from disk
_ADDON_FILES = ("*.py", "blender_manifest.toml", "LICENSE")
_TIMEOUT_SECONDS = 180


def addon_folder() -> Path:
    """The add-on that comes with Mattelier: inside an installed package, or beside `core/`."""
    installed = Path(__file__).parents[1] / "blender_addon"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "blender_addon"


def assemble(folder: Path, command: Sequence[str]) -> None:
    """Put together the extension's files.

    Parameters
    ----------
    folder : Path
        Is made.
    command : sequence of str
        What `engine_command` found; empty where Blender may start no programs.
    """
    from mattelier.catalogue.store import shipped_folder, user_folder

    source = addon_folder()
    folder.mkdir(parents=True)
    for file in (file for pattern in _ADDON_FILES for file in source.rglob(pattern)):
        copy = folder / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    copy_client(folder)
    engine = {
        "version": __version__,
        "command": [*command, "worker"] if command else [],
        "models": [str(shipped_folder()), str(user_folder())],
    }
    (folder / "engine.json").write_text(json.dumps(engine, indent=2), "utf-8")


def install(blender: Blender, command: Sequence[str]) -> None:
    """Build the extension and install it, both by Blender's own command line.

    Raises
    ------
    OutputError
        Blender refuses; what was installed before is there still.
    """
    with _build_extension(blender, command) as file:
        done = _run(blender, "install-file", "-r", _REPOSITORY, "--enable", str(file))
        _check(blender, done)


def uninstall(blender: Blender) -> bool:
    """Take the extension out of Blender; False when it was not there.

    Raises
    ------
    OutputError
        Blender refuses.
    """
    if not is_installed(blender):
        return False
    _check(blender, _run(blender, "remove", f"{_REPOSITORY}.{NAME}"))
    return True


def is_installed(blender: Blender) -> bool:
    """Whether Blender lists the extension; raises as `install`."""
    done = _run(blender, "list")
    _check(blender, done)
    return re.search(rf"^\s*{NAME} \[installed", done.stdout, re.MULTILINE) is not None


@contextmanager
def _build_extension(blender: Blender, command: Sequence[str]) -> Iterator[Path]:
    # Below the home folder: a Blender in a sandbox sees no other temporary folder.
    with tempfile.TemporaryDirectory(prefix=".mattelier-", dir=Path.home()) as scratch:
        source, file = Path(scratch, NAME), Path(scratch, f"{NAME}.zip")
        assemble(source, () if blender.sandbox else command)
        options = ["--source-dir", str(source), "--output-filepath", str(file)]
        _check(blender, _run(blender, "build", *options))
        yield file


def _run(blender: Blender, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*blender.command, "--command", "extension", *words]
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=Path.home(),
            env=clean_environment(os.environ),
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputError(f"{blender} does not run ({error}); start it once by hand.") from error


def _check(blender: Blender, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        reason = next(
            (line for line in lines if "rror" in line), lines[-1] if lines else "no reason"
        )
        raise OutputError(f"{blender} refused the add-on: {reason}")
