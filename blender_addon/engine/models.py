# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's networks: what is there, what for, how large, under which licence; getting one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ..data.failure import Failure
from .connection import run_task

TASKS = {
    "matte": "Mattes",
    "track": "Tracking",
    "depth": "Depth",
    "upscale": "Upscale",
}
"""What networks do for our nodes, by the engine's name of it."""
_STATES = {
    "ready": "here",
    "absent": "not fetched",
    "missing": "incomplete",
    "damaged": "damaged",
}


@dataclass
class Models:
    """What the engine said last, and whether it is being asked.

    Attributes
    ----------
    listed : list of dict
        One for each network, as the engine lists them.
    busy : str
        What is under way, for people; "" where nothing is.
    failure : str
        Why the last question had no answer; "" where it had.
    """

    listed: list[dict[str, object]] = field(default_factory=list)
    busy: str = ""
    failure: str = ""

    def ask(self, engine: str, busy: str, options: dict[str, object]) -> None:
        """Ask the engine, and note what it says.

        Parameters
        ----------
        options : dict
            Of the worker's "models".
        """
        self.busy = busy
        try:
            self.listed = list(run_task(engine, "models", options)["models"])
            self.failure = ""
        except Failure as failure:
            self.failure = str(failure)
        finally:
            self.busy = ""

    def start(self, engine: str, busy: str, options: dict[str, object]) -> Callable[[], bool]:
        """Ask in a thread; gives what tells whether it goes on."""
        self.busy = busy
        thread = threading.Thread(target=self.ask, args=(engine, busy, options), daemon=True)
        thread.start()
        return thread.is_alive

    def named(self, name: str) -> dict[str, object]:
        """What is known of a network; nothing where it was not listed."""
        return next((model for model in self.listed if model["name"] == name), {})

    def of_nodes(self) -> list[dict[str, object]]:
        """Those that our nodes can use, by what they do and the ones that are here first.

        Those for mattes know hints: without them none follows a subject through a shot.
        One that does two things, as a video network that also makes mattes, stands there twice.
        """
        order = list(TASKS)
        used = [
            {**model, "task": task} for model in self.listed for task in TASKS if _does(model, task)
        ]
        used.sort(key=lambda model: (order.index(model["task"]), model["state"] != "ready"))
        return used


def _does(model: dict[str, object], task: str) -> bool:
    if task == "track" and model.get("follows"):
        return True
    return model.get("task") == task and (task != "matte" or bool(model.get("hints")))


def columns(model: dict[str, object]) -> tuple[str, str, str, str]:
    """Name, size, licence and state of a network, for people."""
    size = model.get("bytes")
    licence = str(model.get("licence", ""))
    if model.get("commercial") == "no":
        licence += ", not for commercial use"
    state = str(model["state"])
    return (
        str(model["name"]),
        f"{size / 1e6:.0f} MB" if size else "",
        licence,
        _STATES.get(state, state),
    )
