"""Hints for networks that know none: what they found is chosen from, and looked at again.

Such a network answers for the whole picture, whatever the user means. A box, a mask or a trimap
says where the subject can be, a click which part of the answer it is; there the network looks once
more, as if that were the picture, and of what it found the parts are kept that the hint means.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.clicks import find_clicked_parts, label_parts
from mattelier.matting.hint import Hint
from mattelier.matting.roi_pass import Roi, find_roi

_MISSED_REACH = 0.25  # of the longer side: what is looked at around a click on nothing
_MAX_WINDOW_SHARE = 0.9  # of the picture, from which a second look shows nothing new

Alpha = NDArray[np.float32]


def find_window(alpha: Alpha, hint: Hint, height: int, width: int) -> Roi | None:
    """What a network should look at again; None where that is the whole picture, or nothing.

    Parameters
    ----------
    alpha : (h, w) float32 0…1
        What it found in the whole picture.
    hint : Hint
        What is known of the subject.
    height, width : of the picture
    """
    place = _possible_place(hint, alpha) if _says_where(hint) else _clicked_place(hint, alpha)
    return find_roi(place, height, width, hint.positive_points, below=_MAX_WINDOW_SHARE)


def keep_meant_parts(alpha: Alpha, hint: Hint) -> Alpha:
    """Of what a network found, what a box, a mask or a trimap means: (h, w) float32 0…1.

    A part that the hint speaks against more than for is somebody else's, but the one that it
    leaves most of stays: it may be the subject, grown together with its neighbours. Clicks are
    `clicks.enforce_clicks`' affair.
    """
    if not _says_where(hint):
        return alpha
    subject, background = _without_points(hint).evidence(*alpha.shape)
    count, labels = label_parts(alpha)
    kept = np.ones(count, bool)
    if count > 2:
        left = np.bincount(labels.ravel(), (alpha * (1 - background)).ravel(), count)
        contradiction = np.bincount(labels.ravel(), (background - subject).ravel(), count)
        kept = contradiction <= 0
        kept[0] = kept[1 + int(left[1:].argmax())] = True
    meant: Alpha = np.where(kept[labels] & (background < 1), alpha, np.float32(0))
    meant[subject >= 1] = 1
    return meant


def _possible_place(hint: Hint, alpha: Alpha) -> Alpha:
    """1 where the subject can be by a box, a mask or a trimap."""
    subject, background = _without_points(hint).evidence(*alpha.shape)
    return np.asarray(background <= subject, np.float32)


def _clicked_place(hint: Hint, alpha: Alpha) -> Alpha:
    """1 where the parts are that are clicked on, and around clicks on none."""
    count, labels = label_parts(alpha)
    place = np.zeros(alpha.shape, np.float32)
    reach = round(_MISSED_REACH * max(alpha.shape))
    for (y, x), part in find_clicked_parts(labels, count, hint):
        if part:
            place[labels == part] = 1
        else:
            place[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = 1
    return place


def _says_where(hint: Hint) -> bool:
    known = (hint.box, hint.mask, hint.trimap, hint.region)
    return any(one is not None for one in known)


def _without_points(hint: Hint) -> Hint:
    return replace(hint, points=())
