"""What was made of a shot, from what, and how: one small record a frame, and the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mattelier.types.frame_range import FrameRange
from mattelier.types.plain_files import read_json, write_json


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
            record = read_json(self._folder / f"{frame}.json")
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None


def write_manifest(
    path: Path, shot: Mapping[str, Any], frames: FrameRange, records: FrameRecords
) -> None:
    """One JSON file that says what was made, from what, and how; `frames` are the plate's."""
    records_by_frame = {frame: records.read(frame) for frame in frames}
    done = FrameRange.of(
        f for f, r in records_by_frame.items() if r is not None and not r.get("error")
    )
    failed = FrameRange.of(
        f for f, r in records_by_frame.items() if r is not None and r.get("error")
    )
    write_json(
        path,
        {
            **shot,
            "done": str(done),
            "failed": str(failed),
            "records": [record for record in records_by_frame.values() if record is not None],
        },
    )
