"""The denoising network: a noisy picture in, the same picture without its noise out.

A small residual U-Net on the picture folded 2×2 (Zhang et al. 2018, "FFDNet", for the folding and
the noise level as an input; Zhang et al. 2021, "DRUNet", for the residual blocks), and beside it a
network that sees how strong the noise is wherever nobody says (Guo et al. 2019, "CBDNet").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

_FAINT = 1 / 255  # differences smaller than this are all alike: rounding makes them


class NoiseLevel(nn.Module):
    """picture (N, 3, H, W) 0…1 → the noise's standard deviation (N, 1, H/2, W/2), above 0.

    It sees how far each pixel is from its neighbours' mean, and how bright the place is, folded
    4×4; telling noise from detail is what is left to learn.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(51, channels, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 2, 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, 1, 3, 1, 1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        away = (picture - F.avg_pool2d(picture, 3, 1, 1, count_include_pad=False)).abs()
        # As logarithms, so that faint noise is told as exactly as strong noise.
        differences = F.pixel_unshuffle(torch.log(away + _FAINT), 4)
        logarithm = self.layers(torch.cat([differences + 3, F.avg_pool2d(picture, 4)], 1))
        return F.interpolate(
            torch.exp(logarithm.clamp(-5, 3) - 3),
            scale_factor=2,
            mode="bilinear",
            align_corners=False,
        )


class ResidualBlock(nn.Module):
    """Two convolutions and a skip; x (N, channels, H, W) → same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(F.relu(self.first(x), inplace=True))
        return result


class DenoiseNet(nn.Module):
    """picture (N, 3, H, W) display RGB 0…1, hint (N, 2, H, W) → (N, 3, H, W), not clipped.

    The hint is (level, confidence): the noise's standard deviation as far as it is known, and 0…1
    how much that counts against what the network sees by itself. H and W are multiples of `FOLD`.
    What is removed is a multiple of the level, so at level 0 the picture comes back unchanged.
    """

    def __init__(self, channels: tuple[int, int, int] = (40, 72, 112)) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.level = NoiseLevel()
        self.head = nn.Conv2d(13, fine, 3, 1, 1)
        self.down_fine = ResidualBlock(fine)
        self.to_middle = nn.Conv2d(fine, middle, 2, 2)
        self.down_middle = ResidualBlock(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 2, 2)
        self.bottom = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse))
        self.from_coarse = nn.ConvTranspose2d(coarse, middle, 2, 2)
        self.up_middle = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.from_middle = nn.ConvTranspose2d(middle, fine, 2, 2)
        self.up_fine = ResidualBlock(fine)
        self.tail = nn.Conv2d(fine, 12, 3, 1, 1)

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        pooled = F.avg_pool2d(hint, 2)
        estimate = self.level(picture)
        level = pooled[:, :1] * pooled[:, 1:] + estimate * (1 - pooled[:, 1:])
        return self.cleaned(picture, level)

    def cleaned(self, picture: Tensor, level: Tensor) -> Tensor:
        """The picture without noise of that level: (N, 3, H, W) and (N, 1, H/2, W/2)."""
        x = torch.cat([F.pixel_unshuffle(picture, 2), level], 1)
        fine = self.down_fine(self.head(x))
        middle = self.down_middle(self.to_middle(fine))
        coarse = self.bottom(self.to_coarse(middle))
        middle = self.up_middle(middle + self.from_coarse(coarse))
        fine = self.up_fine(fine + self.from_middle(middle))
        return picture - F.pixel_shuffle(level * self.tail(fine), 2)
