"""picture → the same picture under better light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag

_SHARE = Flag(metavar="0..1", default=None)  # --auto fills in what is not given


@dataclass(frozen=True)
class EnhanceRequest(EffectRequest, task="enhance"):
    """picture → the same picture under better light; 0 leaves each quality as it is.

    `white_balance` (0…1) is how much of the light's cast is taken away, `tone` (0…1) how far
    exposure, shadows and haze are mended, `contrast` (−1…1) that of what lies side by side,
    `saturation` (−1…1) down to grey, `sharpen` 0…1. `match` is the path of a picture, or of a
    movie for the frame in its middle, whose look is taken on, as far as `match_strength` (0…1)
    says. Its grain and its softness are taken on as far as `match_grain` and `match_softness`
    (0…1) say, where it has more of them.
    """

    white_balance: Annotated[
        float,
        Field(
            "How much of the light's colour cast is taken away.",
            minimum=0,
            maximum=1,
            auto=0.5,
            label="White balance",
            flag=_SHARE,
        ),
    ] = 0
    tone: Annotated[
        float,
        Field(
            "How far exposure, deep shadows and haze are mended.",
            minimum=0,
            maximum=1,
            auto=0.6,
            label="Tone",
            flag=_SHARE,
        ),
    ] = 0
    contrast: Annotated[
        float,
        Field(
            "Contrast of what lies side by side, without halos; below 0 it is softened.",
            minimum=-1,
            maximum=1,
            auto=0.2,
            label="Contrast",
            flag=Flag(
                metavar="-1..1",
                help="Of what lies side by side, without halos; below 0 it is softened.",
                default=None,
            ),
        ),
    ] = 0
    saturation: Annotated[
        float,
        Field(
            "More colour, most where it is dull; -1 leaves greys.",
            minimum=-1,
            maximum=1,
            auto=0.1,
            label="Saturation",
            flag=Flag(metavar="-1..1", default=None),
        ),
    ] = 0
    sharpen: Annotated[
        float,
        Field(
            "Sharpen edges, but not the noise.",
            minimum=0,
            maximum=1,
            auto=0.2,
            label="Sharpening",
            flag=Flag(metavar="0..1", help="Edges, but not the noise.", default=None),
        ),
    ] = 0
    match: Annotated[
        str | None, Field("Take on the look of this picture.", flag=Flag(metavar="FILE"))
    ] = None
    match_strength: Annotated[
        float,
        Field(
            "How far the look of the matched picture is taken on.",
            minimum=0,
            maximum=1,
            label="The match's strength",
            flag=Flag(metavar="0..1", help="How far, with --match. Default: 1.", default=None),
        ),
    ] = 1
    match_grain: Annotated[
        float,
        Field(
            "How much of the matched picture's grain is added, where it has more.",
            minimum=0,
            maximum=1,
            label="The match's grain",
            flag=Flag(metavar="0..1", help="Grain of --match, where it has more.", default=None),
        ),
    ] = 0
    match_softness: Annotated[
        float,
        Field(
            "How far the picture is made as soft as the matched one, where that is softer.",
            minimum=0,
            maximum=1,
            label="The match's softness",
            flag=Flag(
                metavar="0..1", help="Softness of --match, where that is softer.", default=None
            ),
        ),
    ] = 0
