"""The default network: picture + hint → alpha, small enough for a laptop's processor.

A MobileNetV2 encoder (Sandler et al. 2018; Apache-2.0 DeepLabV3 weights, batch norm folded)
with DeepLab's image-pooling head, self-attention over the 1/16 grid, two coarser levels, and a
top-down decoder. The hint enters where the encoder has already shrunk eightfold, and again at
every later level, so the costly early layers see the picture alone and a mask that is right
already can pass through.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

# expansion, channels, stride, dilation of each inverted residual; output stride 16 as in DeepLab.
_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 1), (6, 24, 1, 1),
    (6, 32, 2, 1), (6, 32, 1, 1), (6, 32, 1, 1),
    (6, 64, 2, 1), (6, 64, 1, 1), (6, 64, 1, 1), (6, 64, 1, 1),
    (6, 96, 1, 1), (6, 96, 1, 1), (6, 96, 1, 1),
    (6, 160, 1, 1), (6, 160, 1, 2), (6, 160, 1, 2),
    (6, 320, 1, 2),
)  # fmt: skip
_DILATED = 14  # from this block on every convolution is dilated by 2
_HINT_BLOCK = 4  # first block behind which the hint is added: 32 channels at 1/8


Net = TypeVar("Net", bound="CutoutNet")


class InvertedResidual(nn.Module):
    """Expand 1×1 → depthwise 3×3 → project 1×1, with a skip where shapes agree."""

    def __init__(self, inp: int, out: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        mid = inp * expansion
        self.expand = nn.Conv2d(inp, mid, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(mid, mid, 3, stride, dilation, dilation, groups=mid)
        self.project = nn.Conv2d(mid, out, 1)
        self.skip = stride == 1 and inp == out

    def forward(self, x: Tensor, *, apart: bool = False) -> Tensor:
        """`apart` tells that x has been through `_apart`, so that its neighbours are next to it."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        if apart:
            layer = self.depthwise
            y = F.conv2d(y, layer.weight, layer.bias, padding=1, groups=layer.groups)
        else:
            y = self.depthwise(y)
        y = self.project(F.relu6(y, inplace=True))
        result: Tensor = x + y if self.skip else y
        return result


