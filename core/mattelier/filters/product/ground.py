"""The even ground that a product was photographed on: its colour, and what lies on it.

Where the ground is known at every pixel, what differs from it is told apart: a shadow is light that
is missing, a veil is the least opaque thing that makes the picture of the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import srgb_to_linear

_FIT_SIDE_PX = 256  # of the longer side at which the ground is fitted
_CLEARANCE_SHARE = 0.02  # of the longer side, around the subject, that tells nothing of the ground
_MIN_VISIBLE_SHARE = 0.08  # of the picture that must be ground
_MAX_ROUGHNESS = 0.03  # display-encoded; half of an even ground's pixels lie within, fitted
_PASSES = 8  # of the fit without what is darker: shadows
_SHADOW_REJECT = 2.0  # of the residual's spread, below which a pixel is in shadow
_BORDER_FADE_SHARE = 0.06  # of the longer side, in which a shadow that is cut off ends
_WHITE_GROUND = 0.8  # linear light that a white ground is brought to: 0.91 encoded
_MAX_GAIN = 1.5
_WHITE_PERCENT = 95  # of the subject's pixels lie below what counts as its white: no highlight
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class Ground:
    """An even ground.

    Attributes
    ----------
    colour : (H, W, 3) float32, display-encoded 0…1
        As it would be seen without subject and shadow.
    noise : float
        Its spread, display-encoded.
    """

    colour: NDArray[np.float32]
    noise: float

    @property
    def mean(self) -> NDArray[np.float32]:
        """(3,) float32."""
        mean: NDArray[np.float32] = self.colour.mean(axis=(0, 1))
        return mean


def find_ground(view: NDArray[np.float32], alpha: NDArray[np.float32]) -> Ground | None:
    """The ground, where it is even: a colour that changes as smoothly as light falls off.

    A quadratic surface in each channel, fitted to what is not subject; what is darker than the
    fit, the shadow, is left out pass by pass.

    Parameters
    ----------
    view : (H, W, 3) float32, display-encoded 0…1
    alpha : (H, W) float32 0…1

    Returns
    -------
    Ground or None
        None where there is a pattern, a room, or hardly any ground to see.
    """
    import cv2

    height, width = alpha.shape
    scale = min(1.0, _FIT_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    reach = 2 * round(_CLEARANCE_SHARE * max(size)) + 1
    clear = cv2.dilate(cover, np.ones((reach, reach), np.uint8)) < 0.02
    if clear.mean() < _MIN_VISIBLE_SHARE:
        return None
    terms = _terms(size[1], size[0])
    used = clear
    fitted, spread = small, 1.0
    for _ in range(_PASSES):
        factors, *_ = np.linalg.lstsq(terms[used], small[used], rcond=None)
        fitted = (terms @ factors).astype(np.float32)
        lighter = (small - fitted).mean(axis=2)
        spread = 1.4826 * float(np.median(np.abs(lighter[used]))) + 1e-3
        kept = clear & (lighter > -_SHADOW_REJECT * spread) & (lighter < 4 * spread)
        if kept.mean() < _MIN_VISIBLE_SHARE / 2:
            break
        used = kept
    rough = float(np.median(np.abs(small - fitted).max(axis=2)[clear]))
    if rough > _MAX_ROUGHNESS or used.sum() < 0.35 * clear.sum():
        return None
    full = np.clip(_terms(height, width) @ factors, 0.004, 1).astype(np.float32)
    # Noise at full size, between neighbours: what a fit leaves over holds structure, too.
    step = np.abs(np.diff(view[::3].mean(axis=2), axis=1))
    here = cv2.resize(clear.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    steps = step[here[::3, 1:]]
    return Ground(full, max(spread, float(np.median(steps)) if steps.size else 0.0))


def kept_shadow(
    view: NDArray[np.float32],
    alpha: NDArray[np.float32],
    ground: Ground,
    hidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """The light that is missing on the ground: (H, W) float32, 0 none missing, 1 all.

    Under the subject's soft edge, and where it is `hidden` by something else, it goes on as beside
    it, and it ends softly where the photo ends.
    """
    import cv2

    height, width = alpha.shape
    seen = srgb_to_linear(view) @ _LUMINANCE
    lit = srgb_to_linear(ground.colour) @ _LUMINANCE
    missing = 1 - seen / lit
    noise = 2.4 * ground.noise / np.maximum(ground.colour.mean(axis=2), 0.05)  # the curve's slope
    missing = np.maximum(missing - 1.5 * noise, 0) / np.maximum(1 - 1.5 * noise, 0.2)
    missing = cv2.GaussianBlur(np.clip(missing, 0, 1).astype(np.float32), (0, 0), 1.0)
    side = max(height, width)
    weight = (cv2.dilate(alpha, np.ones((5, 5), np.uint8)) < 0.01).astype(np.float32)
    reaches = [side / 300, side / 100, side / 30]  # from just beside, then from farther
    if hidden is not None:
        weight[hidden] = 0
        reaches += [side / 12, side / 5]
    filled, sure = missing * weight, weight
    for sigma in reaches:
        share = cv2.GaussianBlur(weight, (0, 0), sigma)
        near = cv2.GaussianBlur(missing * weight, (0, 0), sigma) / np.maximum(share, 1e-4)
        take = (1 - sure) * np.clip(share * 20, 0, 1)
        filled, sure = filled + take * near, sure + take
    shadow: NDArray[np.float32] = (filled * border_fade(height, width)).astype(np.float32)
    return shadow


def border_fade(height: int, width: int) -> NDArray[np.float32]:
    """(H, W) float32: 1 inside, falling to 0 where a photo ends, for what ends there."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    inside = np.minimum(
        np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)
    ) / max(1.0, _BORDER_FADE_SHARE * max(height, width))
    fade = np.clip(inside, 0, 1)
    result: NDArray[np.float32] = (fade * fade * (3 - 2 * fade)).astype(np.float32)
    return result


