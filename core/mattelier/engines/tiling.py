"""A picture enlarged as a stream of bands, from top to bottom: memory is bounded by the tile.

A network sees tiles that overlap, each with enough around it to be right in its own part; where
two parts meet, one fades into the other. The result is that of the network on the whole picture
to within what the margin leaves out (below 1/255, see `Tiled.margin`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.types import resample
from mattelier.types.colour import LUMA
from mattelier.types.errors import OutOfMemory
from mattelier.types.progress import remark

Band = NDArray[np.float32]
_BAND_ROWS = 256
_MIN_TILE_GAIN_PX = 36  # pixels a tile gains beyond its margins, at least
# Pixels of mirror image around the picture: networks are not at their best at an end.
_BORDER_PX = 8


class Rows(Protocol):
    """A picture that is read in rows; each reading starts no higher than the one before.

    `height` and `width` are in pixels.
    """

    height: int
    width: int

    def read(self, y0: int, y1: int) -> Band:
        """Rows y0…y1−1: (y1−y0, width, 3) float32 0…1."""
        ...


class Tiled(Protocol):
    """A network that gives a picture for a picture, shown in tiles.

    Attributes
    ----------
    scale : how many times larger the result is
    multiple : the sides of what it is given are multiples of this
    margin : how many pixels around its own a tile must see to be right there
    """

    scale: int
    multiple: int
    margin: int

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass: (1, 3, h, w) RGB 0…1 → (1, 3, scale·h, scale·w), not clipped.

        Raises
        ------
        OutOfMemory
            The device has too little memory for a picture of this size.
        EngineError
            The network cannot be run.
        """
        ...


