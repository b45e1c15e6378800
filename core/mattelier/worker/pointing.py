"""The job "point": a picture that a connection keeps, and is asked about again and again.

The first request brings the picture at the size that is shown, and where something is known
already, its matte as "mask"; it belongs to subject 0. Those that follow bring gestures alone, each
for one of several subjects. "apply" brings the picture at its full size; what was settled is
refined there. The picture goes with the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mattelier.requests import PointRequest, from_json
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mattelier.engines.model_cache import ModelCache
    from mattelier.matting.hint import Hint
    from mattelier.matting.pointing import PointingSession
    from mattelier.worker.correcting import KeptMatte

MAX_KEPT_PIXELS = 8_000_000  # of the picture that one connection keeps


class Kept:
    """What a connection keeps between its requests: one picture at most, and one matte."""

    def __init__(self) -> None:
        self.matte: KeptMatte | None = None
        self.session: PointingSession | None = None
        self.start: Hint | None = None
        self.colour: NDArray[Any] | None = None


def point(
    models: ModelCache, options: Any, pictures: Mapping[str, Any], kept: Kept
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Report and pictures of one gesture; see `PointRequest`.

    Raises
    ------
    UsageError
        There is no picture to point at, or it is too large to be kept.
    """
    import numpy as np

    from mattelier.matting.foreground import estimate_foreground
    from mattelier.matting.hint import make_hint
    from mattelier.matting.pointing import PointingSession
    from mattelier.types.colour import View, to_float

    request = from_json(PointRequest, options)
    model = models.open(request.matte.model, "matte", request.matte.device)
    picture = pictures.get("picture")
    if picture is not None and request.stage != "apply":
        if picture.width * picture.height > MAX_KEPT_PIXELS:
            raise UsageError(
                "A picture to point at has at most {most} megapixels; send a "
                "smaller one, and the full size with apply.",
                most=f"{MAX_KEPT_PIXELS / 1e6:g}",
            )
        kept.session, kept.start = PointingSession(View(picture)), None
        kept.colour = picture.colour
        if (mask := pictures.get("mask")) is not None:
            known = make_hint(
                picture.height, picture.width, mask=mask, mask_as=request.matte.hint.mask_as
            )
            kept.start = kept.session.read(known, model)
    session = kept.session
    if session is None:
        raise UsageError("There is no picture to point at yet; send one with the first gesture.")
    report = {"model": model.name, "device": model.device, "note": model.note}
    if request.stage == "apply":
        if picture is None:
            raise UsageError("To apply what was settled, send the picture at its full size.")
        alpha = session.apply(View(picture), request)
        if picture.alpha is not None:
            alpha = np.clip(alpha * to_float(picture.alpha), 0, 1)
        found = {"alpha": alpha}
        if request.foreground:
            found["foreground"] = estimate_foreground(picture.colour, alpha)
        return report | {"coverage": round(float(alpha.mean()), 4)}, found
    asked = request.matte.hint
    hint = make_hint(session.view.height, session.view.width, box=asked.box, points=asked.points)
    start = kept.start if request.subject == 0 else None
    if start is not None:
        hint = replace(start, points=start.points + asked.points, box=asked.box or start.box)
    if request.stage == "glance":
        return report, {"alpha": session.glance(hint, model, request.strokes)}
    alpha = session.settle(hint, model, request, start is not None)
    found = {"alpha": alpha}
    if request.foreground and kept.colour is not None:
        found["foreground"] = estimate_foreground(kept.colour, alpha)
    return report | {"coverage": round(float(alpha.mean()), 4)}, found
