"""picture + mask → alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.shared_fields import MAX_EDGE_PX, EdgeShift, Feather, QualityField


@dataclass(frozen=True)
class RefineRequest(Request, task="refine"):
    """picture + mask → alpha: the mask's soft band solved again, along the picture's edges.

    `mask` is a file path; the worker and the Python door take pixels beside this request. The
    band reaches `width` pixels to each side of the mask's edge, and over all that is soft in it.
    """

    mask: Annotated[
        str | None,
        Field("What to refine: white in.", flag=Flag(metavar="FILE|FOLDER", required=True)),
    ] = None
    width: Annotated[
        float,
        Field(
            "How far to each side of the mask's edge hair and fur may reach.",
            minimum=1,
            maximum=MAX_EDGE_PX,
            unit="px",
            label="The width",
            flag=Flag(metavar="PIXELS", show_default=True, bounds="minimum"),
        ),
    ] = 12
    quality: QualityField = "balanced"
    edge_shift: EdgeShift = 0
    feather: Feather = 0
