"""The thread that asks the worker about gestures, so that the window never waits.

The newest state of each subject is asked about, whatever came between; once it rests, the answer
that is kept is asked for too. GIMP's own library is not called here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from gi.repository import GLib

from . import engine, gestures

# Without a change, after which the settled answer is looked for: a gesture's own answer comes
# before it, a slider's does not.
_REST_SECONDS, _SLIDER_REST_SECONDS = 0.35, 0.08


class State(NamedTuple):
    """What is asked about.

    Attributes
    ----------
    subject : int
        Which of those in the list.
    gestures : tuple
    matte : dict
        The options of the matte.
    edge_width : float
    foreground : bool
        Whether the colours without the background's are to be seen.
    """

    subject: int
    gestures: tuple
    matte: dict
    edge_width: float = 0.0
    foreground: bool = False


class Questions(threading.Thread):
    """Asks about one picture until it is stopped; `worker` is its connection.

    Attributes
    ----------
    settled : dict of int to State
        What the worker keeps for each subject.

    Parameters
    ----------
    settings : settings.Settings
    picture : callable, gives the pictures of the first question: the picture, and a mask if any
    known : dict
        What the mask is, for the first question's hint.
    answered : callable of (State, stage, dict of pictures)
        Called in the main loop; each picture has its strips read already.
    failed : callable of (Exception)
        Called in the main loop; the thread has ended then.
    """

    def __init__(
        self, settings, pictures: Callable, known: dict, answered: Callable, failed: Callable
    ) -> None:
        super().__init__(daemon=True)
        self.worker = None
        self.settled: dict[int, State] = {}
        self._settings, self._pictures, self._known = settings, pictures, known
        self._answered, self._failed = answered, failed
        self._change = threading.Condition()
        self._wanted: dict[int, State] = {}  # the newest last
        self._glanced: dict[int, tuple] = {}
        self._changed_at = 0.0
        self._stopped = False

    def ask(self, state: State) -> None:
        """Ask about a subject; an older state that was not asked about yet is dropped."""
        with self._change:
            if self._wanted.pop(state.subject, None) != state:
                self._changed_at = time.monotonic()
            self._wanted[state.subject] = state
            self._change.notify()

    def forget(self, subject: int) -> None:
        """Ask no more about a subject."""
        with self._change:
            self._wanted.pop(subject, None)

    def rests(self) -> bool:
        """Whether all that was asked about has its settled answer."""
        with self._change:
            return all(self.settled.get(number) == one for number, one in self._wanted.items())

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
        return {
            "stage": stage,
            "subject": state.subject,
            "matte": matte,
            "strokes": gestures.strokes(state.gestures),
            "edge_width": state.edge_width,
            "foreground": state.foreground and stage != "glance",
            **further,
        }

    def _serve(self) -> None:
        pictures = self._pictures()
        while True:
            with self._change:
                while (due := self._due())[0] is None and not self._stopped:
                    self._change.wait(due[1])
                if self._stopped:
                    return
                state, stage = due
            answer = self.worker.run("point", self.question(state, stage), pictures)
            pictures = {}
            if stage == "glance":
                self._glanced[state.subject] = state.gestures
            else:
                self.settled[state.subject] = state
            found = {
                name: picture._replace(strips=[b"".join(picture.strips)])
                for name, picture in answer.pictures.items()
            }
            GLib.idle_add(self._answered, state, stage, found)

    def _due(self) -> tuple:
        """What is to be asked next and its stage; or None, and the seconds until there is more."""
        newest = list(reversed(self._wanted.values()))
        for state in newest:
            if self._glanced.get(state.subject) != state.gestures:
                return state, "glance"
        for state in newest:
            before = self.settled.get(state.subject)
            if before == state:
                continue
            moved = before is not None and before.gestures == state.gestures
            rest = _SLIDER_REST_SECONDS if moved else _REST_SECONDS
            left = self._changed_at + rest - time.monotonic()
            return (state, "settle") if left <= 0 else (None, left)
        return None, None
