"""Tasks that give a picture of the same kind as the one sent: sample type, curve and alpha kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mattelier.requests import (
    BokehRequest,
    DenoiseRequest,
    EnhanceRequest,
    StyleRequest,
    UpscaleRequest,
    from_json,
)
from mattelier.types.errors import UsageError
from mattelier.worker.desk import Desk, Outcome
from mattelier.worker.pixels_only import hint, refuse_files, refuse_weights, without_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.types.depth_map import DepthMap
    from mattelier.types.picture import Picture


def upscale(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    """The picture with more pixels, as `UpscaleRequest` says."""
    from mattelier.filters.upscale import Upscaler

    request = from_json(UpscaleRequest, options)
    refuse_weights(request.model)
    upscaler = desk.tool(
        "upscale",
        request.model,
        request.device,
        "" if request.denoise is None else f"{request.denoise:g}",
        opened=lambda: Upscaler(request),
    )
    result = upscaler.asked(request).upscale(pictures["picture"])
    return _outcome(result.picture, asdict(result.report))


def bokeh(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    """The picture through a lens, as `BokehRequest` says; a depth that is sent is nearness."""
    from mattelier.filters.bokeh.bokeh import Lens

    request = from_json(BokehRequest, options)
    depth = request.depth
    refuse_files(depth=depth.file, right=depth.right)
    refuse_weights(depth.model, "auto", "matte")
    if depth.kind == "distance":
        raise UsageError("Depth that is sent to the worker is nearness: larger is nearer.")
    given = _nearness(pictures.get("depth"))
    if given is not None:  # no network is opened for what is known
        request = replace(request, depth=replace(depth, model="matte"))
    matte = without_files(depth.matte)
    lens = Lens(request, cutter=desk.cutter(matte))
    result, report = lens.photograph(pictures["picture"], hint(matte.hint, pictures), given)
    return _outcome(result, report)


def denoise(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    """The picture without its noise, as `DenoiseRequest` says."""
    from mattelier.filters.denoise import Denoiser

    request = from_json(DenoiseRequest, options)
    refuse_weights(request.model)
    denoiser = desk.tool("denoise", request.model, request.device, opened=lambda: Denoiser(request))
    result = denoiser.asked(request).denoise(pictures["picture"])
    return _outcome(result.picture, asdict(result.report))


def enhance(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    """The picture under better light, as `EnhanceRequest` says, or in the reference's."""
    from mattelier.filters.enhance import enhance

    request = from_json(EnhanceRequest, options)
    refuse_files(reference=request.match)
    result = enhance.enhance(pictures["picture"], request, pictures.get("reference"))
    return _outcome(result.picture, asdict(result.report))


def style(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    """The picture in the reference's style, as `StyleRequest` says."""
    from mattelier.filters.style import Stylist

    request = from_json(StyleRequest, options)
    refuse_files(reference=request.reference)
    refuse_weights(request.model)
    stylist = desk.tool("style", request.model, request.device, opened=lambda: Stylist(request))
    result = stylist.asked(request).stylise(pictures["picture"], pictures["reference"])
    return _outcome(result.picture, asdict(result.report))


def _nearness(samples: NDArray[np.float32] | None) -> DepthMap | None:
    import numpy as np

    from mattelier.types.depth_map import DepthMap

    if samples is None:
        return None
    if not np.ptp(samples):
        raise UsageError("The depth is the same everywhere, so it says nothing; choose another.")
    return DepthMap(np.maximum(samples, 0), False, "sent")


def _outcome(picture: Picture, report: dict[str, Any]) -> Outcome:
    import numpy as np

    samples = picture.colour
    if picture.alpha is not None:
        samples = np.concatenate([samples, picture.alpha[..., None]], axis=2)
    return Outcome(report, {"picture": samples})
