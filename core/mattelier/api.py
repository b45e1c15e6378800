"""The Python door to cutting out: arrays or paths in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.api_arguments import Given, PathName, grey_of, hint_of, models, picture_of
from mattelier.requests import (
    Box,
    CutoutRequest,
    Device,
    MatteRequest,
    Point,
    Quality,
    RefineRequest,
)
from mattelier.tasks.registry import run
from mattelier.types.result import Result


def cutout(
    picture: Given,
    hint: PathName | NDArray[Any] | None = None,
    *,
    trimap: PathName | NDArray[Any] | None = None,
    box: Box | tuple[float, float, float, float] | None = None,
    points: Iterable[Point | tuple[float, float]] = (),
    background: str | None = None,
    crop: bool = False,
    padding: int = 0,
    match_light: float = 0,
    foreground: bool = True,
    model: str = "default",
    device: Device = "auto",
    quality: Quality = "balanced",
    refine: bool = True,
    edge_shift: float = 0,
    feather: float = 0,
) -> Result:
    """Cut the subject of a picture out.

    Parameters
    ----------
    picture : path, array or Picture
        An array is (H, W, 3) RGB, (H, W, 4) RGB and straight alpha, or (H, W) grey: uint8 or
        uint16 are display-encoded sRGB, float32 is scene-linear and may exceed 1.
    hint : path or (H, W) array, optional
        Roughly where the subject is: uint8, uint16, bool, or float 0…1.
    trimap : path or (H, W) array, optional
        0 background, full scale subject, between unknown; obeyed exactly.
    box : Box or (x, y, width, height), optional
        Pixels of the upright picture.
    points : iterable of Point or (x, y)
        Clicks; `Point(x, y, positive=False)` is a click on what is not the subject.
    background : str, optional
        A colour, a picture's path or "blur": composite over that instead of keeping alpha.
    crop, padding
        Trim the result to the subject, with so many pixels around it.
    foreground : bool
        Estimate the subject's own colours at soft edges.
    match_light : float 0…1
        How far the subject takes on the light of `background`.
    model, device, quality, refine, edge_shift, feather
        As on the command line; the last two in pixels.

    Returns
    -------
    Result
        `alpha` (H, W) float32 0…1; `foreground` (H, W, 3) in the picture's dtype and colour
        space, straight; `picture`, the result as asked for; `confidence` (H, W) float32 0…1, how
        sure each pixel of `alpha` is; `report`, whose `confidence` is one number for the picture.

    Raises
    ------
    MattelierError
        One sentence that says what is wrong: a bad argument, picture, model or device.

    Examples
    --------
    >>> import mattelier
    >>> person = mattelier.cutout("two.jpg", box=(40, 30, 300, 700))  # doctest: +SKIP
    """
    source = picture_of(picture)
    request = CutoutRequest(
        MatteRequest(
            model=model,
            device=device,
            quality=quality,
            refine=refine,
            edge_shift=edge_shift,
            feather=feather,
        ),
        foreground=foreground,
        background=background,
        crop=crop,
        padding=padding,
        match_light=match_light,
    )
    return run(request, source, models(), hint=hint_of(source, hint, trimap, box, points))


def matte(
    picture: Given,
    hint: PathName | NDArray[Any] | None = None,
    *,
    trimap: PathName | NDArray[Any] | None = None,
    box: Box | tuple[float, float, float, float] | None = None,
    points: Iterable[Point | tuple[float, float]] = (),
    model: str = "default",
    device: Device = "auto",
    quality: Quality = "balanced",
    refine: bool = True,
    edge_shift: float = 0,
    feather: float = 0,
) -> Result:
    """The alpha alone: `alpha`, `confidence` and `report`. All is as for `cutout`."""
    source = picture_of(picture)
    request = MatteRequest(
        model=model,
        device=device,
        quality=quality,
        refine=refine,
        edge_shift=edge_shift,
        feather=feather,
    )
    return run(request, source, models(), hint=hint_of(source, hint, trimap, box, points))


def refine(
    picture: Given,
    mask: PathName | NDArray[Any],
    *,
    width: float = 12,
    quality: Quality = "balanced",
    edge_shift: float = 0,
    feather: float = 0,
) -> NDArray[np.float32]:
    """A rough mask's edge solved again, as hair, fur or a clean line.

    Parameters
    ----------
    picture, mask
        As `picture` and `hint` of `cutout`.
    width : float
        Pixels to each side of the mask's edge that hair may reach.

    Returns
    -------
    (H, W) float32 0…1

    Raises
    ------
    MattelierError
    """
    request = RefineRequest(None, width, quality, edge_shift, feather)
    alpha = run(request, picture_of(picture), models(), mask=grey_of(mask)).alpha
    assert alpha is not None
    return alpha
