"""Samples that a process beside the training makes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader, Dataset

_PREFETCHED_BATCHES = 6


class _Range(Dataset[Any]):
    def __init__(self, make: Callable[[int], Any], first: int, stop: int) -> None:
        self.make, self.first, self.stop = make, first, stop

    def __len__(self) -> int:
        return self.stop - self.first

    def __getitem__(self, index: int) -> Any:
        return self.make(self.first + index)


def load_samples(make: Callable[[int], Any], first: int, stop: int, batch: int) -> DataLoader[Any]:
    """Batches of `make(first)` to `make(stop - 1)`; a last one that is not full is left out."""
    return DataLoader(
        _Range(make, first, stop),
        batch_size=batch,
        num_workers=1,
        prefetch_factor=_PREFETCHED_BATCHES,
        worker_init_fn=_init_worker,
        drop_last=True,
    )


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """A forked worker that inherits OpenCV's pool without its threads waits for them for ever."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # type: ignore[attr-defined,unused-ignore]
    try:
        yield
    finally:
        cv2.setNumThreads(threads)  # type: ignore[attr-defined,unused-ignore]


def _init_worker(worker: int) -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)  # type: ignore[attr-defined,unused-ignore]
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all; the run saves, then ends it
        signal.signal(number, signal.SIG_IGN)
