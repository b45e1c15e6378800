"""How tests ask a worker: one of their own, arrays as the pixels that travel, and back."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mattelier.worker import client
from mattelier.worker.client import Engine, Pixels

COMMAND = (sys.executable, "-I", "-m", "mattelier", "worker")


@contextlib.contextmanager
def start_worker() -> Iterator[Path]:
    """A worker in a runtime folder of its own, ended with the block; gives the folder."""
    with tempfile.TemporaryDirectory(prefix="mt") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_RUNTIME", folder)
        with connect() as worker:
            pid = worker.pid
        yield Path(folder)
        os.kill(pid, signal.SIGKILL)


def connect(idle: int = 120) -> client.Worker:
    return client.connect(Engine(COMMAND, idle), "test")


def photo(height: int = 96, width: int = 128) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(y - height / 2, x - width / 2) < height / 3
    noise = np.random.default_rng(1).integers(0, 25, (height, width, 3))
    return (np.where(disc[..., None], (200, 120, 60), (40, 90, 150)) + noise).astype(np.uint8)


def to_pixels(array: np.ndarray, transfer: str = "display") -> Pixels:
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[array.dtype.name]
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    strips = (array[y : y + 100].tobytes() for y in range(0, height, 100))
    return Pixels(width, height, channels, depth, strips, transfer)


def to_array(pixels: Pixels) -> np.ndarray:
    dtype = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}[pixels.depth]
    array = np.frombuffer(b"".join(pixels.strips), dtype)
    return array.reshape(pixels.height, pixels.width, pixels.channels).squeeze()
