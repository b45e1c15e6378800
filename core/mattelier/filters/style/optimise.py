"""Painting by optimisation (Gatys et al. 2016): changing a picture until its style is another's.

The network only judges (`networks.vgg`); what changes the picture is SciPy's L-BFGS-B, from coarse
to fine as in Gatys et al. 2017 (arXiv:1611.07865).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.tiling import Band
from mattelier.filters.style.display_view import DisplayView
from mattelier.networks.vgg import GRAMS, MIN_SIDE_PX
from mattelier.types import resample
from mattelier.types.colour import View
from mattelier.types.progress import stage, tell

_Values = NDArray[np.float32]


@dataclass(frozen=True)
class _Level:
    """So much of the size that is painted, for so many iterations."""

    scale: float
    iterations: int


_LEVELS = (_Level(0.25, 100), _Level(0.5, 100), _Level(1.0, 50))
_CHANNELS = np.array([64, 128, 256, 512, 512])  # of the five layers that tell the style
_STYLE_WEIGHT = 1e3  # beside the content's, as the method's authors have it
_SMOOTHNESS = 1.0  # against grain that no feature sees
_GRAIN = 0.1  # deviation of the chance that the first strokes begin from
_MIN_ACTIVITY = 1e-6
_BAND_ROWS = 256


def paint(
    model: OpenModel, view: DisplayView, reference: View, strength: float, size: int, seed: int
) -> Iterator[Band]:
    """The bands of a picture in a reference's style, display-encoded, not clipped.

    The picture is painted with a longer side of at most `size` pixels, and the reference is seen
    as large, so that strokes are as large beside the picture as they are beside the reference.
    What that changes is then added to the picture at its full size.

    Parameters
    ----------
    strength : above 0…1, how much the style counts beside what is in the picture
    size : in pixels; time and memory grow with its square
    seed : of the grain that the first strokes begin from; the same one gives the same painting
    """
    whole = min(size, max(view.height, view.width))
    total = sum(level.iterations * level.scale**2 for level in _LEVELS)
    painted: _Values | None = None
    done = 0.0
    for level in _LEVELS:
        side = level.scale * whole
        shown = view.view.resize(*_fit(view.height, view.width, side))
        style = reference.resize(*_fit(reference.height, reference.width, side))
        if painted is None:
            grain = np.random.default_rng(seed).normal(0, _GRAIN * strength, shown.shape)
            start = shown + grain.astype(np.float32)
        else:
            start = resample.bicubic(painted, *shown.shape[:2])
        share = level.iterations * level.scale**2 / total
        with stage("painting", done, done + share):
            painted = _optimise(model, start, shown, style, strength, level.iterations)
        change, done = painted - shown, done + share
    return _carry(view, change)


def _optimise(
    model: OpenModel,
    start: _Values,
    shown: _Values,
    style: _Values,
    strength: float,
    iterations: int,
) -> _Values:
    """A picture (h, w, 3) 0…1 with what is in `shown`, painted as `style` is."""
    from scipy.optimize import Bounds, OptimizeResult, minimize

    kept = model.run({"picture": _as_input(shown)}, "targets")
    wanted = model.run({"picture": _as_input(style)}, "targets")
    # Weights that are not normalised: as if each layer had been divided by its mean.
    content = kept["activity"][0] + _MIN_ACTIVITY
    activity = wanted["activity"][1:] + _MIN_ACTIVITY
    weights = np.array(
        [
            1 / content**2,
            *(strength**2 * _STYLE_WEIGHT / _CHANNELS**2 / activity**4),
            _SMOOTHNESS * strength**2,
        ],
        np.float32,
    )
    targets = {"content": kept["content"], **{gram: wanted[gram] for gram in GRAMS}}
    height, width = shown.shape[:2]
    count = 0

    def judge(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        picture = values.reshape(1, 3, height, width).astype(np.float32)
        answer = model.run({"picture": picture, **targets, "weights": weights}, "loss")
        return float(answer["loss"]), answer["gradient"].astype(np.float64).ravel()

    def advance(intermediate_result: OptimizeResult) -> None:
        nonlocal count
        count += 1
        tell(min(count / iterations, 1.0))

    first = np.clip(_as_input(start).astype(np.float64).ravel(), 0, 1)
    found = minimize(
        judge,
        first,
        method="L-BFGS-B",
        jac=True,
        bounds=Bounds(0.0, 1.0),
        callback=advance,
        options={"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 0.0, "gtol": 0.0},
    )
    painted = found.x.reshape(3, height, width).transpose(1, 2, 0)
    return np.ascontiguousarray(painted, np.float32)


def _carry(view: DisplayView, change: _Values) -> Iterator[Band]:
    """The picture with a change (h, w, 3) that was made at another size."""
    height = view.height
    across = resample.columns(change, view.width)
    for y0 in range(0, height, _BAND_ROWS):
        y1 = min(y0 + _BAND_ROWS, height)
        first, last = resample.rows_needed(y0, y1, len(across), height)
        part = across[first:last]
        part = resample.rows(part, y0, y1, height, first=first, count=len(across))
        yield view.read(y0, y1) + part


def _fit(height: int, width: int, side: float) -> tuple[int, int]:
    scale = side / max(height, width)
    rows, columns = (max(MIN_SIDE_PX, round(length * scale)) for length in (height, width))
    return rows, columns


def _as_input(picture: _Values) -> _Values:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
