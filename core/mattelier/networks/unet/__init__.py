"""U-Net in its most common PyTorch layout (milesial's), as its users save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks import contracts
from mattelier.networks.architecture import Architecture, Descriptor, Published, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.unet.network import UNet

_FIRST, _LAST = "inc.double_conv.0.weight", "outc.conv.weight"
_BOTTOM = "down4.maxpool_conv.1.double_conv.3.weight"
_TRANSPOSED = "up1.up.weight"
_TWO_SIDES = 2  # classes, up to which a network tells a subject from the rest
_SHORT_SIDE_PX = 640  # of the published one: pictures of cars of 1918 × 1280, halved

PUBLISHED = Published("U-Net", "matte", "https://github.com/milesial/Pytorch-UNet", proven=True)


def _describe(state: State, path: Path) -> Descriptor:
    classes = len(state[_LAST])

    def build() -> UNet:
        from mattelier.networks.unet.network import UNet

        network = UNet(len(state[_FIRST]), classes, transposed=_TRANSPOSED in state)
        return with_weights(network, state)

    cuts_out = classes <= _TWO_SIDES
    return Descriptor(
        task="matte" if cuts_out else "objects",
        input=Input(_SHORT_SIDE_PX, "fit", 16, "short"),
        output=Output(),
        build=build,
        entries=contracts.MATTE if cuts_out else contracts.CLASSES,
        labels=() if cuts_out else tuple(map(str, range(classes))),
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="unet",
    title=PUBLISHED.title,
    tasks=("matte", "objects"),
    classes=("UNet",),
    detect=lambda state: {_FIRST, _LAST, _BOTTOM} <= state.keys(),
    describe=_describe,
    entries=contracts.MATTE,
    published=(PUBLISHED,),
)
