"""What a written file says of itself, and the settings hash in it.

By the hash a finished frame is told from one that is to be made again.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Facts = Mapping[str, Any]
"""Names with plain values, or (type, value) as `Picture.metadata` keeps them.

An EXR's header takes them all. Other files take those named `mattelier:…`.
"""

CACHE_KEY = "mattelier:settings"
"""Name of the hash among a file's facts."""

_KEY_IN_TEXT = re.compile(rf"(?:^|; ){CACHE_KEY}=(\w+)")


def own_facts(facts: Facts | None) -> dict[str, str]:
    """Our own facts as text; rate, timecode and the like belong into an EXR's header only."""
    return {k: str(v) for k, v in (facts or {}).items() if k.startswith("mattelier:")}


def as_text(facts: Facts | None) -> str:
    """Our own facts in one line, for files that hold a comment only: `name=value; …`."""
    return "; ".join(f"{name}={value}" for name, value in own_facts(facts).items())


def as_tiff(facts: Facts | None) -> dict[str, Any]:
    """Facts as a TIFF holds them: it has no entries of one's own, but a description and a date."""
    entries = {key: value for key, value in (facts or {}).items() if key == "DateTime"}
    return {**entries, "ImageDescription": as_text(facts)} if facts else entries


def file_date(path: Path) -> str:
    """When a file was last changed, as EXR and TIFF write it, in UTC.

    A result bears its plate's date: that of the writing would make no two runs alike.
    """
    try:
        changed = os.stat(path).st_mtime
    except OSError:
        changed = 0.0
    return datetime.fromtimestamp(changed, UTC).strftime("%Y:%m:%d %H:%M:%S")


@dataclass(frozen=True)
class Provenance:
    """What an existing file says.

    Attributes
    ----------
    cache_key : str or None
        The hash of what it was made by; None in a file that is not ours.
    is_complete : bool
        Whether it is there to its last row.
    """

    cache_key: str | None
    is_complete: bool

    @property
    def is_foreign(self) -> bool:
        """Whether replacing the file could lose somebody's work."""
        return self.cache_key is None and self.is_complete


def read_provenance(path: Path) -> Provenance | None:
    """The stamp of a PNG, JPEG, EXR or TIFF by its content; None when there is no such file."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return None
    if not head:
        return Provenance(None, is_complete=False)
    try:
        if head.startswith(b"\x89PNG"):
            return _png(path)
        return _jpeg(path) if head.startswith(b"\xff\xd8") else _high_depth(path)
    except (OSError, struct.error):
        return Provenance(None, is_complete=True)


def _png(path: Path) -> Provenance:
    """Walks the chunks; the pixels' checksums are not looked at."""
    cache_key = None
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(8)
        while len(header := file.read(8)) == 8:
            length, chunk_type = struct.unpack(">I4s", header)
            if chunk_type == b"tEXt":
                keyword, _, text = file.read(length).partition(b"\0")
                if keyword.decode("latin-1") == CACHE_KEY:
                    cache_key = text.decode("latin-1")
                file.seek(4, 1)
            else:
                end = file.seek(length + 4, 1)
                if chunk_type == b"IEND":
                    return Provenance(cache_key, is_complete=end <= size)
    return Provenance(cache_key, is_complete=False)


def _jpeg(path: Path) -> Provenance:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["JPEG"]) as image:
            text = image.info.get("comment", b"").decode("utf-8", "replace")
    except (UnidentifiedImageError, SyntaxError):
        return Provenance(None, is_complete=True)
    with path.open("rb") as file:
        file.seek(-2, 2)
        is_complete = file.read(2) == b"\xff\xd9"
    return Provenance(_find_cache_key(text), is_complete)


def _high_depth(path: Path) -> Provenance:
    import OpenImageIO

    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        OpenImageIO.geterror()
        return Provenance(None, is_complete=True)
    try:
        spec = source.spec()
        own = spec.get_string_attribute(CACHE_KEY)
        cache_key = own or _find_cache_key(spec.get_string_attribute("ImageDescription"))
        last = spec.y + spec.height - 1
        row = source.read_scanlines(last, last + 1, 0, 0, spec.nchannels, "float")
        if row is None:
            source.geterror()
        return Provenance(cache_key or None, is_complete=row is not None)
    finally:
        source.close()


def _find_cache_key(text: str) -> str | None:
    match = _KEY_IN_TEXT.search(text)
    return match[1] if match else None
