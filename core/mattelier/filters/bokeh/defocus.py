"""Blur by depth in layers: what is near covers what is far, and sharp things do not bleed.

Every pixel is light that its surface spreads over its circle of confusion. Layers of similar blur
are each convolved with the iris and laid over one another front to back: a layer takes as much
of a pixel as its coverage says and as the layers before it left. A slanted surface, cut into
layers whose coverages add up to one, comes out whole. What is left is what the pinhole did not
see but the lens does, around the edges of nearer things: surfaces continued behind them.

Much blurred layers are computed at half, a quarter … of the size (the idea of Kraus and Strengert
2007, "Depth-of-field rendering by pyramidal image processing"), their kernels made narrower by
what shrinking and stretching blur themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.bokeh.depth_layers import DepthLayers, FarLayer
from mattelier.filters.bokeh.iris import Iris
from mattelier.filters.bokeh.occlusion_fill import FILL_STEP, fill_occlusion
from mattelier.types.tiles import Tile

Floats = NDArray[np.float32]

# Blur radii in pixels at which layers lie, at full size; from the last on they are coarser.
_FINE_RADII_PX = (0.0, 0.7, 1.3, 2.0, 3.0, 4.2)
_RADIUS_RATIO = 1.25  # of the radii of neighbouring layers beyond those
_HALF_SIZE_RADIUS_PX = 5.0  # radius from which a layer is computed at half size
_QUARTER_SIZE_RADIUS_PX = 26.0
_EIGHTH_SIZE_RADIUS_PX = 64.0  # and so on, doubling

_MIN_COVERAGE = 1e-4  # coverage below this is nothing
_MAX_SHARP_RADIUS_PX = 0.25  # a radius below this is no blur


@dataclass(frozen=True)
class Group:
    """Layers of neighbouring blur that are computed at one size, front to back."""

    step: int
    blurs: tuple[float, ...]
    before: float | None  # the last blur of the group in front, and
    after: float | None  # the first of the one behind

    @property
    def reach(self) -> int:
        """How far, in pixels, its light spreads; a multiple of its step."""
        most = max(-self.blurs[0], self.blurs[-1])
        return self.step * (math.ceil(most / self.step) + (self.step > 1))

    def share(self, blur: Floats) -> Floats | None:
        """How far each pixel belongs to it: 1 within, a ramp to its neighbours; None: none does."""
        return _trapezoid(
            blur,
            -math.inf if self.before is None else self.before,
            self.blurs[0],
            self.blurs[-1],
            math.inf if self.after is None else self.after,
        )


def groups(nearest: float, farthest: float) -> list[Group]:
    """The layers for a picture whose blur lies between these, front to back."""
    radii = list(_FINE_RADII_PX)
    while radii[-1] < max(-nearest, farthest):
        radii.append(radii[-1] * _RADIUS_RATIO)
    every = [-r for r in reversed(radii[1:])] + radii
    first = max((i for i, blur in enumerate(every) if blur <= nearest), default=0)
    last = min((i for i, blur in enumerate(every) if blur >= farthest), default=len(every) - 1)
    runs: list[list[float]] = []
    for blur in every[first : last + 1]:
        alike = runs and _step(runs[-1][-1]) == _step(blur)
        if alike and (_step(blur) == 1 or runs[-1][-1] * blur > 0):
            runs[-1].append(blur)
        else:
            runs.append([blur])
    before = [None, *(run[-1] for run in runs[:-1])]
    after = [*(run[0] for run in runs[1:]), None]
    return [
        Group(_step(run[0]), tuple(run), front, back)
        for run, front, back in zip(runs, before, after, strict=True)
    ]


def _step(blur: float) -> int:
    radius = abs(blur)
    if radius < _QUARTER_SIZE_RADIUS_PX:
        return 1 if radius < _HALF_SIZE_RADIUS_PX else 2
    return 4 << max(0, math.floor(math.log2(radius / _EIGHTH_SIZE_RADIUS_PX)) + 1)


def margin(nearest: float, farthest: float) -> int:
    """Pixels around a tile that its result depends on; a multiple of `unit`."""
    reach = 2 * max(-nearest, farthest)
    step = unit(nearest, farthest)
    return step * (math.ceil(reach / step) + 2)


def unit(nearest: float, farthest: float) -> int:
    """What a tile's sides and place must be multiples of, at that range of blur."""
    return max(FILL_STEP, *(group.step for group in groups(nearest, farthest)))


