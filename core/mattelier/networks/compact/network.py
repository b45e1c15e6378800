"""Real-ESRGAN's compact network as a torch module, for GPUs; see `networks.compact.weights`."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn


class CompactNet(nn.Module):
    """picture (N, 3, H, W) RGB 0…1 → (N, 3, scale·H, scale·W), not clipped.

    Parameters
    ----------
    channels : width of all layers
    convolutions : how many, the first and the last included
    scale : how many times larger the result is
    """

    def __init__(self, channels: int, convolutions: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        layers: list[nn.Module] = []
        for number in range(convolutions - 1):
            layers += [nn.Conv2d(channels if number else 3, channels, 3, 1, 1)]
            layers += [nn.PReLU(channels)]
        self.body = nn.Sequential(*layers, nn.Conv2d(channels, 3 * scale * scale, 3, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        repeated = F.interpolate(picture, scale_factor=self.scale, mode="nearest")
        return F.pixel_shuffle(self.body(picture), self.scale) + repeated
