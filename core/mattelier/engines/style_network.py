"""Networks that paint a picture in another's style, from the files that hold them: PyTorch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Store
from mattelier.engines.choose import on_torch_device
from mattelier.engines.weights_file import read_state
from mattelier.requests import Device
from mattelier.types.errors import EngineError, ModelError, OutOfMemory, UsageError

ENCODER = "vgg_normalised"
"""The published encoder's file, which lies beside the decoder's, is called so."""

_WEIGHTS = (".safetensors", ".pth", ".pt")
_SOURCE = "https://github.com/naoto0804/pytorch-AdaIN/releases"
_ENCODER_LAYERS = 31  # of the published file's; the others are not needed

Answer = TypeVar("Answer")


class StyleNetwork:
    """AdaIN, ready to run; safe to use from several threads.

    Attributes
    ----------
    model : what people call it
    name, device, note : as of `engines.choose.Engine`

    Raises
    ------
    ModelError
        The weights are not of its layout.
    EngineError
        PyTorch cannot use the device.
    """

    name = "torch"

    def __init__(self, model: str, state: Mapping[str, Any], device: str, note: str = "") -> None:
        import torch

        from mattelier.engines.ports import one_line
        from mattelier.networks.adain.network import AdaIN

        self.model, self.device, self.note = model, device, note
        self._lock = threading.Lock()
        network = AdaIN()
        tensors = {name: torch.from_numpy(np.array(value)).float() for name, value in state.items()}
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise ModelError(
                f"The weights of {model} are not those of AdaIN: {one_line(error)}."
            ) from error
        try:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._network = network.eval().to(device)
        except (RuntimeError, AssertionError) as error:  # the latter: a torch without CUDA
            raise EngineError(f"PyTorch cannot use {device} here: {one_line(error)}.") from error

    def statistics(self, picture: NDArray[np.float32]) -> Any:
        """How a whole picture is painted, (1, 3, h, w) RGB 0…1, for `painted`.

        Raises
        ------
        OutOfMemory, EngineError
        """
        return self._answer(lambda: self._network.statistics(self._tensor(picture)))

    def painted(
        self, picture: NDArray[np.float32], content: Any, style: Any, strength: float
    ) -> NDArray[np.float32]:
        """One pass: (1, 3, h, w) RGB 0…1 with sides that are multiples of 8 → the same, unclipped.

        Parameters
        ----------
        content, style : `statistics` of the picture, and of the one with the style
        strength : 0…1

        Raises
        ------
        OutOfMemory, EngineError
        """

        def run() -> NDArray[np.float32]:
            result = self._network(self._tensor(picture), content, style, strength)
            values: NDArray[np.float32] = result.float().cpu().numpy()
            return values

        return self._answer(run)

    def _tensor(self, picture: NDArray[np.float32]) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(picture)).to(self.device)

    def _answer(self, run: Callable[[], Answer]) -> Answer:
        import torch

        from mattelier.engines.ports import one_line, short_of_memory

        try:
            with self._lock, torch.inference_mode():
                return run()
        except RuntimeError as error:
            kind = OutOfMemory if short_of_memory(error) else EngineError
            raise kind(f"PyTorch could not run {self.model}: {one_line(error)}.") from error


def open_style_network(model: str, store: Store, device: Device = "auto") -> StyleNetwork:
    """Open a style network.

    Parameters
    ----------
    model : name of a card whose task is "style"; "default", the first such card whose files are
        here; or a weights file, as for `read_style`

    Raises
    ------
    UsageError
        There is no such model or file.
    ModelError
        None is here, or its files are missing, damaged, or of another network.
    EngineError
        PyTorch is not installed, or the device cannot be used.
    """
    path = Path(model)
    if path.suffix.lower() in _WEIGHTS:
        if not path.is_file():
            raise UsageError(f"--model {model}: no such file.")
        name = path.stem
    else:
        card = _first_here(store) if model == "default" else store.card(model)
        if card.task != "style":
            raise UsageError(f"The model {card.name} paints no styles; choose another.")
        [path, *_] = store.locate(card).values()
        name = card.name
    _require_torch(name)
    state = read_style(path)
    return on_torch_device(device, lambda where, note: StyleNetwork(name, state, where, note))


def read_style(decoder: Path, encoder: Path | None = None) -> Mapping[str, Any]:
    """The weights of encoder and decoder as one state dict of `networks.adain.network.AdaIN`.

    Parameters
    ----------
    decoder : a file with both, or with the published decoder alone
    encoder : the published encoder's file; by default the one beside the decoder's

    Raises
    ------
    ModelError
        A file is missing, damaged, or of another network.
    EngineError
        PyTorch is not installed, and the file is one of its own.
    """
    state = read_state(decoder)
    if any(name.startswith("encoder.") for name in state):
        return state
    if "1.weight" not in state or state["1.weight"].shape != (256, 512, 3, 3):
        raise ModelError(f"{decoder} holds no decoder of AdaIN's published layout.")
    if encoder is None:
        beside = (decoder.with_name(ENCODER + suffix) for suffix in _WEIGHTS)
        encoder = next((path for path in beside if path.is_file()), None)
    if encoder is None:
        raise ModelError(
            f"{decoder} is half of a style network; put its {ENCODER}.pth into the same folder."
        )
    both = {f"decoder.{name}": value for name, value in state.items()}
    for name, value in read_state(encoder).items():
        number = name.split(".")[0]
        if not number.isdecimal():
            raise ModelError(f"{encoder} holds no encoder of AdaIN's published layout.")
        if int(number) < _ENCODER_LAYERS:
            both[f"encoder.{name}"] = value
    return both


def _first_here(store: Store) -> Card:
    for name in store.names():
        try:
            card = store.card(name)
        except ModelError:  # a damaged card of another model
            continue
        if card.task == "style" and store.state(card)[0] == "ready":
            return card
    raise ModelError(
        "No style network comes with Mattelier, as none is known whose licence allows it; "
        f"get decoder.pth and {ENCODER}.pth from {_SOURCE} and name them with --model "
        f"decoder.pth, or for good with `mattelier models import decoder.pth --name adain "
        f"--style-encoder {ENCODER}.pth`."
    )


def _require_torch(name: str) -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise EngineError(f"{name} needs PyTorch, which is missing; run `pip install torch`.")
