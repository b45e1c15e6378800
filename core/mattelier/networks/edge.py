"""A network that corrects a classical matte in its unknown band: 0.45 million parameters.

A small U-Net at half the picture's size (each 2×2 pixels folded into channels), which sees what
the picture, the trimap, closed-form matting and colour samples say of each pixel.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from mattelier.networks.denoise import ResidualBlock

FOLD = 16  # sides of what it is given are multiples of this
HINTS = 11
"""Channels of the hint: known subject, known background, the solved alpha, the sampled alpha and
how far to trust it, then RGB of the subject sample and of the background sample."""

_SOLVED = 2  # channel of the solved alpha


class EdgeNet(nn.Module):
    """picture (N, 3, H, W) display RGB 0…1, hint (N, 11, H, W) → alpha (N, 1, H, W), not clipped.

    H and W are multiples of `FOLD`. What it gives is the solved alpha plus a correction,
    which starts as nothing; it means nothing where the trimap knows.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (24, 40, 56, 72)) -> None:
        super().__init__()
        widths = list(channels)
        self.head = nn.Conv2d(4 * (3 + HINTS), widths[0], 3, 1, 1)
        self.down = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.smaller = nn.ModuleList(
            nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in pairwise(widths)
        )
        self.bottom = nn.Sequential(ResidualBlock(widths[-1]), ResidualBlock(widths[-1]))
        self.larger = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 2, 2) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.tail = nn.Conv2d(widths[0], 4, 3, 1, 1)
        nn.init.zeros_(self.tail.weight)
        assert self.tail.bias is not None
        nn.init.zeros_(self.tail.bias)

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        x = self.head(F.pixel_unshuffle(torch.cat([picture, hint], 1) - 0.5, 2))
        skips = []
        for block, smaller in zip(self.down, self.smaller, strict=True):
            x = block(x)
            skips.append(x)
            x = smaller(x)
        x = self.bottom(x)
        for level in reversed(range(len(skips))):
            x = self.up[level](skips[level] + self.larger[level](x))
        correction = F.pixel_shuffle(self.tail(F.relu(x)), 2)
        return hint[:, _SOLVED : _SOLVED + 1] + correction
