"""The Python door to what gives a picture for a picture: arrays or paths in, a `Picture` out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from mattelier.api_arguments import Given, PathName, grey_of, hint_of, models, picture_of
from mattelier.requests import (
    BokehRequest,
    Box,
    DenoiseRequest,
    DepthRequest,
    Device,
    EnhanceRequest,
    MatteRequest,
    Point,
    Size,
    StyleRequest,
    UpscaleRequest,
)
from mattelier.tasks.registry import run

if TYPE_CHECKING:
    from mattelier.types.depth_map import DepthMap
    from mattelier.types.picture import Picture
    from mattelier.types.result import Result


def upscale(
    picture: Given,
    scale: float = 2,
    *,
    size: tuple[int | None, int | None] | None = None,
    model: str = "default",
    denoise: float | None = None,
    tile: int = 0,
    device: Device = "auto",
) -> Result:
    """Enlarge a picture.

    Parameters
    ----------
    picture : path, array or Picture
        An array is (H, W, 3) RGB, (H, W, 4) RGB and straight alpha, or (H, W) grey: uint8 or
        uint16 are display-encoded sRGB, float32 is scene-linear and may exceed 1.
    scale : float
        How many times larger each side becomes.
    size : (width, height), optional
        Instead of `scale`; None for one of them keeps the picture's shape.
    model, denoise, tile, device
        As on the command line.

    Returns
    -------
    Result
        `picture`, of the same sample type, and `report`.

    Raises
    ------
    MattelierError

    Examples
    --------
    >>> import mattelier
    >>> mattelier.upscale("photo.jpg", 4).picture.colour  # doctest: +SKIP
    """
    wanted = None if size is None else Size(*size)
    request = UpscaleRequest(scale, wanted, model, denoise, tile, device)
    return run(request, picture_of(picture), models())


def denoise(
    picture: Given,
    *,
    strength: float | None = None,
    grain: float = 0,
    model: str = "default",
    tile: int = 0,
    device: Device = "auto",
) -> Result:
    """Remove noise and JPEG blocks.

    Parameters
    ----------
    picture : as for `upscale`
    strength : float 0…1, optional
        How strong the noise is; None: as strong as it is seen to be.
    grain : float 0…1
        The share of what was removed that is left in.
    model, tile, device
        As on the command line.

    Returns
    -------
    Result
        `picture` and `report`.

    Raises
    ------
    MattelierError
    """
    request = DenoiseRequest(strength, model, grain, tile, device)
    return run(request, picture_of(picture), models())


def enhance(
    picture: Given,
    *,
    white_balance: float = 0,
    tone: float = 0,
    contrast: float = 0,
    saturation: float = 0,
    sharpen: float = 0,
    match: Given | None = None,
    match_strength: float = 1,
) -> Result:
    """Mend a picture's light and colour, or give it another's look; 0 leaves what it is.

    Parameters
    ----------
    picture : as for `upscale`
    white_balance, tone, sharpen, match_strength : float 0…1
    contrast, saturation : float −1…1
    match : path, array or Picture, optional
        The picture whose look is taken on.

    Returns
    -------
    Result
        `picture` and `report`.

    Raises
    ------
    MattelierError

    Examples
    --------
    >>> import mattelier
    >>> mattelier.enhance("photo.jpg", white_balance=1, tone=0.5)  # doctest: +SKIP
    """
    request = EnhanceRequest(
        white_balance, tone, contrast, saturation, sharpen, match_strength=match_strength
    )
    reference = None if match is None else picture_of(match)
    return run(request, picture_of(picture), models(), reference=reference)


def style(
    picture: Given,
    reference: Given,
    *,
    strength: float = 1,
    model: str = "default",
    device: Device = "auto",
) -> Result:
    """Paint a picture in another's style, with weights that the user has brought in.

    Parameters
    ----------
    picture, reference : as for `upscale`
    strength : float 0…1
    model, device
        As on the command line.

    Returns
    -------
    Result
        `picture` and `report`.

    Raises
    ------
    MattelierError
    """
    request = StyleRequest(None, strength, model, device)
    return run(request, picture_of(picture), models(), reference=picture_of(reference))


def depth(
    picture: Given,
    hint: PathName | NDArray[Any] | None = None,
    *,
    right: PathName | None = None,
    box: Box | tuple[float, float, float, float] | None = None,
    points: Iterable[Point | tuple[float, float]] = (),
    model: str = "auto",
    device: Device = "auto",
) -> DepthMap:
    """How near everything in a picture is.

    Parameters
    ----------
    picture : as for `upscale`
    hint, box, points
        Where the subject is, for depth from its matte alone; as for `cutout`.
    right : path, optional
        The right picture of a stereo pair whose left one is `picture`.
    model : str
        A depth network, "matte" for what the subject's matte tells, or "auto".

    Returns
    -------
    DepthMap
        `disparity` (H, W) float32, larger is nearer; `metric`; `method`.

    Raises
    ------
    MattelierError
    """
    source = picture_of(picture)
    request = DepthRequest(
        None,
        "auto",
        None if right is None else str(right),
        model,
        device,
        MatteRequest(device=device),
    )
    result = run(request, source, models(), hint=hint_of(source, hint, None, box, points))
    assert result.depth is not None
    return result.depth


def bokeh(
    picture: Given,
    hint: PathName | NDArray[Any] | None = None,
    *,
    depth: PathName | NDArray[Any] | DepthMap | None = None,
    depth_kind: Literal["auto", "distance", "disparity"] = "auto",
    depth_model: str = "auto",
    box: Box | tuple[float, float, float, float] | None = None,
    points: Iterable[Point | tuple[float, float]] = (),
    focus: tuple[float, float] | float | None = None,
    aperture: float | None = None,
    radius: float | None = None,
    focal_length: float | None = None,
    blades: int = 0,
    rotation: float = 0,
    cats_eye: float = 0,
    highlights: bool = False,
    foreground_blur: bool = False,
    device: Device = "auto",
) -> Picture:
    """Blur by depth as a lens with a wide aperture does.

    Parameters
    ----------
    picture : as for `upscale`
    hint, box, points
        Where the subject is, as for `cutout`.
    depth : path, (H, W) array or DepthMap, optional
        An array is nearness, larger is nearer; a file is of `depth_kind`. None: by `depth_model`.
    focus : (x, y) in pixels, or a distance, optional
        None: on the subject.
    aperture, radius, focal_length, blades, rotation, cats_eye, highlights, foreground_blur
        As on the command line.

    Returns
    -------
    Picture

    Raises
    ------
    MattelierError
    """
    import os

    from mattelier.types.depth_map import DepthMap

    source = picture_of(picture)
    file = os.fspath(depth) if isinstance(depth, str | os.PathLike) else None
    depth_map = None
    if isinstance(depth, DepthMap):
        depth_map = depth
    elif depth is not None and file is None:
        depth_map = DepthMap(grey_of(depth), False, "given")
    at = Point(*focus) if isinstance(focus, tuple) else None
    request = BokehRequest(
        DepthRequest(file, depth_kind, None, depth_model, device, MatteRequest(device=device)),
        at,
        focus if isinstance(focus, int | float) else None,
        aperture,
        radius,
        focal_length,
        blades,
        rotation,
        cats_eye,
        highlights,
        foreground_blur,
    )
    shown = hint_of(source, hint, None, box, points)
    result = run(request, source, models(), hint=shown, depth=depth_map).picture
    assert result is not None
    return result
