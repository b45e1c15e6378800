"""U²-Net (Qin et al., Pattern Recognition 2020) and IS-Net (Qin et al., ECCV 2022).

A U of stages that are U's themselves ("residual U-blocks"), each of whose answers is added to what
it was given. Modules are named as in the published files, so that their weights load.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

# Units of a stage from its top to its bottom; a flat one dilates where the others shrink.
STAGES: Mapping[str, tuple[int, bool]] = {
    "stage1": (7, False),
    "stage2": (6, False),
    "stage3": (5, False),
    "stage4": (4, False),
    "stage5": (4, True),
    "stage6": (4, True),
    "stage5d": (4, True),
    "stage4d": (4, False),
    "stage3d": (5, False),
    "stage2d": (6, False),
    "stage1d": (7, False),
}


class Unit(nn.Module):
    """A 3 × 3 convolution, its norm, and what is positive of it."""

    def __init__(self, inp: int, out: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inp, out, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        positive: Tensor = self.bn_s1(self.conv_s1(x)).relu_()
        return positive


class ResidualU(nn.Module):
    """A stage: a small U whose answer is added to what went into it.

    Parameters
    ----------
    inp, mid, out : channels before, within and after it
    depth : units on its way down
    flat : none of them shrinks the picture
    """

    def __init__(self, inp: int, mid: int, out: int, depth: int, flat: bool) -> None:
        super().__init__()
        self.depth, self.flat = depth, flat
        self.rebnconvin = Unit(inp, out)
        for level in range(1, depth + 1):
            dilation = 1 << (level - 1) if flat else 1 + (level == depth)
            self.add_module(f"rebnconv{level}", Unit(out if level == 1 else mid, mid, dilation))
        for level in range(1, depth):
            dilation = 1 << (level - 1) if flat else 1
            self.add_module(
                f"rebnconv{level}d", Unit(2 * mid, out if level == 1 else mid, dilation)
            )

    def forward(self, x: Tensor) -> Tensor:
        given = x = self.rebnconvin(x)
        levels = []
        for level in range(1, self.depth + 1):
            if 1 < level < self.depth and not self.flat:
                x = halved(x)
            x = self.get_submodule(f"rebnconv{level}")(x)
            levels.append(x)
        levels.pop()  # the bottom, where the way up begins
        for level in range(self.depth - 1, 0, -1):
            beside = levels.pop()
            both = torch.cat((as_large_as(x, beside), beside), 1)
            x = self.get_submodule(f"rebnconv{level}d")(both)
        y: Tensor = x + given
        return y


class U2Net(nn.Module):
    """picture (1, 3, h, w) → alpha (1, 1, h, w) 0…1.

    Parameters
    ----------
    widths : channels before, within and after each of `STAGES`
    halved : IS-Net: it begins at half the size, and its finest answer alone counts
    """

    def __init__(self, widths: Mapping[str, tuple[int, int, int]], *, halved: bool) -> None:
        super().__init__()
        self.halved = halved
        if halved:
            self.conv_in = nn.Conv2d(3, widths["stage1"][0], 3, stride=2, padding=1)
        for name, (depth, flat) in STAGES.items():
            self.add_module(name, ResidualU(*widths[name], depth, flat))
        names = ["stage1d", "stage2d", "stage3d", "stage4d", "stage5d", "stage6"]
        self._answering = names[:1] if halved else names
        for number, name in enumerate(self._answering, 1):
            self.add_module(f"side{number}", nn.Conv2d(widths[name][2], 1, 3, padding=1))
        if not halved:
            self.outconv = nn.Conv2d(len(names), 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.conv_in(picture) if self.halved else picture
        stages: dict[str, Tensor] = {}
        for number in range(1, 7):
            x = self.get_submodule(f"stage{number}")(x if number == 1 else halved(x))
            stages[f"stage{number}"] = x
        for number in range(5, 0, -1):
            beside = stages[f"stage{number}"]
            both = torch.cat((as_large_as(x, beside), beside), 1)
            x = stages[f"stage{number}d"] = self.get_submodule(f"stage{number}d")(both)
        sides = [
            as_large_as(self.get_submodule(f"side{number}")(stages[name]), picture)
            for number, name in enumerate(self._answering, 1)
        ]
        answer: Tensor = sides[0] if self.halved else self.outconv(torch.cat(sides, 1))
        return answer.sigmoid()


def halved(x: Tensor) -> Tensor:
    """The maximum of each 2 × 2 pixels; odd sides are rounded up."""
    return F.max_pool2d(x, 2, ceil_mode=True)


def as_large_as(x: Tensor, other: Tensor) -> Tensor:
    """Brought to the other's height and width."""
    return F.interpolate(x, other.shape[2:], mode="bilinear", align_corners=False)
