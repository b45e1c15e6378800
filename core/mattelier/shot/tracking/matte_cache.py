"""Small mattes of single frames on disk, each with a digest of what it was made from."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.atomic import replacing
from mattelier.types.errors import PictureError

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrackedMatte:
    """A small matte and how sure it is.

    Attributes
    ----------
    alpha : (h, w) float32 0…1, in steps of 1/255
    certainty : (h, w) float32 0…1, in steps of 1/255
        How far each pixel's alpha is known from a key frame: 1 on the key itself.
    confidence : float 0…1
        Of the matte as a whole.
    """

    alpha: Map
    certainty: Map
    confidence: float

    @classmethod
    def rounded(cls, alpha: Map, certainty: Map | float, confidence: float) -> TrackedMatte:
        """What would come back after writing, so that going on from a file changes nothing."""
        certainty_map = np.broadcast_to(np.asarray(certainty, np.float32), alpha.shape)
        return cls(
            _from_bytes(_to_bytes(alpha)),
            _from_bytes(_to_bytes(certainty_map)),
            float(np.float32(min(max(confidence, 0), 1))),
        )


@dataclass(frozen=True)
class SeedFrame:
    """A frame whose matte is given, and the digest of what it was made from."""

    frame: int
    digest: str


class MatteCache:
    """Mattes of one pass ("forward", "coarse" …) by frame number."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, frame: int, digest: str) -> bool:
        """Whether the frame has a readable matte with this digest."""
        return self._load(frame, digest, ()) is not None

    def read(self, frame: int, digest: str) -> TrackedMatte | None:
        """The frame's matte; None when there is none with this digest."""
        arrays = self._load(frame, digest, ("maps", "shape", "confidence"))
        if arrays is None:
            return None
        packed, shape, confidence = arrays
        maps = np.frombuffer(zlib.decompress(packed.tobytes()), np.uint8).reshape(2, *shape)
        return TrackedMatte(_from_bytes(maps[0]), _from_bytes(maps[1]), float(confidence))

    def require(self, seed: SeedFrame) -> TrackedMatte:
        """A seed frame's matte, which was made before.

        Raises
        ------
        PictureError
            It is gone.
        """
        record = self.read(seed.frame, seed.digest)
        if record is None:
            raise PictureError(f"The track of frame {seed.frame} was lost; start the shot again.")
        return record

    def write(self, frame: int, digest: str, record: TrackedMatte) -> None:
        """Put the record in place in one step."""
        content = io.BytesIO()
        maps = np.stack([_to_bytes(record.alpha), _to_bytes(record.certainty)])
        np.savez(
            content,
            maps=np.frombuffer(zlib.compress(maps.tobytes(), 1), np.uint8),
            shape=np.array(record.alpha.shape),
            confidence=np.float32(record.confidence),
            stamp=np.array(digest),
        )
        with replacing(self._path(frame)) as temporary:
            temporary.write_bytes(content.getvalue())

    def _load(
        self, frame: int, digest: str, names: tuple[str, ...]
    ) -> tuple[NDArray[Any], ...] | None:
        try:
            with np.load(self._path(frame), allow_pickle=False) as arrays:
                same = str(arrays["stamp"]) == digest
                return tuple(arrays[name] for name in names) if same else None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def _path(self, frame: int) -> Path:
        return self._folder / f"{self._name}.{frame}.npz"


def _to_bytes(alpha: Map) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(alpha, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels


def _from_bytes(levels: NDArray[np.uint8]) -> Map:
    return np.asarray(levels / np.float32(255), np.float32)