def defocus(
    layers: DepthLayers,
    iris: Iris,
    span: tuple[float, float],
    field: tuple[float, float] = (0.0, 0.0),
) -> tuple[Floats, Floats]:
    """The light that arrives through the lens, and how much of each pixel it covers.

    Parameters
    ----------
    layers : what the pinhole shows, (h, w); h and w are multiples of `unit(*span)`
    iris : the lens's
    span : the nearest and farthest blur of the whole picture, so that tiles agree on layers
    field : where in the picture this is, for the iris

    Returns
    -------
    light (C, h, w) float32, cover (h, w) float32 0…1; light / cover is the picture
    """
    height, width = layers.blur.shape
    every = groups(*span)
    result = _Composite(layers.light.shape[0], height, width)
    for group in every:
        stack = _gather(layers, group)
        if stack is None:
            continue
        into = _Composite.like(stack.planes)
        _spread(stack.planes, stack.blur, group.blurs, group.step, iris, field, into)
        result.lay_under(into.planes, stack.box, group.step)
    if float(result.left.max()) > _MIN_COVERAGE:
        occluded, blur = fill_occlusion(layers, span, result.left)
        if occluded is not None:
            into = _Composite.like(occluded)
            nodes = [blur for group in every for blur in group.blurs]
            _spread(occluded, blur, nodes, FILL_STEP, iris, field, into)
            result.lay_under(into.planes, Tile(0, height, 0, width), FILL_STEP)
    return result.light, 1 - result.left


class _Composite:
    """Layers laid under one another: `light` (C, h, w), and the room `left` (h, w)."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.planes = np.zeros((channels + 1, height, width), np.float32)
        self.light = self.planes[:-1]
        self.left = np.ones((height, width), np.float32)
        self._empty = True

    @classmethod
    def like(cls, planes: Floats) -> _Composite:
        return cls(planes.shape[0] - 1, *planes.shape[1:])

    def lay_under(self, planes: Floats, box: Tile, step: int = 1) -> None:
        """Add what of a layer (light, then cover), computed at 1/step, shows in the room left."""
        place = box.slices
        size = (box.x1 - box.x0, box.y1 - box.y0)
        cover = _upsample(planes[-1], size, step)
        left = self.left[place]
        visible = np.minimum(cover, left)
        part = None
        if not self._empty or float(cover.max()) > 1:
            part = np.divide(visible, np.maximum(cover, _MIN_COVERAGE), out=cover)
        for below, layer in zip(self.light, planes[:-1], strict=True):
            full = _upsample(layer, size, step)
            if part is not None:
                full = np.multiply(full, part, out=full if step > 1 else None)
            below[place] += full
        left -= visible
        self._empty = False


@dataclass(frozen=True, eq=False)
class _Stack:
    """A group's part: light and cover (C + 1, h, w), blur (h, w), at 1/step of the box."""

    box: Tile
    planes: Floats
    blur: Floats


def _gather(layers: DepthLayers, group: Group) -> _Stack | None:
    """A group's part of a picture, in the box that its light can reach; None when it has none."""
    share = group.share(layers.blur)
    behind = None if layers.behind is None else layers.behind.part(group.share(layers.behind.blur))
    if share is None and behind is None:
        return None
    if share is None:
        share = np.zeros_like(layers.blur)
    box = _box(share, behind, group)
    if box is None:
        return None
    place = box.slices
    share = share[place]
    cover = share if layers.cover is None else share * layers.cover[place]
    whole = layers.cover is None and behind is None and float(share.min()) == 1

    def shrunk(part: Floats, far: Floats | None) -> Floats:
        if behind is not None and far is not None:
            part[behind.y - box.y0, behind.x - box.x0] += far
        return _downsample(part, group.step)

    far = [None] * len(layers.light) if behind is None else list(behind.light)
    planes = [
        shrunk(plane[place] if whole else plane[place] * share, light)
        for plane, light in zip(layers.light, far, strict=True)
    ]
    moment = cover * layers.blur[place] if len(group.blurs) > 1 else None
    planes.append(shrunk(cover, None if behind is None else behind.cover))
    blur: Floats
    if moment is None:
        blur = np.full_like(planes[-1], group.blurs[0])
    else:
        moment = shrunk(moment, None if behind is None else behind.cover * behind.blur)
        blur = np.divide(moment, np.maximum(planes[-1], _MIN_COVERAGE), dtype=np.float32)
    return _Stack(box, np.stack(planes), blur)


