# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture that the engine keeps and is asked about, gesture by gesture."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..data.failure import Failure
from .connection import connect

if TYPE_CHECKING:
    from ..mattelier_worker.client import Pixels, Worker


class Picture(NamedTuple):
    """Float RGBA as Blender holds it: the bottom row first, colours as they are displayed."""

    width: int
    height: int
    samples: array[float]

    def pixels(self) -> Pixels:
        """As it goes to the worker: the top row first."""
        from ..mattelier_worker import client

        row = 4 * self.width
        rows = (
            self.samples[y * row : (y + 1) * row].tobytes() for y in reversed(range(self.height))
        )
        return client.Pixels(self.width, self.height, 4, "f32", rows)


class Matte(NamedTuple):
    """An answer: alpha 0…1, the top row first, and the question's number."""

    width: int
    height: int
    samples: array[float]
    asked: int


class EngineSession:
    """Asks in a thread of its own; only the newest question counts.

    Parameters
    ----------
    task : str
        The worker's.
    stages : sequence of mapping
        What is added to a question, one after the other: it is answered as often, unless another
        one has come.
    picture : Picture, optional
        Goes with the first question.

    Attributes
    ----------
    matte : Matte or None
        The newest answer.
    failure : str
        Why there are no more answers; "" while there are.
    """

    def __init__(
        self,
        engine: str,
        task: str,
        stages: Sequence[Mapping[str, object]] = ({},),
        picture: Picture | None = None,
    ) -> None:
        self.matte: Matte | None = None
        self.failure = ""
        self._engine, self._task, self._stages = engine, task, stages
        self._picture = picture
        self._question: dict[str, object] | None = None
        self._asked = self._settled = 0
        self._changed = threading.Condition()
        self._ended = False
        self._worker: Worker | None = None
        threading.Thread(target=self._answer, daemon=True).start()

    def ask(self, question: Mapping[str, object]) -> int:
        """Ask; gives the question's number."""
        with self._changed:
            self._asked += 1
            self._question = dict(question)
            self._changed.notify()
            return self._asked

    @property
    def settled(self) -> bool:
        """Whether the newest question has its last answer."""
        return bool(self.failure) or self._settled == self._asked

    def end(self) -> None:
        """Ask no more; the worker lets go of the picture."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._worker is not None:
            self._worker.leave()

    def _answer(self) -> None:
        from ..mattelier_worker.client import WorkerError

        try:
            with connect(self._engine) as self._worker:
                pictures = {} if self._picture is None else {"picture": self._picture.pixels()}
                while True:
                    with self._changed:
                        self._changed.wait_for(lambda: self._ended or self._settled < self._asked)
                        if self._ended:
                            return
                        asked, question = self._asked, dict(self._question)
                    for stage in self._stages:
                        options = {**question, **stage}
                        answer = self._worker.run(self._task, options, pictures, depth="f32")
                        pictures = {}
                        alpha = answer.pictures["alpha"]
                        samples = array("f", b"".join(alpha.strips))
                        self.matte = Matte(alpha.width, alpha.height, samples, asked)
                        if asked != self._asked or self._ended:
                            break
                    else:
                        self._settled = asked
        except (WorkerError, Failure) as error:
            if not self._ended:
                self.failure = str(error)


class PointingSession(EngineSession):
    """What the subject of a picture is, by clicks and a box: at once and roughly, then as the bake
    will have it.

    Attributes
    ----------
    width : int
        Of the picture that is asked about, in pixels.
    """

    def __init__(self, engine: str, picture: Picture, matte: Mapping[str, object]) -> None:
        self.width = picture.width
        self._request = dict(matte)
        super().__init__(engine, "point", ({"stage": "glance"}, {"stage": "settle"}), picture)

    def ask(self, hint: Mapping[str, object]) -> int:
        """Ask what the subject is by these clicks and this box; gives the question's number."""
        return super().ask({"matte": {**self._request, "hint": dict(hint)}})
