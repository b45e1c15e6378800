"""The U²-Netp layout (Qin et al. 2020) with random weights, as ONNX: what a peer's default costs.

Cost does not depend on weights, so a random network of the published shape stands in for the
published one, which a benchmark should not have to download.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

MIDDLE, WIDE = 16, 64


class Conv(nn.Sequential):
    """3×3 convolution, batch norm, ReLU."""

    def __init__(self, inp: int, out: int, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inp, out, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(out),
            nn.ReLU(),
        )


class ResidualU(nn.Module):
    """RSU-`height`: a small U-Net inside a residual; `flat` dilates instead of pooling (RSU-4F)."""

    def __init__(self, height: int, inp: int, *, flat: bool = False) -> None:
        super().__init__()
        self.flat = flat
        down = [2**i if flat else 1 for i in range(height - 1)]
        self.first = Conv(inp, WIDE)
        self.down = nn.ModuleList(
            Conv(WIDE if i == 0 else MIDDLE, MIDDLE, d) for i, d in enumerate(down)
        )
        self.bottom = Conv(MIDDLE, MIDDLE, 2 ** (height - 1) if flat else 2)
        self.up = nn.ModuleList(
            Conv(2 * MIDDLE, WIDE if i == 0 else MIDDLE, d) for i, d in enumerate(down)
        )

    def forward(self, x: Tensor) -> Tensor:
        first = y = self.first(x)
        levels = []
        for i, conv in enumerate(self.down):
            if i and not self.flat:
                y = F.max_pool2d(y, 2, 2, ceil_mode=True)
            y = conv(y)
            levels.append(y)
        y = self.bottom(y)
        for i in reversed(range(len(self.up))):
            side = levels[i]
            if y.shape != side.shape:
                y = F.interpolate(y, size=side.shape[2:], mode="bilinear")
            y = self.up[i](torch.cat([y, side], 1))
        return first + y


class U2Netp(nn.Module):
    """(N, 3, 320, 320) → seven (N, 1, 320, 320) maps; the first is the answer."""

    def __init__(self) -> None:
        super().__init__()
        heights = (7, 6, 5, 4, 4, 4)
        self.encoder = nn.ModuleList(
            ResidualU(h, 3 if i == 0 else WIDE, flat=i >= 4) for i, h in enumerate(heights)
        )
        self.decoder = nn.ModuleList(
            ResidualU(h, 2 * WIDE, flat=i >= 4) for i, h in enumerate(heights[:5])
        )
        self.side = nn.ModuleList(nn.Conv2d(WIDE, 1, 3, padding=1) for _ in range(6))
        self.out = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        size = x.shape[2:]
        levels = []
        for i, stage in enumerate(self.encoder):
            x = stage(x if i == 0 else F.max_pool2d(x, 2, 2, ceil_mode=True))
            levels.append(x)
        for i in reversed(range(5)):
            up = F.interpolate(levels[i + 1], size=levels[i].shape[2:], mode="bilinear")
            levels[i] = self.decoder[i](torch.cat([up, levels[i]], 1))
        sides = [
            F.interpolate(conv(level), size=size, mode="bilinear")
            for conv, level in zip(self.side, levels, strict=True)
        ]
        maps = [self.out(torch.cat(sides, 1)), *sides]
        return tuple(torch.sigmoid(m) for m in maps)


def export(path: Path) -> None:
    """Write the network with random weights to an ONNX file."""
    torch.manual_seed(0)
    network = U2Netp().eval()
    torch.onnx.export(
        network, (torch.zeros(1, 3, 320, 320),), path, dynamo=True, external_data=False,
        input_names=["input"], opset_version=18, verbose=False,
    )  # fmt: skip


if __name__ == "__main__":
    export(Path(sys.argv[1]))
