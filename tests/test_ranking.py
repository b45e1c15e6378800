"""Which network is the best here: measured on drawn pictures, remembered, told by the doctor."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_model import make_looking_model

from mattelier.catalogue import Store
from mattelier.commands.main import main


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a network that sees redness, and one that sees its opposite."""
    from mattelier import doctor
    from mattelier.commands import models

    redness = np.array([9, -9, -3], np.float32).reshape(1, 3, 1, 1)
    make_looking_model(tmp_path / "models", "cutout", -redness, 1.0)
    make_looking_model(tmp_path / "models", "sees-red", redness, -1.0)
    ours = Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")
    for module in (models, doctor):
        monkeypatch.setattr(module, "Store", lambda: ours)
    return tmp_path


def test_the_better_one_comes_first_and_is_measured_once(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 0
    assert "2 not measured" in json.loads(capsys.readouterr().out)["best"]["cutout"]

    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    first = capsys.readouterr()
    assert "Measuring sees-red" in first.err
    rows = [json.loads(line) for line in first.out.splitlines()]
    assert [row["name"] for row in rows] == ["sees-red", "cutout"]
    assert rows[0]["quality"] > rows[1]["quality"] + 0.01
    assert all(row["seconds"] > 0 for row in rows)

    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    again = capsys.readouterr()
    assert "Measuring" not in again.err
    assert again.out == first.out

    assert main(["doctor", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["best"]["cutout"]
    assert best.startswith("sees-red (")


def sees(path: Path, weights: list[float], bias: float) -> Path:
    """A graph of no known family, which sees a colour: one convolution."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.array(weights, np.float32).reshape(1, 3, 1, 1)
    values = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.array([bias], np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Conv", ["photo", "kernel", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["matte"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 64, 64])
        for name, channels in (("photo", 3), ("matte", 1))
    ]
    graph = helper.make_graph(nodes, "looks", ports[:1], ports[1:], values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_two_that_were_brought_in_are_ranked_and_used_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the shipped one, which stays what is used where none is named."""
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, weights, bias in (("blind", [-9.0, 9, 3], 1.0), ("red", [9.0, -9, -3], -1.0)):
        graph = sees(tmp_path / f"{name}.onnx", weights, bias)
        assert main(["models", "import", str(graph)]) == 0
    capsys.readouterr()

    assert main(["models", "list", "--json"]) == 0
    rows = map(json.loads, capsys.readouterr().out.splitlines())
    listed = {one["name"]: one for one in rows if "name" in one}
    assert {listed[name]["proof"] for name in ("blind", "red")} == {"runs"}  # it saw a ball
    # Of those that nobody has fetched, none was shown a picture here.
    assert not [
        one for one in listed.values() if one["state"] != "ready" and one["proof"] == "runs"
    ]

    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["cutout", "red", "blind"]
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert rows[0]["quality"] > rows[1]["quality"] + 0.1 > rows[2]["quality"] + 0.11
    assert main(["models", "list", "--for", "cutout"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[4] for line in lines] == ["cutout", "red", "blind"]

    photo = Path(__file__).resolve().parents[1] / "install" / "sample.jpg"
    mattes = {}
    for model in ("default", "auto", "cutout", "red", "blind"):
        out = tmp_path / f"{model}.png"
        asked = ["matte", str(photo), "-o", str(out), "--model", model, "--quality", "fast"]
        assert main([*asked, "--no-refine"]) == 0
        mattes[model] = out.read_bytes()
    assert mattes["default"] == mattes["auto"] == mattes["cutout"]
    assert len(set(mattes.values())) == 3

    assert main(["models", "remove", "red"]) == 0
    capsys.readouterr()
    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["cutout", "blind"]


def test_a_restricted_licence_comes_last(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = places / "models" / "sees-red" / "card.toml"
    card.write_text(card.read_text("utf-8").replace('commercial = "yes"', 'commercial = "no"'))
    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["cutout", "sees-red"]
