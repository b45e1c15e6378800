"""MODNet, portraits, as its authors save it; see `modnet.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Published, State, with_weights
from mattelier.networks.contracts import MATTE

if TYPE_CHECKING:
    from mattelier.networks.modnet.network import MODNet

_FUSION = "f_branch.conv_f2x.layers.0.weight"
_BACKBONE = "backbone.model.features.0.0.weight"
# The backbone a second time, and what only training needs.
_UNUSED = ("lr_branch.backbone.", "lr_branch.conv_lr.", "hr_branch.conv_hr.")

PUBLISHED = Published("MODNet", "matte", "https://github.com/ZHKKKe/MODNet", proven=True)


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> MODNet:
        from mattelier.networks.modnet.network import MODNet

        used = {name: values for name, values in state.items() if not name.startswith(_UNUSED)}
        return with_weights(MODNet(len(state[_FUSION])), used)

    return Descriptor(
        task="matte",
        input=Input(512, "fit", 32, "short", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        output=Output(),
        build=build,
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="modnet",
    title=PUBLISHED.title,
    tasks=("matte",),
    classes=("MODNet",),
    detect=lambda state: _FUSION in state and _BACKBONE in state,
    describe=_describe,
    entries=MATTE,
    published=(PUBLISHED,),
)
