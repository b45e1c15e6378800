"""The key frames of a shot, read when they are looked at: there may be many, and large."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mattelier.matting.hint import Hint, make_hint
from mattelier.media.plate import Plate
from mattelier.requests import KeyRequest, RotoRequest
from mattelier.types.errors import UsageError


class KeyFrames(Mapping[int, Hint]):
    """One object's keys by frame; only the last one read is held.

    Raises
    ------
    UsageError
        When a key is read whose mask, box or points do not fit the plate.
    PictureError
        When a key is read whose mask is damaged.
    """

    def __init__(self, keys: Mapping[int, KeyRequest], height: int, width: int) -> None:
        self._keys, self._height, self._width = dict(sorted(keys.items())), height, width
        self._last: tuple[int, Hint] | None = None

    def __getitem__(self, frame: int) -> Hint:
        key = self._keys[frame]
        if self._last is None or self._last[0] != frame:
            self._last = (frame, self._read(key))
        return self._last[1]

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def has_mask(self, frame: int) -> bool:
        """Whether an artist drew where the subject is on this frame."""
        return frame in self._keys and self._keys[frame].mask is not None

    def is_exact(self, frame: int) -> bool:
        """Whether an artist drew this frame's matte itself."""
        return self.has_mask(frame) and self._keys[frame].edge in ("exact", "matte")

    def is_finished(self, frame: int) -> bool:
        """Whether this frame's mask is its finished matte, which nothing is done to."""
        return self.has_mask(frame) and self._keys[frame].edge == "matte"

    def _read(self, key: KeyRequest) -> Hint:
        from mattelier.media.stills import read_grey

        try:
            hint = make_hint(
                self._height,
                self._width,
                mask=None if key.mask is None else read_grey(Path(key.mask)),
                box=key.box,
                points=key.points,
            )
        except UsageError as error:
            name = key.mask or f"of {key.object}"
            raise UsageError(f"The key {name} at frame {key.frame}: {error}") from None
        assert hint is not None
        return replace(hint, mask_as="matte") if key.edge in ("exact", "matte") else hint


def collect_key_frames(request: RotoRequest, plate: Plate) -> dict[str, KeyFrames]:
    """Each object's keys; what is said in several places of one frame is put together.

    Raises
    ------
    UsageError
        A frame is not the plate's, a mask's file is missing, or a frame has two masks or boxes.
    """
    keys_by_object: dict[str, dict[int, KeyRequest]] = {name: {} for name in request.named_objects}
    for key in request.keys:
        if key.frame not in plate.frames:
            raise UsageError(
                f"The key of {key.object} at frame {key.frame} has no frame in the plate, which "
                f"has {plate.frames}."
            )
        if key.mask is not None and not os.path.isfile(key.mask):
            raise UsageError(f"The key {key.mask} at frame {key.frame}: no such file.")
        existing = keys_by_object[key.object].get(key.frame)
        keys_by_object[key.object][key.frame] = (
            key if existing is None else _merge_keys(existing, key)
        )
    return {
        name: KeyFrames(keys, plate.height, plate.width) for name, keys in keys_by_object.items()
    }


def _merge_keys(first: KeyRequest, second: KeyRequest) -> KeyRequest:
    if (first.mask and second.mask) or (first.box and second.box):
        what = "masks" if first.mask and second.mask else "boxes"
        raise UsageError(f"Frame {first.frame} has two key {what} for {first.object}; keep one.")
    return KeyRequest(
        first.frame,
        first.mask or second.mask,
        first.box or second.box,
        first.points + second.points,
        first.object,
        first.edge if first.mask else second.edge,
    )
