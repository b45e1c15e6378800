"""The colour of the light in a picture, estimated from its linear samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 256  # pixels of the longer side at which the light is measured

_MIN_LIGHT, _CLIPPED_LIGHT = 0.003, 0.95  # linear light outside which a sample tells no colour
_MIN_PIXELS = 64  # pixels; from fewer nothing is concluded
_MINKOWSKI_ORDER = 6  # Minkowski norm; van de Weijer et al. found 6 and more to do well
_GREYEST_SHARE = 0.02  # share of the pixels that are taken for grey
# How far the three may differ, in log colour, before they are half believed.
_MAX_TRUSTED_SPREAD = 0.28
_ORDINARY_CAST = 0.1  # casts below this, in log colour, are a picture's own
_MAX_TINT = 0.2  # off the colours of hot bodies, in log colour, that lamps and skies hardly have
# Those colours, from 2300 K to 14 000 K in linear Rec. 709: t ≈ 0.123·w + 0.011·w² for the warmth
# w = ln(r/b) and the tint t = ln(g/√(r·b)); fitted to the Planckian locus of Kim et al. (2002).
_LOCUS = (0.123, 0.011)


def estimate_illuminant(
    small: NDArray[np.float32], visible: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The colour of the light, as far as the picture tells it.

    Three estimates that fail on different pictures are averaged: the second-order grey edge (van
    de Weijer, Gevers and Gijsenij 2007), shades of grey (Finlayson and Trezzi 2004), and the
    greyest pixels (Qian et al. 2019: those whose log colours change least where their light
    changes). Where they disagree, or agree on a colour that no lamp and no sky has, a coloured
    thing is about to be taken for a coloured light, so the less is concluded, and nothing from
    what a balanced picture shows as well.

    Parameters
    ----------
    small : (h, w, 3) float32, linear RGB, 1 is the file's white; about `SIDE_PX` pixels long
    visible : (h, w) bool, optional
        What counts.

    Returns
    -------
    (3,) float64 of geometric mean 1; all ones where the picture tells nothing
    """
    import cv2

    measurable = (small.max(axis=2) < _CLIPPED_LIGHT) & (small.min(axis=2) > _MIN_LIGHT)
    if visible is not None:
        measurable &= visible
        if measurable.any():  # what is hidden must not make edges of its own
            small = np.where(visible[..., None], small, small[measurable].mean(axis=0))
    interior = cv2.erode(measurable.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if interior.sum() < _MIN_PIXELS:
        return np.ones(3)
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(small, (0, 0), 1), cv2.CV_32F))
    estimates = np.log(
        [
            _minkowski_mean(edges[interior]),
            _mean_of_greyest(small, interior),
            _minkowski_mean(small[measurable]),
        ]
    )
    estimates -= estimates.mean(axis=1, keepdims=True)
    mean = estimates.mean(axis=0)
    spread = ((estimates - mean) ** 2).sum(axis=1).mean()
    cast = (mean**2).sum()
    belief = 1 / (1 + spread / _MAX_TRUSTED_SPREAD**2) * cast / (cast + _ORDINARY_CAST**2)
    warmth, tint = mean[0] - mean[2], mean[1] - mean[[0, 2]].mean()
    belief /= 1 + ((tint - _LOCUS[0] * warmth - _LOCUS[1] * warmth**2) / _MAX_TINT) ** 4
    light: NDArray[np.float64] = np.exp(belief * mean)
    return light


def _minkowski_mean(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    high = samples.astype(np.float64) ** _MINKOWSKI_ORDER
    mean: NDArray[np.float64] = np.maximum(high.mean(axis=0), 1e-30) ** (1 / _MINKOWSKI_ORDER)
    return mean


def _mean_of_greyest(
    small: NDArray[np.float32], interior: NDArray[np.bool_]
) -> NDArray[np.float64]:
    import cv2

    logs = np.log(np.maximum(cv2.blur(small, (3, 3)), 1e-4))
    light = logs.mean(axis=2)

    def change(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        smooth = cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), 0.8)
        return np.asarray(cv2.Laplacian(smooth, cv2.CV_32F, ksize=3))

    contrast = np.abs(change(light))
    red, blue = change(logs[..., 0] - light), change(logs[..., 2] - light)
    colourful = cv2.blur(np.sqrt(red * red + blue * blue) / (contrast + 0.02), (7, 7))
    candidates = interior & (contrast > 0.02)
    if candidates.sum() < _MIN_PIXELS:
        candidates = interior
    limit = np.quantile(colourful[candidates], _GREYEST_SHARE)
    mean: NDArray[np.float64] = small[candidates & (colourful <= limit)].mean(axis=0, dtype=float)
    return mean
