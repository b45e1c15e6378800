"""picture + optional hint → the subject alone, or over a background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.matte import MatteRequest
from mattelier.types.errors import UsageError
from mattelier.types.sentence import Sentence


@dataclass(frozen=True)
class CutoutRequest(Request, task="cutout"):
    """picture + optional hint → picture with alpha, or composited over a background.

    `background` is None (keep transparency), "blur", a colour, or a picture's path.
    `reverse` keeps the surroundings instead, with a hole, or the background, where the subject is.
    `padding` is in pixels, around the subject's bounding box, when `crop` is set. `match_light`
    (0…1) is how far the subject takes on the light of a background picture.
    """

    matte: MatteRequest = MatteRequest()
    foreground: Annotated[
        bool,
        Field(
            "Remove the old background's colour from soft edges (on), or keep the picture's colour."
        ),
    ] = True
    background: Annotated[
        str | None,
        Field(
            "Put the subject over this instead of transparency.",
            flag=Flag(metavar="COLOR|IMAGE|blur"),
        ),
    ] = None
    crop: Annotated[bool, Field("Trim the result to the subject.")] = False
    padding: Annotated[
        int,
        Field(
            "Room around the subject, where the result is trimmed to it.",
            minimum=0,
            unit="px",
            refusal=Sentence("Padding cannot be negative ({value})."),
            flag=Flag(metavar="PIXELS", help="Room around the subject, with --crop."),
        ),
    ] = 0
    match_light: Annotated[
        float,
        Field(
            "How far the subject takes on the light of its new background.",
            minimum=0,
            maximum=1,
            label="Matched light",
            flag=Flag(
                metavar="0..1", help="How far the subject takes on the light of --background."
            ),
        ),
    ] = 0
    reverse: Annotated[bool, Field("Keep the surroundings, and take the subject out instead.")] = (
        False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reverse and (self.match_light or self.background == "blur"):
            what = "light to match" if self.match_light else "blur around it"
            raise UsageError("Reversed, no subject is left, so there is no {what}.", what=what)
