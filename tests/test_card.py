"""`mattelier models card`: what a model is, for people and for programs."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from tiny_model import make_model

from mattelier.catalogue import Card, Failure, Store, read_card
from mattelier.catalogue.card import to_toml
from mattelier.catalogue.card_text import card_text
from mattelier.commands.main import main

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture
def card(tmp_path: Path) -> Card:
    plain = read_card(make_model(tmp_path, commercial="no") / "card.toml")
    return dataclasses.replace(
        plain,
        quality={
            "pictures": 884,
            "people": {"iou": 0.93, "mae": 0.022},
            "cats_and_dogs": {"iou": 0.9},
            "ECSSD": [0.943, 0.041],
        },
        speed={"warm_12_megapixels": "1.26 s"},
        failures=(Failure("glass", "what is seen through it counts as glass"),),
    )


def test_what_a_card_knows_survives_its_file(card: Card) -> None:
    path = card.folder / "card.toml"
    path.write_text(to_toml(card), "utf-8")
    assert read_card(path) == card


def test_the_text_has_everything_in_its_place(card: Card) -> None:
    lines = card_text(card, "ready to use", 70).splitlines()
    assert max(map(len, lines)) <= 70
    text = "\n".join(lines)
    for words in (
        "tiny, version 1: ready to use",
        "made by the tests",
        "CC0-1.0: no commercial use.",
        "glass: what is seen through it counts as glass",
        "none. Licence: none",
        "0.943, 0.041",
    ):
        assert words in text, words
    order = [lines.index(heading) for heading in
             ("Quality", "Speed", "Known failures", "Learned from")]  # fmt: skip
    assert order == sorted(order)
    rows = {re.split("  +", line.strip())[0]: line.split() for line in lines}
    head = next(line for line in lines if line.split() == ["iou", "mae"])
    assert rows["people"][-2:] == ["0.93", "0.022"]
    assert rows["cats and dogs"][-2:] == ["0.9", "–"]
    assert head.index("mae") > head.index("iou")
    assert "1.26 s" in text


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    plain = dataclasses.replace(
        read_card(make_model(tmp_path) / "card.toml"), quality={}, training_data=()
    )
    text = card_text(plain, "ready to use")
    assert text.count("not measured") == 2
    assert "does not mean that there are none" in text
    assert "not stated" in text


@pytest.mark.parametrize("name", sorted(path.parent.name for path in MODELS.glob("*/card.toml")))
def test_every_shipped_card_can_be_shown(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["models", "card", name]) == 0
    output = capsys.readouterr().out
    assert "Known failures" in output
    assert all(len(line) <= 80 or "://" in line for line in output.splitlines())
    assert main(["models", "card", name, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["name"] == name
    assert {"licence", "training_data", "quality", "speed", "failures", "source"} <= values.keys()


def test_the_default_network_tells_where_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "card", "default"]) == 0
    output = capsys.readouterr().out
    for words in ("low contrast", "foliage", "two that touch", "people", "12 megapixels"):
        assert words in " ".join(output.split()), words


def test_a_model_s_folder_will_do_for_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "user"))
    folder = make_model(tmp_path, "mine")
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "./mine", str(folder)):
        card = Store().card(name)
        assert (card.name, card.folder) == ("mine", folder.resolve())
        assert Store().locate(card)["tiny.onnx"] == folder / "tiny.onnx"
    make_model(tmp_path / "user", "mine", gain=0.5)
    assert Store().card("mine").folder == tmp_path / "user/mine"  # an installed model comes first
    assert main(["models", "card", "nothing"]) == 2
    assert "There is no model" in capsys.readouterr().err
