"""Which parts of a cut-out network are trained, by a recipe, on own pictures or on a shot."""

from __future__ import annotations

import torch
from torch import nn

from mattelier.networks.cutout.network import CutoutNet


def param_groups(
    network: CutoutNet, frozen: int, *, new: bool = False
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """What knows subjects, to be changed slowly, and what draws their alpha.

    The stem and the first `frozen` blocks are frozen here: edges and textures are everybody's, and
    cost most. A context counts to what knows, but in a `new` network it has still to learn, as fast
    as what draws. In a finished one that is idle (`is_idle`) it is frozen: a few pictures cannot
    teach attention from chance, and weights between two networks (`FineTune.best`) would mix what
    was never the same.
    """
    network.stem.requires_grad_(False)
    network.blocks[:frozen].requires_grad_(False)
    subject_layers = [*network.blocks[frozen:], network.image_pooling, network.aspp, network.head]
    if not new:
        network.context.requires_grad_(not is_idle(network))
        subject_layers.append(network.context)
    slow = [p for layer in subject_layers for p in layer.parameters() if p.requires_grad]
    slow_ids = {id(p) for p in slow}
    return slow, [p for p in network.parameters() if p.requires_grad and id(p) not in slow_ids]


def is_idle(network: CutoutNet) -> bool:
    """Whether the context passes everything through: the weights are from before there was one."""
    layers = [network.context.hint]
    for block in network.context.blocks:
        layers += [block.place, block.answer, block.narrow]  # type: ignore[list-item]
    return not any(bool(p.any()) for layer in layers for p in layer.parameters())


def fast_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster there than in float32, not merely possible."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
