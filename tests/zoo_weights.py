"""Random weights that are the same wherever a network of a layout is built.

They depend on the names and shapes alone, so that a network's own code and ours have the same ones
without a file; scaled so that signals keep their size, as the answer is constant otherwise.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def weights(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
    """Weights by name, for names and shapes."""
    return {name: _draw(name, shape) for name, shape in shapes}


@dataclass(frozen=True)
class Published:
    """A network as its authors' code has it, with these weights, and what that code answered.

    Attributes
    ----------
    state : weights by name, what does not depend on chance as the code makes it
    answer : to `samples` or to `picture`; of large ones every so many pixels
    """

    state: dict[str, NDArray[Any]]
    answer: NDArray[np.float32]


def published(name: str) -> Published:
    """What `zoo_vectors` holds of a network."""
    held = np.load(Path(__file__).with_name("zoo_vectors") / f"{name}.npz")
    layout = json.loads(held["layout"].tobytes())
    state = weights((key, tuple(shape)) for key, shape in layout.items())
    adjusted = json.loads(held["adjusted"].tobytes()) if "adjusted" in held else {}
    for key in state:
        for ending, (factor, offset) in adjusted.items():
            if key.endswith(ending):
                state[key] = state[key] * np.float32(factor) + np.float32(offset)
    own = {key.removeprefix("buffer/"): held[key] for key in held if key.startswith("buffer/")}
    return Published(state | own, held["answer"])


def picture(height: int, width: int) -> NDArray[np.float32]:
    """As `samples`, of 0…1."""
    return (0.5 + 0.2 * samples(height, width)).clip(0, 1).astype(np.float32)


def _draw(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    random = np.random.RandomState(zlib.crc32(name.encode()))  # its stream never changes
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.float32)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        values = random.uniform(0.5, 1.5, shape)
    elif len(shape) == 1:
        values = random.uniform(-0.1, 0.1, shape)
    else:
        values = random.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5
    return values.astype(np.float32)


def samples(height: int, width: int) -> NDArray[np.float32]:
    """A network's input (1, 3, height, width): soft shapes and some grain."""
    rows, columns = np.mgrid[:height, :width] / 16
    random = np.random.RandomState(4)
    waves = [np.sin(rows * a + columns * b) for a, b in ((0.9, 0.3), (-0.4, 1.1), (0.2, 0.7))]
    return (np.stack(waves) + 0.1 * random.standard_normal((3, height, width)))[None].astype("f")
