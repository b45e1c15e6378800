"""Networks that remove noise, from whatever file holds them: one door, `open_denoiser`.

A model is a card's name or a weights file. Ours takes the noise's level as its hint, by the card's
conventions; what is published in this field is opened with spandrel, which needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Store
from mattelier.engines.choose import Engine, on_torch_device, open_engine
from mattelier.engines.enlarger import Enlarger, Wrapped
from mattelier.requests import Device
from mattelier.types.errors import ModelError, UsageError

STRONGEST = 55 / 255
"""The noise that a strength of 1 stands for: a standard deviation, where the picture spans 0…1."""

_WEIGHTS = (".safetensors", ".pth", ".pt")

AtStrength = Callable[[float | None], Enlarger]


def open_denoiser(model: str, store: Store, device: Device = "auto") -> AtStrength:
    """Open a denoising network.

    Parameters
    ----------
    model : "default", the name of a card whose task is "denoise", or the path of a weights file:
        .safetensors or .pth (read as plain weights, never executed)

    Returns
    -------
    function of a strength 0…1, or None for as much as the network sees → the network, ready to
    run; its `scale` is 1. Networks that take no strength are mixed with the picture instead.

    Raises
    ------
    UsageError
        There is no such model.
    ModelError
        Its files are missing, damaged, or of no network that denoises.
    EngineError
        The device that was asked for cannot be had, or no engine is installed.
    """
    path = Path(model)
    if path.suffix.lower() in _WEIGHTS:
        if not path.is_file():
            raise UsageError(f"--model {model}: no such file.")
        return _mixing(_published(path.stem, path, device))
    card = store.card("denoise" if model == "default" else model)
    if card.task != "denoise":
        raise UsageError(f"The model {card.name} does not denoise pictures; choose another.")
    if card.architecture is None and card.file(".onnx") is None:
        [path, *_] = store.locate(card).values()
        return _mixing(_published(card.name, path, device))
    engine = open_engine(card, store, device)
    return lambda strength: _Guided(card, engine, strength)


def _published(name: str, path: Path, device: Device) -> Enlarger:
    from mattelier.engines.weights_file import read_state

    state = read_state(path)

    def opened(where: str, note: str) -> Enlarger:
        from mattelier.engines.spandrel_engine import SpandrelNetwork

        network = SpandrelNetwork(name, path, state, where, note)
        if network.scale != 1:
            raise ModelError(f"{path} is a {network.kind} that enlarges pictures; see `upscale`.")
        return network

    return on_torch_device(device, opened)


def _mixing(network: Enlarger) -> AtStrength:
    return lambda strength: network if strength is None else _Mixed(network, strength)


class _Guided:
    """A network whose card has a hint: the noise's level and how much is known of it."""

    scale = 1

    def __init__(self, card: Card, engine: Engine, strength: float | None) -> None:
        self._engine, self._strength = engine, strength
        self.model = card.name
        self.name, self.device, self.note = engine.name, engine.device, engine.note
        self.multiple, self.margin = card.input.multiple, card.input.margin

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        hint = np.zeros((1, 2, *picture.shape[2:]), np.float32)
        if self._strength is not None:
            hint[:, 0] = self._strength * STRONGEST
            hint[:, 1] = 1
        return self._engine.run({"picture": picture, "hint": hint})["picture"]


class _Mixed(Wrapped):
    """So much of a network's answer, the rest of its picture."""

    def __init__(self, network: Enlarger, share: float) -> None:
        super().__init__(network)
        self._share = np.float32(share)

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        return picture + self._share * (self._network.run(picture) - picture)
