"""BiRefNet (Zheng et al., CAAI AIR 2024): picture → the logits of its subject.

A Swin transformer sees the picture twice, whole and at half the size; a decoder goes back up to
full size, is shown the picture itself at every step, and weighs what it has by where it expects
gradients. Its blocks look around by deformable convolutions (Zhu et al., CVPR 2019), which are
written here in plain PyTorch, so that no torchvision is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

_INNER = 64  # channels inside of a block
_BRANCH = 256  # and of each of its branches
_KERNELS = (1, 3, 7)  # of the branches beside the first, which has 1
_ATTENTION = 16  # channels of what is expected of gradients


class BiRefNet(nn.Module):
    """(1, 3, h, w) normalised → logits (1, 1, h, w); sides are multiples of 32.

    Parameters
    ----------
    width : channels of the first stage
    depths, heads : blocks and attention heads of the four stages
    window : side of the windows that attention stays in
    """

    def __init__(
        self, width: int, depths: Sequence[int], heads: Sequence[int], window: int
    ) -> None:
        super().__init__()
        channels = [2 * width * factor for factor in (8, 4, 2, 1)]  # seen at two sizes
        self.bb = Swin(width, depths, heads, window)
        self.squeeze_module = nn.Sequential(Block(sum(channels), channels[0]))
        self.decoder = Decoder(channels)

    def forward(self, picture: Tensor) -> Tensor:
        size = picture.shape[2] // 2, picture.shape[3] // 2
        seen = zip(self.bb(picture), self.bb(_resize(picture, size)), strict=True)
        levels = [torch.cat([whole, _resize(half, whole.shape[2:])], 1) for whole, half in seen]
        deepest = levels[-1]
        context = [_resize(level, deepest.shape[2:]) for level in levels[:-1]]
        levels[-1] = self.squeeze_module(torch.cat([*context, deepest], 1))
        logits: Tensor = self.decoder(picture, levels)
        return logits


class Decoder(nn.Module):
    """From the deepest level up to full size."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        shown = [channels[0] // 8, *(count // 8 for count in channels)]
        given = [3 * 4**power for power in (5, 4, 3, 2, 0)]
        made = [*channels[1:], channels[-1] // 2]
        for number in range(5, 0, -1):
            self.add_module(f"ipt_blk{number}", Shown(given[5 - number], shown[5 - number]))
        for place, number in enumerate((4, 3, 2, 1)):
            block = Block(channels[place] + shown[place], made[place])
            self.add_module(f"decoder_block{number}", block)
            if number > 1:
                self.add_module(f"lateral_block{number}", Lateral(channels[place + 1], made[place]))
                expected = nn.Sequential(
                    nn.Conv2d(made[place], _ATTENTION, 3, 1, 1), nn.BatchNorm2d(_ATTENTION),
                    nn.ReLU(),
                )  # fmt: skip
                self.add_module(f"gdt_convs_{number}", expected)
                attention = nn.Sequential(nn.Conv2d(_ATTENTION, 1, 1))
                self.add_module(f"gdt_convs_attn_{number}", attention)
        self.conv_out1 = nn.Sequential(nn.Conv2d(made[-1] + shown[-1], 1, 1))

    def forward(self, picture: Tensor, levels: list[Tensor]) -> Tensor:
        state = levels[3]
        for number in (4, 3, 2, 1):
            state = self._with_picture(picture, state, number + 1)
            state = self.get_submodule(f"decoder_block{number}")(state)
            if number > 1:
                expected = self.get_submodule(f"gdt_convs_{number}")(state)
                state = state * self.get_submodule(f"gdt_convs_attn_{number}")(expected).sigmoid()
                above = levels[number - 2]
                lateral = self.get_submodule(f"lateral_block{number}")(above)
                state = _resize(state, above.shape[2:]) + lateral
        state = _resize(state, picture.shape[2:])
        logits: Tensor = self.conv_out1(self._with_picture(picture, state, 1))
        return logits

    def _with_picture(self, picture: Tensor, state: Tensor, number: int) -> Tensor:
        """The state, and the picture cut into patches of its size, side by side."""
        _, channels, height, width = picture.shape
        rows, columns = height // state.shape[2], width // state.shape[3]
        patches = picture.view(1, channels, rows, height // rows, columns, width // columns)
        patches = patches.permute(0, 1, 2, 4, 3, 5).flatten(1, 3)
        patches = _resize(patches, state.shape[2:])
        return torch.cat([state, self.get_submodule(f"ipt_blk{number}")(patches)], 1)


class Shown(nn.Module):
    """What is made of the picture that a decoder's step is shown."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, _INNER, 3, 1, 1)
        self.conv_out = nn.Conv2d(_INNER, made, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv_out(self.conv1(x))
        return result


class Lateral(nn.Module):
    """A level of the encoder, brought to a step's channels."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(given, made, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return result


class Block(nn.Module):
    """Convolution, a look around, convolution."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(given, _INNER, 3, 1, 1)
        self.bn_in = nn.BatchNorm2d(_INNER)
        self.dec_att = LookAround()
        self.conv_out = nn.Conv2d(_INNER, made, 3, 1, 1)
        self.bn_out = nn.BatchNorm2d(made)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn_in(self.conv_in(x)))
        result: Tensor = self.bn_out(self.conv_out(self.dec_att(inner)))
        return result


class LookAround(nn.Module):
    """Deformable convolutions of several sizes and the mean of all, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.aspp1 = Branch(1)
        self.aspp_deforms = nn.ModuleList(Branch(kernel) for kernel in _KERNELS)
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(_INNER, _BRANCH, 1, bias=False),
            nn.BatchNorm2d(_BRANCH), nn.ReLU(),
        )  # fmt: skip
        self.conv1 = nn.Conv2d(_BRANCH * (2 + len(_KERNELS)), _INNER, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_INNER)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.global_avg_pool(x).expand(-1, -1, *x.shape[2:])
        parts = [self.aspp1(x), *(branch(x) for branch in self.aspp_deforms), mean]
        return F.relu(self.bn1(self.conv1(torch.cat(parts, 1))))


class Branch(nn.Module):
    """A deformable convolution, normed."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.atrous_conv = DeformableConv(kernel)
        self.bn = nn.BatchNorm2d(_BRANCH)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.atrous_conv(x)))


class DeformableConv(nn.Module):
    """A convolution that chooses where each of its taps looks, and how much it counts.

    One tap after the other: memory is that of one, not of 49.
    """

    def __init__(self, kernel: int) -> None:
        super().__init__()
        taps, padding = kernel * kernel, kernel // 2
        self.kernel, self.padding = kernel, padding
        self.offset_conv = nn.Conv2d(_INNER, 2 * taps, kernel, 1, padding)
        self.modulator_conv = nn.Conv2d(_INNER, taps, kernel, 1, padding)
        self.regular_conv = nn.Conv2d(_INNER, _BRANCH, kernel, 1, padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        offsets, counts = self.offset_conv(x), 2 * torch.sigmoid(self.modulator_conv(x))
        rows = torch.arange(height, dtype=x.dtype, device=x.device)[:, None]
        columns = torch.arange(width, dtype=x.dtype, device=x.device)
        result: Tensor | None = None
        for tap, (row, column) in enumerate(product(range(self.kernel), repeat=2)):
            y = rows + (row - self.padding) + offsets[0, 2 * tap]
            place_x = columns + (column - self.padding) + offsets[0, 2 * tap + 1]
            grid = torch.stack(
                [2 * place_x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1
            )
            seen = F.grid_sample(x, grid[None], align_corners=True) * counts[:, tap : tap + 1]
            part = F.conv2d(seen, self.regular_conv.weight[:, :, row, column, None, None])
            result = part if result is None else result.add_(part)
        assert result is not None
        return result


class Swin(nn.Module):
    """Swin transformer (Liu et al., ICCV 2021): picture → features of four stages."""

    def __init__(
        self, width: int, depths: Sequence[int], heads: Sequence[int], window: int
    ) -> None:
        super().__init__()
        self.patch_embed = Patches(width)
        self.layers = nn.ModuleList()
        for stage, (depth, count) in enumerate(zip(depths, heads, strict=True)):
            channels = width * 2**stage
            self.layers.append(Stage(channels, depth, count, window, last=stage == len(depths) - 1))
            self.add_module(f"norm{stage}", nn.LayerNorm(channels))

    def forward(self, picture: Tensor) -> list[Tensor]:
        x, features = self.patch_embed(picture), []
        for number, stage in enumerate(self.layers):
            seen, x = stage(x)
            features.append(self.get_submodule(f"norm{number}")(seen).permute(0, 3, 1, 2))
        return features


class Patches(nn.Module):
    """4 × 4 pixels as one token: (1, 3, h, w) → (1, h/4, w/4, channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, 4, 4)
        self.norm = nn.LayerNorm(channels)

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[2:]
        padded = F.pad(picture, (0, -width % 4, 0, -height % 4))
        tokens: Tensor = self.norm(self.proj(padded).permute(0, 2, 3, 1))
        return tokens


class Stage(nn.Module):
    """Blocks at one size; gives what it saw, and that at half the size."""

    def __init__(self, channels: int, depth: int, heads: int, window: int, *, last: bool) -> None:
        super().__init__()
        self.window = window
        self.blocks = nn.ModuleList(
            SwinBlock(channels, heads, window, window // 2 if number % 2 else 0)
            for number in range(depth)
        )
        self.downsample = None if last else Merging(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        height, width = (-(-side // self.window) * self.window for side in x.shape[1:3])
        mask = _shift_mask(height, width, self.window).to(x)
        for block in self.blocks:
            x = block(x, mask)
        return x, x if self.downsample is None else self.downsample(x)


class Merging(nn.Module):
    """Four neighbours as one token."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        corners = [x[:, row::2, column::2] for column, row in product(range(2), repeat=2)]
        merged: Tensor = self.reduction(self.norm(torch.cat(corners, -1)))
        return merged


class SwinBlock(nn.Module):
    """Attention within windows, which every other block shifts by half of one."""

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attn = Attention(channels, heads, window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        size = self.window
        padded = F.pad(self.norm1(x), (0, 0, 0, -width % size, 0, -height % size))
        rows, columns = padded.shape[1] // size, padded.shape[2] // size
        if self.shift:
            padded = padded.roll((-self.shift, -self.shift), (1, 2))
        windows = padded.view(rows, size, columns, size, channels).transpose(1, 2)
        seen = self.attn(windows.reshape(-1, size * size, channels), mask if self.shift else None)
        seen = seen.view(rows, columns, size, size, channels).transpose(1, 2)
        seen = seen.reshape(1, rows * size, columns * size, channels)
        if self.shift:
            seen = seen.roll((self.shift, self.shift), (1, 2))
        x = x + seen[:, :height, :width]
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class Mlp(nn.Module):
    """Two layers, four times as wide between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class Attention(nn.Module):
    """Attention within windows, with a bias learned for each distance."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        places = torch.stack(
            torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        ).flatten(1)
        apart = places[:, :, None] - places[:, None, :] + window - 1
        self.register_buffer("which", apart[0] * (2 * window - 1) + apart[1], persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        count, tokens, channels = x.shape
        parts = self.qkv(x).view(count, tokens, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        which = self.get_buffer("which")
        bias = self.relative_position_bias_table[which].permute(2, 0, 1)[None]
        if mask is not None:
            bias = bias + mask[:, None]
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        result: Tensor = self.proj(seen.transpose(1, 2).reshape(count, tokens, channels))
        return result


def _shift_mask(height: int, width: int, window: int) -> Tensor:
    """(windows, tokens, tokens): −inf between tokens that only shifting made neighbours."""
    parts = torch.zeros(height, width)
    bounds = slice(-window), slice(-window, -(window // 2)), slice(-(window // 2), None)
    for number, (rows, columns) in enumerate(product(bounds, repeat=2)):
        parts[rows, columns] = number
    windows = parts.view(height // window, window, width // window, window)
    windows = windows.transpose(1, 2).reshape(-1, window * window)
    same = windows[:, None] == windows[:, :, None]
    return torch.zeros(same.shape).masked_fill(~same, float("-inf"))


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=True)
