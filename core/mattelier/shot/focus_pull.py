"""How the focus follows a shot: what each frame asks for by itself, steadied over time.

A subject's depth, and where it stands, are known a little differently in each frame; blur that
followed them would flicker. A median over five frames takes slips away, a Gaussian what trembles.
Each frame's focus hangs on so few neighbours that any part of a shot comes out as in the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.bokeh.focus import Setting, setting
from mattelier.filters.depth.depth import SUBJECT, Scene
from mattelier.requests import BokehRequest

_SLIP = 2  # frames to each side that outvote one that slipped
_SIGMA, _FAR = 4.0, 12  # of the Gaussian, and where it ends, in frames

REACH = _FAR + _SLIP
"""Frames to each side that a frame's focus depends on."""

_ROWS = 256  # of the ground that are remembered
_NOTHING = 1e-4  # of the picture's area: a subject smaller than that is not there
_LEAST = 0.05  # of the focus's disparity: less depth than that is not stretched to the whole blur


def measured(height: int, width: int, scene: Scene, request: BokehRequest) -> Setting | None:
    """How the lens would be focused on a frame of that size alone; None where no subject is seen.

    Raises
    ------
    UsageError
        As `focus.setting`.
    """
    alone = setting(height, width, scene, request)
    if scene.alpha is not None and float(scene.alpha.mean()) < _NOTHING:
        return None
    if alone.ground is None or alone.ground.size <= _ROWS:
        return alone
    rows = (np.arange(_ROWS) + 0.5) / _ROWS * alone.ground.size - 0.5
    ground = np.interp(rows, np.arange(alone.ground.size), alone.ground)
    return replace(alone, ground=ground.astype(np.float32))


def pulled(
    frame: int,
    near: Mapping[int, Setting],
    span: tuple[float, float] | None,
    request: BokehRequest,
) -> Setting | None:
    """How the lens is focused on a frame of a shot; None where nothing near it was measured.

    Parameters
    ----------
    near : mapping
        What was measured on the frames around it, as far as `REACH`.
    span : (farthest, nearest), or None
        The disparities that the whole shot's depth maps lie between; None: depth is from the
        mattes. By these it is judged how far from the focus anything is.
    """
    around = [other for other in sorted(near) if abs(other - frame) <= _FAR]
    if not around:
        return None
    values = {other: _as_values(near[other]) for other in near}
    weights = np.exp(-0.5 * (np.array([other - frame for other in around]) / _SIGMA) ** 2)
    steady = [
        np.median([values[o] for o in values if abs(o - other) <= _SLIP], axis=0)
        for other in around
    ]
    focal, subject, *rows = np.average(steady, axis=0, weights=weights)
    ground = np.asarray(rows, np.float32) if rows else None
    if span is None:
        span = (0.0, max(SUBJECT, float(max(rows, default=0))))
    far, close = span
    before = max(close - focal, 0) if request.foreground_blur else 0
    most = max(focal - far, before, _LEAST * focal)
    return Setting(float(focal), float(subject), ground, float(most))


def _as_values(measured: Setting) -> NDArray[np.float64]:
    ground = np.empty(0) if measured.ground is None else measured.ground
    return np.array([measured.focal, measured.subject, *ground], np.float64)
