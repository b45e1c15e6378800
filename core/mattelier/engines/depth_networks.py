"""Networks that see depth in one picture, from the files their authors publish: PyTorch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Input, Store
from mattelier.engines.choose import no_gpu
from mattelier.requests import Device
from mattelier.types.errors import EngineError, ModelError, OutOfMemory

WEIGHTS = (".safetensors", ".pth", ".pt")

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DEPTH_ANYTHING = Input(518, "fit", 14, "short", _MEAN, _STD)
_MIDAS_SMALL = Input(256, "fit", 32, "long", _MEAN, _STD)


class DepthNetwork:
    """A monocular depth network that is ready to run; safe to use from several threads.

    Attributes
    ----------
    model : what people call it
    device : "cpu", "cuda" or "mps"
    input : what it wants to see
    """

    def __init__(self, model: str, network: Any, spec: Input, device: str) -> None:
        self.model = model
        self.device = device
        self.input = spec
        self._network = network.to(device).eval()
        self._lock = threading.Lock()

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass: (1, 3, h, w) normalised RGB → (h, w) float32 ≥ 0, larger is nearer.

        Raises
        ------
        OutOfMemory, EngineError
            The device has too little memory, or fails.
        """
        import torch

        from mattelier.engines.ports import short_of_memory

        try:
            with self._lock, torch.inference_mode():
                answer = self._network(torch.from_numpy(picture).to(self.device))
                depth: NDArray[np.float32] = answer[0, 0].float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            kind = OutOfMemory if short_of_memory(error) else EngineError
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise kind(f"PyTorch could not run {self.model} on {self.device}: {reason}.") from error
        if not np.isfinite(depth).all():
            raise ModelError(f"The model {self.model} gave values that are not numbers.")
        return depth


def open_depth_network(model: str, store: Store, device: Device = "auto") -> DepthNetwork:
    """Open a depth network: a card's name, or a weights file whose layout is recognised.

    Raises
    ------
    UsageError
        There is no such model.
    ModelError
        Its file is missing, damaged, no plain weights, or of a layout that is not known.
    EngineError
        PyTorch is not installed, or the device cannot be used.
    """
    spec: Input | None = None
    if Path(model).suffix.lower() in WEIGHTS:
        path, name = Path(model), Path(model).stem
        if not path.is_file():
            raise ModelError(f"There is no weights file {path}.")
    else:
        card = store.card(model)
        path, name, spec = _checked(card, store), card.name, card.input
    _require_torch(name)
    network, own = _network(path, _weights(path))
    return DepthNetwork(name, network, spec or own, _device(device))


def _checked(card: Card, store: Store) -> Path:
    from mattelier.types.errors import UsageError

    if card.task != "depth":
        raise UsageError(
            f"The model {card.name} makes no depth; `mattelier models list` names those that do."
        )
    return next(iter(store.locate(card).values()))


def _require_torch(name: str) -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise EngineError(f"{name} needs PyTorch, which is missing; run `pip install torch`.")


def _device(device: Device) -> str:
    import torch

    for gpu, there in (
        ("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available),
    ):  # fmt: skip
        if device == gpu and not there():
            reason = no_gpu(gpu) or "PyTorch cannot use it here"
            raise EngineError(f"{gpu} was asked for, but {reason}; use --device cpu.")
        if device in (gpu, "auto") and there():
            return gpu
    return "cpu"


def _weights(path: Path) -> Mapping[str, Any]:
    """Names and tensors of a file; a pickle is read as weights only, never executed."""
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(str(path)))
        import torch

        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes the readers raise
        raise ModelError(f"{path} is damaged or holds more than weights; it is refused.") from error
    if not isinstance(state, Mapping) or not all(hasattr(v, "shape") for v in state.values()):
        raise ModelError(f"{path} holds no plain weights of a network.")
    return state


def _network(path: Path, weights: Mapping[str, Any]) -> tuple[Any, Input]:
    """The network whose layout these weights have, with them in it, and what it wants to see."""
    network: Any
    if "pretrained.patch_embed.proj.weight" in weights:
        from mattelier.networks.depth_anything.network import SIZES, DepthAnythingV2

        size = SIZES.get(weights["pretrained.patch_embed.proj.weight"].shape[0])
        network, spec = None if size is None else DepthAnythingV2(size), _DEPTH_ANYTHING
    elif "pretrained.layer1.3.0.conv_dw.weight" in weights:
        from mattelier.networks.midas.network import MidasSmall

        network, spec = MidasSmall(), _MIDAS_SMALL
    else:
        network, spec = None, _MIDAS_SMALL
    if network is None:
        raise ModelError(
            f"{path} is not of a layout that is known: Depth Anything V2 or MiDaS v2.1 small."
        )
    try:
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelError(f"The weights {path} do not fit their network: {reason}.") from error
    return network, spec
