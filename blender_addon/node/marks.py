# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a result that somebody should look at, as markers on the timeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bpy

from ..data.frames import parse_frames, runs
from ..data.json_files import parse_json
from ..data.plate import Plate

if TYPE_CHECKING:
    from .settings import ResultSettings


def mark(
    item: ResultSettings, plate: Plate, reasons: Mapping[str, str], scene: bpy.types.Scene
) -> None:
    """Mark the frames on which something was noticed; a marker stands where that begins.

    Parameters
    ----------
    reasons : mapping
        What was noticed, and a list of the plate's numbers: "1003,1005-1007".
    """
    clear_marks(item)
    made, frames = [], set()
    for reason, numbers in reasons.items():
        shown = [plate.scene_frame(number) for number in parse_frames(numbers)]
        frames.update(shown)
        for first, last in runs(shown):
            until = f" (to {last})" if last > first else ""
            name = f"{item.name}: {reason}{until}"
            scene.timeline_markers.new(name, frame=first)
            made.append([first, name])
    item.unsure = json.dumps(sorted(frames))
    item.marks = json.dumps(made)


def clear_marks(item: ResultSettings) -> None:
    """Take the markers of a result off the timeline: it was never looked over."""
    if not item.unsure:
        return
    made = {tuple(one) for one in _noted(item.marks) if isinstance(one, list)}
    for scene in bpy.data.scenes:
        if scene.library is None:
            for marker in list(scene.timeline_markers):
                if (marker.frame, marker.name) in made:
                    scene.timeline_markers.remove(marker)
    item.unsure = item.marks = ""


def unsure_frames(item: ResultSettings) -> list[int] | None:
    """The marked scene frames, ascending; None where nobody looked since the last bake."""
    return [one for one in _noted(item.unsure) if isinstance(one, int)] if item.unsure else None


def _noted(text: str) -> list[Any]:
    """A list as a .blend file keeps it; nothing of a damaged one: looking over makes it anew."""
    try:
        return list(parse_json(text or "[]"))
    except (ValueError, TypeError):
        return []