class ConvBlock(nn.Sequential):
    """Convolution, batch norm while training (folded away when shipped), ReLU."""

    def __init__(self, inp: int, out: int, size: int, stride: int = 1, *, norm: bool) -> None:
        super().__init__(
            nn.Conv2d(inp, out, size, stride, size // 2),
            nn.BatchNorm2d(out) if norm else nn.Identity(),
            nn.ReLU(inplace=True),
        )


class Fuse(nn.Module):
    """One decoder level: what comes from below, the encoder's features and the hint, summed.

    Summing 1×1 projections keeps channel counts round, which costs half the time of the
    equivalent concatenation at 1/2 resolution.
    """

    def __init__(self, below: int, side: int, out: int, depth: int, *, norm: bool) -> None:
        super().__init__()
        self.below = nn.Conv2d(below, out, 1)
        self.side = nn.Conv2d(side, out, 1)
        self.hint = nn.Conv2d(2, out, 1)
        self.blocks = nn.Sequential(*(ConvBlock(out, out, 3, norm=norm) for _ in range(depth)))

    def forward(self, below: Tensor, side: Tensor, hint: Tensor) -> Tensor:
        merged = grow(self.below(below), side) + self.side(side) + self.hint(hint)
        y: Tensor = self.blocks(F.relu(merged, inplace=True))
        return y


class Attention(nn.Module):
    """A transformer block (Vaswani et al. 2017) on a grid, its places told by a depthwise
    convolution (Chu et al. 2021) so that it takes any size. It starts as the identity."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.place = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.answer = nn.Conv2d(channels, channels, 1)
        self.norm2 = nn.LayerNorm(channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)
        for layer in (self.place, self.answer, self.narrow):
            for value in layer.parameters():
                nn.init.zeros_(value)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.place(x)
        projected = self.ask(_normed(x, self.norm))
        projected = projected.reshape(len(x), 3, self.heads, -1, x.shape[2] * x.shape[3])
        query, key, value = projected.permute(1, 0, 2, 4, 3)
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.answer(attended.transpose(2, 3).reshape(x.shape))
        y: Tensor = x + self.narrow(F.gelu(self.widen(_normed(x, self.norm2))))
        return y


class Context(nn.Module):
    """What one cell of the 1/16 grid learns from all others, and from the hint's cells."""

    def __init__(self, channels: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.hint = nn.Conv2d(2, channels, 1)
        for value in self.hint.parameters():
            nn.init.zeros_(value)
        self.blocks = nn.Sequential(*(Attention(channels, heads) for _ in range(blocks)))

    def forward(self, x: Tensor, hint: Tensor) -> Tensor:
        y: Tensor = self.blocks(x + self.hint(hint))
        return y


class CutoutNet(nn.Module):
    """picture (N, 3, H, W) sRGB 0…1 and hint (N, 2, H, W) 0…1 → alpha logits.

    H and W are multiples of 32. The hint's channels are evidence for and against the subject;
    zero in both means that nothing is known there.

    Parameters
    ----------
    norm : bool
        With batch norm in the decoder (training), or with it folded into the convolutions
        (the shipped weights; see `fold_norms`).
    """

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        blocks, inp = [], 32
        for expansion, out, stride, dilation in _BLOCKS:
            blocks.append(InvertedResidual(inp, out, expansion, stride, dilation))
            inp = out
        self.blocks = nn.ModuleList(blocks)
        self.image_pooling = nn.Conv2d(320, 256, 1)
        self.aspp = nn.Conv2d(320, 256, 1)
        self.head = nn.Conv2d(512, 256, 1)
        self.context = Context(256, blocks=2, heads=4)

        self.hint_stem = nn.Sequential(
            ConvBlock(2, 16, 3, 2, norm=norm), ConvBlock(16, 32, 3, 2, norm=norm)
        )
        self.hint_add = nn.Conv2d(32, 32, 1)
        nn.init.zeros_(self.hint_add.weight)  # the pretrained encoder starts undisturbed
        nn.init.zeros_(self.hint_add.bias)  # type: ignore[arg-type]

        self.down32 = nn.Sequential(
            ConvBlock(256, 128, 3, 2, norm=norm), ConvBlock(128, 128, 3, norm=norm)
        )
        self.down64 = nn.Sequential(
            ConvBlock(128, 128, 3, 2, norm=norm), ConvBlock(128, 128, 3, norm=norm)
        )
        self.up32 = Fuse(128, 128, 128, 1, norm=norm)
        self.up16 = Fuse(128, 256, 128, 2, norm=norm)
        self.up8 = Fuse(128, 32, 64, 2, norm=norm)
        self.up4 = Fuse(64, 24, 40, 2, norm=norm)
        self.up2 = Fuse(40, 16, 16, 2, norm=norm)
        self.out = nn.ModuleList([nn.Conv2d(c, 1, 3, 1, 1) for c in (16, 40, 64, 128)])
        self.register_load_state_dict_pre_hook(_without_context)  # type: ignore[no-untyped-call]

    def early(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Features at 1/2 (16 channels) and 1/4 (24 channels): the picture alone."""
        x = F.relu6(self.stem(picture * 2 - 1), inplace=True)
        half = self.blocks[0](x)
        return half, self.blocks[2](self.blocks[1](half))

    def decode(self, half: Tensor, quarter: Tensor, hint: Tensor) -> list[Tensor]:
        """The decoder's features at 1/2, 1/4, 1/8 and 1/16, finest first."""
        hint2 = F.avg_pool2d(hint, 2)
        hint4 = F.avg_pool2d(hint2, 2)
        hint8 = F.avg_pool2d(hint4, 2)
        hint16 = F.avg_pool2d(hint8, 2)
        x = quarter
        eighth = x
        for number, block in enumerate(self.blocks[3:], start=3):
            x = block(x)
            if number == _HINT_BLOCK:
                x = x + self.hint_add(self.hint_stem(hint2))
            if number == 5:
                eighth = x
            if number + 1 == _DILATED and self.training:
                break
        if self.training:  # gradients of dilated convolutions are slow on processors
            x = _apart(x)
            for block in self.blocks[_DILATED:]:
                x = block(x, apart=True)
            x = _together(x)
        pooled = F.relu(self.image_pooling(x.mean((2, 3), keepdim=True)))
        x = torch.cat([pooled.expand(-1, -1, x.shape[2], x.shape[3]), F.relu(self.aspp(x))], 1)
        x16 = self.context(F.relu(self.head(x)), hint16)
        x32 = self.down32(x16)
        x64 = self.down64(x32)
        y32 = self.up32(x64, x32, F.avg_pool2d(hint16, 2))
        y16 = self.up16(y32, x16, hint16)
        y8 = self.up8(y16, eighth, hint8)
        y4 = self.up4(y8, quarter, hint4)
        y2 = self.up2(y4, half, hint2)
        return [y2, y4, y8, y16]

    def levels(self, *early_and_hint: Tensor) -> list[Tensor]:
        """Alpha logits at 1/2, 1/4, 1/8 and 1/16, finest first, from what `early` saw."""
        return [out(y) for out, y in zip(self.out, self.decode(*early_and_hint), strict=True)]

    def last_layers(self) -> tuple[nn.Module, ...]:
        """Those whose answers add up to the logits: what multiplies them makes alpha sharper."""
        return (self.out[0],)

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        """Alpha logits (N, 1, H, W) at the input's size."""
        return grow(self.levels(*self.early(picture), hint)[0], picture)


def _without_context(network: nn.Module, state: dict[str, Any], *_: object) -> None:
    """Weights from before there was a context, whose start passes everything through."""
    if not any(name.startswith("context.") for name in state):
        fresh = Context(256, blocks=2, heads=4).state_dict(prefix="context.")
        state |= {
            name: value.to(next(network.parameters()).device) for name, value in fresh.items()
        }


def _normed(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    y: Tensor = norm(x.permute(0, 2, 3, 1))
    return y.permute(0, 3, 1, 2)


def _apart(x: Tensor) -> Tensor:
    """(N, C, H, W) → (4N, C, H/2, W/2): every other row and column, so that neighbours are those
    that a convolution dilated by 2 sees."""
    n, channels, height, width = x.shape
    x = x.reshape(n, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(4 * n, channels, height // 2, width // 2).contiguous(
        memory_format=torch.channels_last
    )


def _together(x: Tensor) -> Tensor:
    """The inverse of `_apart`."""
    n, channels, height, width = x.shape
    x = x.reshape(n // 4, 2, 2, channels, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n // 4, channels, 2 * height, 2 * width).contiguous(
        memory_format=torch.channels_last
    )


def grow(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def fold_norms(network: Net) -> Net:
    """The same function without batch norm: a new network of its class in eval mode."""
    folded = type(network)(norm=False).eval()
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, ConvBlock):
            conv = nn.utils.fusion.fuse_conv_bn_eval(module[0].eval(), module[1].eval())  # type: ignore[type-var, arg-type]
            state |= {f"{name}.0.{key}": value for key, value in conv.state_dict().items()}
        elif isinstance(module, nn.Conv2d | nn.LayerNorm) and f"{name}.weight" not in state:
            state |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    folded.load_state_dict(state)
    return folded


def spread_norms(network: CutoutNet, folded: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state for `network` (with norms) that computes what the folded weights compute.

    The norms become identities, so fine-tuning goes on from the shipped weights.
    """
    state = network.state_dict()
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            state[f"{name}.running_mean"] = torch.zeros_like(module.running_mean)  # type: ignore[arg-type]
            state[f"{name}.running_var"] = torch.ones_like(module.running_var) - module.eps  # type: ignore[arg-type]
            state[f"{name}.weight"] = torch.ones_like(module.weight)
            state[f"{name}.bias"] = torch.zeros_like(module.bias)
    return state | folded
