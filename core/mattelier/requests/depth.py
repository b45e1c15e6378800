"""picture → depth map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mattelier.requests.fields import Device, check_choice
from mattelier.requests.matte import MatteRequest
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class DepthRequest:
    """picture → depth map.

    `file` is a depth map's path, of the `kind` it holds ("auto": floats are distances, others
    nearness); `right` the path of the right picture of a stereo pair. With neither, `model` is a
    depth network's name, "matte" for what the subject's matte alone tells, or "auto": the first
    depth network that is on this computer, else the matte.
    """

    file: str | None = None
    kind: Literal["auto", "distance", "disparity"] = "auto"
    right: str | None = None
    model: str = "auto"
    device: Device = "auto"
    matte: MatteRequest = MatteRequest()

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, ("auto", "distance", "disparity"))
        check_choice("device", self.device, get_args(Device))
        if self.file is not None and self.right is not None:
            raise UsageError("A depth map and a stereo pair exclude each other; give one.")
