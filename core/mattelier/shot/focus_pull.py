"""How the focus follows a shot: what each frame asks for by itself, steadied over time.

A subject's depth, and where it stands, are known a little differently in each frame; blur that
followed them would flicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.bokeh.focus import Setting, setting
from mattelier.filters.depth.depth import SUBJECT_DISPARITY, Scene
from mattelier.requests import BokehRequest
from mattelier.shot.steady import steadied

_GROUND_ROWS = 256  # of the ground that are remembered
_MIN_SUBJECT_AREA = 1e-4  # of the picture's area: a subject smaller than that is not there
# Of the focus's disparity: less depth than that is not stretched to the whole blur.
_MIN_DEPTH_SPAN = 0.05


def measure_focus(height: int, width: int, scene: Scene, request: BokehRequest) -> Setting | None:
    """How the lens would be focused on a frame of that size alone; None where no subject is seen.

    Raises
    ------
    UsageError
        As `focus.setting`.
    """
    alone = setting(height, width, scene, request)
    if scene.alpha is not None and float(scene.alpha.mean()) < _MIN_SUBJECT_AREA:
        return None
    if alone.ground is None or alone.ground.size <= _GROUND_ROWS:
        return alone
    rows = (np.arange(_GROUND_ROWS) + 0.5) / _GROUND_ROWS * alone.ground.size - 0.5
    ground = np.interp(rows, np.arange(alone.ground.size), alone.ground)
    return replace(alone, ground=ground.astype(np.float32))


def pull_focus(
    frame: int,
    measurements: Mapping[int, Setting],
    disparity_range: tuple[float, float] | None,
    request: BokehRequest,
) -> Setting | None:
    """How the lens is focused on a frame of a shot; None where nothing near it was measured.

    Parameters
    ----------
    measurements : mapping
        What was measured on the frames around it, as far as `steady.REACH_FRAMES`.
    disparity_range : (farthest, nearest), or None
        The disparities that the whole shot's depth maps lie between; None: depth is from the
        mattes. By these it is judged how far from the focus anything is.
    """
    values = steadied(frame, {other: _as_values(one) for other, one in measurements.items()})
    if values is None:
        return None
    focal, subject, *rows = values
    ground = np.asarray(rows, np.float32) if rows else None
    if disparity_range is None:
        disparity_range = (0.0, max(SUBJECT_DISPARITY, float(max(rows, default=0))))
    far, close = disparity_range
    before = max(close - focal, 0) if request.foreground_blur else 0
    max_distance = max(focal - far, before, _MIN_DEPTH_SPAN * focal)
    return Setting(float(focal), float(subject), ground, float(max_distance))


def _as_values(focus: Setting) -> NDArray[np.float64]:
    ground = np.empty(0) if focus.ground is None else focus.ground
    return np.array([focus.focal, focus.subject, *ground], np.float64)
