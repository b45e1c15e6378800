"""A style network of AdaIN's layout with random weights, brought in as a user brings in one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from mattelier.commands.main import main

NAME = "random-adain"


def bring_in_style(models: Path) -> None:
    """Import it into a folder of models; the test is skipped where there is no PyTorch."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from mattelier.networks.adain.network import AdaIN

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_MODELS", str(models))
        file = Path(folder, "random.safetensors")
        torch.manual_seed(1)
        save_file({n: v.contiguous() for n, v in AdaIN().state_dict().items()}, file)
        arguments = ["models", "import", str(file), "--name", NAME, "--style-encoder", str(file)]
        assert main(arguments) == 0
