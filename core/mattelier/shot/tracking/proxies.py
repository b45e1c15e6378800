"""Proxies: small views of a shot's frames, made once and kept as 8-bit pictures, uncompressed."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.types.atomic import replacing
from mattelier.types.errors import PictureError

ReadProxy = Callable[[int], NDArray[np.float32]]
Identity = Callable[[int], str]

_MAX_CACHED_VIEWS = 12  # tracking and stabilising look at a few neighbours only


class ProxyCache:
    """Views by frame number; each full-size frame is decoded once, however often it is looked at.

    Parameters
    ----------
    folder : Path
        Where the small pictures are kept; made when missing.
    read_proxy : frame → (h, w, 3) float32 0…1, display-encoded
        Raises `PictureError` for a frame that cannot be read.
    identity : frame → str, optional
        Names the frame's file as it is now; a kept view of another identity is not used.
    """

    def __init__(
        self, folder: Path, read_proxy: ReadProxy, identity: Identity | None = None
    ) -> None:
        self._folder, self._read_proxy, self._identity = folder, read_proxy, identity
        self._cache: OrderedDict[int, NDArray[np.float32] | None] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True)

    def identity(self, frame: int) -> str:
        """What stands for the frame's pixels where they decide something; "" when not known."""
        return self._identity(frame) if self._identity else ""

    def get(self, frame: int) -> NDArray[np.float32] | None:
        """(h, w, 3) float32 0…1 in steps of 1/255; None for a frame that cannot be read."""
        if frame in self._cache:
            self._cache.move_to_end(frame)
            return self._cache[frame]
        view = self._read(frame)
        self._cache[frame] = view
        if len(self._cache) > _MAX_CACHED_VIEWS:
            self._cache.popitem(last=False)
        return view

    def require(self, frame: int) -> NDArray[np.float32]:
        """The view of a frame that could be read before.

        Raises
        ------
        PictureError
            It cannot be read any more.
        """
        view = self.get(frame)
        if view is None:
            raise PictureError(f"Frame {frame} cannot be read any more; start the shot again.")
        return view

    def readable(self, frame: int) -> bool:
        """Whether the frame has a view; found without decoding where one is kept."""
        return self._path(frame).exists() or self.get(frame) is not None

    def _read(self, frame: int) -> NDArray[np.float32] | None:
        import cv2

        path = self._path(frame)
        small = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.exists() else None
        if small is None:
            try:
                view = self._read_proxy(frame)
            except PictureError:
                return None
            small = np.rint(np.clip(view[..., ::-1], 0, 1) * 255).astype(np.uint8)
            with replacing(path) as temporary:
                temporary.write_bytes(
                    cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
                )
        return np.asarray(np.ascontiguousarray(small[..., ::-1]) / np.float32(255), np.float32)

    def _path(self, frame: int) -> Path:
        identity = self.identity(frame)
        mark = f".{hashlib.sha256(identity.encode()).hexdigest()[:12]}" if identity else ""
        return self._folder / f"{frame}{mark}.png"
