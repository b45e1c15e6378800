"""What is known of a shot's frames on disk: settings hashes, one record a frame, the manifest."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mattelier.media.atomic import replacing
from mattelier.media.plate import Plate
from mattelier.shot.outputs import Target
from mattelier.types.digest import digest
from mattelier.types.frame_range import FrameRange

_STEADIED, _STARTS = 4, 96  # frames ahead that steady a tracked matte; that it may start from
_TEMPORARY = re.compile(r"\.(.{1,40})\.[0-9a-f]{8}(\.\w+)")  # names of `media.atomic.replacing`


def pixel_chains(plate: Plate, keys: Iterable[int]) -> dict[int, str]:
    """For each frame a digest of the files that decide its matte.

    Those are the frames from the key before to the key after. Past the last key (or before the
    first one) they are those that the matte came by, and a few more that steady it. Without keys
    the frames that tracking starts from may lie further ahead.
    """
    frames = plate.frames.frames
    marks = {frame: plate.identity(frame) for frame in frames}
    keyed = sorted(set(keys))
    chains: dict[int, str] = {}
    for first, last in itertools.pairwise(keyed):
        between = [frame for frame in frames if first < frame < last]
        whole = digest([marks[frame] for frame in frames if first <= frame <= last])
        chains |= dict.fromkeys(between, whole)
    if not keyed:
        return _along(frames, marks, _STARTS)
    chains |= _along([frame for frame in frames if frame >= keyed[-1]], marks, _STEADIED)
    chains |= _along([frame for frame in reversed(frames) if frame <= keyed[0]], marks, _STEADIED)
    return chains | {frame: digest(marks[frame]) for frame in keyed}


def _along(frames: Sequence[int], marks: Mapping[int, str], ahead: int) -> dict[int, str]:
    chains, chain = {}, ""
    for position, frame in enumerate(frames):
        chain = digest(chain, marks[frame])
        beyond = frames[position + 1 : position + 1 + ahead]
        chains[frame] = digest(chain, [marks[later] for later in beyond])
    return chains


def file_date(path: Path) -> str:
    """When a file was last changed, as EXR and TIFF write it, in UTC.

    A result bears its plate's date: that of the writing would make no two runs alike.
    """
    try:
        changed = os.stat(path).st_mtime
    except OSError:
        changed = 0.0
    return datetime.fromtimestamp(changed, UTC).strftime("%Y:%m:%d %H:%M:%S")


def remove_leftovers(targets: Iterable[Target], frames: Iterable[int]) -> None:
    """Delete half-written files of these frames that a killed run left behind."""
    frames = tuple(frames)
    for target in targets:
        names = target.names
        ours = {(path.stem[:40], path.suffix) for path in map(names.path, frames)}
        try:
            present = os.listdir(names.folder)
        except OSError:
            continue
        for name in present:
            match = _TEMPORARY.fullmatch(name)
            if match and (match[1], match[2]) in ours:
                (names.folder / name).unlink(missing_ok=True)


class FrameRecords:
    """One small JSON file a frame, so that several machines can work on one shot."""

    def __init__(self, work: Path) -> None:
        self._folder = work / "records"

    def write(self, frame: int, record: Mapping[str, Any]) -> None:
        """Keep what became of a frame."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_json(self._folder / f"{frame}.json", {"frame": frame, **record})

    def read(self, frame: int) -> dict[str, Any] | None:
        """What became of a frame, in this run or another."""
        try:
            record = json.loads((self._folder / f"{frame}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None


def write_manifest(
    path: Path, shot: Mapping[str, Any], frames: FrameRange, records: FrameRecords
) -> None:
    """One JSON file that says what was made, from what, and how; `frames` are the plate's."""
    known = {frame: records.read(frame) for frame in frames}
    done = FrameRange.of(f for f, r in known.items() if r is not None and not r.get("error"))
    failed = FrameRange.of(f for f, r in known.items() if r is not None and r.get("error"))
    write_json(
        path,
        {
            **shot,
            "done": str(done),
            "failed": str(failed),
            "records": [record for record in known.values() if record is not None],
        },
    )


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as a JSON file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1), "utf-8")
