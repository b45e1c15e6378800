"""A product's reflection in glossy even ground, taken out of the photo as a layer of its own.

Where ground and shadow are known, what else differs from them below the product is its reflection.
How opaque it is follows from the product's own mirror image, as far as that explains what is seen;
what it does not explain becomes the least opaque layer that does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.product.cast_shadow import find_standing
from mattelier.filters.product.ground import Ground, border_fade, unmix

_REACH_SHARE = 0.04  # of the subject's height, that its reflection may lie beside its mirror image
_LOCAL_SHARE = 0.015  # of the height, over which the ground mirrors alike
_SHIFT_SHARE = 0.03  # of the height, up or down, where the line is seen only roughly
_SHIFTS = 25  # that are tried, at most
_STRIP_SHARE = 0.25  # of the height, below the line, in which a reflection must be seen
_MIN_STRENGTH = 0.02  # of a reflection
_MIN_LIKENESS = 0.3  # of what ground and shade do not explain, with the mirror image: a correlation


def mirror(
    foreground: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """The subject upside down below the line on which it stands; None where there is none.

    Parameters
    ----------
    foreground : (H, W, 3) float32, straight
    alpha : (H, W) float32 0…1

    Returns
    -------
    (H, W, 4) float32, premultiplied
    """
    import cv2

    standing = find_standing(alpha)
    if standing is None:
        return None
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    above = y - standing.base[None]
    subject = np.dstack([foreground * alpha[..., None], alpha])
    mirrored = cv2.remap(
        subject, x, standing.base[None] - above - 1, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    result: NDArray[np.float32] = mirrored * (above >= -0.5)[..., None]
    return result


def reflecting_region(
    mirrored: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Where a reflection may be seen: the mirror image and a little beside it, not the subject."""
    import cv2

    reach = 2 * max(1, round(_REACH_SHARE * _tall(alpha))) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = cv2.dilate((mirrored[..., 3] > 0.02).astype(np.uint8), disc) > 0
    lowest = np.flatnonzero((alpha > 0.5).any(axis=1))
    near[: lowest[0]] = False
    region: NDArray[np.bool_] = near & ~_around(alpha)
    return region


def find_mirror_image(
    view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground
) -> NDArray[np.float32] | None:
    """The subject's mirror image where the photo shows it best; None where it shows none.

    Parameters
    ----------
    view : (H, W, 3) float32, display-encoded 0…1
    alpha : (H, W) float32 0…1

    Returns
    -------
    (H, W, 4) float32, premultiplied, as `mirror` gives it but for a few rows up or down
    """
    mirrored = mirror(view, alpha)
    if mirrored is None:
        return None
    most = round(_SHIFT_SHARE * _tall(alpha))
    shifts = np.unique(np.linspace(-most, most, _SHIFTS).round().astype(int))
    images = [_moved_down(mirrored, int(rows)) for rows in shifts]
    scores = [_likeness(view, alpha, image, ground) for image in images]
    best = int(np.argmax(scores))
    return images[best] if scores[best] > _MIN_LIKENESS else None


def _moved_down(image: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    moved = np.roll(image, rows, axis=0)
    moved[: max(rows, 0)] = 0
    moved[len(image) + min(rows, 0) :] = 0
    return moved


def _likeness(
    view: NDArray[np.float32],
    alpha: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    ground: Ground,
) -> float:
    """How much of what the ground shows below the subject is the mirror image: a correlation.

    The strip below the line is explained by the ground, evenly darker towards the subject; a
    shadow's soft shape is so, and a mirror image is not.
    """
    shown = mirrored[..., 3] > 0.5
    if not shown.any():
        return 0.0
    rows = np.flatnonzero(shown.any(axis=1))
    columns = np.flatnonzero(shown.any(axis=0))
    tall, aside = _tall(alpha), max(2, (columns[-1] - columns[0]) // 6)
    part = np.s_[
        rows[0] : rows[0] + max(3, round(_STRIP_SHARE * tall)),
        max(0, columns[0] - aside) : columns[-1] + aside,
    ]
    free = ~_around(alpha)[part]
    lit = ground.colour[part]
    image = mirrored[part][..., :3] - mirrored[part][..., 3:] * lit
    depth = np.linspace(0, 1, lit.shape[0], dtype=np.float32)[:, None, None]
    shade = np.stack([lit, lit * depth, lit * depth * depth], -1)[free].reshape(-1, 3)
    seen, image = view[part][free].reshape(-1), image[free].reshape(-1)
    if seen.size < 30:
        return 0.0
    left_of_seen = seen - shade @ np.linalg.lstsq(shade, seen, rcond=None)[0]
    left_of_image = image - shade @ np.linalg.lstsq(shade, image, rcond=None)[0]
    size = float(left_of_image @ left_of_image)
    if size < 1e-6:
        return 0.0
    strength = float(left_of_image @ left_of_seen) / size
    whole = float(left_of_seen @ left_of_seen)
    return strength * (size / whole) ** 0.5 if strength > _MIN_STRENGTH else 0.0


def kept_reflection(
    view: NDArray[np.float32],
    alpha: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    region: NDArray[np.bool_],
    ground: Ground,
) -> NDArray[np.float32]:
    """The reflection as a layer over the ground: (H, W, 4) float32, premultiplied.

    Laid over the ground it gives the photo back, to within its noise. Under the subject's soft edge
    it goes on as beside it.

    Parameters
    ----------
    view : (H, W, 3) float32, display-encoded 0…1
    mirrored : as `mirror` gives it
    region : (H, W) bool, where a reflection may be
    ground : the ground with the shadow on it
    """
    import cv2

    tall, rim = _tall(alpha), _around(alpha)
    least, _ = unmix(view, ground)
    # view − ground = t · (mirror image − its alpha · ground), t smooth: how much is mirrored there.
    image = mirrored[..., :3] - mirrored[..., 3:] * ground.colour
    weight = region.astype(np.float32)
    sigma = max(1.0, _LOCAL_SHARE * tall)
    above = cv2.GaussianBlur(
        weight * (image * (view - ground.colour)).sum(axis=2, dtype=np.float32), (0, 0), sigma
    )
    below = cv2.GaussianBlur(weight * (image * image).sum(axis=2, dtype=np.float32), (0, 0), sigma)
    strength = np.clip(above / np.maximum(below, 1e-5), 0, 1)
    cover = np.maximum(least, strength * mirrored[..., 3])
    whole = (region | rim).astype(np.float32)
    soft = cv2.GaussianBlur(whole, (0, 0), max(0.6, 0.2 * _REACH_SHARE * tall))
    cover = cover * np.where(region, np.clip(2 * soft - 0.5, 0, 1), 0)
    cover = cover.astype(np.float32)
    colour = np.clip(view - (1 - cover[..., None]) * ground.colour, 0, cover[..., None])
    layer = np.dstack([colour, cover]).astype(np.float32)
    rim &= cv2.dilate(weight, np.ones((9, 9), np.uint8)) > 0
    share = cv2.GaussianBlur(weight, (0, 0), 1.5)[..., None]
    near = cv2.GaussianBlur(layer, (0, 0), 1.5) / np.maximum(share, 1e-3)
    layer[rim] = near[rim]
    result: NDArray[np.float32] = layer * border_fade(*alpha.shape)[..., None]
    return result


def _tall(alpha: NDArray[np.float32]) -> float:
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    return float(rows[-1] - rows[0] + 1) if rows.size else 0.0


def _around(alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The subject with its soft edge."""
    import cv2

    around: NDArray[np.bool_] = cv2.dilate(alpha, np.ones((3, 3), np.uint8)) > 0.01
    return around
