"""How far a piece of work is, and whether anybody still wants it.

Tasks tell; whoever waits listens. Nothing is passed through the layers between: the listener is
found in the context, which `tiles.for_tiles` tells from the thread that called it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from mattelier.types.sentence import Sentence

Callback = Callable[[float, str], None]


class Cancelled(Exception):  # noqa: N818 - not an error: somebody changed their mind
    """The work is not wanted any more; raised by a listener, through the task that told it."""


@dataclass(frozen=True)
class _Listener:
    callback: Callback
    remarks: list[str]
    start: float = 0.0
    span: float = 1.0
    stage: str = ""


_listener: ContextVar[_Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(callback: Callback) -> Iterator[list[str]]:
    """Within the block, `callback(fraction 0…1, stage)` hears what tasks tell.

    It may raise `Cancelled`. Gives the list of `remark`s, which fills while the block runs.
    """
    remarks: list[str] = []
    token = _listener.set(_Listener(callback, remarks))
    try:
        yield remarks
    finally:
        _listener.reset(token)


@contextmanager
def stage(name: str, start: float, stop: float) -> Iterator[None]:
    """The block is this part, 0…1, of what surrounds it; it begins by telling so."""
    outer = _listener.get()
    if outer is None:
        yield
        return
    nested = replace(
        outer,
        start=outer.start + outer.span * start,
        span=outer.span * (stop - start),
        stage=name,
    )
    token = _listener.set(nested)
    try:
        tell(0)
        yield
    finally:
        _listener.reset(token)


def tell(fraction: float) -> None:
    """This much, 0…1, of the current stage is done; raises `Cancelled` when nobody wants more."""
    listener = _listener.get()
    if listener is not None:
        listener.callback(listener.start + listener.span * fraction, listener.stage)


def remark(template: str, /, **arguments: object) -> bool:
    """Something the user should know of how the work was done; False when nobody listens.

    The sentence is made as `sentence.Sentence` says.
    """
    listener = _listener.get()
    sentence = Sentence(template, **arguments)
    if listener is not None and sentence not in listener.remarks:
        listener.remarks.append(sentence)
    return listener is not None
