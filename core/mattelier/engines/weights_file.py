"""A published network's weights as plain numbers, read and never executed."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mattelier.types.errors import EngineError, MattelierError, ModelError
from mattelier.types.sentence import Sentence

State = Mapping[str, NDArray[Any]]

# Where frameworks put the weights among what training needs besides, the averaged ones first.
_WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model")
_PARALLEL = "module."  # what torch puts before the names of a network that it trained in parallel
_PROGRAM_FOLDERS = ("code/", "models/")  # in the archives of TorchScript and of torch.export
_GENERATOR = "generator."  # of a pair that was trained against each other (LaMa)


def read_state(path: Path, suffix: str | None = None) -> State:
    """The state dict in a weights file: safetensors, torch's of plain weights, or an ncnn pair.

    Parameters
    ----------
    suffix : of files of its kind, where its content is known; None: its own says what it is

    Returns
    -------
    name → array; of torch files float32, without the wrapping that training frameworks add

    Raises
    ------
    ModelError
        The file is damaged, of another kind, or holds more than weights, which could run any code.
    EngineError
        It is a torch file, and PyTorch is not installed.
    """
    try:
        return _READERS.get(suffix or path.suffix.lower(), _read_torch)(path)
    except MattelierError:
        raise
    except Exception as error:  # each library's readers raise exceptions of their own
        reason = " ".join(str(error).split())[:160].rstrip(".")
        # A key or a byte alone tells nobody anything, nor does what PyTorch's C++ checks.
        if " " not in reason or isinstance(error, RuntimeError):
            reason = Sentence("it is damaged, or of another kind")
        raise ModelError(
            "{path} is no weights file that can be read ({reason}).", path=path, reason=reason
        ) from error


def _read_safetensors(path: Path) -> State:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        names = list(file.keys())
        narrow = any(file.get_slice(name).get_dtype() == "BF16" for name in names)
        if not narrow:
            return {name: file.get_tensor(name) for name in names}
    from safetensors.torch import load_file  # NumPy has no bfloat16

    return {name: values.float().numpy() for name, values in load_file(path).items()}


def _read_ncnn(path: Path) -> State:
    from mattelier.networks.compact.ncnn import read_compact
    from mattelier.networks.compact.weights import to_state

    return to_state(read_compact(path))


def _read_torch(path: Path) -> State:
    if _is_program(path):
        raise ModelError(
            "{path} holds a program of PyTorch's (TorchScript or torch.export), which could do "
            "anything; have it exported as ONNX, or bring its weights as safetensors or a state "
            "dict (.pth).",
            path=path,
        )
    try:
        import torch
    except ImportError:
        raise EngineError(
            "{name} needs PyTorch to be read; run `pip install torch`.", name=path.name
        ) from None
    from pickle import UnpicklingError

    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a kind of pickle that is seldom met
            # Of a path torch would believe the suffix.
            state = torch.load(stream, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelError(
            "{path} is refused because it holds more than weights, which could run any "
            "code; bring the weights alone.",
            path=path,
        ) from error
    state = _unwrapped(state)
    # Some who train keep a list of classes or the like among the weights.
    tensors = {name: v for name, v in state.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        raise ModelError("{path} holds no weights of a network.", path=path)
    return {name: value.detach().float().numpy() for name, value in tensors.items()}


def _is_program(path: Path) -> bool:
    """Whether a file is an archive with code in it, beside or instead of weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [name.partition("/")[2] for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        return False
    return any(name.startswith(_PROGRAM_FOLDERS) for name in inside)


def _unwrapped(saved: Any) -> dict[str, Any]:
    """The state dict in what a training framework has saved with it and around it."""
    for key in _WRAPPERS:
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    state: dict[str, Any] = {str(k): v for k, v in saved.items()} if isinstance(saved, dict) else {}
    if state and all(name.startswith(_PARALLEL) for name in state):
        state = {name.removeprefix(_PARALLEL): values for name, values in state.items()}
    if any(name.startswith(_GENERATOR) for name in state):  # the discriminator is not needed
        state = {name: v for name, v in state.items() if name.startswith(_GENERATOR)}
    return state


_READERS: Mapping[str, Callable[[Path], State]] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".param": _read_ncnn,
    ".bin": _read_ncnn,
}
