"""The thread that asks the worker about gestures, so that the window never waits.

The newest state of the gestures is asked about, whatever came between; once it rests, the answer
that is kept is asked for too. GIMP's own library is not called here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from gi.repository import GLib

from . import engine, gestures

_REST_SECONDS = 0.35  # without a gesture, after which the settled answer is looked for


class State(NamedTuple):
    """What is asked about: the gestures, and the options of the matte."""

    gestures: tuple
    matte: dict


class Questions(threading.Thread):
    """Asks about one picture until it is stopped; `worker` is its connection.

    Parameters
    ----------
    settings : settings.Settings
    picture : callable, gives the pictures of the first question: the picture, and a mask if any
    known : dict
        What the mask is, for the first question's hint.
    answered : callable of (State, stage, bytes)
        Called in the main loop.
    failed : callable of (Exception)
        Called in the main loop; the thread has ended then.
    """

    def __init__(
        self, settings, pictures: Callable, known: dict, answered: Callable, failed: Callable
    ) -> None:
        super().__init__(daemon=True)
        self.worker = None
        self.settled: State | None = None
        self._settings, self._pictures, self._known = settings, pictures, known
        self._answered, self._failed = answered, failed
        self._change = threading.Condition()
        self._wanted: State | None = None
        self._stopped = False

    def ask(self, state: State) -> None:
        """Ask about a state; an older one that was not asked about yet is dropped."""
        with self._change:
            self._wanted = state
            self._change.notify()

    def stop(self) -> None:
        """End, after the question that is being answered; the connection stays open."""
        with self._change:
            self._stopped = True
            self._change.notify()
        self.join()

    def run(self) -> None:
        try:
            self.worker = engine.connect(self._settings)
            self._serve()
        except Exception as error:
            GLib.idle_add(self._failed, error)

    def question(self, state: State, stage: str, **further) -> dict:
        """The options of a request."""
        matte = {**state.matte, "hint": {**gestures.hint(state.gestures), **self._known}}
        strokes = gestures.strokes(state.gestures)
        return {"stage": stage, "matte": matte, "strokes": strokes, **further}

    def _serve(self) -> None:
        asked, pictures = None, self._pictures()
        while True:
            with self._change:
                while not self._stopped and self._wanted == asked:
                    self._change.wait()
                if self._stopped:
                    return
                asked = self._wanted
            self._put(asked, "glance", pictures)
            pictures = {}
            end = time.monotonic() + _REST_SECONDS
            with self._change:
                while not self._stopped and self._wanted == asked:
                    if not self._change.wait(max(0.0, end - time.monotonic())):
                        break
                if self._stopped or self._wanted != asked:
                    continue
            self._put(asked, "settle", {})
            self.settled = asked

    def _put(self, state: State, stage: str, pictures: dict) -> None:
        answer = self.worker.run("point", self.question(state, stage), pictures)
        alpha = b"".join(answer.pictures["alpha"].strips)
        GLib.idle_add(self._answered, state, stage, alpha)
