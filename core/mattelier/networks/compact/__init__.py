"""Real-ESRGAN's compact networks, which enlarge; they run without torch too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import (
    Architecture,
    Descriptor,
    Entry,
    Published,
    State,
    with_weights,
)
from mattelier.networks.compact.weights import Compact, from_state, to_state
from mattelier.types.errors import ModelError

if TYPE_CHECKING:
    from mattelier.networks.compact.network import CompactNet

# Beyond this many pixels around it a pixel's value changes by less than 1/255; the layers reach
# as far as there are convolutions. Measured on general-x4v3 and its WDN partner: 0.4/255 at 24
# pixels, 0.006/255 at 30.
_REACH_PX = 30

PUBLISHED = Published(
    "Real-ESRGAN's compact network",
    "upscale",
    "https://github.com/xinntao/Real-ESRGAN",
    proven=True,
)


def _describe(state: State, path: Path) -> Descriptor:
    network = _compact(state, path)

    def build() -> CompactNet:
        from mattelier.networks.compact.network import CompactNet

        module = CompactNet(len(network.slopes[0]), len(network.weights), network.scale)
        return with_weights(module, to_state(network))

    def graph() -> Any:
        from mattelier.networks.compact.graph import compact_graph

        return compact_graph(network)

    return Descriptor(
        task="upscale",
        input=Input(768, "tile", 1, margin=min(len(network.weights), _REACH_PX)),
        output=Output(scale=network.scale),
        build=build,
        graph=graph,
        published=PUBLISHED,
    )


def _partner(path: Path) -> Path | None:
    """The file beside `path` that has its name but for a "wdn" (weak denoising)."""
    if path.suffix.lower() == ".param":
        path = path.with_suffix(".bin")
    own_name = path.name.lower()
    for other in sorted(path.parent.glob(f"*{path.suffix}")):
        name = other.name.lower()
        if name != own_name and own_name == re.sub(r"[-_]wdn", "", name):
            return other
    return None


def _blend(state: State, partner: State, share: float) -> State:
    first, second = from_state(state), from_state(partner)
    if first is None or second is None:
        raise ModelError("Two networks of different layouts cannot be mixed.")
    return to_state(first.mixed(second, share))


def _compact(state: State, path: Path) -> Compact:
    network = from_state(state)
    if network is None:
        raise ModelError(f"{path} is not a compact Real-ESRGAN network.")
    return network


ARCHITECTURE = Architecture(
    id="compact",
    title=PUBLISHED.title,
    tasks=("upscale",),
    classes=("CompactNet",),
    detect=lambda state: from_state(state) is not None,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("picture",))},
    published=(PUBLISHED,),
    partner=_partner,
    blend=_blend,
)
