"""The network that weighs cues: planes of what tells each pixel's alpha in, alpha out.

Each pixel is by itself (1 × 1 convolutions): what lies around it is in its cues
(`matting.alpha_cues`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LIMIT = 6.0  # standard deviations; cues further off are no likelier than these


class CueNet(nn.Module):
    """cues (N, C, h, w) → alpha (N, 1, h, w), not clipped; the first cue is what it corrects.

    Parameters
    ----------
    cues : C
    width : of its layers
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, cues: int, width: int = 192) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(cues, 1, 1))
        self.register_buffer("deviation", torch.ones(cues, 1, 1))
        self.layers = nn.Sequential(
            nn.Conv2d(cues, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width // 2, 1),
            nn.ReLU(),
            nn.Conv2d(width // 2, 1, 1),
        )

    def forward(self, cues: Tensor) -> Tensor:
        usual = ((cues - self.mean) / self.deviation).clamp(-_LIMIT, _LIMIT)
        alpha: Tensor = cues[:, :1] + self.layers(usual)
        return alpha
