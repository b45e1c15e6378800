"""Where a denoising network starts from, other than chance."""

from __future__ import annotations

from pathlib import Path

from mattelier.networks.denoise.network import DenoiseNet
from mattelier.types.errors import UsageError


def start_from(network: DenoiseNet, path: Path) -> None:
    """Weights of an earlier network (.safetensors).

    Raises
    ------
    UsageError
        The file holds no such weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (RuntimeError, SafetensorError) as error:
        raise UsageError(f"{path} holds no weights that this network can start from.") from error
