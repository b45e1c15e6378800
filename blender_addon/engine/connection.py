# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine lives, and the way to it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ..data.addon import FOLDER
from ..data.failure import Failure
from ..data.json_files import read_json

if TYPE_CHECKING:
    from ..mattelier_worker.client import Answer, Pixels, Worker

_WEIGHT_SUFFIXES = {".onnx", ".safetensors", ".pth", ".bin"}
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
        entry = read_json(FOLDER / "engine.json")
        return Installed(
            tuple(map(str, entry["command"])),
            str(entry.get("version", "")),
            tuple(map(str, entry.get("models", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Failure(
            "The add-on does not know where its engine is; run `mattelier install blender`, or "
            "choose it in the add-on's preferences."
        ) from None


def worker_command(choice: str) -> tuple[str, ...]:
    """Program and arguments that start the worker.

    Parameters
    ----------
    choice : str
        The preferences' engine: a Python, a `mattelier` command, or "" for the installed one.

    Raises
    ------
    Failure
        The program does not exist.
    """
    if choice:
        path = Path(bpy.path.abspath(choice))
        if not path.is_file():
            raise Failure(f"The engine {path} does not exist; choose another in the preferences.")
        python = ("-I", "-m", "mattelier") if path.name.lower().startswith("python") else ()
        return (str(path), *python, "worker")
    words = installed().command
    if words and not Path(words[0]).is_file():
        raise Failure(
            f"The Mattelier engine is gone ({words[0]}); install it again, then run "
            "`mattelier install blender`."
        )
    return words


def connect(choice: str) -> Worker:
    """A connection to the worker, started when none runs; may take seconds.

    Raises
    ------
    Failure, WorkerError
    """
    from ..mattelier_worker import client

    return client.connect(
        client.Engine(worker_command(choice), _IDLE_SECONDS), f"Blender {bpy.app.version_string}"
    )


def run_task(choice: str, task: str, options: dict[str, object]) -> dict[str, object]:
    """The worker's report on a task, once it has ended; raises as `ask_task`."""
    return ask_task(choice, task, options).report


def ask_task(
    choice: str,
    task: str,
    options: dict[str, object],
    pictures: Mapping[str, Pixels] = MappingProxyType({}),
) -> Answer:
    """The worker's answer to a task, in floats, once it has ended.

    One that dies over it is started anew, once: what an artist did is not lost with it.

    Parameters
    ----------
    pictures : mapping
        Their strips are lists, so that they can be sent again.

    Raises
    ------
    Failure
        It failed, or there is no engine.
    """
    from ..mattelier_worker.client import Ended, WorkerError

    try:
        try:
            with connect(choice) as worker:
                return worker.run(task, options, dict(pictures), depth="f32")
        except Ended:
            with connect(choice) as worker:
                return worker.run(task, options, dict(pictures), depth="f32")
    except WorkerError as error:
        raise Failure(str(error)) from error


def model_names(task: str) -> list[str]:
    """The models for a task that have weights on this machine; "default" comes first.

    Those for mattes know hints: without them none follows a subject through a shot.
    """
    if task == "matte":
        return _names(lambda card: _task(card) == task and bool(card.get("input", {}).get("hint")))
    return _names(lambda card: _task(card) == task)


def tracker_names() -> list[str]:
    """The models with weights on this machine that follow a subject through a shot.

    "default", which comes first, is the engine's own tracking.
    """
    return _names(lambda card: card.get("input", {}).get("follows") is True)


def _task(card: Mapping[str, Any]) -> str:
    return str(card.get("task", "matte"))


def _names(is_wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
    try:
        folders = installed().models
    except Failure:
        folders = ()
    names = {
        model.name
        for folder in map(Path, folders)
        if folder.is_dir()
        for model in folder.iterdir()
        if _is_of(model / "card.toml", is_wanted)
        and any(file.suffix in _WEIGHT_SUFFIXES for file in model.iterdir())
    }
    return ["default", *sorted(names)]


def _is_of(card: Path, is_wanted: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a model's card can be read and says what is wanted."""
    try:
        return is_wanted(tomllib.loads(card.read_text("utf-8")))
    except (OSError, ValueError, RecursionError, AttributeError):
        return False
