"""How much of the subject each pixel before a known screen shows, and in which colour.

Bayesian matting (Chuang, Curless, Salesin and Szeliski, CVPR 2001) with the background known: the
subject's colours near a pixel are a normal distribution, and alpha and colour are those that
explain the pixel best. All values are linear light, float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.screen import continued, difference

Floats = NDArray[np.float32]

# Subjects of which nothing is seen unmixed nearby: grey, of any brightness, with some colour.
_GREY, _GREY_SPREAD, _COLOUR_SPREAD = 0.2, 0.3, 0.04
_UNSEEN = 0.02  # the weight of that beside what is seen
_SPILL = 0.25  # of the screen's colour difference: what the subject's inside may return of it
_CORE_PX = 4  # so deep inside, what holds no more than that is the subject
_LEAST_DIFFERENCE = 1e-4  # of a clean plate's channels
_MIN_NOISE = 0.002  # of linear light: what 8 bits leave
_ALPHA_BOUNDS = (-1, 2)  # that noise takes it to
_CLEAR_ALPHA = 0.02  # nearer to 0 or 1 the first turn is the last
_TURNS = 4  # of alpha and colour; they hardly move after three
_WINDOW_PX = 5  # that noise is told from detail in
_NOISE_MARGIN = 2.0  # so many times its expected energy passes for noise
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


class Colours(NamedTuple):
    """The subject's colours around each pixel: mean (H, W, 3), covariance (H, W, 6) as _PAIRS."""

    mean: Floats
    covariance: Floats


def screen_share(light: Floats, plate: Floats, key: int) -> Floats:
    """How much of the screen's colour difference is left: 0 of the subject, 1 of the screen."""
    clean = np.maximum(difference(plate, key), np.float32(_LEAST_DIFFERENCE))
    return np.asarray(difference(light, key) / clean, np.float32)


def subject_core(share: Floats, noise: float) -> NDArray[np.float32]:
    """Where the subject is seen unmixed: (H, W) weights 0…1, least at its edge."""
    import cv2

    opaque = (share < max(_SPILL, 3 * noise)).view(np.uint8)
    deep = cv2.erode(opaque, np.ones((2 * _CORE_PX + 1,) * 2, np.uint8))
    plain = (share < max(0.03, 2 * noise)).view(np.uint8)
    inner = cv2.erode(plain, np.ones((3, 3), np.uint8))
    edge = np.float32(0.15) * inner + np.float32(0.004) * plain
    return np.asarray(np.maximum(deep, edge), np.float32)


def subject_colours(light: Floats, core: Floats) -> Colours:
    """What colours the subject has around each pixel, from where it is seen unmixed."""
    squares = np.stack([light[..., i] * light[..., j] for i, j in _PAIRS], axis=2)
    grey = np.array(
        [_GREY] * 3
        + [_GREY**2 + _GREY_SPREAD**2 + (i == j) * _COLOUR_SPREAD**2 for i, j in _PAIRS],
        np.float32,
    )
    values = np.concatenate([light, squares, np.ones_like(core)[..., None]], axis=2)
    weight = np.maximum(core, np.float32(_UNSEEN))
    values[..., :9] = np.where(core[..., None] > 0, values[..., :9], grey)
    moments = continued(values, weight)
    mean = moments[..., :3]
    covariance = moments[..., 3:9]
    for place, (i, j) in enumerate(_PAIRS):
        covariance[..., place] -= mean[..., i] * mean[..., j]
    covariance[..., :3] = np.maximum(covariance[..., :3], 1e-6)
    return Colours(np.ascontiguousarray(mean), np.ascontiguousarray(covariance))


