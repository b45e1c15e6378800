"""Shot tuning through its public door."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from run_task import run
from synthetic_clips import Clip, disc_clip, iou
from tiny_model import make_model

from mattelier.catalogue import Store
from mattelier.engines.open import open_model
from mattelier.requests import MatteRequest
from mattelier.shot.tracking.tune import tune
from mattelier.shot.tracking.tuning_key import TuningKey
from mattelier.types.errors import UsageError
from mattelier.types.progress import Cancelled, heard_by

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 24


@pytest.fixture(scope="module")
def clip() -> Clip:
    return disc_clip([(70, 50), (120, 60)])


def key(clip: Clip, place: int = 0) -> dict[int, TuningKey]:
    """One frame of the clip as a key, known everywhere."""
    view, truth = clip[0][place], clip[1][place]
    return {1001: TuningKey(view, truth, np.ones_like(truth))}


@pytest.fixture(scope="module")
def tuned(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store()
    return tune(
        store.card("cutout-shot"), store, key(clip), STEPS, tmp_path_factory.mktemp("tuned")
    )


def test_a_tuned_model_is_a_model_like_others(tuned: Path, clip: Clip) -> None:
    store = Store(user=tuned.parent)
    card = store.card(tuned.name)
    assert card.title.endswith("tuned on one shot")
    assert card.training_data == Store().card("cutout-shot").training_data
    assert sorted(p.name for p in tuned.iterdir()) == sorted(
        ["card.toml", *(file.path for file in card.files)]
    )
    assert [p.name for p in tuned.parent.iterdir()] == [tuned.name]
    start = store.locate(
        store.card("cutout-shot")
    )  # writing a new graph would need more than PyTorch
    assert (tuned / "cutout.onnx").read_bytes() == start["cutout.onnx"].read_bytes()
    from mattelier.types.picture import Picture

    for view, truth in zip(*clip, strict=True):
        picture = Picture(np.rint(view * 255).astype(np.uint8))
        alpha = run(MatteRequest(model=str(tuned)), picture).alpha
        assert iou(alpha, truth) > 0.8


def test_the_fast_engine_runs_the_weights_that_were_trained(tuned: Path, clip: Clip) -> None:
    store = Store(user=tuned.parent)
    card = store.card(tuned.name)
    view, truth = (cv2.resize(image[0], (192, 128)) for image in clip)
    inputs = {
        "picture": np.ascontiguousarray(view.transpose(2, 0, 1), np.float32)[None],
        "hint": np.stack([truth / 3, np.zeros_like(truth)])[None].astype(np.float32),
    }
    ours = open_model(card, store, "cpu").run(inputs)["alpha"]
    weights = tuple(file for file in card.files if file.path.endswith(".safetensors"))
    by_torch = open_model(replace(card, files=weights), store, "cpu")
    assert by_torch.engine == "torch"
    theirs = by_torch.run(inputs)["alpha"]
    shipped = open_model(Store().card("cutout-shot"), Store(), "cpu").run(inputs)["alpha"]
    assert np.abs(ours - theirs).max() < 2e-3
    assert np.abs(ours - shipped).max() > 1e-3


def test_the_same_keys_and_steps_use_the_kept_model(
    tuned: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    before = {p.name: p.stat().st_mtime_ns for p in tuned.iterdir()}
    # Not even PyTorch is needed for that.
    monkeypatch.setitem(sys.modules, "torch", None)
    again = tune(store.card("cutout-shot"), store, key(clip), STEPS, tuned.parent)
    assert again == tuned
    assert {p.name: p.stat().st_mtime_ns for p in tuned.iterdir()} == before
    with pytest.raises(UsageError, match="needs PyTorch"):
        tune(store.card("cutout-shot"), store, key(clip, 1), STEPS, tuned.parent)


def test_tuning_again_gives_the_same_network(tuned: Path, clip: Clip, tmp_path: Path) -> None:
    store = Store()
    again = tune(store.card("cutout-shot"), store, key(clip), STEPS, tmp_path)
    assert (again / "cutout.safetensors").read_bytes() == (
        tuned / "cutout.safetensors"
    ).read_bytes()


def test_a_damaged_model_is_tuned_again(clip: Clip, tmp_path: Path) -> None:
    store = Store()
    folder = tune(store.card("cutout-shot"), store, key(clip), 1, tmp_path)
    (folder / "cutout.onnx").write_bytes(b"")
    assert tune(store.card("cutout-shot"), store, key(clip), 1, tmp_path) == folder
    assert (folder / "cutout.onnx").stat().st_size > 10_000


def test_cancelling_leaves_nothing(clip: Clip, tmp_path: Path) -> None:
    def enough(fraction: float, stage: str) -> None:
        raise Cancelled

    store = Store()
    with pytest.raises(Cancelled), heard_by(enough):
        tune(store.card("cutout-shot"), store, key(clip), STEPS, tmp_path)
    assert not any(tmp_path.iterdir())


def test_what_cannot_be_tuned_is_said(clip: Clip, tmp_path: Path) -> None:
    store = Store()
    view, nothing = clip[0][0], np.zeros_like(clip[1][0])
    empty = {1: TuningKey(view, nothing, np.ones_like(nothing))}
    with pytest.raises(UsageError, match="needs a key frame"):
        tune(store.card("cutout-shot"), store, empty, 1, tmp_path)
    make_model(tmp_path / "models")
    other = Store(user=tmp_path / "models")
    with pytest.raises(UsageError, match="tiny cannot be tuned"):
        tune(other.card("tiny"), other, key(clip), 1, tmp_path)
