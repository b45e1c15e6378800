"""The look of another picture: its distribution of colours, by optimal transport in Oklab."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 192  # pixels of the longer side at which colours are counted

_MIN_SPREAD = 0.012  # standard deviation of Oklab that every picture is given, against noise
_MIN_GAIN, _MAX_GAIN = 0.4, 2.2  # gains along any axis: beyond, noise and banding show
_MIN_SLOPE, _MAX_SLOPE = 0.6, 1.6  # slopes of what the tones' curve adds
_QUANTILES = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
_STEPS = 256


@dataclass(frozen=True, eq=False)
class ColourTransfer:
    """A map of Oklab: an affine one, then a curve of lightness, as far as `strength` says.

    Attributes
    ----------
    matrix : (3, 4) float32, the affine map
    lightness, shift : (n,) float32
        Where the curve is known, and what it adds there.
    strength : float 0…1
        Share of the way from each colour to its image, the geodesic of optimal transport.
    """

    matrix: NDArray[np.float32]
    lightness: NDArray[np.float32]
    shift: NDArray[np.float32]
    strength: float

    def apply(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, 3) float32 Oklab of any range → the same of the other look."""
        import cv2

        moved: NDArray[np.float32] = cv2.transform(lab, self.matrix)
        moved[..., 0] += np.interp(moved[..., 0], self.lightness, self.shift)
        moved -= lab
        moved *= np.float32(self.strength)
        moved += lab
        return moved


def colour_transfer(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    strength: float,
    *,
    grey: bool = False,
) -> ColourTransfer:
    """The map that gives one picture's colours the distribution of another's.

    The linear Monge-Kantorovich map (Pitié and Kokaram 2007) between the two clouds, of all linear
    maps with that image the one that moves colours least, so that hues are not exchanged; its
    gains are bounded. Then a monotone curve brings the tones' quantiles together.

    Parameters
    ----------
    source, target : (n, 3) float32, Oklab
    strength : float 0…1
    grey : bool
        The source has no colour and gets none: only its tones are matched.
    """
    from scipy.interpolate import PchipInterpolator

    if grey:
        only = np.array([1, 0, 0], np.float32)
        source, target = source * only, target * only
    start, goal = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    linear = _monge_kantorovich(_covariance(source), _covariance(target))
    moved = (source - start) @ linear.T[:, 0] + goal[0]
    at, to = (np.quantile(values, _QUANTILES) for values in (moved, target[:, 0]))
    at = np.maximum.accumulate(at + np.arange(at.size) * 1e-4)
    middle = at.size // 2
    for order in (range(middle, at.size - 1), range(middle, 0, -1)):
        for first in order:
            second = first + (1 if order.step > 0 else -1)
            step = at[second] - at[first]
            slope = np.clip((to[second] - to[first]) / step, _MIN_SLOPE, _MAX_SLOPE)
            to[second] = to[first] + slope * step
    lightness = np.linspace(at[0], at[-1], _STEPS)
    shift = PchipInterpolator(at, to)(lightness) - lightness
    matrix = np.column_stack([linear, goal - linear @ start])
    return ColourTransfer(
        matrix.astype(np.float32), lightness.astype(np.float32), shift.astype(np.float32), strength
    )


def _covariance(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    covariance = np.atleast_2d(np.cov(samples.astype(np.float64), rowvar=False, bias=True))
    return covariance + np.eye(3) * _MIN_SPREAD**2


def _monge_kantorovich(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """S^(−½) (S^½ T S^½)^½ S^(−½), with its gains in bounds."""
    root = _power(source, 0.5)
    inverse = np.linalg.inv(root)
    linear = inverse @ _power(root @ target @ root, 0.5) @ inverse
    gains, axes = np.linalg.eigh((linear + linear.T) / 2)
    bounded: NDArray[np.float64] = (axes * np.clip(gains, _MIN_GAIN, _MAX_GAIN)) @ axes.T
    return bounded


def _power(symmetric: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, axes = np.linalg.eigh(symmetric)
    result: NDArray[np.float64] = (axes * np.maximum(values, 0) ** exponent) @ axes.T
    return result
