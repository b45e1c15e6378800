"""How different two pictures look, by a network whose weights somebody brought (LPIPS)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.backends import torch as torch_backend
from mattelier.engines.devices import open_on_device
from mattelier.engines.machine_memory import refuse_too_large
from mattelier.engines.weights_file import read_state
from mattelier.networks.lpips import ENTRIES, join_weights
from mattelier.requests import Device
from mattelier.types.errors import PictureError

_MIN_SIDE_PX = 32  # of less, the deepest features have no place left


class PerceptualDistance:
    """LPIPS 0.1 between two pictures, by AlexNet, VGG-16 or SqueezeNet 1.1.

    Parameters
    ----------
    backbone : torchvision's weights of one of these
    linear : the file of the package `lpips` that belongs to it
    device : see `devices.open_on_device`

    Raises
    ------
    ModelError
        A file is damaged, refused, or of another network.
    EngineError
        PyTorch is missing, or the device cannot be had.
    """

    def __init__(self, backbone: Path, linear: Path, device: Device = "auto") -> None:
        refuse_too_large(backbone)
        module = join_weights(read_state(backbone), backbone, read_state(linear), linear)

        def on(device: str) -> torch_backend.TorchSession:
            return torch_backend.TorchSession(
                backbone.stem, module, device, ENTRIES, channels_last=False
            )

        self._session, _ = open_on_device(
            device, on_cpu=lambda: on("cpu"), on_gpu=on, is_small=False
        )

    def __call__(self, result: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
        """0 where two pictures (H, W, 3) RGB uint8 are equal; the larger, the more they differ.

        Raises
        ------
        PictureError
            They are too small to be looked at.
        """
        if min(truth.shape[:2]) < _MIN_SIDE_PX:
            raise PictureError(
                "LPIPS looks at pictures of {side} pixels and more.", side=_MIN_SIDE_PX
            )
        answer = self._session.run({"picture": _prepare(result), "truth": _prepare(truth)})
        return float(answer["distance"].item())


def _prepare(colour: NDArray[np.uint8]) -> NDArray[np.float32]:
    values = colour.astype(np.float32) / np.float32(127.5) - 1
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])
