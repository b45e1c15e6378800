"""What kinds of movies there are, by the endings of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Codec = Literal["prores", "png", "ffv1", "h264"]

CODECS: Mapping[str, tuple[Codec, ...]] = {
    ".mov": ("prores", "png"),
    ".mkv": ("ffv1", "png"),
    ".mp4": ("h264",),
}
"""What is written under these names; the first where nothing else is asked for."""

MOVIE_SUFFIXES = frozenset((*CODECS, ".m4v", ".webm", ".avi", ".mxf", ".mpg", ".mpeg", ".ts"))
"""What is read as a movie."""
