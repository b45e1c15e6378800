"""Scores of a mask's outline, after their published definitions. Masks are (H, W) boolean."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.metrics.masks import iou

Mask = NDArray[np.bool_]

_BETA2 = 0.3
_BAND_WIDTH = 0.02  # of the diagonal: width of boundary IoU's band
_BF_TOLERANCE = 0.0075  # of the diagonal: how far the BF score lets an outline be off
_CONTOUR_TOLERANCE = 0.008  # of the diagonal: how far DAVIS lets an outline be off


def relaxed_f(mask: Mask, truth: Mask, slack: float = 3) -> float:
    """Relaxed boundary F-measure (β² = 0.3; Ehrig and Euzenat 2005, as U²-Net reports it).

    Precision is the share of the mask's outline within `slack` pixels of the truth's outline,
    recall the converse; outlines are the pixels that a 3×3 erosion takes away.
    """
    return _f(_rim(mask, 1), _rim(truth, 1), slack, _BETA2)


def boundary_f(mask: Mask, truth: Mask, slack: float) -> float:
    """F-measure (β = 1) of the outlines, a pixel of one counting within `slack` of the other.

    Where the subject leaves the picture there is no outline.
    """
    return _f(_inner_rim(mask), _inner_rim(truth), slack, 1.0)


def bf_score(mask: Mask, truth: Mask) -> float:
    """BF score (Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation").

    F-measure (β = 1) of the outlines, a pixel of one counting within 0.75 % of the picture's
    diagonal of the other, as MATLAB documents of `bfscore`. Outlines are the mask's pixels of which
    one of the four neighbours is not its own; beside the picture there is nothing, so that a
    subject that leaves it has an outline there.
    """
    return _f(_perimeter(mask), _perimeter(truth), _BF_TOLERANCE * math.hypot(*truth.shape), 1.0)


def boundary_iou(mask: Mask, truth: Mask) -> float:
    """IoU of the parts within 2 % of the diagonal of either mask's edge (Cheng et al. 2021)."""
    width = max(1, round(_BAND_WIDTH * math.hypot(*truth.shape)))
    return iou(_rim(mask, width), _rim(truth, width))


def contour_f(mask: Mask, truth: Mask) -> float:
    """DAVIS's contour accuracy F (Perazzi et al. 2016): within 0.8 % of the diagonal counts."""
    slack = math.ceil(_CONTOUR_TOLERANCE * math.hypot(*truth.shape))
    return _f(_seam(mask), _seam(truth), slack, 1.0)


def _rim(mask: Mask, width: int) -> Mask:
    """The mask's pixels within `width` (in the maximum norm) of its edge or the picture's."""
    square = np.ones((2 * width + 1,) * 2, np.uint8)
    eroded = cv2.erode(mask.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rim: Mask = mask & (np.asarray(eroded) == 0)
    return rim


def _perimeter(mask: Mask) -> Mask:
    """The mask's pixels that have one above, below or beside them which is not its own."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    eroded = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rim: Mask = mask & (np.asarray(eroded) == 0)
    return rim


def _inner_rim(mask: Mask) -> Mask:
    """The mask's pixels that have one beside them, in the picture, which is not its own."""
    eroded = cv2.erode(
        mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    rim: Mask = mask & (np.asarray(eroded) == 0)
    return rim


def _seam(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower right neighbour."""
    after = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    seam: Mask = (mask ^ after[:-1, 1:]) | (mask ^ after[1:, :-1]) | (mask ^ after[1:, 1:])
    return seam


def _f(outline: Mask, truth: Mask, slack: float, beta2: float) -> float:
    if not outline.any() or not truth.any():
        return float(outline.any() == truth.any())
    precision = float((_distance(truth)[outline] <= slack).mean())
    recall = float((_distance(outline)[truth] <= slack).mean())
    if precision + recall == 0:
        return 0.0
    return (1 + beta2) * precision * recall / (beta2 * precision + recall)


def _distance(outline: Mask) -> NDArray[np.float32]:
    away = (~outline).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
