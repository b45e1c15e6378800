"""What the photo's border cuts off: of the subject, and things beside it that are not meant."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_CUT_SHARE = 0.08  # of the subject's longer side: a corner that just touches is no cut
_MAX_STRAY_SHARE = 0.25  # of the subject's area


def is_cut_off(alpha: NDArray[np.float32]) -> bool:
    """Whether a subject, (H, W) float32 0…1, goes on beyond the photo: its edge there is straight.

    All of one kind on a canvas, it would stand there with a side that was never its own.
    """
    inside = alpha > 0.5
    rows, columns = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    longest = max(int(side.sum()) for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
    return longest > _MIN_CUT_SHARE * max(int(rows), int(columns), 1)


def drop_strays(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matte without what stands apart from the subject, is smaller and is cut by the border.

    Where the largest piece is whole, a piece that is not is the next product's, or the table's.

    Returns
    -------
    (H, W) float32 0…1
        The very same array where there is none.
    """
    count, parts, facts, _ = cv2.connectedComponentsWithStats((alpha > 0.05).astype(np.uint8))
    if count < 3:
        return alpha
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    cut = np.bincount(border, minlength=count) > 0
    area = facts[:, cv2.CC_STAT_AREA].astype(float)
    main = 1 + int(np.argmax(area[1:]))
    stray = cut & (area < _MAX_STRAY_SHARE * area[main])
    stray[0] = False
    if cut[main] or not stray.any():
        return alpha
    faint = cv2.dilate(stray[parts].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0  # its hem, too
    return np.where(faint & (parts != main), 0, alpha).astype(np.float32)
