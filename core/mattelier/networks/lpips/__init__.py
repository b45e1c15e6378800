"""LPIPS: how different two pictures look to people; see `lpips.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.networks.architecture import Entry, State, with_weights
from mattelier.types.errors import ModelError

if TYPE_CHECKING:
    from mattelier.networks.lpips.network import LPIPS

ENTRIES = {"forward": Entry(("picture", "truth"), ("distance",))}
"""Two pictures (1, 3, h, w) RGB −1…1 → how far apart they look, (1, 1, 1, 1)."""

# The published networks whose features it may look at, by two kernels that no other has.
_BACKBONES = {
    "alex": {"features.0.weight": (64, 3, 11, 11), "features.10.weight": (256, 256, 3, 3)},
    "vgg": {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3)},
    "squeeze": {
        "features.0.weight": (64, 3, 3, 3),
        "features.12.squeeze.weight": (64, 512, 1, 1),
    },
}
_VGG_19 = "features.34.weight"


def join_weights(backbone: State, backbone_path: Path, linear: State, path: Path) -> LPIPS:
    """The torch module in eval mode, of the two files that its weights are published in.

    Parameters
    ----------
    backbone : torchvision's state dict of AlexNet, VGG-16 or SqueezeNet 1.1
    linear : the package's file of that name: "lin0.model.1.weight" (1, C, 1, 1), …
    backbone_path, path : their files, for messages

    Raises
    ------
    ModelError
        A file is of another network, or the two do not belong together.
    """
    from mattelier.networks.lpips.network import LPIPS

    name = next((name for name in _BACKBONES if _is(name, backbone)), None)
    if name is None:
        raise ModelError(
            "{path} is not torchvision's AlexNet, VGG-16 or SqueezeNet 1.1, which LPIPS looks by.",
            path=backbone_path,
        )
    weights = {key: values for key, values in backbone.items() if key.startswith("features.")}
    weights |= {key.replace(".model.1.", "."): values for key, values in linear.items()}
    try:
        return with_weights(LPIPS(name), weights)
    except RuntimeError as error:
        raise ModelError(
            "{path} is not LPIPS's file for {backbone}; its package has one of each: alex.pth, "
            "vgg.pth, squeeze.pth.",
            path=path,
            backbone=backbone_path.name,
        ) from error


def _is(name: str, state: State) -> bool:
    kernels = _BACKBONES[name].items()
    fits = all(key in state and state[key].shape == shape for key, shape in kernels)
    return fits and _VGG_19 not in state
