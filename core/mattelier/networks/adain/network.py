"""AdaIN (Huang and Belongie 2017, arXiv:1703.06868): a picture in the style of another.

VGG-19 up to relu4_1, its weights normalised and its padding reflected, tells what is in a picture
by the pattern of its features, and how that is painted by each feature's mean and deviation. With
the other picture's means and deviations a decoder paints it anew. Layers are numbered as in the
published state dicts, so that these load.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Statistics = tuple[Tensor, Tensor]
"""Mean and standard deviation of each feature: (N, C, 1, 1)."""

_EPSILON = 1e-5  # added to a variance
_POOL, _GROW = "pool", "grow"
# Channels of the 3×3 convolutions, in their order.
_ENCODER = (64, 64, _POOL, 128, 128, _POOL, 256, 256, 256, 256, _POOL, 512)
_DECODER = (256, _GROW, 256, 256, 256, 128, _GROW, 128, 64, _GROW, 64)


class AdaIN(nn.Module):
    """Encoder, statistics, decoder; RGB is display-encoded 0…1 on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 3, 1), *_layers(3, _ENCODER))
        last = (nn.ReflectionPad2d(1), nn.Conv2d(64, 3, 3))
        self.decoder = nn.Sequential(*_layers(512, _DECODER), *last)

    def statistics(self, picture: Tensor) -> Statistics:
        """Of a whole picture, (N, 3, H, W) with sides of at least 16."""
        features = self.encoder(picture)
        variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True)
        return mean, (variance + _EPSILON).sqrt()

    def forward(
        self, picture: Tensor, content: Statistics, style: Statistics, strength: float
    ) -> Tensor:
        """A picture or a tile of one, with sides that are multiples of 8, in the other style.

        Parameters
        ----------
        picture : (N, 3, H, W)
        content, style : the statistics of the whole picture, and of the one with the style
        strength : 0…1
            0 gives the picture itself: what the decoder cannot paint comes back as it falls.
        """
        features = self.encoder(picture)
        painted = (features - content[0]) / content[1] * style[1] + style[0]
        result: Tensor = self.decoder(torch.lerp(features, painted, strength))
        if strength < 1:
            result = result + (1 - strength) * (picture - self.decoder(features))
        return result

    def paint(
        self,
        picture: Tensor,
        content_mean: Tensor,
        content_deviation: Tensor,
        style_mean: Tensor,
        style_deviation: Tensor,
        strength: float,
    ) -> Tensor:
        """`forward`, with its statistics one by one."""
        content, style = (content_mean, content_deviation), (style_mean, style_deviation)
        result: Tensor = self(picture, content, style, strength)
        return result


def _layers(channels: int, plan: tuple[int | str, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for step in plan:
        if isinstance(step, int):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, step, 3), nn.ReLU()]
            channels = step
        elif step == _POOL:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        else:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return layers
