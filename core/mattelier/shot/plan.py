"""A shot before anything of it is computed: request, plate, keys and files, checked together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from mattelier.media.open_plate import open_plate
from mattelier.media.plate import Plate
from mattelier.media.provenance import CACHE_KEY, read_provenance
from mattelier.requests import RotoRequest, ShotRequest
from mattelier.shot.key_frames import KeyFrames, collect_key_frames
from mattelier.shot.movie_output import frame_rate
from mattelier.shot.outputs import Layout, plan_outputs
from mattelier.types.errors import OutputError, UsageError
from mattelier.types.frame_range import FrameRange

RequestT = TypeVar("RequestT", bound=ShotRequest)


@dataclass(frozen=True)
class Shot(Generic[RequestT]):
    """A request with its plate opened and its files named: what can be said before computing."""

    request: RequestT
    plate: Plate
    layout: Layout
    keys: Mapping[str, KeyFrames]
    requested: FrameRange

    @property
    def absent(self) -> FrameRange:
        """Frames that were asked for by number and are not there."""
        return self.requested - self.plate.frames

    def refuse_foreign_files(self) -> None:
        """Refuse to go on where results would replace what Mattelier did not write.

        Raises
        ------
        OutputError
            There are such files, and the request does not say to overwrite.
        """
        if self.request.overwrite:
            return
        present: list[Path] = []
        for target in self.layout.targets:
            for frame in self.requested:
                provenance = read_provenance(target.names.path(frame))
                if provenance is not None and provenance.is_foreign:
                    present.append(target.names.path(frame))
            if target.movie is not None and target.movie.exists():
                from mattelier.media.movie_writing import read_movie_tag

                if read_movie_tag(target.movie, CACHE_KEY) is None:
                    present.append(target.movie)
        if present:
            others = f" (nor are {len(present) - 1} others)" if present[1:] else ""
            raise OutputError(
                f"{present[0]} exists already and is not a result of Mattelier{others}; "
                "add --overwrite to replace it."
            )


def prepare(request: RequestT) -> Shot[RequestT]:
    """Open the plate and check that request, plate and disk fit together; writes nothing.

    Raises
    ------
    UsageError, PictureError
        They do not; one sentence says how.
    """
    plate = open_plate(request.plate)
    requested = FrameRange.parse(request.frames) if request.frames else plate.frames
    if not requested & plate.frames:
        raise UsageError(f"The plate has no frame of {requested}; it has {plate.frames}.")
    layout = plan_outputs(request, plate)
    if any(target.movie for target in layout.targets) and not frame_rate(plate, request.fps):
        raise UsageError("A movie needs a frame rate, which the plate does not say; add --fps.")
    keys = collect_key_frames(request, plate) if isinstance(request, RotoRequest) else {}
    return Shot(request, plate, layout, keys, requested)
