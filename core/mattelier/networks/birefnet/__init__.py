"""BiRefNet and its variants (general, lite, HR, dynamic, matting …); see `birefnet.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Architecture,
    Descriptor,
    Published,
    State,
    with_weights,
)
from mattelier.networks.contracts import MATTE

if TYPE_CHECKING:
    from mattelier.networks.birefnet.network import BiRefNet

_PATCHES = "bb.patch_embed.proj.weight"
_DEFORMABLE = "decoder.decoder_block4.dec_att.aspp1.atrous_conv.regular_conv.weight"
_BIAS = "bb.layers.{}.blocks.0.attn.relative_position_bias_table"
# Of a state, what only training needs, and what follows from the layout alone.
_UNUSED = ("conv_ms_spvn_", "gdt_convs_pred_", "relative_position_index", "cls_head")

PUBLISHED = Published("BiRefNet", "matte", "https://github.com/ZhengPeng7/BiRefNet", proven=True)


def _detect(state: State) -> bool:
    return _PATCHES in state and _DEFORMABLE in state and _BIAS.format(3) in state


def _used(state: State) -> State:
    return {k: v for k, v in state.items() if not any(part in k for part in _UNUSED)}


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> BiRefNet:
        from mattelier.networks.birefnet.network import BiRefNet

        biases = [state[_BIAS.format(stage)].shape for stage in range(4)]
        depths = [
            len({name.split(".")[4] for name in state if name.startswith(f"bb.layers.{s}.blocks.")})
            for s in range(4)
        ]
        window = (round(biases[0][0] ** 0.5) + 1) // 2  # (2 window − 1)² distances
        network = BiRefNet(len(state[_PATCHES]), depths, [shape[1] for shape in biases], window)
        return with_weights(network, _used(state))

    return Descriptor(
        task="matte",
        input=Input(1024, "stretch", 32, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        output=Output(activation="none", torch_activation="sigmoid"),
        build=build,
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="birefnet",
    title=PUBLISHED.title,
    tasks=("matte",),
    classes=("BiRefNet",),
    detect=_detect,
    describe=_describe,
    entries=MATTE,
    published=(PUBLISHED,),
    channels_last=False,
    used=_used,
)
