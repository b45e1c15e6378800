"""The faithful super-resolution network: low resolution in, ×2 or ×4 out.

Residual Local Feature Network (Kong et al. 2022, "Residual Local Feature Network for Efficient
Super-Resolution", its NTIRE 2022 form: 4 blocks, 46 channels), with one change: its attention
looks at a grid of cells of exactly 6 pixels. The published one stretches the cells over whatever
size the picture has, so that a tile's answer would depend on the tile.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from mattelier.networks.upscale import CELL

_SLOPE = 0.05
_RANGE = 255  # the published weights' unit; activations then keep the size they were trained with


class SpatialAttention(nn.Module):
    """Enhanced spatial attention (Liu et al. 2020): where detail is, from a coarse look around.

    x (N, channels, H, W), H and W multiples of `CELL` → x weighted by 0…1, same shape.
    """

    def __init__(self, channels: int, mid: int = 16) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, mid, 1)
        self.shrink = nn.Conv2d(mid, mid, 3, 2)
        self.coarse = nn.Conv2d(mid, mid, 3, 1, 1)
        self.fine = nn.Conv2d(mid, mid, 1)
        self.expand = nn.Conv2d(mid, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        # Without these borders the cells' windows would not be centred on the cells.
        around = F.pad(reduced, (4, 5, 4, 5), mode="replicate")
        cells = self.coarse(F.max_pool2d(self.shrink(around), 7, 3))
        grown = F.interpolate(cells, scale_factor=CELL, mode="bilinear", align_corners=False)
        result: Tensor = x * torch.sigmoid(self.expand(grown + self.fine(reduced)))
        return result


class LocalFeatureBlock(nn.Module):
    """Three convolutions with a skip, a 1×1 fusion, and attention."""

    def __init__(self, channels: int, mid: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(channels, mid, 3, 1, 1),
                nn.Conv2d(mid, mid, 3, 1, 1),
                nn.Conv2d(mid, channels, 3, 1, 1),
            ]
        )
        self.fuse = nn.Conv2d(channels, channels, 1)
        self.attention = SpatialAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.convs:
            y = F.leaky_relu(conv(y), _SLOPE)
        result: Tensor = self.attention(self.fuse(x + y))
        return result


class LocalFeatureNet(nn.Module):
    """picture (N, 3, H, W) display RGB 0…1 → (N, 3, scale·H, scale·W), about 0…1, not clipped.

    H and W are multiples of `CELL`.

    Parameters
    ----------
    scale : 2 or 4
    """

    def __init__(self, scale: int, channels: int = 46, mid: int = 48, blocks: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.first = nn.Conv2d(3, channels, 3, 1, 1)
        self.blocks = nn.ModuleList([LocalFeatureBlock(channels, mid) for _ in range(blocks)])
        self.last = nn.Conv2d(channels, channels, 3, 1, 1)
        self.up = nn.Conv2d(channels, 3 * scale * scale, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        features = self.first(picture * _RANGE)
        y = features
        for block in self.blocks:
            y = block(y)
        return F.pixel_shuffle(self.up(self.last(y) + features), self.scale) / _RANGE
