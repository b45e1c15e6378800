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


def test_a_restricted_licence_comes_last(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = places / "models" / "sees-red" / "card.toml"
    card.write_text(card.read_text("utf-8").replace('commercial = "yes"', 'commercial = "no"'))
    assert main(["models", "list", "--for", "cutout", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["cutout", "sees-red"]
