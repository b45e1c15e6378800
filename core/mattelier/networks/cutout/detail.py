"""The network with two looks: the whole at half the size, then every detail.

`CutoutNet` looks at the picture shrunk by two and says what the subject is. The encoder's own
first layers, the same weights, then look at the picture as it is, and a short decoder draws the
alpha from what both saw: rings, spokes, strands and the gap between arm and body are pixels there,
where the first look had none. It works at half the picture's size at most, and sees the picture's
own pixels and answers in them by pixel shuffle (Shi et al. 2016): convolutions at full size would
cost more than everything else together.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from mattelier.networks.cutout.network import CutoutNet, Fuse, grow

_SHRINK = 2  # of the first look, in each direction


class Detail(nn.Module):
    """Decoder from 1/8 of the picture to all of it; its answer is added to the first look's.

    It starts as nothing, so that a network whose first look is trained loses nothing at first.
    """

    def __init__(self, *, norm: bool) -> None:
        super().__init__()
        self.up8 = Fuse(40, 32, 64, 2, norm=norm)
        self.up4 = Fuse(64, 24 + 16, 32, 2, norm=norm)
        self.up2 = Fuse(32, 16 + 3 * _SHRINK**2, 16, 2, norm=norm)
        self.out = nn.Conv2d(16, _SHRINK**2, 3, 1, 1)
        for value in self.out.parameters():
            nn.init.zeros_(value)

    def forward(
        self, picture: Tensor, sides: tuple[Tensor, Tensor, Tensor], below: list[Tensor],
        hint: Tensor,
    ) -> Tensor:  # fmt: skip
        """Logits (N, 1, H, W) to add.

        Parameters
        ----------
        picture : (N, 3, H, W)
        sides : the encoder's features of it at 1/2, 1/4 and 1/8
        below : the first look's features at 1/4 and 1/8 of the picture
        hint : (N, 2, H/2, W/2)
        """
        half, quarter, eighth = sides
        hint4 = F.avg_pool2d(hint, 2)
        y8 = self.up8(below[1], eighth, F.avg_pool2d(hint4, 2))
        y4 = self.up4(y8, torch.cat([quarter, below[0]], 1), hint4)
        pixels = F.pixel_unshuffle(picture * 2 - 1, _SHRINK)
        y2 = self.up2(y4, torch.cat([half, pixels], 1), hint)
        return F.pixel_shuffle(self.out(y2), _SHRINK)


class DetailCutoutNet(CutoutNet):
    """picture (N, 3, H, W) sRGB 0…1 and hint (N, 2, H, W) 0…1 → alpha logits.

    H and W are multiples of 64; otherwise as `CutoutNet`, whose weights it may start from.
    """

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__(norm=norm)
        self.detail = Detail(norm=norm)

    def early(self, picture: Tensor) -> tuple[Tensor, ...]:
        """As `CutoutNet.early` of the shrunk picture, then the picture and its own features.

        Those at 1/8 are of layers that the first look trains: what it learns serves both.
        """
        half, quarter = super().early(picture)
        eighth = quarter
        for block in self.blocks[3:6]:
            eighth = block(eighth)
        first = super().early(F.avg_pool2d(picture, _SHRINK))
        return (*first, picture, half, quarter, eighth)

    def levels(self, *early_and_hint: Tensor) -> list[Tensor]:
        """Alpha logits of the picture's size, then those of the first look, finest first."""
        small_half, small_quarter, picture, half, quarter, eighth, hint = early_and_hint
        hint = F.avg_pool2d(hint, _SHRINK)
        seen = self.decode(small_half, small_quarter, hint)
        logits = [out(y) for out, y in zip(self.out, seen, strict=True)]
        detail = self.detail(picture, (half, quarter, eighth), seen[:2], hint)
        return [grow(logits[0], picture) + detail, *logits]

    def last_layers(self) -> tuple[nn.Module, ...]:
        """See `CutoutNet.last_layers`."""
        return (self.out[0], self.detail.out)

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        """Alpha logits (N, 1, H, W) at the input's size."""
        return self.levels(*self.early(picture), hint)[0]
