"""What has been done to a picture: how coarsely JPEG quantised it, and how noisy it is.

JPEG leaves the cosine coefficients of its 8 × 8 blocks at multiples of the steps it was quantised
with (Fan and de Queiroz, "Identification of Bitmap Compression History", IEEE TIP 2003). Of 14
pictures compressed at qualities of 20 to 90 and cropped off the grid, the steps found were those of
the quality within one; no picture that had never been JPEG was taken for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.enhance.noise_level import noise_level
from mattelier.types.colour import LUMA, to_float
from mattelier.types.picture import Picture

_SIDE_PX = 512  # of the middle of the picture, which is looked at
_MIN_SIDE_PX = 64  # below which there are too few blocks to tell
_NULL_COEFFICIENT = 0.75  # below which a fine coefficient is none, in 8-bit steps
_MIN_GRID_GAP = 0.02  # more null coefficients on the grid than off it; never JPEG: 0.007 at most
_STEPS = np.arange(2, 60)  # of the quantisation that are told apart
_COARSE = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1))  # coefficients that show it
_MIN_PERIODICITY, _MIN_REACHED, _MIN_SAMPLES = 0.4, 0.8, 30
_MIN_EVENNESS = 0.75  # of noise: its quietest parts against its middle; texture: 0.2 to 0.7
_LUMA_NOISE, _DIFFERENCE_NOISE = 0.669, 1.414  # of noise of 1 in each channel, independent
_COSINES = np.array(
    [
        [((1 if k == 0 else 2) / 8) ** 0.5 * np.cos((2 * n + 1) * k * np.pi / 16) for n in range(8)]
        for k in range(8)
    ],
    np.float32,
)


@dataclass(frozen=True)
class Degradation:
    """What was measured.

    Attributes
    ----------
    jpeg_step : float
        The quantisation of coarse luminance, in 8-bit steps: 2 or 3 at a quality of 90, 6 at 75, 10
        at 60; 0 where the picture was not JPEG, at a quality of over 92, or scaled since.
    noise : float
        Its standard deviation in each channel, in 8-bit steps, as far as the channels do not
        share it: grain that they share, and what is grey, counts as the picture's own.
    """

    jpeg_step: float = 0.0
    noise: float = 0.0


def measure_degradation(picture: Picture) -> Degradation:
    """What has been done to a picture; nothing is found in float pictures: they are light."""
    if picture.dtype == np.float32 or min(picture.height, picture.width) < _MIN_SIDE_PX:
        return Degradation()
    y0, x0 = max(0, picture.height - _SIDE_PX) // 2, max(0, picture.width - _SIDE_PX) // 2
    colour = to_float(picture.colour[y0 : y0 + _SIDE_PX, x0 : x0 + _SIDE_PX])
    luma = colour @ LUMA
    difference = colour[..., 0] - colour[..., 1]
    quietest = noise_level(difference)
    noise = 255 * min(noise_level(luma) / _LUMA_NOISE, quietest / _DIFFERENCE_NOISE)
    if quietest < _MIN_EVENNESS * noise_level(difference, 0.5):
        noise = 0.0  # it is texture: noise is everywhere alike
    return Degradation(_jpeg_step(255 * luma) if picture.dtype == np.uint8 else 0.0, noise)


def _jpeg_step(luma: NDArray[np.float32]) -> float:
    fine = np.add.outer(np.arange(8), np.arange(8)) >= 6
    nulls = np.array(
        [
            [
                (np.abs(_coefficients(luma, y, x)[:, fine]) < _NULL_COEFFICIENT).mean()
                for x in range(8)
            ]
            for y in range(8)
        ]
    )
    y, x = np.unravel_index(int(nulls.argmax()), nulls.shape)
    others = np.delete(nulls.ravel(), nulls.argmax())
    if nulls[y, x] - others.max() < _MIN_GRID_GAP:
        return 0.0
    coefficients = _coefficients(luma, int(y), int(x))
    steps = []
    for row, column in _COARSE:
        values = coefficients[:, row, column]
        values = values[np.abs(values) > _NULL_COEFFICIENT]
        if len(values) < _MIN_SAMPLES:
            continue
        periodicity = np.cos(2 * np.pi * values[:, None] / _STEPS).mean(axis=0)
        # What is not null is a step at least; and a step's divisors fit as well as the step.
        reached = (np.abs(values)[:, None] > 0.6 * _STEPS).mean(axis=0) > _MIN_REACHED
        fitting = reached & (
            periodicity > max(_MIN_PERIODICITY, 0.75 * periodicity[reached].max(initial=0))
        )
        if fitting.any():
            steps.append(_STEPS[fitting].max())
    return float(np.median(steps)) if steps else 0.0


def _coefficients(luma: NDArray[np.float32], y: int, x: int) -> NDArray[np.float32]:
    """(N, 8, 8): the cosine transform of the blocks of a grid that begins at (y, x)."""
    rows, columns = (luma.shape[0] - y) // 8, (luma.shape[1] - x) // 8
    blocks = luma[y : y + 8 * rows, x : x + 8 * columns].reshape(rows, 8, columns, 8)
    turned: NDArray[np.float32] = _COSINES @ blocks.transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    return np.asarray(turned @ _COSINES.T, np.float32)