def unmix(
    light: Floats, plate: Floats, colours: Colours, alpha: Floats, noise: Floats
) -> tuple[Floats, Floats, Floats]:
    """Alpha and the subject's straight colour of pixels.

    Parameters
    ----------
    light, plate : (N, 3); colours : of (N, 3) and (N, 6); alpha : (N,) 0…1, to begin with
    noise : (N,), the variance of a sample of `light`

    Returns
    -------
    alpha, variance : (N,); noise takes alpha below 0 and above 1
    colour : (N, 3); the pixels' own where nothing of the screen shows
    """
    # A plane for each channel: numpy is several times faster with these.
    apart, towards = _planes(light - plate), _planes(colours.mean - plate)
    covariance = _planes(colours.covariance)
    noise = np.maximum(noise, np.float32(_MIN_NOISE**2))
    result, variance = _project(apart, towards, covariance, alpha, noise)
    mixed = np.flatnonzero((result > _CLEAR_ALPHA) & (result < 1 - _CLEAR_ALPHA))
    apart, towards, covariance = (part[:, mixed] for part in (apart, towards, covariance))
    noise, found = noise[mixed], result[mixed]
    for _ in range(_TURNS - 1):
        found, spread = _project(apart, towards, covariance, np.clip(found, 0, 1), noise)
        result[mixed], variance[mixed] = found, spread
    share = np.clip(found, 0, 1)
    inverse = _inverse(share * share * covariance, noise)
    correction = share * _times(covariance, _times(inverse, apart - share * towards))
    colour = np.where((result > 0.5)[:, None], light, colours.mean)
    colour[mixed] = colours.mean[mixed] + correction.T
    return result, variance, colour


def _project(
    apart: Floats, towards: Floats, covariance: Floats, alpha: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """Where between screen and subject a pixel lies, by what it is uncertain in: alpha, variance.

    The generalised least squares of apart = alpha·towards, whose errors are the pixel's noise and
    alpha times the spread of the subject's colours.
    """
    weighed = _times(_inverse(alpha * alpha * covariance, noise), towards)
    scale = np.maximum(_dot(towards, weighed), np.float32(1e-9))
    found = np.clip(_dot(apart, weighed) / scale, *_ALPHA_BOUNDS)
    return np.asarray(found, np.float32), np.asarray(1 / scale, np.float32)


def _planes(values: Floats) -> Floats:
    return np.ascontiguousarray(values.T)


def _inverse(covariance: Floats, variance: Floats) -> Floats:
    """The inverses of 3×3 matrices as _PAIRS, (6, N), their diagonals raised by `variance`."""
    a, b, c = (covariance[i] + variance for i in range(3))
    d, e, f = covariance[3:]
    result: Floats = np.empty_like(covariance)
    result[0], result[1], result[2] = b * c - f * f, a * c - e * e, a * b - d * d
    result[3], result[4], result[5] = e * f - d * c, d * f - e * b, d * e - a * f
    determinant = a * result[0] + d * result[3] + e * result[4]
    result /= np.maximum(determinant, np.float32(1e-20))
    return result


def _times(matrix: Floats, vector: Floats) -> Floats:
    a, b, c, d, e, f = matrix
    x, y, z = vector
    result: Floats = np.empty_like(vector)
    result[0] = a * x + d * y + e * z
    result[1] = d * x + b * y + f * z
    result[2] = e * x + f * y + c * z
    return result


def _dot(first: Floats, second: Floats) -> Floats:
    product: Floats = first[0] * second[0] + first[1] * second[1] + first[2] * second[2]
    return product


def settle(alpha: Floats, variance: Floats) -> Floats:
    """An alpha whose noise on the screen and inside the subject is gone: (H, W) 0…1.

    Where the values around a pixel differ from 0, or from 1, by no more than noise makes them, they
    are that; what has twice that energy is untouched.
    """
    for end in (0, 1):
        rest = alpha - np.float32(end)
        energy = _mean(rest * rest)
        expected = np.float32(_NOISE_MARGIN) * _mean(variance)
        alpha = end + rest * np.clip(energy / np.maximum(expected, 1e-12) - 1, 0, 1)
    return np.clip(alpha, 0, 1)


def _mean(values: Floats) -> Floats:
    import cv2

    mean: Floats = cv2.blur(values, (_WINDOW_PX, _WINDOW_PX), borderType=cv2.BORDER_REFLECT)
    return mean
