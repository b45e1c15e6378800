"""What each pixel shows: one surface, or at the edge of a nearer thing two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import linear_to_srgb, srgb_to_linear

Floats = NDArray[np.float32]

MIN_SEPARATION_PX = 2.0
"""Pixels of blur by which a surface must be farther to count as behind another."""

_REACH_PX = 2  # pixels around an edge pixel that tell the pure colours of both surfaces
_MIN_SQUARED_CONTRAST = 1e-4  # squared distance of colours below which nothing can be told
_OUTSIDE_SHARE = 0.1  # share of the near surface where depth says far and colours tell nothing
_GUARD_PX = 2  # pixels beside a matte's edge that may hold some of the subject's colour
_WIDE_BLUR_PX = 8.0  # pixels of blur that make this worth more than what is lost there
_BEHIND_WEIGHT = 0.05  # weight of what is behind in mixed pixels then
_UNCLEAR_SQUARED_CONTRAST = 1e-3  # squared distance of colours that tells little
_SOFT_ALPHA = 1 / 512  # alpha nearer to 0 or 1 than this is 0 or 1


@dataclass(frozen=True, eq=False)
class FarLayer:
    """The far surface of n mixed pixels at (y, x): light (C, n), cover (n), blur (n)."""

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    light: Floats
    cover: Floats
    blur: Floats

    def part(self, share: Floats | None) -> FarLayer | None:
        """Those pixels that have a share (n), 0…1, their light and cover times that."""
        indices = np.empty(0, np.intp) if share is None else np.flatnonzero(share)
        if share is None or indices.size == 0:
            return None
        part = share[indices]
        return FarLayer(
            self.y[indices],
            self.x[indices],
            self.light[:, indices] * part,
            self.cover[indices] * part,
            self.blur[indices],
        )


@dataclass(frozen=True, eq=False)
class DepthLayers:
    """What a pinhole shows of a scene.

    Attributes
    ----------
    light : (C, h, w) float32
        Scene-linear colour (and further channels) of the near or only surface, times its cover.
    blur : (h, w) float32
        Its signed radius of the circle of confusion in pixels: negative before the focus.
    cover : (h, w) float32 0…1, or None
        How much of the pixel it is; None: all of every pixel.
    behind : FarLayer or None
        What else mixed pixels show.
    """

    light: Floats
    blur: Floats
    cover: Floats | None = None
    behind: FarLayer | None = None

    def pure(self, step: int) -> Floats:
        """Light, cover, cover × blur of unmixed pixels: (C + 2, h/step, w/step) means."""
        import cv2

        size = (self.blur.shape[1] // step, self.blur.shape[0] // step)
        whole = np.ones_like(self.blur)
        planes = [*self.light, whole, self.blur]
        if self.cover is not None:
            whole = (self.cover == 1).astype(np.float32)
            planes = [*(plane * whole for plane in self.light), whole, self.blur * whole]
        return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in planes])


def split_by_depth(light: Floats, blur: Floats) -> DepthLayers:
    """The surfaces of a picture whose depth has one value a pixel.

    A pixel at an edge of depth is a mixture of a near and a far surface. Its share of the near
    one is where its colour lies between those of the pixels beside the edge; where these colours
    vary too much to tell, what the depth says counts more.

    Parameters
    ----------
    light : (C, h, w) float32, scene-linear
    blur : (h, w) float32, signed radius of the circle of confusion in pixels
    """
    import cv2

    small = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(blur, small) - cv2.erode(blur, small) > MIN_SEPARATION_PX
    y, x = np.nonzero(edge)
    if y.size == 0:
        return DepthLayers(light, blur)
    height, width = blur.shape
    steps = np.arange(-_REACH_PX, _REACH_PX + 1)
    rows = np.clip(y[:, None, None] + steps[:, None], 0, height - 1)
    columns = np.clip(x[:, None, None] + steps, 0, width - 1)
    rows, columns = (a.reshape(y.size, -1) for a in np.broadcast_arrays(rows, columns))
    around = blur[rows, columns]
    middle = (around.min(1) + around.max(1)) / 2
    near = around < middle[:, None]
    # Pixels of the edge itself count where there are no others.
    pure = np.where(edge[rows, columns], np.float32(1e-3), np.float32(1))
    colours = light[:, rows, columns]

    def measure_side(side: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        """Mean colour (C, n), its variance (n) and mean blur (n) of the chosen neighbours."""
        weight = pure * side
        weight /= weight.sum(1, keepdims=True)
        mean = np.einsum("nk,cnk->cn", weight, colours)
        variance = np.einsum("nk,cnk->n", weight, (colours - mean[..., None]) ** 2)
        return mean, variance, (weight * around).sum(1)

    front, front_doubt, front_blur = measure_side(near)
    back, back_doubt, back_blur = measure_side(~near)
    mixed = light[:, y, x]
    across = front - back
    doubt = front_doubt + back_doubt + np.float32(_MIN_SQUARED_CONTRAST)
    is_front = blur[y, x] < middle
    guess = np.where(is_front, np.float32(1), np.float32(_OUTSIDE_SHARE))
    share = ((mixed - back) * across).sum(0) + doubt * guess
    share = np.clip(share / ((across**2).sum(0) + doubt), 0, 1)
    # What the two colours do not explain stays with the surface that the depth names.
    most = np.maximum(mixed, 0)
    rest = np.where(
        is_front,
        np.clip((1 - share) * back, 0, most),
        mixed - np.clip(share * front, 0, most),
    )
    near_light, near_blur, cover = light.copy(), blur.copy(), np.ones_like(blur)
    near_light[:, y, x], near_blur[y, x], cover[y, x] = mixed - rest, front_blur, share
    return DepthLayers(near_light, near_blur, cover, FarLayer(y, x, rest, 1 - share, back_blur))


def split_by_matte(
    light: Floats,
    foreground: Floats,
    alpha: Floats,
    blur: Floats,
    behind: Floats,
    *,
    encoded: bool,
) -> DepthLayers:
    """The surfaces of a picture whose subject's matte is known, so that hair stays hair.

    Parameters
    ----------
    light : (C, h, w) float32, scene-linear
    foreground : (C, h, w) float32
        The subject's own colours, straight, where alpha > 0.
    alpha : (h, w) float32 0…1
    blur, behind : (h, w) float32
        Signed blur of the subject, and of what is behind it or beside it.
    encoded : bool
        Alpha is of display-encoded values, as a matte of a display picture is: the light's own
        share is another.
    """
    import cv2

    solid = alpha > 1 - _SOFT_ALPHA
    mixed = (alpha > _SOFT_ALPHA) & ~solid
    near_blur = np.where(solid | mixed, blur, behind)
    y, x = np.nonzero(mixed)
    if y.size == 0:
        return DepthLayers(light, near_blur)
    share = alpha[y, x]
    both, pure = light[:, y, x], foreground[:, y, x]
    if encoded:
        share = _share_of_light(both, pure, share)
    near = np.clip(pure * share, 0, np.maximum(both, 0))
    near_light, cover = light.copy(), np.ones_like(alpha)
    near_light[:, y, x], cover[y, x] = near, share
    # A matte misses some of the subject's colour. Blurred, it would be a glow around the edge;
    # so the background right there is not spread, but filled from farther off.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _GUARD_PX + 1, 2 * _GUARD_PX + 1))
    guard = cv2.dilate(alpha, disc) > _SOFT_ALPHA
    guard &= ~(solid | mixed) & (behind - blur > _WIDE_BLUR_PX)
    near_light[:, guard] = 0
    cover[guard] = 0
    trust = np.where(
        behind[y, x] - blur[y, x] > _WIDE_BLUR_PX, np.float32(_BEHIND_WEIGHT), np.float32(1)
    )
    far = FarLayer(y, x, (both - near) * trust, (1 - share) * trust, behind[y, x])
    return DepthLayers(near_light, near_blur, cover, far)


def _share_of_light(both: Floats, front: Floats, alpha: Floats) -> Floats:
    """Coverage that explains mixed light (C, n), where `alpha` (n) explains its encoded values."""
    mixed, pure = linear_to_srgb(both), linear_to_srgb(front)
    rest = (mixed - alpha * pure) / np.maximum(1 - alpha, _SOFT_ALPHA)
    across = srgb_to_linear(np.clip(rest, 0, 1)) - front
    left = srgb_to_linear(np.clip(rest, 0, 1)) - both
    doubt = np.float32(_UNCLEAR_SQUARED_CONTRAST)
    share = ((across * left).sum(0) + doubt * alpha) / ((across**2).sum(0) + doubt)
    return np.asarray(np.clip(share, 0, 1), np.float32)
