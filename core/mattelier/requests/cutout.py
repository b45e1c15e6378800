"""picture + optional hint → the subject alone, or over a background."""

from __future__ import annotations

from dataclasses import dataclass

from mattelier.requests.fields import check_range
from mattelier.requests.matte import MatteRequest
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class CutoutRequest:
    """picture + optional hint → picture with alpha, or composited over a background.

    `background` is None (keep transparency), "blur", a colour, or a picture's path.
    `padding` is in pixels, around the subject's bounding box, when `crop` is set. `match_light`
    (0…1) is how far the subject takes on the light of a background picture.
    """

    matte: MatteRequest = MatteRequest()
    foreground: bool = True
    background: str | None = None
    crop: bool = False
    padding: int = 0
    match_light: float = 0

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise UsageError(f"Padding cannot be negative ({self.padding}).")
        check_range("Matched light", self.match_light, 0, 1)