class PictureNetwork:
    """An open network that takes and gives "picture"; see `Tiled`."""

    def __init__(self, model: OpenModel) -> None:
        self._model = model
        self.scale = model.output.scale
        self.multiple, self.margin = model.input.multiple, model.input.margin

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        if not self._model.input.lightness:
            return self._answer(picture)
        luma = np.tensordot(LUMA, picture[0], 1)
        [[mended]] = self._answer(luma[None, None])
        colours = (picture[0] - luma).transpose(1, 2, 0)
        carried = resample.bicubic(colours, *mended.shape).transpose(2, 0, 1)
        return np.asarray((mended + carried)[None], np.float32)

    def _answer(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network makes of samples 0…1, with its own ideas of black and white."""
        seen, given = self._model.input, self._model.output
        mean, std = (np.asarray(three, np.float32)[: picture.shape[1], None, None]
                     for three in (seen.mean, seen.std))  # fmt: skip
        answer = self._model.run({"picture": (picture - mean) / std})["picture"]
        return answer / np.float32(given.white)


class NetworkWrapper:
    """A network inside another's hands, with the same attributes; see `Tiled`."""

    def __init__(self, network: Tiled) -> None:
        self._network = network
        self.scale, self.multiple = network.scale, network.multiple
        self.margin = network.margin

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        return self._network.run(picture)


class Stream:
    """Bands as `Rows`: what was read is forgotten once the reader has moved on."""

    def __init__(self, bands: Iterator[Band], height: int, width: int) -> None:
        self.height, self.width = height, width
        self._bands, self._rows, self._first = bands, np.empty((0, width, 3), np.float32), 0

    def read(self, y0: int, y1: int) -> Band:
        """Rows y0…y1−1; see `Rows.read`."""
        self._rows = self._rows[y0 - self._first :]
        self._first = y0
        parts, count = [self._rows], len(self._rows)
        while count < y1 - y0:
            parts.append(next(self._bands))
            count += len(parts[-1])
        if len(parts) > 1:
            self._rows = np.concatenate(parts)
        return self._rows[: y1 - y0]


@dataclass(frozen=True)
class Span:
    """One tile along one axis: the network sees start…stop−1, low…high−1 are its own part.

    What is seen may lie outside the picture, which is mirrored there.
    """

    start: int
    stop: int
    low: int
    high: int


def spans(length: int, size: int, margin: int, multiple: int) -> list[Span]:
    """Tiles of equal length, at most `size` (but at least twice the margin), over `length` pixels.

    All lengths and distances between starts are multiples of `multiple`.
    """
    border = -(-_BORDER_PX // multiple) * multiple
    whole = -(-(length + 2 * border) // multiple) * multiple
    overlap = _overlap(margin, multiple)
    size = max(size // multiple * multiple, overlap + _MIN_TILE_GAIN_PX)
    if whole <= size:
        return [Span(-border, whole - border, 0, length)]
    count = -(-(whole - overlap) // (size - overlap))
    tile_length = -(-(whole + (count - 1) * overlap) // (count * multiple)) * multiple
    last = (whole - tile_length) // multiple
    starts = [number * last // (count - 1) * multiple - border for number in range(count)]
    seams = [(a + tile_length + b) // 2 for a, b in pairwise(starts)]
    return [
        Span(start, start + tile_length, low, high)
        for start, low, high in zip(starts, [0, *seams], [*seams, length], strict=True)
    ]


def run_tiled(
    source: Rows, network: Tiled, size: int, done: Callable[[float], None]
) -> Iterator[Band]:
    """The bands of a picture enlarged by a network: each (rows, scale·width, 3) float32.

    They are as the network gives them, not clipped.

    Parameters
    ----------
    size : sides of a tile, in pixels of the source, at most
    done : told the share of the work, 0…1, that is done
    """
    scale = network.scale
    across = spans(source.width, size, network.margin, network.multiple)
    down = spans(source.height, size, network.margin, network.multiple)
    fade = max(1, network.margin // 6)  # to each side of a seam
    ramp = _ramp(2 * fade * scale)
    above: Band | None = None
    for number, row in enumerate(down):
        lowest = number == len(down) - 1
        top = 0 if number == 0 else row.low - fade
        bottom = source.height if lowest else row.high + fade
        samples = _read_span(source, row)
        band = np.empty(((bottom - top) * scale, source.width * scale, 3), np.float32)
        for place, column in enumerate(across):
            first, final = place == 0, place == len(across) - 1
            left = 0 if first else column.low - fade
            right = source.width if final else column.high + fade
            columns = _mirror_indices(column, source.width)
            output = network.run(
                np.ascontiguousarray(samples[:, columns].transpose(2, 0, 1)[None])
            )[0]
            part = output[
                :,
                (top - row.start) * scale : (bottom - row.start) * scale,
                (left - column.start) * scale : (right - column.start) * scale,
            ].transpose(1, 2, 0)
            if not final:
                part[:, -len(ramp) :] *= ramp[::-1, None]
            if first:
                band[:, : right * scale] = part
            else:
                part[:, : len(ramp)] *= ramp[:, None]
                begin = left * scale
                band[:, begin : begin + len(ramp)] += part[:, : len(ramp)]
                band[:, begin + len(ramp) : right * scale] = part[:, len(ramp) :]
            done((number * len(across) + place + 1) / (len(down) * len(across)))
        if above is not None:
            band[: len(ramp)] *= ramp[:, None, None]
            band[: len(ramp)] += above
        if lowest:
            yield band
        else:
            above = band[-len(ramp) :] * ramp[::-1, None, None]
            yield band[: -len(ramp)]


def resample_bands(source: Rows, height: int, width: int) -> Iterator[Band]:
    """The bands of a picture at another size, bicubic: each (rows, width, 3) float32 0…1."""
    for y0 in range(0, height, _BAND_ROWS):
        y1 = min(y0 + _BAND_ROWS, height)
        first, last = resample.rows_needed(y0, y1, source.height, height)
        part = resample.columns(source.read(first, last), width)
        part = resample.rows(part, y0, y1, height, first=first, count=source.height)
        yield np.clip(part, 0, 1, out=part)


class HalvingTiles(NetworkWrapper):
    """A network whose tiles are halved wherever memory runs out; see `Tiled`."""

    def __init__(self, network: Tiled) -> None:
        super().__init__(network)
        self._max_side: int | None = None

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        side = max(picture.shape[2:])
        if self._max_side is None or side <= self._max_side:
            try:
                return self._network.run(picture)
            except OutOfMemory:
                min_side = _overlap(self.margin, self.multiple) + _MIN_TILE_GAIN_PX
                if side <= min_side:
                    raise
                self._max_side = max(side // 2, min_side)
                remark("Memory ran short: this was done in smaller tiles, which takes longer.")
        whole = _Array(np.ascontiguousarray(picture[0].transpose(1, 2, 0)))
        bands = run_tiled(whole, self, self._max_side, lambda share: None)
        return np.concatenate(list(bands)).transpose(2, 0, 1)[None]


class _Array:
    def __init__(self, values: Band) -> None:
        self.height, self.width = values.shape[:2]
        self._values = values

    def read(self, y0: int, y1: int) -> Band:
        return self._values[y0:y1]


def _overlap(margin: int, multiple: int) -> int:
    """Of two neighbouring tiles; one multiple to spare, as starts are rounded to multiples."""
    return 2 * margin + multiple


def _read_span(source: Rows, row: Span) -> Band:
    rows = _mirror_indices(row, source.height)
    first = int(rows.min())
    return source.read(first, int(rows.max()) + 1)[rows - first]


def _mirror_indices(span: Span, length: int) -> NDArray[np.int64]:
    """The rows or columns of a picture that a span sees."""
    places = np.arange(span.start, span.stop) % (2 * length)
    indices: NDArray[np.int64] = np.where(places < length, places, 2 * length - 1 - places)
    return indices


def _ramp(length: int) -> NDArray[np.float32]:
    """A smooth rise whose sum with its mirror image is 1 everywhere."""
    places = (np.arange(length, dtype=np.float32) + 0.5) / length
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * places), np.float32)
