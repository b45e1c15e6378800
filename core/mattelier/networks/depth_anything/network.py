"""Depth Anything V2 (Yang et al. 2024, arXiv:2406.09414): picture → inverse relative depth.

A DINOv2 vision transformer (Oquab et al. 2023) whose tokens after four of its blocks are put
back into maps and fused from coarse to fine (DPT; Ranftl et al. 2021). Modules are named as in
the published files, so that their weights load as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from mattelier.networks.depth_anything import PATCH

_GRID = 37  # patches a side of the pictures it was trained on
_OFFSET = 0.1  # of DINOv2's interpolation of positions


@dataclass(frozen=True)
class Size:
    """One of the published sizes."""

    width: int
    depth: int
    heads: int
    taps: tuple[int, int, int, int]
    features: int
    channels: tuple[int, int, int, int]


SIZES = {
    384: Size(384, 12, 6, (2, 5, 8, 11), 64, (48, 96, 192, 384)),
    768: Size(768, 12, 12, (2, 5, 8, 11), 128, (96, 192, 384, 768)),
    1024: Size(1024, 24, 16, (4, 11, 17, 23), 256, (256, 512, 1024, 1024)),
}
"""By the transformer's width: small, base, large."""


class Attention(nn.Module):
    """Self-attention of all tokens: (N, T, C) → (N, T, C)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        split = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.proj(mixed.transpose(1, 2).reshape(count, tokens, width))
        return result


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class LayerScale(nn.Module):
    """A learned gain for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class Block(nn.Module):
    """Attention and MLP, each normalised before and added back."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        result: Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return result


class PatchEmbed(nn.Module):
    """Patches of 14 × 14 pixels as tokens: (N, 3, H, W) → (N, H/14 · W/14, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


class VisionTransformer(nn.Module):
    """DINOv2: (N, 3, H, W) → the patch tokens after four blocks, normalised."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.taps = size.taps
        self.patch_embed = PatchEmbed(size.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, _GRID**2 + 1, size.width))
        self.mask_token = nn.Parameter(torch.zeros(1, size.width))  # of its training only
        self.blocks = nn.ModuleList(Block(size.width, size.heads) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=1e-6)

    def forward(self, x: Tensor) -> list[Tensor]:
        rows, columns = x.shape[-2] // PATCH, x.shape[-1] // PATCH
        tokens = self.patch_embed(x)
        tokens = torch.cat((self.cls_token.expand(len(x), -1, -1), tokens), 1)
        tokens = tokens + self._positions(rows, columns)
        taps = []
        for number, block in enumerate(self.blocks):
            tokens = block(tokens)
            if number in self.taps:
                taps.append(self.norm(tokens)[:, 1:])
        return taps

    def _positions(self, rows: int, columns: int) -> Tensor:
        if rows == columns == _GRID:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, _GRID, _GRID, -1).permute(0, 3, 1, 2)
        scale = ((rows + _OFFSET) / _GRID, (columns + _OFFSET) / _GRID)
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic")
        return torch.cat((self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)), 1)


class ResidualConvUnit(nn.Module):
    """ReLU, 3×3, ReLU, 3×3, added back."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, 1, 1)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return result


class FeatureFusionBlock(nn.Module):
    """A coarse map with a finer one added, refined and enlarged to a size, or doubled."""

    def __init__(self, features: int, out: int | None = None) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, out or features, 1)
        self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)

    def forward(
        self, coarse: Tensor, fine: Tensor | None = None, size: Sequence[int] | None = None
    ) -> Tensor:
        x = coarse if fine is None else coarse + self.resConfUnit1(fine)
        x = self.resConfUnit2(x)
        target = [2 * side for side in x.shape[-2:]] if size is None else list(size)
        x = F.interpolate(x, target, mode="bilinear", align_corners=True)
        result: Tensor = self.out_conv(x)
        return result


class DPTHead(nn.Module):
    """Four sets of tokens → (N, 1, H, W), fused from coarse to fine."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        first, second, _, fourth = size.channels
        self.projects = nn.ModuleList(nn.Conv2d(size.width, c, 1) for c in size.channels)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(first, first, 4, 4),
                nn.ConvTranspose2d(second, second, 2, 2),
                nn.Identity(),
                nn.Conv2d(fourth, fourth, 3, 2, 1),
            ]
        )
        self.scratch = nn.Module()
        for number, channels in enumerate(size.channels, 1):
            reduce = nn.Conv2d(channels, size.features, 3, 1, 1, bias=False)
            self.scratch.add_module(f"layer{number}_rn", reduce)
            self.scratch.add_module(f"refinenet{number}", FeatureFusionBlock(size.features))
        half = size.features // 2
        self.scratch.output_conv1 = nn.Conv2d(size.features, half, 3, 1, 1)
        self.scratch.output_conv2 = nn.Sequential(
            nn.Conv2d(half, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.ReLU()
        )

    def forward(self, tokens: Sequence[Tensor], rows: int, columns: int) -> Tensor:
        scratch = self.scratch
        maps = []
        for number, tap in enumerate(tokens):
            grid = tap.transpose(1, 2).reshape(len(tap), -1, rows, columns)
            grid = self.resize_layers[number](self.projects[number](grid))
            maps.append(scratch.get_submodule(f"layer{number + 1}_rn")(grid))
        x = scratch.get_submodule("refinenet4")(maps[3], size=maps[2].shape[-2:])
        x = scratch.get_submodule("refinenet3")(x, maps[2], size=maps[1].shape[-2:])
        x = scratch.get_submodule("refinenet2")(x, maps[1], size=maps[0].shape[-2:])
        x = scratch.get_submodule("refinenet1")(x, maps[0])
        x = scratch.get_submodule("output_conv1")(x)
        size = (rows * PATCH, columns * PATCH)
        x = F.interpolate(x, size, mode="bilinear", align_corners=True)
        result: Tensor = scratch.get_submodule("output_conv2")(x)
        return result


class DepthAnythingV2(nn.Module):
    """(N, 3, H, W) normalised RGB, sides multiples of 14 → (N, 1, H, W) ≥ 0, larger is nearer."""

    def __init__(self, size: Size = SIZES[384]) -> None:
        super().__init__()
        self.pretrained = VisionTransformer(size)
        self.depth_head = DPTHead(size)

    def forward(self, picture: Tensor) -> Tensor:
        rows, columns = picture.shape[-2] // PATCH, picture.shape[-1] // PATCH
        result: Tensor = self.depth_head(self.pretrained(picture), rows, columns)
        return result
