"""One item is read and one written while another is worked on, in order, three at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from mattelier.types.progress import Cancelled

ItemT = TypeVar("ItemT")
InputT = TypeVar("InputT")
ResultT = TypeVar("ResultT")


def run_pipeline(
    items: Sequence[ItemT],
    read: Callable[[ItemT], InputT],
    work: Callable[[ItemT, InputT], ResultT],
    write: Callable[[ItemT, ResultT], None],
    done: Callable[[ItemT, Exception | None], None],
) -> None:
    """Take every item through reading, work and writing.

    Parameters
    ----------
    items : sequence
    read, write : callables
        Called in threads of their own; what they need of the listener's context they have.
    work : callable
        Called here.
    done : callable
        Called here for each item in order, with what any of the three raised.

    Raises
    ------
    Cancelled
        From `work` or `done`; what was being written is finished, and `done` hears of it.
    Exception
        From `done`, in the same way.
    """
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        next_read: Future[InputT] | None = None
        writing: tuple[ItemT, Future[None]] | None = None

        def finish() -> None:
            nonlocal writing
            if writing is not None:
                item, future = writing
                writing = None
                error = future.exception()
                done(item, error if isinstance(error, Exception) else None)

        try:
            for position, item in enumerate(items):
                current = next_read or reader.submit(copy_context().run, read, item)
                next_read = None
                if position + 1 < len(items):
                    next_read = reader.submit(copy_context().run, read, items[position + 1])
                problem: Exception | None = None
                future: Future[None] | None = None
                try:
                    result = work(item, current.result())
                    del current
                    # The one before is written by now, or memory would fill with finished work.
                    if writing is not None:
                        writing[1].exception()
                    future = writer.submit(copy_context().run, write, item, result)
                    del result
                except Cancelled:
                    raise
                except Exception as error:
                    problem = error
                finish()
                if future is None:
                    done(item, problem)
                else:
                    writing = (item, future)
            finish()
        except BaseException:
            if next_read is not None:
                next_read.cancel()
            finish()
            raise
