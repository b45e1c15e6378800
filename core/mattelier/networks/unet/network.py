"""U-Net (Ronneberger et al., MICCAI 2015), padded and with norms, as most who use it train it.

Modules are named as in the files of its most common PyTorch layout, so that their weights load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

_LEVELS = 4


class Convolved(nn.Module):
    """Two 3 × 3 convolutions with norms."""

    def __init__(self, inp: int, mid: int, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((inp, mid), (mid, out)):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.double_conv(x)
        return y


class Down(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, inp: int, out: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), Convolved(inp, out, out))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.maxpool_conv(x)
        return y


class Up(nn.Module):
    """Twice the size, joined with what lay beside it on the way down."""

    def __init__(self, inp: int, out: int, *, transposed: bool) -> None:
        super().__init__()
        self.up: nn.Module
        if transposed:
            self.up = nn.ConvTranspose2d(inp, inp // 2, 2, stride=2)
        else:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = Convolved(inp, out if transposed else inp // 2, out)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        x = self.up(x)
        rows, columns = (a - b for a, b in zip(beside.shape[2:], x.shape[2:], strict=True))
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        y: Tensor = self.conv(torch.cat((beside, x), 1))
        return y


class UNet(nn.Module):
    """picture (1, 3, h, w) → alpha (1, 1, h, w), or of more than two classes (C, h, w), 0…1.

    Parameters
    ----------
    width : channels at full size
    classes : of its answer; of two the second is the subject
    transposed : it enlarges by what it learned, else bilinearly
    """

    def __init__(self, width: int, classes: int, *, transposed: bool) -> None:
        super().__init__()
        share = 1 if transposed else 2
        widths = [width << level for level in range(_LEVELS + 1)]
        self.inc = Convolved(3, width, width)
        for level in range(1, _LEVELS + 1):
            inp, out = widths[level - 1 : level + 1]
            self.add_module(f"down{level}", Down(inp, out // (share if level == _LEVELS else 1)))
        for number, level in enumerate(range(_LEVELS, 0, -1), 1):
            out = widths[level - 1] // (share if level > 1 else 1)
            self.add_module(f"up{number}", Up(widths[level], out, transposed=transposed))
        self.outc = nn.ModuleDict({"conv": nn.Conv2d(width, classes, 1)})

    def forward(self, picture: Tensor) -> Tensor:
        x = self.inc(picture)
        beside = []
        for level in range(1, _LEVELS + 1):
            beside.append(x)
            x = self.get_submodule(f"down{level}")(x)
        for number in range(1, _LEVELS + 1):
            x = self.get_submodule(f"up{number}")(x, beside.pop())
        logits: Tensor = self.outc["conv"](x)
        if logits.shape[1] == 1:
            return logits.sigmoid()
        shares = logits.softmax(1)
        return shares[:, 1:] if shares.shape[1] == 2 else shares[0]
