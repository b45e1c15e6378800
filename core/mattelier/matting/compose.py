"""A cut-out over a colour, a picture or its own blurred surroundings; and cropping to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.picture import Picture
from mattelier.types.tiles import Tile, tiles, upsample_tile

Colour = tuple[float, float, float]

_BLUR_SIDE_PX = 384  # pixels of the longer side at which surroundings are blurred
_BLUR_SIGMA_SHARE = 0.03  # standard deviation, of the longer side
_MIN_VISIBLE_ALPHA = 1 / 255  # alpha above this counts as subject when cropping


def over(
    foreground: NDArray[Any],
    alpha: NDArray[np.float32],
    background: NDArray[Any] | Colour,
) -> NDArray[Any]:
    """alpha·F + (1 − alpha)·B (Porter and Duff 1984), in the picture's own encoding.

    Encoded values are mixed as they are, because that is how the camera's soft edge was encoded
    and unmixed; only a scene-linear picture is mixed in linear light.

    Parameters
    ----------
    foreground : (H, W, 3) uint8, uint16 or float32, straight
    alpha : (H, W) float32 0…1
    background : (H, W, 3) of the same dtype, or one colour as floats (1 is full scale)

    Returns
    -------
    (H, W, 3), dtype of `foreground`
    """
    result = np.empty_like(foreground)
    for tile in tiles(*alpha.shape):
        if alpha[tile.slices].min() == 1:
            result[tile.slices] = foreground[tile.slices]
            continue
        if isinstance(background, tuple):
            back = np.asarray(background, np.float32)
        else:
            back = to_float(background[tile.slices])
        share = alpha[tile.slices][..., None]
        mixed = back + share * (to_float(foreground[tile.slices]) - back)
        result[tile.slices] = from_float(mixed, foreground.dtype)
    return result


def fit_background(background: Picture | Colour, like: Picture) -> NDArray[Any] | Colour:
    """A background in the frame and the encoding of a picture, ready for `over`.

    Parameters
    ----------
    background : Picture, or (r, g, b) display-encoded sRGB floats 0…1
        A picture is scaled until it covers the frame, its middle cut out, and its samples
        converted by type and sRGB curve; its own alpha is ignored.
    like : Picture

    Returns
    -------
    (H, W, 3) of the size and dtype of `like`, or a colour
    """
    if isinstance(background, tuple):
        if like.transfer == "display":
            return background
        red, green, blue = srgb_to_linear(np.array(background, np.float32)).tolist()
        return red, green, blue
    import cv2

    height, width = like.height, like.width
    scale = max(height / background.height, width / background.width)
    # The middle of the background that has the frame's shape, then one resize of just that.
    tall = min(max(round(height / scale), 1), background.height)
    wide = min(max(round(width / scale), 1), background.width)
    top, left = (background.height - tall) // 2, (background.width - wide) // 2
    middle = background.colour[top : top + tall, left : left + wide]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    filled = cv2.resize(middle, (width, height), interpolation=way)
    if background.dtype == like.dtype and background.transfer == like.transfer:
        return np.asarray(filled)
    result = np.empty((height, width, 3), like.dtype)
    for tile in tiles(height, width):
        values = to_float(filled[tile.slices])
        if background.transfer != like.transfer:
            values = (srgb_to_linear if like.transfer == "linear" else linear_to_srgb)(values)
        result[tile.slices] = from_float(values, like.dtype)
    return result


def blur_surroundings(colour: NDArray[Any], alpha: NDArray[np.float32]) -> NDArray[Any]:
    """A picture's surroundings, strongly blurred, without the subject glowing into them.

    A normalised convolution: what alpha covers has no weight, so the blur fills the subject's
    place from around it. Where the subject is all there is, its own blur is used.

    Returns
    -------
    (H, W, 3), dtype of `colour`
    """
    import cv2

    height, width = alpha.shape
    scale = min(1.0, _BLUR_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = to_float(cv2.resize(colour, size, interpolation=cv2.INTER_AREA))
    # Soft edges still hold some subject: they lose their weight faster than alpha grows.
    weight = (1 - cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)) ** 2
    # Far inside a large subject no weight arrives: ever wider blurs fill in.
    filled = cv2.blur(small, size)
    sigma = float(max(size))
    while sigma > _BLUR_SIGMA_SHARE * max(size):
        sigma = max(sigma / 2, _BLUR_SIGMA_SHARE * max(size))
        share = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        mean = cv2.GaussianBlur(small * weight[..., None], (0, 0), sigma)
        filled = (mean + np.float32(1e-3) * filled) / (share + np.float32(1e-3))
    result = np.empty_like(colour)
    for tile in tiles(height, width):
        result[tile.slices] = from_float(upsample_tile(filled, tile, height, width), colour.dtype)
    return result


def subject_box(alpha: NDArray[np.float32], padding: int = 0) -> Tile | None:
    """Where alpha is above 1/255, `padding` pixels wider as far as the frame reaches.

    None when there is no subject.
    """
    visible = alpha > _MIN_VISIBLE_ALPHA
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    if rows.size == 0:
        return None
    box = Tile(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    return box.expand(padding, *alpha.shape)


def crop_to_subject(picture: Picture, alpha: NDArray[np.float32], padding: int = 0) -> Picture:
    """The part of a picture that holds the subject, as `subject_box` finds it.

    Parameters
    ----------
    picture : Picture
        The cut-out, with alpha or already over a background.
    alpha : (H, W) float32 0…1
    padding : int ≥ 0

    Returns
    -------
    Picture
        An EXR's data window moves along. The very same object when there is no subject.
    """
    box = subject_box(alpha, padding)
    if box is None:
        return picture
    window = picture.window
    if window is not None:
        window = replace(window, x=window.x + box.x0, y=window.y + box.y0)
    return replace(
        picture,
        colour=np.ascontiguousarray(picture.colour[box.slices]),
        alpha=None if picture.alpha is None else np.ascontiguousarray(picture.alpha[box.slices]),
        window=window,
    )
