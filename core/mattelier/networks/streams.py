"""What video networks remember of the runs over views that they are in the middle of."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

_MAX_STREAMS = 8  # a run that none of the next so many asks after is taken to have ended

Memory = TypeVar("Memory")


class Streams(Generic[Memory]):
    """Memories by the number of their run; of too many the one begun first is forgotten."""

    def __init__(self) -> None:
        self._memories: OrderedDict[int, Memory] = OrderedDict()

    def begin(self, stream: int, memory: Memory) -> Memory:
        """The memory of a run that begins."""
        self._memories[stream] = memory
        while len(self._memories) > _MAX_STREAMS:
            self._memories.popitem(last=False)
        return memory

    def __getitem__(self, stream: int) -> Memory:
        return self._memories[stream]
