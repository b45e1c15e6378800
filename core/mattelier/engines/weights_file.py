"""A published network's weights as plain numbers, read and never executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mattelier.types.errors import EngineError, MattelierError, ModelError


def read_state(path: Path) -> Mapping[str, Any]:
    """The state dict in a .safetensors file, or in a torch file of plain weights.

    Returns
    -------
    name → array; of torch files float32, without the wrapping that training frameworks add

    Raises
    ------
    ModelError
        The file is damaged, or holds more than weights, which could run any code.
    EngineError
        It is a torch file, and PyTorch is not installed.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.numpy import load_file

            state: Mapping[str, Any] = load_file(path)
            return state
        return _unpickled(path)
    except MattelierError:
        raise
    except Exception as error:  # each library's readers raise exceptions of their own
        reason = " ".join(str(error).split())[:160].rstrip(".") or type(error).__name__
        raise ModelError(f"{path} is no weights file that can be read ({reason}).") from error


def _unpickled(path: Path) -> Mapping[str, Any]:
    try:
        import torch
    except ImportError:
        raise EngineError(
            f"{path.name} needs PyTorch to be read; run `pip install torch`."
        ) from None
    from pickle import UnpicklingError

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelError(
            f"{path} is refused because it holds more than weights, which could run any code; "
            "bring the weights alone."
        ) from error
    for key in ("params_ema", "params"):  # the training framework of this field names them so
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(f"{path} holds no weights of a network.")
    return {name: value.float().numpy() for name, value in state.items()}
