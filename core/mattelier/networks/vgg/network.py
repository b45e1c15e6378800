"""What a picture lacks of another's style (Gatys et al. 2016, CVPR; arXiv:1508.06576).

VGG-19 tells what is in a picture by its features of relu4_2, and how it is painted by what its
features of five depths have to do with each other: their Gram matrices. The sum of both squared
differences is the loss, and its gradient says how each sample of the picture has to change. Layers,
weights of the layers and pooling are those of the authors' own PyTorch code.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray
from torch import Tensor, nn

from mattelier.networks.architecture import IMAGENET_MEAN, IMAGENET_STD

# Channels of the 3×3 convolutions; "pool" halves.
_PLAN = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512,
         "pool", 512)  # fmt: skip
_STYLE = (0, 2, 4, 8, 12)  # numbers of the convolutions conv1_1, conv2_1 … conv5_1
_CONTENT = 9  # conv4_2
_BGR_MEAN = (0.40760392, 0.45795686, 0.48501961)  # of ImageNet, as the normalised weights want it

Colours = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel (3, 3, 1, 1) and bias (3,) of the convolution that every picture goes through first."""


def imagenet() -> Colours:
    """RGB 0…1 as torchvision's networks were trained on."""
    std = np.asarray(IMAGENET_STD)
    return _diagonal(1 / std), np.asarray(-np.asarray(IMAGENET_MEAN) / std, np.float32)


def bgr_around_mean() -> Colours:
    """RGB 0…1 as blue, green, red 0…255 less their mean."""
    kernel = _diagonal(np.full(3, 255.0))[::-1]
    return np.ascontiguousarray(kernel), np.asarray(_BGR_MEAN, np.float32) * np.float32(-255)


class StyleLoss(nn.Module):
    """Features, and the loss between them; RGB is display-encoded 0…1.

    Parameters
    ----------
    normalised : its features are 1 in the mean over many pictures (Gatys et al.)
    reflect : the picture is mirrored at its border; else there is nothing around it
    """

    def __init__(self, *, normalised: bool, reflect: bool) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        channels = [3, *(step for step in _PLAN if isinstance(step, int))]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3) for before, after in pairwise(channels)
        )
        self._normalised = normalised
        self._padding = "reflect" if reflect else "constant"
        self.requires_grad_(False)  # the picture is what changes

    def targets(self, picture: Tensor) -> tuple[Tensor, ...]:
        """What to come near to, of a picture (1, 3, H, W) with sides of at least 32.

        Returns
        -------
        content : features of relu4_2, (1, 512, H/8, W/8)
        grams : five of (C, C), of relu1_1 to relu5_1, each per place
        activity : (6,) the mean of relu4_2, then of those five; 1 of normalised weights
        """
        style, content = self._features(picture)
        layers = [content, *style]
        activity = torch.stack([layer.mean() for layer in layers])
        if self._normalised:
            activity = torch.ones_like(activity)
        return (content, *(_gram(layer) for layer in style), activity)

    def loss(
        self,
        picture: Tensor,
        content: Tensor,
        gram1: Tensor,
        gram2: Tensor,
        gram3: Tensor,
        gram4: Tensor,
        gram5: Tensor,
        weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """How far a picture is from its targets, and where that would grow.

        Parameters
        ----------
        weights : (7,) of the content's mean squared difference, of the five Gram matrices', and of
            the picture's mean squared difference from one pixel to the next

        Returns
        -------
        loss : ()
        gradient : (1, 3, H, W)
        """
        with torch.inference_mode(False), torch.enable_grad():
            # Clones, as what was made for inference alone cannot be kept for the way back.
            changed = picture.clone().requires_grad_(True)
            targets = [gram.clone() for gram in (gram1, gram2, gram3, gram4, gram5)]
            style, kept = self._features(changed)
            parts = [F.mse_loss(kept, content.clone())]
            parts += [F.mse_loss(_gram(a), b) for a, b in zip(style, targets, strict=True)]
            parts.append(_roughness(changed))
            loss = (torch.stack(parts) * weights.clone()).sum()
            [gradient] = torch.autograd.grad(loss, changed)
        return loss.detach(), gradient

    def _features(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Of relu1_1 to relu5_1, and of relu4_2."""
        values = self.colours(picture)
        layers: list[Tensor] = []
        for step in _PLAN:
            if isinstance(step, int):
                values = F.pad(values, (1, 1, 1, 1), self._padding)
                values = self.convolutions[len(layers)](values).relu()
                layers.append(values)
            else:
                values = F.max_pool2d(values, 2)
        return [layers[number] for number in _STYLE], layers[_CONTENT]


def _gram(features: Tensor) -> Tensor:
    """Products of all pairs of features, in the mean over all places: (C, C)."""
    flat = features[0].flatten(1)
    return flat @ flat.T / flat.shape[1]


def _roughness(picture: Tensor) -> Tensor:
    across, down = picture.diff(dim=3), picture.diff(dim=2)
    return across.square().mean() + down.square().mean()


def _diagonal(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.diag(values).astype(np.float32)[..., None, None]
