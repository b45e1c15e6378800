"""What a place of a picture looks like, as a vector: near ones are near for the same thing.

The first blocks of the cut-out network, which know edges, textures and parts of things, taught on
made clips to tell a subject from others of its kind (`train.track`). Matching such features place
by place against frames whose matte is known is how space-time memory follows a subject (Oh et al.
2019, arXiv:1904.00607; Cheng et al. 2021, arXiv:2106.05210).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from mattelier.networks.cutout.network import CutoutNet, grow

_KEPT_BLOCKS = (5, 9, 12)  # behind which features are taken: at 1/8, 1/16 and 1/16 of the picture


class EmbeddingNet(nn.Module):
    """picture (N, 3, H, W) sRGB 0…1 → unit vectors (N, 192, H/8, W/8).

    H and W are multiples of 16. Each of three layers is freed of its mean over the picture, which
    says what the whole of it looks like, and made a unit vector, so that none outweighs another.
    """

    def __init__(self) -> None:
        super().__init__()
        whole = CutoutNet()
        self.stem = whole.stem
        self.blocks = whole.blocks[: _KEPT_BLOCKS[-1] + 1]

    def forward(self, picture: Tensor) -> Tensor:
        x = F.relu6(self.stem(picture * 2 - 1))
        kept: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _KEPT_BLOCKS:
                kept.append(x if not kept else grow(x, kept[0]))
        vectors = [F.normalize(y - y.mean((2, 3), keepdim=True), dim=1) for y in kept]
        joined: Tensor = torch.cat(vectors, 1) * len(vectors) ** -0.5
        return joined
