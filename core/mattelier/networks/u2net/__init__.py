"""U²-Net, U²-Netp and IS-Net, as their authors save them; see `u2net.network`."""

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
    from mattelier.networks.u2net.network import U2Net

_FIRST = "stage1.rebnconvin.conv_s1.weight"
_LAST = "stage1d.rebnconv1d.conv_s1.weight"
_FUSED = "outconv.weight"  # U²-Net's: IS-Net takes the finest side answer alone
_HALVED = "conv_in.weight"  # IS-Net's: it begins at half the size

_U2NET_INPUT = Input(320, "stretch", scale_by_max=True, mean=IMAGENET_MEAN, std=IMAGENET_STD)
_ISNET_INPUT = Input(1024, "stretch", mean=(0.5, 0.5, 0.5))

_U2NET = Published("U²-Net", "matte", "https://github.com/xuebinqin/U-2-Net", proven=True)
_ISNET = Published("IS-Net", "matte", "https://github.com/xuebinqin/DIS", proven=True)


def _detect(state: State) -> bool:
    return _FIRST in state and _LAST in state and (_FUSED in state) != (_HALVED in state)


def _used(state: State) -> State:
    halved = _HALVED in state
    return {k: v for k, v in state.items() if not (halved and k.startswith(_COARSE_SIDES))}


def _describe(state: State, path: Path) -> Descriptor:
    halved = _HALVED in state

    def build() -> U2Net:
        from mattelier.networks.u2net.network import STAGES, U2Net

        def widths(stage: str) -> tuple[int, int, int]:
            out, inp = state[f"{stage}.rebnconvin.conv_s1.weight"].shape[:2]
            return inp, len(state[f"{stage}.rebnconv1.conv_s1.weight"]), out

        network = U2Net({stage: widths(stage) for stage in STAGES}, halved=halved)
        return with_weights(network, _used(state))

    return Descriptor(
        task="matte",
        input=_ISNET_INPUT if halved else _U2NET_INPUT,
        output=Output(min_max=True),
        build=build,
        published=_ISNET if halved else _U2NET,
    )


_COARSE_SIDES = tuple(f"side{number}." for number in range(2, 7))  # IS-Net learns by them alone

ARCHITECTURE = Architecture(
    id="u2net",
    title="U²-Net or IS-Net",
    tasks=("matte",),
    classes=("U2Net",),
    detect=_detect,
    describe=_describe,
    entries=MATTE,
    published=(_U2NET, _ISNET),
    used=_used,
)
