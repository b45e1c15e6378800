"""What the cut-out network is trained to make small."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from mattelier.networks.cutout.network import CutoutNet

_LAPLACIAN_LEVELS = 4


def structure_loss(logits: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    """Edge-weighted cross-entropy and soft IoU (F³Net, Wei et al. 2020), mean over the batch.

    All (N, 1, H, W); `weight` is 0 where the truth is not known.
    """
    rows = F.avg_pool2d(alpha, (31, 1), 1, (15, 0), count_include_pad=False)
    local = F.avg_pool2d(rows, (1, 31), 1, (0, 15), count_include_pad=False)
    emphasis = (1 + 4 * (local - alpha).abs()) * weight
    entropy = F.binary_cross_entropy_with_logits(logits, alpha, reduction="none")
    entropy = (emphasis * entropy).sum((1, 2, 3)) / emphasis.sum((1, 2, 3)).clamp_min(1)
    p = logits.sigmoid()
    both = (p * alpha * emphasis).sum((1, 2, 3))
    either = ((p + alpha - p * alpha) * emphasis).sum((1, 2, 3))
    return (entropy + 1 - (both + 1) / (either + 1)).mean()


def edge_loss(logits: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute error of alpha and of its finite differences: where the edge lies, how soft."""
    p = logits.sigmoid()
    error = (p - alpha) * weight
    loss = error.abs().mean()
    for axis in (2, 3):
        loss = loss + 2 * torch.diff(error, dim=axis).abs().mean()
    return loss


def laplacian_loss(logits: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    """Error of the Laplacian pyramid of alpha, coarser levels weighing more (Niklaus and Liu 2018).

    What is thin and what is a small hole lives in its fine levels alone.
    """
    error = (logits.sigmoid() - alpha) * weight
    loss = error.new_zeros(())
    for level in range(_LAPLACIAN_LEVELS):
        smaller = F.avg_pool2d(error, 2)
        larger = F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        loss = loss + 2**level * (error - larger).abs().mean()
        error = smaller
    return loss


def total_loss(levels: list[Tensor], alpha: Tensor, weight: Tensor) -> Tensor:
    """The loss of all decoder levels (finest first) against truth at the input's size."""
    loss = alpha.new_zeros(())
    for number, logits in enumerate(levels):
        factor = alpha.shape[2] // logits.shape[2]
        truth, scored = F.avg_pool2d(alpha, factor), F.avg_pool2d(weight, factor)
        loss = loss + structure_loss(logits, truth, scored) * 0.5**number
        if number == 0:
            loss = loss + edge_loss(logits, truth, scored)
            if factor == 1:  # of a network that answers at the picture's size, all of it is asked
                loss = loss + laplacian_loss(logits, truth, scored)
    return loss


def batch_loss(
    network: CutoutNet,
    picture: Tensor,
    alpha: Tensor,
    weight: Tensor,
    hint: Tensor,
    *,
    bfloat16: bool,
) -> Tensor:
    """The loss of a batch, whose early layers are not trained.

    Parameters
    ----------
    picture : (N, 3, H, W) float32 sRGB 0…1
    alpha, weight : (N, 1, H, W) float32 0…1
    hint : (N, 2, H, W) float32 0…1
    bfloat16 : whether products are made in it; the loss is float32 all the same
    """
    picture = picture.contiguous(memory_format=torch.channels_last)
    with torch.autocast(picture.device.type, torch.bfloat16, enabled=bfloat16):
        with torch.no_grad():
            early = network.early(picture)
        levels = network.levels(*early, hint)
    return total_loss([logits.float() for logits in levels], alpha, weight)
