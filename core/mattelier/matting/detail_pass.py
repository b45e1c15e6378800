"""A second look at a subject's details: its outline in windows, at twice the resolution.

A network sees a whole picture at a few hundred pixels, where spokes, gaps and strands have hardly
one of their own. What it found there is told to it as a hint, window by window: what the subject is
stands, and the window shows how far it goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.logit_mean import to_alpha, to_logit
from mattelier.matting.roi_pass import Roi
from mattelier.types.progress import tell

Alpha = NDArray[np.float32]

CONFIDENCE = np.float32(0.35)
"""Of the evidence that the first look's answer is."""
_GAIN = 2.0  # times the resolution that the subject was seen with
_MAX_UPSCALE = 2.0  # pixels of the network for one of the picture; more would show nothing new
_MIN_GAIN = 1.3  # below which a further look is not worth its time
_NARROW_SHARE = 0.03  # of the longer side: what is thinner, of subject or background, is narrow
_OVERLAP = 0.12  # of a window's side, with its neighbours
_SUBJECT, _SETTLED = 0.05, 0.03  # alpha from which there is subject, and up to which there is none
_MAX_FINER = 3.0  # times as fine as what was found before: memory stays bounded
_SHARE = 2 / 3  # of the windows' answer; the first look has seen the surroundings


def find_windows(
    alpha: Alpha, seen: Roi, height: int, width: int, side: float, min_detail: float = 0.0
) -> list[Roi]:
    """The windows of a picture that are worth a look at details; none where that gains nothing.

    Parameters
    ----------
    alpha : (h, w) float32 0…1
        What was found in the whole picture, at any size.
    seen : Roi
        The part of the picture that the subject was last seen in.
    height, width : of the picture
    side : float
        Of the square that has as many pixels as the network sees.
    min_detail : float 0…1
        The share of a window that details have to cover: what is narrower than 3 % of it, of
        subject or background, as far as it was found.
    """
    rows, columns = seen.y1 - seen.y0, seen.x1 - seen.x0
    resolution = side / math.sqrt(rows * columns)  # the network's pixels for one of the picture's
    gain = min(_GAIN, _MAX_UPSCALE / resolution)
    subject = alpha > _SUBJECT
    if gain < _MIN_GAIN or not subject.any():
        return []
    spans = []
    for axis, full, window in ((1, height, rows / gain), (0, width, columns / gain)):
        step = full / subject.shape[1 - axis]
        places = np.flatnonzero(subject.any(axis))
        margin = _OVERLAP * window
        first = max(0.0, places[0] * step - margin)
        last = min(float(full), (places[-1] + 1) * step + margin)
        spans.append(_spread(first, last, window * (1 + _OVERLAP), full))
    windows = [Roi(y0, y1, x0, x1) for y0, y1 in spans[0] for x0, x1 in spans[1]]
    parts = [(roi, _part(alpha, roi, height, width)) for roi in windows]
    return [roi for roi, part in parts if _is_open(part) and _detail(part) >= min_detail]


def look_closer(
    alpha: Alpha,
    windows: Sequence[Roi],
    height: int,
    width: int,
    look: Callable[[Roi, Alpha], Alpha],
) -> Alpha:
    """What was found, with what the windows show: float32 0…1, as fine as they are.

    Parameters
    ----------
    alpha : (h, w) float32 0…1
    windows : as of `find_windows`
    height, width : of the picture
    look : gives a window's alpha, of any size, when told what was found there
    """
    import cv2

    answers = []
    for number, roi in enumerate(windows):
        tell(number / len(windows))
        answers.append((roi, look(roi, _part(alpha, roi, height, width))))
    finer = max(
        min(answer.shape[0] / (roi.y1 - roi.y0), answer.shape[1] / (roi.x1 - roi.x0))
        for roi, answer in answers
    )
    scale = min(max(1.0, finer * height / alpha.shape[0]), _MAX_FINER)
    rows, columns = (round(n * scale) for n in alpha.shape)
    first = np.asarray(cv2.resize(alpha, (columns, rows)), np.float32)
    total, weight = np.zeros_like(first), np.zeros_like(first)
    for roi, answer in answers:
        y0, y1, x0, x1 = roi.scaled(height, width, rows, columns)
        size = (y1 - y0, x1 - x0)
        way = cv2.INTER_AREA if size[0] < answer.shape[0] else cv2.INTER_LINEAR
        share = _feather(roi, height, width, *size)
        total[y0:y1, x0:x1] += share * to_logit(cv2.resize(answer, size[::-1], interpolation=way))
        weight[y0:y1, x0:x1] += share
    found = np.minimum(weight, 1) * np.float32(_SHARE)
    closer = total / np.maximum(weight, np.float32(1e-6))
    logit = to_logit(first)
    return to_alpha(logit + found * (closer - logit))


def _spread(first: float, last: float, window: float, full: int) -> list[tuple[int, int]]:
    """Equal windows that cover first…last, each `window` long or all there is."""
    if last - first <= window:
        middle = min(max((first + last) / 2, window / 2), max(window / 2, full - window / 2))
        return [(max(0, round(middle - window / 2)), min(full, round(middle + window / 2)))]
    count = 1 + math.ceil((last - first - window) / (window * (1 - _OVERLAP)))
    step = (last - first - window) / (count - 1)
    starts = [first + step * number for number in range(count)]
    return [(max(0, round(at)), min(full, round(at + window))) for at in starts]


def _is_open(part: Alpha) -> bool:
    """Whether there is anything but subject, and anything but background."""
    return bool(part.max() > _SETTLED and part.min() < 1 - _SETTLED)


def _detail(part: Alpha) -> float:
    """How much of a window is thin, a narrow gap, or unsure in a narrow place: 0…1."""
    opened, closed = open_and_close(part)
    return float((closed - opened).mean())


def open_and_close(matte: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A matte without its thin parts, and one without its narrow gaps: (H, W), of its dtype.

    Narrow is what is thinner than 3 % of the longer side.
    """
    import cv2

    width = 2 * max(1, round(_NARROW_SHARE * max(matte.shape) / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # Beyond the border both go on: what is cut off there is not narrow for that.
    padded = cv2.copyMakeBorder(matte, width, width, width, width, cv2.BORDER_REPLICATE)
    opened, closed = (
        cv2.morphologyEx(padded, how, disc)[width:-width, width:-width]
        for how in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE)
    )
    return opened, closed


def _part(alpha: Alpha, roi: Roi, height: int, width: int) -> Alpha:
    y0, y1, x0, x1 = roi.scaled(height, width, *alpha.shape)
    return alpha[y0:y1, x0:x1]


def _feather(roi: Roi, height: int, width: int, rows: int, columns: int) -> Alpha:
    """A window's say, 0…1: it fades towards the sides beyond which the picture goes on."""
    ramps = []
    for first, last, full, count in (
        (roi.y0, roi.y1, height, rows),
        (roi.x0, roi.x1, width, columns),
    ):
        places = (np.arange(count, dtype=np.float32) + 0.5) / count / np.float32(_OVERLAP)
        ramp = np.ones(count, np.float32)
        if first > 0:
            ramp = np.minimum(ramp, places)
        if last < full:
            ramp = np.minimum(ramp, places[::-1])
        ramps.append(ramp)
    return np.asarray(ramps[0][:, None] * ramps[1][None], np.float32)
