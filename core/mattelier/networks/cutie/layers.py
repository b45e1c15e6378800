"""Blocks that Cutie's parts share: residual stages, and features of subjects joined to a view's.

Modules are named as in the published files, so that their weights load.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

_STEM = 64  # channels
_STAGES = (64, 128, 256)  # channels of three stages; deep ones give four times as many
_SHALLOW_BLOCKS, _DEEP_BLOCKS = (2, 2, 2), (3, 4, 6)  # ResNet-18's and ResNet-50's
_DEEP_FACTOR = 4


class ResidualBlock(nn.Module):
    """Two convolutions, or three of which the outer ones are narrow, added to what they see."""

    def __init__(self, given: int, channels: int, stride: int, *, deep: bool) -> None:
        super().__init__()
        sizes = (1, 3, 1) if deep else (3, 3)
        strides = (1, stride, 1) if deep else (stride, 1)
        widths = [given, *(channels for _ in sizes)]
        if deep:
            widths[-1] *= _DEEP_FACTOR
        self.depth = len(sizes)
        for number, (size, step) in enumerate(zip(sizes, strides, strict=True)):
            before, after = widths[number : number + 2]
            convolution = nn.Conv2d(before, after, size, step, size // 2, bias=False)
            self.add_module(f"conv{number + 1}", convolution)
            self.add_module(f"bn{number + 1}", nn.BatchNorm2d(after))
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or given != widths[-1]:
            self.downsample = nn.Sequential(
                nn.Conv2d(given, widths[-1], 1, stride, bias=False), nn.BatchNorm2d(widths[-1])
            )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.depth + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.depth:
                y = F.relu(y)
        return F.relu(y + self.downsample(x))


def stages(*, deep: bool) -> list[nn.Sequential]:
    """A residual network's first three stages (He et al. 2016): at 1/4, 1/8 and 1/16."""
    made, given = [], _STEM
    for channels, count in zip(_STAGES, _DEEP_BLOCKS if deep else _SHALLOW_BLOCKS, strict=True):
        blocks = []
        for number in range(count):
            stride = 2 if number == 0 and channels != _STAGES[0] else 1
            blocks.append(ResidualBlock(given, channels, stride, deep=deep))
            given = channels * (_DEEP_FACTOR if deep else 1)
        made.append(nn.Sequential(*blocks))
    return made


def stage_widths(*, deep: bool) -> list[int]:
    """Channels that `stages` give."""
    return [channels * (_DEEP_FACTOR if deep else 1) for channels in _STAGES]


class Stem(nn.Module):
    """What every residual network begins with: to a quarter of the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, _STEM, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM)

    def stem(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)


class ChannelBlock(nn.Module):
    """Two convolutions whose channels are weighted by their neighbours' means (Wang et al. 2020,
    ECA-Net), added to what they see."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        reach = (int(math.log2(channels)) + 1) // 2
        reach += 1 - reach % 2
        self.conv = nn.Conv1d(1, 1, reach, padding=reach // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(F.relu(x))))
        weights = self.conv(y.mean((2, 3))[:, None]).sigmoid()
        joined: Tensor = x + y * weights[:, 0, :, None, None]
        return joined


class Fuser(nn.Module):
    """A view's features (1, C, h, w) brought into those of its subjects (N, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.distributor = nn.ModuleDict(
            {
                "x_transform": nn.Conv2d(channels, channels, 1),
                "g_transform": nn.Conv2d(channels, channels, 1),
            }
        )
        self.block1, self.block2 = ChannelBlock(channels), ChannelBlock(channels)

    def forward(self, view: Tensor, subjects: Tensor) -> Tensor:
        x = self.distributor["x_transform"](view) + self.distributor["g_transform"](subjects)
        joined: Tensor = self.block2(self.block1(x))
        return joined


class Gates(nn.Module):
    """How what a subject looked like is renewed: a gated recurrent unit (Cho et al. 2014)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(2 * channels, 3 * channels, 3, padding=1)

    def forward(self, seen: Tensor, state: Tensor) -> Tensor:
        forget, update, value = self.transform(torch.cat([seen, state], 1)).chunk(3, 1)
        update = update.sigmoid()
        renewed: Tensor = forget.sigmoid() * state * (1 - update) + update * value.tanh()
        return renewed


def aggregate(shares: Tensor) -> Tensor:
    """Logits (1 + N, h, w) of the background and of N subjects, each by itself 0…1 (N, h, w)."""
    background = (1 - shares).prod(0, keepdim=True)
    return torch.cat([background, shares]).clamp(1e-7, 1 - 1e-7).logit()


def others_of(masks: Tensor) -> Tensor:
    """Of each mask (N, h, w), what the rest of them cover."""
    return (masks.sum(0, keepdim=True) - masks).clamp(0, 1)
