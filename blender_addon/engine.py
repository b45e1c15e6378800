# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine lives, and the way to it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bpy

from .failure import Failure

if TYPE_CHECKING:
    from .mattelier_worker.client import Worker

_WEIGHTS = {".onnx", ".safetensors", ".pth", ".bin"}
_IDLE_SECONDS = 900


class Installed(NamedTuple):
    """What `mattelier install blender` wrote beside the add-on.

    Attributes
    ----------
    command : tuple of str
        Starts the worker; empty where Blender may not, and one that runs already is used.
    version : str
        Of the engine at that time.
    models : tuple of str
        Folders with one folder per model.
    """

    command: tuple[str, ...]
    version: str
    models: tuple[str, ...]


def installed() -> Installed:
    """Read `engine.json`.

    Raises
    ------
    Failure
        It is absent or damaged.
    """
    try:
        told = json.loads(Path(__file__).with_name("engine.json").read_text("utf-8"))
        return Installed(
            tuple(map(str, told["command"])),
            str(told.get("version", "")),
            tuple(map(str, told.get("models", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Failure(
            "The add-on does not know where its engine is; run `mattelier install blender`, or "
            "choose it in the add-on's preferences."
        ) from None


def command(chosen: str) -> tuple[str, ...]:
    """Program and arguments that start the worker.

    Parameters
    ----------
    chosen : str
        The preferences' engine: a Python, a `mattelier` command, or "" for the installed one.

    Raises
    ------
    Failure
        The program does not exist.
    """
    if chosen:
        path = Path(bpy.path.abspath(chosen))
        if not path.is_file():
            raise Failure(f"The engine {path} does not exist; choose another in the preferences.")
        python = ("-I", "-m", "mattelier") if path.name.lower().startswith("python") else ()
        return (str(path), *python, "worker")
    found = installed().command
    if found and not Path(found[0]).is_file():
        raise Failure(
            f"The Mattelier engine is gone ({found[0]}); install it again, then run "
            "`mattelier install blender`."
        )
    return found


def connect(chosen: str) -> Worker:
    """A connection to the worker, started when none runs; may take seconds.

    Raises
    ------
    Failure, WorkerError
    """
    from .mattelier_worker import client

    return client.connect(
        client.Engine(command(chosen), _IDLE_SECONDS), f"Blender {bpy.app.version_string}"
    )


def model_names(task: str) -> list[str]:
    """The models for a task that have weights on this machine; "default" comes first."""
    try:
        folders = installed().models
    except Failure:
        folders = ()
    names = {
        model.name
        for folder in map(Path, folders)
        if folder.is_dir()
        for model in folder.iterdir()
        if _task(model / "card.toml") == task
        and any(file.suffix in _WEIGHTS for file in model.iterdir())
    }
    return ["default", *sorted(names)]


def _task(card: Path) -> str | None:
    """What a model is for, by its card; None where that cannot be read."""
    try:
        return tomllib.loads(card.read_text("utf-8")).get("task", "matte")
    except (OSError, ValueError):
        return None
