# SPDX-License-Identifier: GPL-3.0-or-later
"""A first look at what a bake would give: small pictures, shown in an image editor.

They lie in <cache>/<result's uid>/preview, beside the bakes, and what was tracked for them is used
again by the bake. Neither the node's sockets nor what is fresh change.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

import bpy

from ..blend.plates import read_size
from ..data.bake_files import pass_files
from ..data.failure import Failure
from ..data.frames import format_frames
from ..data.sequence import Sequence
from ..node.settings import ResultSettings
from .cache import result_folder, settings_digest
from .job import Job

PASS = "preview"
_SUFFIX = ".jpg"
_RESULT = "mattelier_result"  # of an image: the uid of the result whose preview it shows
_OPENING_SECONDS = 0.2


@dataclass(frozen=True)
class PreviewJob(Job):
    """A preview of one result; see `job.Job`.

    Attributes
    ----------
    title : str
        Of the image that shows it.
    opened : list
        Holds something once an editor was chosen for it: it is the artist's from then on.
    """

    title: str = ""
    opened: list[bool] = field(default_factory=list)

    def show(self) -> None:
        """Show what there is, in an image editor; a new window where none is open."""
        files = self._files()
        number = next((n for n in self.numbers if files.file(n).is_file()), None)
        if number is None:
            return
        image = next((one for one in bpy.data.images if one.get(_RESULT) == self.uid), None)
        if image is None:
            image = bpy.data.images.load(str(files.file(number)))
            image[_RESULT] = self.uid  # its name may be cut off
        image.name = self.title
        image.source = "SEQUENCE"
        image.filepath = str(files.file(number))
        image.reload()
        if not self.opened and not bpy.app.background:
            self.opened.append(True)
            self._show_in(_editor(image), image)

    def note_made(self) -> None:
        """Nothing of a preview counts as baked."""

    def finish(self, failed: Container[int] = ()) -> None:
        """Nothing of a preview counts as baked."""

    def _files(self) -> Sequence:
        return replace(pass_files(self.folder, self.plate, PASS), tail=_SUFFIX)

    def _show_in(self, area: bpy.types.Area, image: bpy.types.Image) -> None:
        space, plate = area.spaces.active, self.plate
        space.image = image
        user = space.image_user
        user.frame_start, user.frame_duration = plate.start, plate.last - plate.first + 1
        user.frame_offset = plate.first - 1
        user.use_auto_refresh = True
        name = image.name  # a window that was opened just now has no size yet
        bpy.app.timers.register(lambda: _fit(name), first_interval=_OPENING_SECONDS)


def prepare_preview(item: ResultSettings, numbers: Iterable[int]) -> PreviewJob:
    """Make the request of a preview, and write the guidance that it names.

    Raises
    ------
    Failure
    """
    settings = item.id_data.mattelier
    plate = settings.find_plate()
    plate = replace(plate, size=read_size(plate))
    wanted = plate.present(numbers)
    folder = result_folder(item) / PASS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error
    node_type = settings.node_type
    request = node_type.request(item, plate, folder, wanted)
    title = f"{item.id_data.name} {item.name} Preview"
    return PreviewJob(
        uid=item.uid,
        settings=settings_digest(item, plate),
        guidance=request.guidance,
        plate=plate,
        folder=folder,
        sources=dict.fromkeys(wanted, ""),
        before={},
        absent=(),
        task=node_type.task,
        request={
            "plate": plate.pattern,
            "frames": format_frames(wanted),
            "colorspace": plate.engine_space,
            **request.options,
            **node_type.preview_options(settings),
        },
        passes=(PASS,),
        title=title,
    )


def _fit(name: str) -> None:
    """Let the picture of that name fill the editors that show it."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            shown = area.spaces.active.image if area.type == "IMAGE_EDITOR" else None
            if shown is not None and shown.name == name:
                region = next(one for one in area.regions if one.type == "WINDOW")
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.image.view_all(fit_view=True)


def _editor(image: bpy.types.Image) -> bpy.types.Area:
    """The image editor that shows it, else one that looks at pictures, else a new window's."""
    windows = bpy.context.window_manager.windows
    areas = [a for w in windows for a in w.screen.areas if a.type == "IMAGE_EDITOR"]
    looking = [area for area in areas if area.spaces.active.ui_mode == "VIEW"]
    for area in (*(a for a in areas if a.spaces.active.image == image), *looking):
        return area
    if bpy.ops.wm.window_new() != {"FINISHED"}:
        raise Failure(f"Open an Image Editor, and choose “{image.name}” in it.")
    area = max(windows[-1].screen.areas, key=lambda one: one.width * one.height)
    area.type = "IMAGE_EDITOR"
    return area
