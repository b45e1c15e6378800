"""picture → its objects, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.shared_fields import DeviceField, QualityField


@dataclass(frozen=True)
class ObjectsRequest(Request, task="objects"):
    """picture → its objects, one by one, each with its alpha, the surest first.

    `model` is a network that tells objects apart, or "auto": the first that is on this computer,
    else the separate parts of what the default network takes for the subject. `min_score` (0…1) is
    how sure it must be of an object that counts; numbers do not depend on it.
    """

    model: Annotated[
        str,
        Field(
            "Who tells the objects apart; auto: the first such network that is here, else the "
            "subject's separate parts.",
            name="objects_model",
            flag=Flag(metavar="NAME|FOLDER", show_default=True),
        ),
    ] = "auto"
    min_score: Annotated[
        float,
        Field(
            "How sure the network must be of an object that counts.",
            minimum=0,
            maximum=1,
            label="The score",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 0.5
    refine: Annotated[
        bool,
        Field("Follow each edge at full resolution (on), or stretch the network's masks."),
    ] = True
    quality: QualityField = "balanced"
    device: DeviceField = "auto"
