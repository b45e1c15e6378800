"""MODNet (Ke et al., AAAI 2022): the matte of a person, from meaning, detail and their fusion.

The meaning comes from MobileNetV2 (Sandler et al., CVPR 2018). Modules are named as in the
published files, so that their weights load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

# expansion, channels, repeats and stride of MobileNetV2's groups of blocks
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM, _LAST = 32, 1280
_HALF, _QUARTER, _EIGHTH, _SIXTEENTH = 16, 24, 32, 96  # channels of what is taken from it
_TAKEN = {1: "half", 3: "quarter"}  # after these of its blocks


class HalfNorm(nn.Module):
    """Batch norm of the first half of the channels, instance norm of the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bnorm = nn.BatchNorm2d(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        count = self.bnorm.num_features
        return torch.cat((self.bnorm(x[:, :count]), F.instance_norm(x[:, count:])), 1)


class Unit(nn.Module):
    """A convolution, and where it is not the last its norm and what is positive of it."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int = 1, last: bool = False):
        super().__init__()
        convolution = nn.Conv2d(inp, out, kernel, stride, kernel // 2)
        rest = () if last else (HalfNorm(out), nn.ReLU())
        self.layers = nn.Sequential(convolution, *rest)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def _convolved(
    inp: int, out: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inp, out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]


class InvertedResidual(nn.Module):
    """MobileNetV2's block: widened, filtered channel by channel, narrowed."""

    def __init__(self, inp: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inp * expansion
        widened = [] if expansion == 1 else [*_convolved(inp, wide, 1), nn.ReLU6()]
        filtered = [*_convolved(wide, wide, 3, stride, wide), nn.ReLU6()]
        self.conv = nn.Sequential(*widened, *filtered, *_convolved(wide, out, 1))
        self.adds = stride == 1 and inp == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class MobileNetV2(nn.Module):
    """picture → its features at 1/2, 1/4 and 1/32 of its size."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Sequential(*_convolved(3, _STEM, 3, 2), nn.ReLU6())]
        before = _STEM
        for expansion, channels, repeats, stride in _GROUPS:
            for number in range(repeats):
                step = stride if number == 0 else 1
                blocks.append(InvertedResidual(before, channels, step, expansion))
                before = channels
        blocks.append(nn.Sequential(*_convolved(before, _LAST, 1), nn.ReLU6()))
        self.features = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        taken = {}
        for number, block in enumerate(self.features):
            x = block(x)
            if number in _TAKEN:
                taken[_TAKEN[number]] = x
        return taken["half"], taken["quarter"], x


class Attended(nn.Module):
    """Squeeze and excitation (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        small = channels // reduction
        self.fc = nn.Sequential(
            nn.Linear(channels, small, bias=False),
            nn.ReLU(),
            nn.Linear(small, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.fc(x.mean((2, 3)))
        return x * weight[:, :, None, None]


class Meaning(nn.Module):
    """1/32 → what the person is, at 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.se_block = Attended(_LAST, 4)
        self.conv_lr16x = Unit(_LAST, _SIXTEENTH, 5)
        self.conv_lr8x = Unit(_SIXTEENTH, _EIGHTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_lr8x(resized(self.conv_lr16x(resized(self.se_block(x), 2)), 2))
        return y


class Detail(nn.Module):
    """The person's edges, at 1/2."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tohr_enc2x = Unit(_HALF, width, 1)
        self.conv_enc2x = Unit(width + 3, width, 3, stride=2)
        self.tohr_enc4x = Unit(_QUARTER, width, 1)
        self.conv_enc4x = Unit(2 * width, 2 * width, 3)
        self.conv_hr4x = nn.Sequential(
            Unit(3 * width + 3, 2 * width, 3),
            Unit(2 * width, 2 * width, 3),
            Unit(2 * width, width, 3),
        )
        self.conv_hr2x = nn.Sequential(
            Unit(2 * width, 2 * width, 3),
            Unit(2 * width, width, 3),
            Unit(width, width, 3),
            Unit(width, width, 3),
        )

    def forward(self, picture: Tensor, half: Tensor, quarter: Tensor, meaning: Tensor) -> Tensor:
        half = self.tohr_enc2x(half)
        x = self.conv_enc2x(torch.cat((resized(picture, 1 / 2), half), 1))
        x = self.conv_enc4x(torch.cat((x, self.tohr_enc4x(quarter)), 1))
        x = torch.cat((x, resized(meaning, 2), resized(picture, 1 / 4)), 1)
        x = self.conv_hr4x(x)
        y: Tensor = self.conv_hr2x(torch.cat((resized(x, 2), half), 1))
        return y


class Fusion(nn.Module):
    """Meaning and detail → the matte."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_lr4x = Unit(_EIGHTH, width, 5)
        self.conv_f2x = Unit(2 * width, width, 3)
        self.conv_f = nn.Sequential(
            Unit(width + 3, width // 2, 3), Unit(width // 2, 1, 1, last=True)
        )

    def forward(self, picture: Tensor, meaning: Tensor, detail: Tensor) -> Tensor:
        x = resized(self.conv_lr4x(resized(meaning, 2)), 2)
        x = self.conv_f2x(torch.cat((x, detail), 1))
        y: Tensor = self.conv_f(torch.cat((resized(x, 2), picture), 1))
        return y.sigmoid()


class MODNet(nn.Module):
    """picture (1, 3, h, w), sides multiples of 32 → alpha (1, 1, h, w) 0…1.

    Parameters
    ----------
    width : channels of detail
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"model": MobileNetV2()})
        self.lr_branch = Meaning()
        self.hr_branch = Detail(width)
        self.f_branch = Fusion(width)

    def forward(self, picture: Tensor) -> Tensor:
        half, quarter, deep = self.backbone["model"](picture)
        meaning = self.lr_branch(deep)
        detail = self.hr_branch(picture, half, quarter, meaning)
        alpha: Tensor = self.f_branch(picture, meaning, detail)
        return alpha


def resized(x: Tensor, factor: float) -> Tensor:
    """So many times as large."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
