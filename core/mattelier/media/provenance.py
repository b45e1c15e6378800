"""What a written file says of itself, and the settings hash in it.

By the hash a finished frame is told from one that is to be made again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Facts = Mapping[str, Any]
"""Names with plain values, or (type, value) as `Picture.metadata` keeps them.

An EXR's header takes them all. Other files take those named `mattelier:…`.
"""

SETTINGS = "mattelier:settings"
"""Name of the hash among a file's facts."""

_IN_TEXT = re.compile(rf"(?:^|; ){SETTINGS}=(\w+)")


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


@dataclass(frozen=True)
class Stamp:
    """What an existing file says.

    Attributes
    ----------
    settings : str or None
        The hash of what it was made by; None in a file that is not ours.
    whole : bool
        Whether it is there to its last row.
    """

    settings: str | None
    whole: bool

    @property
    def foreign(self) -> bool:
        """Whether replacing the file could lose somebody's work."""
        return self.settings is None and self.whole


def read_stamp(path: Path) -> Stamp | None:
    """The stamp of a PNG, JPEG, EXR or TIFF by its content; None when there is no such file."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return None
    if not head:
        return Stamp(None, whole=False)
    try:
        if head.startswith(b"\x89PNG"):
            return _png(path)
        return _jpeg(path) if head.startswith(b"\xff\xd8") else _high_depth(path)
    except (OSError, struct.error):
        return Stamp(None, whole=True)


def _png(path: Path) -> Stamp:
    """Walks the chunks; the pixels' checksums are not looked at."""
    settings = None
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(8)
        while len(header := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind == b"tEXt":
                keyword, _, said = file.read(length).partition(b"\0")
                if keyword.decode("latin-1") == SETTINGS:
                    settings = said.decode("latin-1")
                file.seek(4, 1)
            else:
                end = file.seek(length + 4, 1)
                if kind == b"IEND":
                    return Stamp(settings, whole=end <= size)
    return Stamp(settings, whole=False)


def _jpeg(path: Path) -> Stamp:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["JPEG"]) as image:
            said = image.info.get("comment", b"").decode("utf-8", "replace")
    except (UnidentifiedImageError, SyntaxError):
        return Stamp(None, whole=True)
    with path.open("rb") as file:
        file.seek(-2, 2)
        whole = file.read(2) == b"\xff\xd9"
    return Stamp(_said(said), whole)


def _high_depth(path: Path) -> Stamp:
    import OpenImageIO

    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        OpenImageIO.geterror()
        return Stamp(None, whole=True)
    try:
        spec = source.spec()
        own = spec.get_string_attribute(SETTINGS)
        settings = own or _said(spec.get_string_attribute("ImageDescription"))
        last = spec.y + spec.height - 1
        row = source.read_scanlines(last, last + 1, 0, 0, spec.nchannels, "float")
        if row is None:
            source.geterror()
        return Stamp(settings or None, whole=row is not None)
    finally:
        source.close()


def _said(text: str) -> str | None:
    match = _IN_TEXT.search(text)
    return match[1] if match else None
