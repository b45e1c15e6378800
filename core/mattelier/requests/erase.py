"""picture + mask → the same picture without what the mask covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.shared_fields import DeviceField

_MAX_GROW_PX = 200


@dataclass(frozen=True)
class EraseRequest(Request, task="erase"):
    """picture + mask → the same picture without what the mask covers, filled from around it.

    `mask` is a file path; the worker and the Python door take pixels beside this request. It is
    widened by `grow` pixels, as a thing's edge, glow and shadow reach beyond it. `model` is a
    network that fills holes, "auto": the first that is on this computer, else none, or "none": the
    colours around are continued, which suits small things on plain ground.
    """

    mask: Annotated[
        str | None,
        Field("What to erase: white in.", flag=Flag(metavar="FILE|FOLDER", required=True)),
    ] = None
    grow: Annotated[
        float,
        Field(
            "How far beyond the mask is erased too.",
            minimum=0,
            maximum=_MAX_GROW_PX,
            unit="px",
            label="The growth",
            flag=Flag(metavar="PIXELS", show_default=True, bounds="minimum"),
        ),
    ] = 4
    model: Annotated[
        str,
        Field(
            "Who fills; auto: the first such network that is here, else none: colours around are "
            "continued.",
            flag=Flag(metavar="NAME|FILE|none", show_default=True),
        ),
    ] = "auto"
    device: DeviceField = "auto"
