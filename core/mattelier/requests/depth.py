"""picture → depth map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.matte import MatteRequest
from mattelier.requests.shared_fields import DeviceField
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class DepthRequest(EffectRequest, task="depth"):
    """picture → depth map.

    `file` is a depth map's path, of the `kind` it holds ("auto": floats are distances, others
    nearness); `right` the path of the right picture of a stereo pair. With neither, `model` is a
    depth network's name, "matte" for what the subject's matte alone tells, or "auto": the first
    depth network that is on this computer, else the matte. A shot's depth is a network's.
    """

    file: Annotated[
        str | None,
        Field(
            "Depth map: EXR of distances (Blender's Z), or 16-bit grey, white is near.",
            name="depth",
            flag=Flag(metavar="FILE|PATTERN"),
        ),
    ] = None
    kind: Annotated[
        Literal["auto", "distance", "disparity"],
        Field(
            "What the depth map holds: how far things are, or how near.",
            name="depth_kind",
            flag=Flag(
                help="What --depth holds: how far things are, or how near.", show_default=True
            ),
        ),
    ] = "auto"
    right: Annotated[
        str | None,
        Field(
            "Right picture of a stereo pair whose left one is the picture.",
            flag=Flag(metavar="FILE", help="Right picture of a stereo pair whose left one is IN."),
        ),
    ] = None
    model: Annotated[
        str,
        Field(
            "Depth network; auto: the first that is here, else the matte alone.",
            name="depth_model",
            flag=Flag(metavar="NAME|FILE|matte", show_default=True),
        ),
    ] = "auto"
    device: DeviceField = "auto"
    matte: MatteRequest = MatteRequest()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.file is not None and self.right is not None:
            raise UsageError("A depth map and a stereo pair exclude each other; give one.")
