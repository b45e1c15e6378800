"""What the worker's clients share: the opened networks, and the list of what is being done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mattelier.requests import MatteRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mattelier.matting.cutout import Cutter

Tool = TypeVar("Tool")

_MOST_TOOLS = 4  # kept open at once; the one used longest ago makes room


@dataclass(frozen=True)
class Outcome:
    """A task's answer: plain JSON, and pictures as float32 0…1 or in their picture's dtype."""

    report: dict[str, Any]
    pictures: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One thing that can be asked for.

    Attributes
    ----------
    run : callable of (Desk, options, pictures)
    channels : mapping
        The pictures it takes, by name, with the numbers of channels each may have.
    required : tuple
        Those without which it cannot start.
    minutes : bool
        It may take that long: such tasks wait for each other, and never keep a click waiting.
    """

    run: Callable[[Desk, Any, Mapping[str, Any]], Outcome]
    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    minutes: bool = False


class Desk:
    """What all clients share.

    Attributes
    ----------
    jobs : list of str
        Names of the tasks at work or waiting.
    """

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self._open: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def tool(self, *key: str, opened: Callable[[], Tool]) -> Tool:
        """What does a task (a `Cutter`, an `Upscaler` …), warm when it was used before.

        Parameters
        ----------
        key : str
            The task's name, and whatever makes one such tool differ from another.
        opened : callable
            Opens it when it is not.
        """
        with self._lock:
            tool = self._open.pop(key, None) or opened()
            self._open[key] = tool
            while len(self._open) > _MOST_TOOLS:
                del self._open[next(iter(self._open))]
        return cast(Tool, tool)

    def cutter(self, request: MatteRequest) -> Cutter:
        """An opened matting model."""
        from mattelier.catalogue import Store
        from mattelier.matting.cutout import Cutter

        store = Store()
        name = store.card(request.model).name
        cutter = self.tool(
            "matte", name, request.device, opened=lambda: Cutter(request, store=store)
        )
        return cutter.asked(request)

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Name the block's task among the jobs."""
        with self._lock:
            self.jobs.append(name)
        try:
            yield
        finally:
            with self._lock:
                self.jobs.remove(name)

    def tools(self) -> list[str]:
        """Which tools are open, by their keys."""
        with self._lock:
            return [" ".join(key) for key in self._open]
