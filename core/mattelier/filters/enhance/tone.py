"""Exposure, shadows and haze: one curve of log luminance, found from a picture's own tones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Log2 of the luminance that a picture's tones lie around, a little above 18 %.
_MID_GREY_STOPS = -2.4
_MIN_SLOPE, _MAX_SLOPE = 0.45, 2.0  # slopes of the curve: tones neither merge nor tear
# Stops that the middle tone moves: snow and white walls are meant.
_MAX_DARKENING_STOPS, _MAX_BRIGHTENING_STOPS = 0.2, 1.0
_STEPS = 256


@dataclass(frozen=True, eq=False)
class ToneCurve:
    """How many stops each tone is raised.

    Attributes
    ----------
    tones : (n,) float32, log2 luminance, rising
    stops : (n,) float32
    """

    tones: NDArray[np.float32]
    stops: NDArray[np.float32]

    def stops_at(self, log_luminance: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stops for each sample; beyond the measured tones those of the last one."""
        stops = np.interp(log_luminance, self.tones, self.stops)
        return stops.astype(np.float32)


def tone_curve(
    log_luminance: NDArray[np.float32], strength: float, *, white: float = 0.0
) -> ToneCurve:
    """The curve that brings a picture's tones nearer to where a well exposed one has them.

    Its middle tone moves half of the way to mid-grey, at most a stop, so that night stays night;
    a long range of shadows is shortened (as Reinhard et al. 2002 place the key and Durand and
    Dorsey 2002 shorten the range); lifted blacks are lowered; a white that is not reached is
    raised, and one that is reached stays. Between them the curve is monotone (Fritsch and Carlson
    1980).

    Parameters
    ----------
    log_luminance : (n,) float32
        log2 of a picture's luminance, 1 being the white of a display.
    strength : float 0…1
    white : float
        log2 of the brightest luminance that can be held; infinity where highlights are free.
    """
    from scipy.interpolate import PchipInterpolator

    black, shadow, bright, top = np.percentile(log_luminance, (0.5, 12, 90, 99.5))
    # Skies and black coats are not what the exposure is made for.
    middle = float(np.clip(log_luminance, shadow, bright).mean())
    shift = float(
        np.clip(0.5 * (_MID_GREY_STOPS - middle), -_MAX_DARKENING_STOPS, _MAX_BRIGHTENING_STOPS)
    )
    if shift < 0:
        shift *= float(np.clip((white - middle) / 2, 0, 1))  # what is all white is not too bright
    lift = float(np.clip(0.3 * (middle - shadow - 1.8), 0, 0.7))
    at = np.array([black, shadow, middle, top])
    to = at + np.array([0.5 * (shift + lift), 0.9 * shift + lift, shift, 0.5 * shift])
    if white < np.inf:
        reached = np.clip(white - top, 0, 1.25)
        to[3] = top + 0.8 * reached
        to[0] -= float(np.clip(0.5 * (black + 5.5), 0, 1.2))
    at, to = _separate_anchors(at, to)
    tones = np.linspace(at[0], at[-1], _STEPS)
    stops = strength * (PchipInterpolator(at, to)(tones) - tones)
    return ToneCurve(tones.astype(np.float32), stops.astype(np.float32))


def _separate_anchors(
    at: NDArray[np.float64], to: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Anchors apart from each other, with slopes in bounds, seen from the middle tone."""
    at = at.copy()
    at[1] = min(at[1], at[2] - 0.1)
    at[0], at[3] = min(at[0], at[1] - 0.1), max(at[3], at[2] + 0.1)
    for first, second in ((2, 1), (1, 0), (2, 3)):
        step = at[second] - at[first]
        slope = np.clip((to[second] - to[first]) / step, _MIN_SLOPE, _MAX_SLOPE)
        to[second] = to[first] + slope * step
    return at, to
