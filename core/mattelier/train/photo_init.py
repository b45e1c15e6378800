"""What a network that enlarges worn photographs starts from: a published compact one."""

from __future__ import annotations

from pathlib import Path

import torch

from mattelier.networks.compact.network import CompactNet
from mattelier.networks.compact.weights import Compact, from_state, to_state
from mattelier.types.errors import ModelError, UsageError


def start_from(network: CompactNet, path: Path) -> None:
    """The weights of a compact network: Real-ESRGAN's (ncnn's .bin or .pth), or an earlier one.

    Raises
    ------
    UsageError
        The file holds no compact network of this size.
    """
    try:
        state = to_state(_compact(path))
        network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    except (RuntimeError, ModelError) as error:
        raise UsageError(
            f"{path} holds no compact network that this one can start from."
        ) from error


def _compact(path: Path) -> Compact:
    if path.suffix == ".bin":
        from mattelier.networks.compact.ncnn import read_compact

        return read_compact(path)
    from mattelier.engines.weights_file import read_state

    found = from_state(read_state(path))
    if found is None:
        raise ModelError(f"{path} holds another network.")
    return found
