"""LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features", CVPR), version 0.1.

The features of a network that tells things apart, each place's made one long, are subtracted,
squared, weighted as people's judgements were found to weight them, and summed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of RGB −1…1
_EPSILON = 1e-10
# Of each backbone: after which of torchvision's layers its features are taken, and how many.
_TAPS = {
    "alex": {1: 64, 4: 192, 7: 384, 9: 256, 11: 256},
    "vgg": {3: 64, 8: 128, 15: 256, 22: 512, 29: 512},
    "squeeze": {1: 64, 4: 128, 7: 256, 9: 384, 10: 384, 11: 512, 12: 512},
}


class LPIPS(nn.Module):
    """The distance by one of the backbones: "alex", "vgg" or "squeeze".

    Layers are numbered as in torchvision's state dicts, so that these load.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.features = nn.Sequential(*_LAYERS[backbone]())
        self._taps = tuple(_TAPS[backbone])
        for number, channels in enumerate(_TAPS[backbone].values()):
            setattr(self, f"lin{number}", nn.Conv2d(channels, 1, 1, bias=False))
        for name, values in (("shift", _SHIFT), ("scale", _SCALE)):
            buffer = torch.tensor(values)[None, :, None, None]
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, picture: Tensor, truth: Tensor) -> Tensor:
        """How far apart two pictures (1, 3, H, W) RGB −1…1 look: (1, 1, 1, 1), 0 if equal."""
        total = torch.zeros(1, 1, 1, 1, device=picture.device)
        pairs = zip(self._look(picture), self._look(truth), strict=True)
        for number, (a, b) in enumerate(pairs):
            weigh: nn.Module = getattr(self, f"lin{number}")
            total = total + weigh((a - b).square()).mean((2, 3), keepdim=True)
        return total

    def _look(self, picture: Tensor) -> list[Tensor]:
        """The features of each depth, one long at each place."""
        values, found = (picture - self.shift) / self.scale, []
        for number, layer in enumerate(self.features):
            values = layer(values)
            if number in self._taps:
                length = values.square().sum(1, keepdim=True).sqrt()
                found.append(values / (length + _EPSILON))
        return found


class _Fire(nn.Module):
    """SqueezeNet's: few channels, then many of two sizes side by side."""

    def __init__(self, channels: int, few: int, many: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, few, 1)
        self.expand1x1 = nn.Conv2d(few, many, 1)
        self.expand3x3 = nn.Conv2d(few, many, 3, padding=1)

    def forward(self, values: Tensor) -> Tensor:
        few = self.squeeze(values).relu()
        return torch.cat([self.expand1x1(few).relu(), self.expand3x3(few).relu()], 1)


def _alex() -> list[nn.Module]:
    return [
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    ]  # fmt: skip


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    before = 3
    for block, (count, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        layers += [nn.MaxPool2d(2)] if block else []
        for _ in range(count):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
    return layers


def _squeeze() -> list[nn.Module]:
    def halve() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return [
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), halve(),
        _Fire(64, 16, 64), _Fire(128, 16, 64), halve(),
        _Fire(128, 32, 128), _Fire(256, 32, 128), halve(),
        _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256),
    ]  # fmt: skip


_LAYERS = {"alex": _alex, "vgg": _vgg, "squeeze": _squeeze}
