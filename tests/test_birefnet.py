"""BiRefNet: its own code's answers, from its own weights' layout, through our doors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zoo_weights
from safetensors.numpy import save_file

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model

pytest.importorskip("torch")

VECTORS = np.load(Path(__file__).with_name("zoo_vectors") / "birefnet.npz")


def save_as_published(path: Path, dtype: type = np.float32) -> None:
    """The weights under the names that BiRefNet's authors save, what only training needs too."""
    layout = json.loads(VECTORS["layout"].tobytes())
    state = zoo_weights.weights((name, tuple(shape)) for name, shape in layout.items())
    save_file(
        {
            name: values.astype(np.int64 if "index" in name or "num_" in name else dtype)
            for name, values in state.items()
        },
        path,
    )


def test_its_answers_are_those_of_its_own_code(tmp_path: Path) -> None:
    save_as_published(tmp_path / "model.safetensors")
    model = open_model(tmp_path / "model.safetensors", Store(), "cpu", task="matte")
    assert model.input.size == 1024
    ours = model.run({"picture": zoo_weights.samples(96, 160)})["alpha"]
    theirs = 1 / (1 + np.exp(-VECTORS["answer"].astype(np.float64)))
    assert theirs.std() > 0.1
    assert np.abs(ours - theirs).max() <= 1e-4 * np.ptp(theirs)


def test_its_published_folder_comes_in_without_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "BiRefNet_HR"
    folder.mkdir()
    save_as_published(folder / "model.safetensors", np.float16)  # as they are published
    config = {"architectures": ["BiRefNet"], "auto_map": {"AutoConfig": "birefnet.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "birefnet.py").write_text("raise SystemExit('was run')\n")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    assert main(["models", "import", str(folder), "--size", "128"]) == 0
    assert "weights of BiRefNet" in capsys.readouterr().err
    card = Store().card("birefnet_hr")
    assert card.architecture == "birefnet.BiRefNet"
    assert card.input.size == 128
    assert card.licence.weights == "mit"
    assert [file.path for file in card.files] == ["birefnet_hr.safetensors"]


def test_damaged_weights_get_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file

    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    file = tmp_path / "model.safetensors"
    save_as_published(file)
    state = load_file(file)
    del state["decoder.conv_out1.0.weight"]
    save_file(state, file)
    assert main(["models", "import", str(file)]) == 3
    assert "do not fit the network BiRefNet" in capsys.readouterr().err
    assert not (tmp_path / "models" / "model").exists()
