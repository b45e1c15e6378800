"""Networks that enlarge pictures, from whatever file holds them: one door, `open_enlarger`.

A model is a card's name or a weights file. Cards with a graph run through `engines.choose`;
Real-ESRGAN's compact networks run as a graph of their own, also from ncnn's and torch's files;
what else is published in this field is opened with spandrel, which needs PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Store
from mattelier.engines.choose import on_torch_device, open_engine
from mattelier.engines.weights_file import read_state
from mattelier.networks.compact.weights import Compact, from_state
from mattelier.requests import Device
from mattelier.types.errors import ModelError, UsageError

WEIGHTS = (".safetensors", ".pth", ".pt", ".bin", ".param")


class Enlarger(Protocol):
    """A super-resolution network that is ready to run.

    Attributes
    ----------
    model : what people call it
    name, device, note : as of `engines.choose.Engine`
    scale : how many times larger the result is
    multiple : the sides of what it is given are multiples of this
    margin : how many pixels around its own a tile must see to be right there
    """

    model: str
    name: str
    device: str
    note: str
    scale: int
    multiple: int
    margin: int

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass: (1, 3, h, w) RGB 0…1 → (1, 3, scale·h, scale·w), not clipped.

        Raises
        ------
        OutOfMemory
            The device has too little memory for a picture of this size.
        EngineError
            The network cannot be run.
        """
        ...


class Wrapped:
    """A network inside another's hands, with the same attributes; see `Enlarger`."""

    def __init__(self, network: Enlarger) -> None:
        self._network = network
        self.model, self.name = getattr(network, "model", ""), getattr(network, "name", "")
        self.device, self.note = getattr(network, "device", ""), getattr(network, "note", "")
        self.scale, self.multiple = network.scale, network.multiple
        self.margin = network.margin


class CardEnlarger:
    """A network whose card says how its graph enlarges; see `Enlarger`."""

    def __init__(self, card: Card, store: Store, device: Device) -> None:
        self._engine = open_engine(card, store, device)
        self.model = card.name
        self.name, self.device, self.note = (
            self._engine.name, self._engine.device, self._engine.note,
        )  # fmt: skip
        self.scale, self.multiple = card.output.scale, card.input.multiple
        self.margin = card.input.margin

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        return self._engine.run({"picture": picture})["picture"]


def open_enlarger(
    model: str, store: Store, device: Device = "auto", denoise: float | None = None
) -> Enlarger:
    """Open a super-resolution network.

    Parameters
    ----------
    model : name of a card whose task is "upscale", or path of a weights file: .safetensors, .pth
        (read as plain weights, never executed), or ncnn's .param and .bin
    denoise : 0…1, for networks that come with a partner which keeps noise (its file has the same
        name but for a "wdn"): how much of the one that removes it; None: the file as it is

    Raises
    ------
    UsageError
        There is no such model, or it has no such partner.
    ModelError
        Its files are missing, damaged, or of no network that enlarges.
    EngineError
        The device that was asked for cannot be had, or no engine is installed.
    """
    path = Path(model)
    if path.suffix.lower() in WEIGHTS:
        if not path.is_file():
            raise UsageError(f"--model {model}: no such file.")
        return _open_weights(path.stem, path, _partner(path), device, denoise)
    card = store.card(model)
    if card.task != "upscale":
        raise UsageError(f"The model {card.name} does not enlarge pictures; choose another.")
    if card.architecture is not None or card.file(".onnx"):
        if denoise is not None:
            raise UsageError(f"The model {card.name} has no --denoise; leave it out.")
        return CardEnlarger(card, store, device)
    paths = [store.locate(card)[file.path] for file in card.files]
    partner = next((path for path in paths if _partner(path) is None and len(paths) > 1), None)
    first = next(path for path in paths if path != partner)
    return _open_weights(card.name, first, partner, device, denoise)


def _open_weights(
    name: str, path: Path, partner: Path | None, device: Device, denoise: float | None
) -> Enlarger:
    compact, state = _read(path)
    if compact is None and denoise is not None:
        raise UsageError(f"The model {name} has no --denoise; leave it out.")
    if compact is not None and denoise is not None:
        other = _read(partner)[0] if partner is not None else None
        if other is None:
            raise UsageError(
                f"The model {name} has no partner that keeps noise, so leave --denoise out; the "
                'partner\'s file has the same name with a "wdn" in it.'
            )
        compact = compact.mixed(other, denoise)

    def opened(where: str, note: str) -> Enlarger:
        if compact is None:
            return _published(name, path, state, where, note)
        from mattelier.engines.compact_engine import CompactOnCPU, CompactOnGPU

        return (
            CompactOnCPU(name, compact, note)
            if where == "cpu"
            else CompactOnGPU(name, compact, where)
        )

    return on_torch_device(device, opened)


def _published(name: str, path: Path, state: Mapping[str, Any], where: str, note: str) -> Enlarger:
    from mattelier.engines.spandrel_engine import SpandrelNetwork

    network = SpandrelNetwork(name, path, state, where, note)
    if network.scale < 2:
        raise ModelError(f"{path} is a {network.kind} that enlarges no pictures.")
    return network


def _partner(path: Path) -> Path | None:
    """The file beside `path` that has its name but for a "wdn" (weak denoising)."""
    if path.suffix.lower() == ".param":
        path = path.with_suffix(".bin")
    wanted = path.name.lower()
    for other in sorted(path.parent.glob(f"*{path.suffix}")):
        name = other.name.lower()
        if name != wanted and wanted == re.sub(r"[-_]wdn", "", name):
            return other
    return None


def _read(path: Path) -> tuple[Compact | None, Mapping[str, Any]]:
    """A file's compact network, and its state dict for others."""
    if path.suffix.lower() in (".bin", ".param"):
        from mattelier.networks.compact.ncnn import read_compact

        return read_compact(path), {}
    state = read_state(path)
    return from_state(state), state
