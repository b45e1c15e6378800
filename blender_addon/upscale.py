# SPDX-License-Identifier: GPL-3.0-or-later
"""The Upscale node: a plate in, the same with more pixels and finer detail out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from .inner import Inner
from .kind import Asked, PictureKind
from .plate import Plate
from .properties import rewire

if TYPE_CHECKING:
    from .settings import Result, Settings


class UpscaleSettings:
    """What is set on an Upscale node."""

    scale: EnumProperty(
        name="Scale",
        items=[
            (str(times), f"{times} ×", f"{times} times as wide and high") for times in (2, 3, 4)
        ],
        update=rewire,
    )
    use_denoise: BoolProperty(
        name="Denoise",
        description="Remove noise and compression, by a network made for photographs",
    )
    denoise: FloatProperty(
        name="Strength",
        subtype="FACTOR",
        default=0.5,
        min=0,
        max=1,
        description="How much noise and compression is removed",
    )


class Upscale(PictureKind):
    """One output, larger than the plate."""

    name = "upscale"
    label = "Upscale"
    icon = "FULLSCREEN_ENTER"
    models = "upscale"

    def decided(self, item: Result, plate: Plate) -> list[object]:
        return [self._options(item.id_data.mattelier)]

    def ask(self, item: Result, plate: Plate, place: Path, numbers: Sequence[int]) -> Asked:
        options = self._options(item.id_data.mattelier)
        return Asked(self.frames(options, place, plate))

    def _options(self, settings: Settings) -> dict[str, object]:
        return {
            "scale": int(settings.scale),
            "model": settings.model or "default",
            "denoise": round(settings.denoise, 4) if settings.use_denoise else None,
        }

    def wire(
        self, inner: Inner, item: Result, source: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        size = size_of(item.id_data.mattelier, inner.plate)
        return (inner.picture(item, self.name, size, row),)


def size_of(settings: Settings, plate: Plate | None) -> tuple[int, ...]:
    """Width and height of an enlarged plate; zeros where they are not known yet."""
    return tuple(side * int(settings.scale) for side in plate.size) if plate else (0, 0)
