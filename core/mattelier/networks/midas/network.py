"""MiDaS v2.1 small (Ranftl et al. 2020, arXiv:1907.01341): picture → inverse relative depth.

An EfficientNet-Lite3 encoder (Tan and Le 2019) in TensorFlow's form, whose maps at four sizes are
fused from coarse to fine. Modules are named as in the published file, so that its weights load.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from mattelier.networks.depth_anything.network import FeatureFusionBlock

_STEM = 32
# repeats, kernel, stride, expansion, channels of each stage (width × 1.2, depth × 1.4).
_STAGES = (
    (1, 3, 1, 1, 24),
    (3, 3, 2, 6, 32),
    (3, 5, 2, 6, 48),
    (5, 3, 2, 6, 96),
    (5, 5, 1, 6, 136),
    (6, 5, 2, 6, 232),
    (1, 3, 1, 6, 384),
)
_MAPS = (32, 48, 136, 384)
_FEATURES = (64, 128, 256, 512)


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow does: by what the stride needs, more at the end."""

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for side, kernel, stride in zip(
            x.shape[:-3:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def _conv(inp: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return SameConv2d(inp, out, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class DepthwiseSeparable(nn.Module):
    """Depthwise k×k, then 1×1."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _conv(inp, inp, kernel, stride, inp)
        self.bn1 = _norm(inp)
        self.conv_pw = _conv(inp, out, 1)
        self.bn2 = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn1(self.conv_dw(x)))
        result: Tensor = self.bn2(self.conv_pw(x))
        return result


class InvertedResidual(nn.Module):
    """Expand 1×1 → depthwise k×k → project 1×1, with a skip where shapes agree."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        mid = inp * expansion
        self.conv_pw = _conv(inp, mid, 1)
        self.bn1 = _norm(mid)
        self.conv_dw = _conv(mid, mid, kernel, stride, mid)
        self.bn2 = _norm(mid)
        self.conv_pwl = _conv(mid, out, 1)
        self.bn3 = _norm(out)
        self.skip = stride == 1 and inp == out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn1(self.conv_pw(x)))
        y = F.relu6(self.bn2(self.conv_dw(y)))
        result: Tensor = self.bn3(self.conv_pwl(y))
        return x + result if self.skip else result


def _stage(number: int) -> nn.Sequential:
    repeats, kernel, stride, expansion, channels = _STAGES[number]
    before = _STAGES[number - 1][4] if number else _STEM
    if expansion == 1:
        return nn.Sequential(DepthwiseSeparable(before, channels, kernel, stride))
    return nn.Sequential(
        *(
            InvertedResidual(
                channels if i else before, channels, kernel, 1 if i else stride, expansion
            )
            for i in range(repeats)
        )
    )


class MidasSmall(nn.Module):
    """(N, 3, H, W) normalised RGB, sides multiples of 32 → (N, 1, H, W) ≥ 0, larger is nearer."""

    def __init__(self) -> None:
        super().__init__()
        self.pretrained = nn.Module()
        stem = (_conv(3, _STEM, 3, 2), _norm(_STEM), nn.ReLU6())
        self.pretrained.layer1 = nn.Sequential(*stem, _stage(0), _stage(1))
        self.pretrained.layer2 = nn.Sequential(_stage(2))
        self.pretrained.layer3 = nn.Sequential(_stage(3), _stage(4))
        self.pretrained.layer4 = nn.Sequential(_stage(5), _stage(6))
        self.scratch = nn.Module()
        for number, (channels, features) in enumerate(zip(_MAPS, _FEATURES, strict=True), 1):
            reduce = nn.Conv2d(channels, features, 3, 1, 1, bias=False)
            self.scratch.add_module(f"layer{number}_rn", reduce)
            out = features // 2 if number > 1 else features
            self.scratch.add_module(f"refinenet{number}", FeatureFusionBlock(features, out))
        self.scratch.output_conv = nn.Sequential(
            nn.Conv2d(64, 32, 3, 1, 1),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(32, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )

    def forward(self, picture: Tensor) -> Tensor:
        maps = []
        x = picture
        for number in range(1, 5):
            x = self.pretrained.get_submodule(f"layer{number}")(x)
            maps.append(self.scratch.get_submodule(f"layer{number}_rn")(x))
        x = self.scratch.get_submodule("refinenet4")(maps[3])
        for number in (3, 2, 1):
            x = self.scratch.get_submodule(f"refinenet{number}")(x, maps[number - 1])
        result: Tensor = self.scratch.get_submodule("output_conv")(x)
        return result
