"""Reading compact super-resolution networks from ncnn's pair of files, `.param` and `.bin`.

The graph (`.param`) is text, one layer a line; the weights (`.bin`) follow in the order of the
layers. Only what compact networks are made of is known here, and anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.networks.compact.weights import Compact
from mattelier.types.errors import ModelError

_MAGIC = "7767517"
_HALF = 0x01306B47  # a convolution's weights are half floats; 0 would be floats
_WITHOUT_WEIGHTS = {"Input", "Split", "PixelShuffle", "Interp", "BinaryOp"}


def read_compact(path: Path) -> Compact:
    """The compact network in `path` (either of the two files, the other beside it).

    Raises
    ------
    ModelError
        A file is missing or damaged, or holds another kind of network.
    """
    param, weights = path.with_suffix(".param"), path.with_suffix(".bin")
    try:
        text = param.read_text("ascii")
        content = weights.read_bytes()
    except UnicodeDecodeError:
        raise ModelError(f"{param} is not the text of an ncnn network.") from None
    except OSError as error:
        raise ModelError(
            f"{error.filename} cannot be read ({error.strerror}); an ncnn network is a .param "
            "and a .bin file of one name."
        ) from error
    reader = _Reader(weights, content)
    convolutions: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    slopes: list[NDArray[np.float32]] = []
    for layer, settings in _layers(param, text):
        if layer == "Convolution":
            out, count = settings.get(0, 0), settings.get(6, 0)
            # 1: kernel, 4: padding, 5: has a bias; a stride or dilation would be 3 or 2.
            if (settings.get(1), settings.get(4), settings.get(5)) != (3, 1, 1) or count < 1:
                raise ModelError(f"{param} has a convolution that no compact network has.")
            if out < 1 or count % (9 * out):
                raise ModelError(f"{param} has a convolution of impossible size.")
            values = reader.convolution(count).reshape(out, count // (9 * out), 3, 3)
            convolutions.append((values, reader.floats(out)))
        elif layer == "PReLU":
            slopes.append(reader.floats(settings.get(0, 0)))
        elif layer not in _WITHOUT_WEIGHTS:
            raise ModelError(f"{param} has a layer {layer}, which no compact network has.")
    reader.finish()
    try:
        return Compact(tuple(w for w, _ in convolutions), tuple(b for _, b in convolutions),
                       tuple(slopes))  # fmt: skip
    except ModelError:
        raise ModelError(f"{param} is not a compact Real-ESRGAN network.") from None


def _layers(path: Path, text: str) -> Iterator[tuple[str, dict[int, int]]]:
    """(type, whole-number settings) of each layer."""
    lines = text.splitlines()
    if len(lines) < 3 or lines[0].strip() != _MAGIC:
        raise ModelError(f"{path} is not the text of an ncnn network.")
    for line in lines[2:]:
        parts = line.split()
        settings = {}
        for part in parts[2:]:
            key, equals, value = part.partition("=")
            if equals and key.isdecimal() and value.isdecimal():
                settings[int(key)] = int(value)
        if parts:
            yield parts[0], settings


class _Reader:
    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content, self._offset = path, content, 0

    def convolution(self, count: int) -> NDArray[np.float32]:
        flag = int(self._take(1, "<u4")[0])
        if flag == 0:
            return self.floats(count)
        if flag != _HALF:
            raise ModelError(f"{self._path} holds weights that are neither floats nor halves.")
        values = self._take(count, "<f2").astype(np.float32)
        self._offset += -self._offset % 4
        return values

    def floats(self, count: int) -> NDArray[np.float32]:
        return self._take(count, "<f4").astype(np.float32)

    def finish(self) -> None:
        if self._offset != len(self._content):
            raise ModelError(f"{self._path} holds more than its .param file describes.")

    def _take(self, count: int, dtype: str) -> NDArray[np.generic]:
        size = count * np.dtype(dtype).itemsize
        if self._offset + size > len(self._content):
            raise ModelError(f"{self._path} is shorter than its .param file describes.")
        values = np.frombuffer(self._content, dtype, count, self._offset)
        self._offset += size
        return values
