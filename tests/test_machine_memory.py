"""A network that no memory here can hold is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_model import make_model

from mattelier.commands.main import main
from mattelier.engines import machine_memory


def test_a_network_too_large_for_this_computer_is_refused_by_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_model(tmp_path / "models", "tiny")
    monkeypatch.setenv("MATTELIER_MODELS", str(folder.parent))
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(tmp_path / "photo.png")
    command = ["matte", str(tmp_path / "photo.png"), "-o", str(tmp_path / "out.png")]
    command += ["--model", "tiny"]
    weights = sum(file.stat().st_size for file in folder.iterdir() if file.suffix != ".toml")
    monkeypatch.setattr(machine_memory, "physical_memory", lambda: 10)
    assert weights > 10
    assert main(command) != 0
    said = capsys.readouterr().err
    assert "of memory, and this computer has" in said
    assert "choose a smaller network" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.png").exists()
    monkeypatch.setattr(machine_memory, "physical_memory", lambda: None)  # it does not say
    assert main(command) == 0


def test_this_computer_has_memory_for_the_networks_that_ship() -> None:
    memory = machine_memory.physical_memory()
    assert memory is None or memory > 500e6
