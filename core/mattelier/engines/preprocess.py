"""What a network sees and what its answer means, as its card describes: one path for all models."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Input, Output
from mattelier.types.errors import ModelError

# A side is at most this many times `size`, whatever the picture's aspect: memory stays bounded.
_MAX_SIDE_FACTOR = 4

# Limits of min-max stretching. A map that never rises above 0.5 is not blown up to full, and one
# that never falls to 0.1 keeps its floor: an empty map stays empty, a full one stays full.
_STRETCH_LOW, _STRETCH_HIGH = 0.1, 0.5


class PictureView(Protocol):
    """The part of `colour.View` that is needed here."""

    def resize(self, height: int, width: int) -> NDArray[np.float32]:
        """(height, width, 3) float32 RGB, display-encoded 0…1."""
        ...


def network_size(spec: Input, height: int, width: int) -> tuple[int, int]:
    """Height and width the network sees of a picture of that size.

    With `resize="stretch"` always (size, size); with "fit" the picture's aspect as closely as
    multiples of `spec.multiple` allow, at most 4 × `size` a side; with "whole" the same, but never
    larger than the picture is.
    """
    if spec.resize == "stretch":
        return spec.size, spec.size
    measure = {"area": math.sqrt(height * width), "short": min(height, width)}.get(
        spec.measure, max(height, width)
    )
    scale = spec.size / measure
    if spec.resize == "whole":
        scale = min(scale, 1.0)
    max_multiples = max(_MAX_SIDE_FACTOR * spec.size // spec.multiple, 1)
    rows, columns = (
        min(max(round(side * scale / spec.multiple), 1), max_multiples) * spec.multiple
        for side in (height, width)
    )
    return rows, columns


def preprocess(spec: Input, view: PictureView, height: int, width: int) -> NDArray[np.float32]:
    """The network's picture input.

    Parameters
    ----------
    spec : the card's `input`
    view : the bounded picture (`colour.View`), display-encoded RGB 0…1
    height, width : from `network_size`

    Returns
    -------
    (1, 3, height, width) float32, contiguous
    """
    picture = view.resize(height, width)
    if spec.scale_by_max:
        # The convention of U-2-Net, kept because it was trained so; a black picture stays black
        # (one 8-bit step of noise is not raised to white, nothing is divided by 0).
        picture = picture / max(float(picture.max()), 1 / 255)
    normal = (picture - np.asarray(spec.mean, np.float32)) / np.asarray(spec.std, np.float32)
    if spec.order == "bgr":
        normal = normal[..., ::-1]
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)


def postprocess(spec: Output, answer: NDArray[Any]) -> NDArray[np.float32]:
    """The matte in a network's answer.

    Parameters
    ----------
    spec : the card's `output`
    answer : array whose last two axes are the matte; the others have length 1. Where `spec` says
        "softmax" or "shares" it has two maps: the background's, and the subject's.

    Returns
    -------
    (h, w) float32, 0…1, soft (never made binary)

    Raises
    ------
    ModelError
        The answer is not one map, or holds values that are not numbers.
    """
    alpha: NDArray[np.float32] = np.asarray(answer, np.float32)
    maps = 2 if spec.activation in ("softmax", "shares") else 1
    if alpha.ndim < 1 + maps or alpha.size != maps * alpha.shape[-2] * alpha.shape[-1]:
        raise ModelError(
            "The network's answer is not one matte: its shape is {shape}.", shape=alpha.shape
        )
    background, alpha = alpha.reshape(maps, *alpha.shape[-2:])[[0, -1]]
    if not (np.isfinite(alpha) & np.isfinite(background)).all():
        raise ModelError("The network gave values that are not numbers; its weights do not work.")
    if spec.activation == "softmax":
        alpha = alpha - background
    if spec.activation in ("sigmoid", "softmax"):
        alpha = 0.5 * (np.tanh(0.5 * alpha) + 1)  # cannot overflow, unlike 1/(1+exp(-x))
    if spec.min_max:
        low = min(float(alpha.min()), _STRETCH_LOW)
        high = max(float(alpha.max()), _STRETCH_HIGH)
        alpha = (alpha - low) / (high - low)
    matte: NDArray[np.float32] = np.clip(alpha, 0, 1, dtype=np.float32)
    return matte