def _box(share: Floats, behind: FarLayer | None, group: Group) -> Tile | None:
    """What the group's light can reach, in multiples of its step."""
    height, width = share.shape
    rows, columns = np.asarray(share.any(1)), np.asarray(share.any(0))
    if behind is not None:
        rows[behind.y] = True
        columns[behind.x] = True
    y, x = np.flatnonzero(rows), np.flatnonzero(columns)
    if y.size == 0:
        return None
    step = group.step
    box = Tile(
        int(y[0]) // step * step,
        -(-int(y[-1] + 1) // step) * step,
        int(x[0]) // step * step,
        -(-int(x[-1] + 1) // step) * step,
    )
    return box.expand(group.reach, height, width)


def _spread(
    planes: Floats,
    blur: Floats,
    nodes: Sequence[float],
    step: int,
    iris: Iris,
    field: tuple[float, float],
    into: _Composite,
) -> None:
    """Convolve each layer of `planes` (light and cover, at 1/step) and lay it into a pile."""
    height, width = blur.shape
    for number, node in enumerate(nodes):
        weight = _layer_weight(blur, nodes, number)
        if weight is None:
            continue
        weight *= planes[-1] > 0
        y, x = np.flatnonzero(weight.any(1)), np.flatnonzero(weight.any(0))
        if y.size == 0:
            continue
        radius = math.sqrt(max(node**2 - (step**2 if step > 1 else 0), 0)) / step
        box = Tile(int(y[0]), int(y[-1]) + 1, int(x[0]), int(x[-1]) + 1)
        box = box.expand(math.ceil(radius), height, width)
        layer = planes[:, box.y0 : box.y1, box.x0 : box.x1] * weight[box.slices]
        if radius >= _MAX_SHARP_RADIUS_PX:
            kernel = iris.kernel(radius, behind=node > 0, field=field)
            layer = _convolve(layer, kernel)
        into.lay_under(layer, box)
    np.subtract(1, into.left, out=into.planes[-1])


def _layer_weight(blur: Floats, nodes: Sequence[float], number: int) -> Floats | None:
    node = nodes[number]
    before = nodes[number - 1] if number else -math.inf
    after = nodes[number + 1] if number + 1 < len(nodes) else math.inf
    return _trapezoid(blur, before, node, node, after)


def _trapezoid(blur: Floats, before: float, low: float, high: float, after: float) -> Floats | None:
    """1 from `low` to `high`, falling to 0 at `before` and `after`; None if it is 0 everywhere."""
    least, most = float(blur.min()), float(blur.max())
    if most <= before or least >= after:
        return None
    share = np.ones_like(blur)
    if least < low and before > -math.inf:
        np.multiply(blur - np.float32(before), np.float32(1 / (low - before)), out=share)
    if most > high and after < math.inf:
        np.minimum(share, (np.float32(after) - blur) * np.float32(1 / (after - high)), out=share)
    return np.clip(share, 0, 1, out=share)


def _convolve(planes: Floats, kernel: Floats) -> Floats:
    import cv2

    # OpenCV correlates; convolving turns the kernel round.
    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    result = np.empty_like(planes)
    for plane, target in zip(planes, result, strict=True):
        cv2.filter2D(plane, -1, turned, dst=target, borderType=cv2.BORDER_REPLICATE)
    return result


def _downsample(plane: Floats, step: int) -> Floats:
    import cv2

    if step == 1:
        return plane
    size = (plane.shape[1] // step, plane.shape[0] // step)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _upsample(plane: Floats, size: tuple[int, int], step: int) -> Floats:
    import cv2

    return plane if step == 1 else np.asarray(cv2.resize(plane, size), np.float32)
