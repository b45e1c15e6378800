"""Modules by OpenVINO: torch's answers, kept once a machine; torch where anything is amiss."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo_folders
import zoo_weights
from balls import BALLS, photo
from PIL import Image

from mattelier.catalogue import Card, Store
from mattelier.commands.main import main
from mattelier.engines.backends import quicken
from mattelier.engines.backends import torch as torch_backend
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = 128
NONE = np.zeros(0, np.float32)
MASK = np.zeros((SIZE, SIZE), np.float32)
MASK[30:90, 20:80] = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "sam2"
    zoo_folders.write("sam2", folder)
    return folder


@pytest.fixture(scope="module")
def prepared(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's models and cache, on a machine where OpenVINO always gains enough."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quicken, "_MIN_GAIN", 0.0)
        live_in(home, patch)
        bring_in(folder)
    return home


@pytest.fixture
def store(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of it."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    live_in(tmp_path, monkeypatch)
    return Store()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Nothing is here yet, and a look is all that is tried."""
    live_in(tmp_path, monkeypatch)
    monkeypatch.setattr(quicken, "_ASKED", {})
    return Store()


def live_in(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MATTELIER_MODELS", str(home / "models"))
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))


def bring_in(folder: Path) -> Card:
    assert main(["models", "import", str(folder), "--name", "mine"]) == 0
    return Store().card("mine")


def plan(store: Store) -> Path:
    [found] = (store.cache / "openvino").glob(f"*/*/{quicken._PLAN}")
    return found


def ask(model: OpenModel, count: int, box: Any = NONE, known: Any = NONE[None, :0]) -> Any:
    random = np.random.default_rng(count)
    picture = np.random.default_rng(9).normal(0, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    features = model.run({"picture": picture}, "look")
    given = {
        "points": random.uniform(5, SIZE - 5, (count, 2)).astype(np.float32),
        "signs": (np.arange(count) % 2 == 0).astype(np.float32),
        "box": np.asarray(box, np.float32),
        "known": known,
    }
    return model.run({**features, **given}, "ask")


def assert_same(ours: Any, theirs: Any) -> None:
    for role, values in theirs.items():
        assert ours[role].shape == values.shape
        np.testing.assert_allclose(ours[role], values, atol=2e-4 * max(np.abs(values).max(), 1e-3))
    assert np.ptp(theirs["masks"]) > 0.1


def test_the_answers_are_torchs(folder: Path, store: Store) -> None:
    quick = open_model(store.card("mine"), store, "cpu")
    official = open_model(folder, store, "cpu")  # named by its folder: nothing is kept of it
    assert (quick.engine, official.engine) == ("openvino", "torch")
    told = json.loads(plan(store).read_text())["parts"]
    assert {part for part, found in told.items() if found["used"]} == {
        "look", "click", "clicks", "box",
    }  # fmt: skip
    for count in (1, 2, 5):
        assert_same(ask(quick, count), ask(official, count))
    box = [20, 10, 100, 90]
    assert_same(ask(quick, 0, box), ask(official, 0, box))
    assert_same(ask(quick, 2, box), ask(official, 2, box))  # by torch
    assert_same(ask(quick, 1, known=MASK), ask(official, 1, known=MASK))


def test_what_was_found_is_kept_and_torch_stays_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = store.card("mine")
    first = ask(open_model(card, store, "cpu"), 1)

    def never(*_: Any) -> Any:
        raise AssertionError("it is known already")

    monkeypatch.setattr(quicken, "_prepare", never)
    monkeypatch.setattr(torch_backend, "open_session", never)
    again = ask(open_model(card, store, "cpu"), 1)
    assert all((again[role] == first[role]).all() for role in first)


@pytest.mark.parametrize("limit", ["_MIN_GAIN", "_TOLERANCE"])
def test_what_gains_too_little_or_answers_otherwise_stays_with_torch(
    folder: Path, empty: Store, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(quicken, limit, 1e9 if limit == "_MIN_GAIN" else -1.0)
    model = open_model(bring_in(folder), empty, "cpu")
    assert model.engine == "torch"
    assert not list(plan(empty).parent.glob("*.bin"))
    assert_same(ask(model, 1), ask(open_model(folder, empty, "cpu"), 1))


def test_a_failing_export_stays_with_torch(
    folder: Path, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(quicken, "_trace", fail)
    model = open_model(bring_in(folder), empty, "cpu")
    assert model.engine == "torch"
    assert "no such operation" in plan(empty).read_text()


@pytest.mark.parametrize("spoil", ["graph", "plan", "cache"])
def test_a_spoilt_cache_stops_nobody(
    folder: Path, store: Store, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = store.card("mine")
    monkeypatch.setattr(quicken, "_ASKED", {})
    kept = plan(store)
    if spoil == "graph":
        for file in kept.parent.glob("*.bin"):
            file.write_bytes(b"half")
    elif spoil == "plan":
        kept.write_text("{")
    else:
        place = kept.parents[1]
        for file in (*kept.parent.iterdir(),):
            file.unlink()
        kept.parent.rmdir()
        place.rmdir()
        place.write_text("no folder can be made here")
    assert_same(ask(open_model(card, store, "cpu"), 1), ask(open_model(folder, store, "cpu"), 1))


def test_a_click_cuts_out_by_it(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(photo()).save(tmp_path / "a.png")
    x, y, _ = BALLS[0]
    capsys.readouterr()
    wanted = ["cutout", str(tmp_path / "a.png"), "--point", f"{x},{y}", "--json"]
    assert main([*wanted, "--model", "mine", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "openvino"


def test_what_was_compiled_goes_with_the_model(store: Store) -> None:
    kept = plan(store)
    assert main(["models", "remove", "mine"]) == 0
    assert not kept.exists()
    assert not list((store.cache / "openvino").iterdir())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IS-Net as its authors save it."""
    import torch

    path = tmp_path_factory.mktemp("network") / "isnet.pth"
    state = zoo_weights.published("isnet").state
    torch.save({k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in state.items()}, path)
    return path


@pytest.mark.parametrize("gain", [0.0, 1e9])
def test_a_network_of_mattes_is_tried_when_it_comes_in(
    weights: Path, empty: Store, monkeypatch: pytest.MonkeyPatch, gain: float
) -> None:
    monkeypatch.setattr(quicken, "_MIN_GAIN", gain)
    flags = ["--name", "mine", "--size", "96"]  # not the size of its family
    assert main(["models", "import", str(weights), *flags]) == 0
    assert "forward" in json.loads(plan(empty).read_text())["parts"]
    monkeypatch.setattr(quicken, "_prepare", pytest.fail)
    model = open_model(empty.card("mine"), empty, "cpu")
    assert model.engine == ("torch" if gain else "openvino")
    picture = {"picture": np.random.default_rng(3).normal(0, 1, (1, 3, 96, 96)).astype("f")}
    official = open_model(weights, empty, "cpu").run(picture)["alpha"]
    assert np.ptp(official) > 0.1
    np.testing.assert_allclose(model.run(picture)["alpha"], official, atol=1e-4 * np.ptp(official))