def balance_gains(
    ground: Ground,
    view: NDArray[np.float32] | None = None,
    alpha: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """What makes a neutral ground neutral and a white one white: (3,) gains of linear light.

    A coloured ground tells nothing of the light's colour, and a grey one nothing of the exposure;
    one that a subject (`view` where `alpha`) is whiter than is grey: it is not made brighter than
    leaves that white its shades.
    """
    light = srgb_to_linear(ground.mean)
    grey = float(light @ _LUMINANCE)
    if light.max() > 1.6 * light.min() or grey < 0.02:
        return np.ones(3, np.float32)
    gains = grey / light
    if grey > 0.4:
        most = _MAX_GAIN
        if view is not None and alpha is not None and (alpha > 0.9).any():
            shown = srgb_to_linear(view[alpha > 0.9]) @ _LUMINANCE
            most = min(most, max(1.0, _WHITE_GROUND / float(np.percentile(shown, _WHITE_PERCENT))))
        gains = gains * np.clip(_WHITE_GROUND / grey, 1, most)
    return np.asarray(gains, np.float32)


def unmix(
    view: NDArray[np.float32], ground: Ground
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The most transparent layer that makes the picture of the ground.

    alpha is the least for which picture = alpha·F + (1 − alpha)·ground has a colour F within 0…1
    (the bound of Smith and Blinn, "Blue Screen Matting", 1996, for a known background). It is exact
    for what is black or white by itself: shade and light in glass, lace, gauze.

    Parameters
    ----------
    view : (H, W, 3) float32, display-encoded 0…1

    Returns
    -------
    alpha : (H, W) float32 0…1
    foreground : (H, W, 3) float32 0…1, straight
    """
    behind = ground.colour
    darker = (behind - view) / behind
    lighter = (view - behind) / np.maximum(1 - behind, 0.02)
    alpha = np.clip(np.maximum(darker, lighter).max(axis=2), 0, 1)
    floor = np.float32(min(2 * ground.noise, 0.2))
    alpha = np.maximum(alpha - floor, 0) / (1 - floor)
    share = np.maximum(alpha, 1e-3)[..., None]
    foreground = np.clip((view - (1 - share) * behind) / share, 0, 1)
    return alpha.astype(np.float32), foreground.astype(np.float32)


def _terms(height: int, width: int) -> NDArray[np.float32]:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    one = np.ones((height, width), np.float32)
    return np.stack([one, x * one, y * one, x * x * one, x * y, y * y * one], -1)
