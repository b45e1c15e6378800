"""`mattelier train --pictures`: own pictures become a model that `--model` takes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from run_task import run

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.data.pairs import find_pairs
from mattelier.data.splits import split_pairs
from mattelier.engines import backends
from mattelier.engines.open import open_model
from mattelier.learning.param_groups import is_idle, param_groups
from mattelier.media.stills import read
from mattelier.metrics.masks import iou
from mattelier.networks.cutout.detail import DetailCutoutNet
from mattelier.requests import MatteRequest
from mattelier.train import custom_dataset, finetune
from mattelier.train.synthetic_scenes import random_scene, remove_subject
from mattelier.types.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = ["--minutes", "0.02"]  # a step or two


def drawn(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A striped ball on speckled ground, and its mask."""
    random = np.random.default_rng(number)
    picture = random.integers(70, 130, (90, 120, 3)).astype(np.uint8)
    truth = np.zeros((90, 120), np.uint8)
    place = (int(random.integers(35, 85)), int(random.integers(35, 55)))
    cv2.circle(truth, place, 24, 255, -1)
    stripes = np.where(np.arange(120) // 6 % 2, 240, 40).astype(np.uint8)
    picture[truth > 0] = np.stack([np.broadcast_to(stripes, (90, 120))] * 3, -1)[truth > 0]
    return picture, truth


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ with masks/ of other formats and depths, and cutouts/ with transparency."""
    folder = tmp_path_factory.mktemp("own")
    for number in range(10):
        picture, truth = drawn(number)
        subfolder = "more/" if number == 3 else ""
        write(folder / f"photos/{subfolder}ball {number}.jpg", picture)
        write(folder / f"masks/{subfolder}ball {number}.png", truth)
        write(folder / f"cutouts/{number}.png", np.dstack([picture, truth]))
    write(folder / "photos/without a mask.png", drawn(0)[0])
    return folder


def train(own: Path, out: Path, *more: str) -> int:
    return main(
        ["train", "--pictures", str(own / "photos"), "--masks", str(own / "masks"),
         "-o", str(out), *more]
    )  # fmt: skip


@pytest.fixture(scope="module")
def mine(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "mine"
    assert train(own, out, *QUICK) == 0
    return out


def test_the_model_is_whole_and_runs_by_its_path(mine: Path, own: Path) -> None:
    assert [path.name for path in mine.parent.iterdir() if path.name.startswith(".")] == []
    assert {path.name for path in mine.iterdir()} == {
        "card.toml", "cutout.onnx", "cutout.safetensors"
    }  # fmt: skip
    picture = read(own / "photos/ball 1.jpg")
    alpha = run(MatteRequest(model=str(mine)), picture).alpha
    assert iou(alpha > 0.5, drawn(1)[1] > 0) > 0.7


def test_both_engines_run_the_weights_that_were_trained(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    card = store.card(str(mine))
    random = np.random.default_rng(3)
    inputs = {
        "picture": random.random((1, 3, 128, 192), np.float32),
        "hint": np.zeros((1, 2, 128, 192), np.float32),
    }
    inputs["hint"][:, 0, 40:90, 60:130] = 0.5  # so that there is a matte to compare
    ours = open_model(card, store, "cpu").run(inputs)["alpha"]
    shipped = open_model(store.card("default"), store, "cpu").run(inputs)["alpha"]
    monkeypatch.setattr(backends, "ON_CPU", ("torch",))
    theirs = open_model(card, store, "cpu").run(inputs)["alpha"]
    assert np.abs(ours - theirs).max() < 2e-3
    assert np.abs(ours - shipped).max() > 1e-4


def test_the_graph_is_the_one_it_started_from(mine: Path) -> None:
    """Writing a new one would need more than PyTorch, and minutes."""
    store = Store()
    start = store.locate(store.card("default"))
    assert (mine / "cutout.onnx").read_bytes() == start["cutout.onnx"].read_bytes()


def test_attention_is_trained_only_where_there_is_some() -> None:
    network = DetailCutoutNet()
    assert is_idle(network)
    slow, fast = param_groups(network, 3)
    context = {id(p) for p in network.context.parameters()}
    assert not context & {id(p) for p in (*slow, *fast)}
    with torch.no_grad():
        network.context.blocks[1].answer.bias.add_(0.1)
    assert not is_idle(network)
    slow, fast = param_groups(network, 3)
    assert context <= {id(p) for p in slow}
    trained = [id(p) for p in (*slow, *fast)]
    assert len(trained) == len(set(trained))
    assert set(trained) == {id(p) for p in network.parameters() if p.requires_grad}
    left = [*network.stem.parameters(), *network.blocks[:3].parameters()]
    assert not {id(p) for p in left} & set(trained)
    assert {id(p) for p in network.blocks[3].parameters()} <= set(trained)


def test_the_card_says_what_it_is_and_what_was_gained(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = Store().card("default")
    assert main(["models", "card", str(mine), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["name"] == "mine"
    assert card["state"] == "ready"
    assert "8 own picture" in card["title"]
    assert len(card["training_data"]) == len(start.training_data) + 1
    assert card["licence"]["weights"] == start.licence.weights
    assert card["quality"]["measured_on"] == "2 own pictures held back"
    assert 0 < card["quality"]["iou_of_start"] <= 1
    assert main(["models", "card", str(mine)]) == 0
    output = capsys.readouterr().out
    assert "fine-tuned" in output
    assert "iou of start" in output


def test_previews_and_a_log_of_metrics_are_written(mine: Path) -> None:
    folder = mine.with_name("mine.training")
    last = read(folder / "preview-100.png")
    assert last.height == 2 * (160 + 2)  # two pictures are held back
    assert last.width > 4 * 160


def test_working_copies_hold_back_what_is_never_trained_on(mine: Path) -> None:
    data = mine.with_name("mine.training") / "data"
    trained, held_out = split_pairs(find_pairs(data / "own"))
    assert (len(trained), len(held_out)) == (8, 2)
    scenes = {path.name for path in (data / "scenes").iterdir()}
    photos = {name for name in scenes if not name.startswith("imagined")}
    assert photos == {pair.picture.name for pair in trained}
    assert photos != scenes


def test_training_learns_what_it_is_shown(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Masks that say the ground is the subject turn the network round in a few dozen steps."""
    for number in range(6):
        picture, truth = drawn(number)
        write(tmp_path / f"photos/{number}.png", picture)
        write(tmp_path / f"masks/{number}.png", 255 - truth)
    steps = 0

    class Short(finetune.FineTune):
        def _step(self, batch: list[torch.Tensor]) -> float:
            nonlocal steps
            steps += 1
            self.elapsed = self.seconds * steps / 25
            return super()._step(batch)

    recipe = finetune.custom_recipe(64, detail=True, one_shot=True)
    counts = custom_dataset.prepare_dataset(
        custom_dataset.find_custom_pairs(tmp_path / "photos", tmp_path / "masks", pytest.fail),
        tmp_path / "run/data", one_shot=True, seed=1, report=pytest.fail,
    )  # fmt: skip
    assert counts == (6, 0)
    store = Store()
    card = store.card("default")
    start = store.locate(card)["cutout.safetensors"]
    heard: list[finetune.Judgement] = []
    run = Short(
        recipe, tmp_path / "run/data", tmp_path / "run", start, minutes=60, report=heard.append
    )
    assert run.train(lambda line: None)
    _, end, share = run.best()
    assert share == 1  # nothing is held back to choose by
    assert end.now["iou"] > end.before["iou"] + 0.05
    assert end.helps
    assert len(heard) >= 6
    assert all(one.before == end.before for one in heard)


def test_what_was_held_back_says_how_far_to_go(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the start and what was trained lie networks of which the best is taken."""
    alone: list[str] = []
    found = custom_dataset.find_custom_pairs(own / "photos", own / "masks", alone.append)
    assert len(alone) == 1
    assert "1 picture(s) without a mask" in alone[0]
    assert alone[0].endswith("as without a mask.png.")
    custom_dataset.prepare_dataset(
        found, tmp_path / "data", one_shot=False, seed=1, report=pytest.fail
    )
    recipe = finetune.custom_recipe(64, detail=True, one_shot=False)
    card = Store().card("default")
    start = Store().locate(card)["cutout.safetensors"]
    run = finetune.FineTune(
        recipe, tmp_path / "data", tmp_path, start, minutes=1, report=lambda judgement: None
    )
    # It is trained as unsure as its start was, and made as sharp again in the end.
    sharp = run._start.out[0].weight
    torch.testing.assert_close(run.network.out[0].weight * 3, sharp)
    torch.testing.assert_close(run.result().out[0].weight, sharp)
    with torch.no_grad():
        for value in run.average.parameters():
            value.add_(0.01)
        origin = next(iter(run._start.parameters())).clone()
    judgements = []

    def scores(alphas: object) -> dict[str, float]:
        judgements.append(len(judgements))
        return {"iou": {2: 0.9}.get(len(judgements) - 1, 0.5), "mae": 0.1}

    monkeypatch.setattr(run, "_scores", scores)
    network, _, share = run.best()
    assert share == 0.5
    torch.testing.assert_close(next(iter(network.parameters())), origin + 0.005)


def test_a_stopped_run_goes_on_with_the_same_command(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = finetune.FineTune._step
    count = 0

    def interrupted(self: finetune.FineTune, batch: list[torch.Tensor]) -> float:
        nonlocal count
        count += 1
        if count == 2:
            signal.raise_signal(signal.SIGINT)
        return real(self, batch)

    monkeypatch.setattr(finetune.FineTune, "_step", interrupted)
    assert train(own, tmp_path / "mine", "--minutes", "5") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()
    state = torch.load(tmp_path / "mine.training/state.pt", weights_only=True)
    assert state["index"] == 2 * 4
    count = 100  # no more signals; and a time box that is over ends the run at once
    assert train(own, tmp_path / "mine", "--minutes", "0.0001") == 0
    assert (tmp_path / "mine/card.toml").is_file()


def test_another_run_s_folder_is_not_gone_on_with(
    own: Path, mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "mine"
    other.with_name("mine.training").mkdir()
    note = (mine.with_name("mine.training") / "run.json").read_text()
    (tmp_path / "mine.training/run.json").write_text(
        note.replace('"one_shot": false', '"one_shot": true')
    )
    assert train(own, other, *QUICK) == 2
    assert "other pictures" in capsys.readouterr().err


def test_one_picture_is_enough(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, truth = drawn(4)
    write(tmp_path / "photos/mascot.png", picture)
    write(tmp_path / "masks/mascot.png", truth)
    assert train(tmp_path, tmp_path / "mascot", *QUICK) == 2
    assert "--one-shot" in capsys.readouterr().err
    assert not (tmp_path / "mascot.training").exists()
    assert train(tmp_path, tmp_path / "mascot", *QUICK, "--one-shot") == 0
    output = capsys.readouterr().err
    assert "judged by variations" in output
    assert Store().card(str(tmp_path / "mascot")).quality["measured_on"] == (
        "variations of own pictures"
    )


def test_one_cutout_is_enough(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies under its transparency is not learned: it is shown over other scenes."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one/5.png").write_bytes((own / "cutouts/5.png").read_bytes())
    out = tmp_path / "mascot"
    assert main(["train", "--pictures", str(tmp_path / "one"), "-o", str(out),
                 "--hours", "0.0003", "--one-shot"]) == 0  # fmt: skip
    variations = [pair.read() for pair in find_pairs(tmp_path / "mascot.training/data/own")]
    assert len(variations) > 1
    picture, truth = drawn(5)
    for view, mask in variations:
        np.testing.assert_array_equal(mask, truth)
        np.testing.assert_array_equal(view[truth == 255], picture[truth == 255])
        assert np.abs(view[truth == 0].astype(int) - picture[truth == 0]).mean() > 10
    assert (variations[0][0] != variations[1][0]).any()


def test_a_result_that_is_no_better_says_so(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = finetune.FineTune._scores
    calls = iter(range(1000))
    monkeypatch.setattr(
        finetune.FineTune,
        "_scores",
        lambda self, alphas: real(self, alphas) | {"iou": 0.9 - 0.01 * next(calls)},
    )
    assert train(own, tmp_path / "mine", *QUICK) == 0
    assert "Training did not help" in capsys.readouterr().err
    card = Store().card(str(tmp_path / "mine"))
    assert any("no better" in failure.what for failure in card.failures)


def test_pictures_that_cannot_be_used_are_named_and_left_out(own: Path, tmp_path: Path) -> None:
    output: list[str] = []
    for number in range(5):
        picture, truth = drawn(number)
        write(tmp_path / f"photos/{number}.png", picture)
        write(tmp_path / f"masks/{number}.png", truth)
    write(tmp_path / "masks/0.png", drawn(0)[1][:50])
    write(tmp_path / "masks/1.png", np.zeros((90, 120), np.uint8))
    (tmp_path / "photos/2.png").write_bytes(b"nothing")
    found = custom_dataset.find_custom_pairs(tmp_path / "photos", tmp_path / "masks", pytest.fail)
    counts = custom_dataset.prepare_dataset(
        found, tmp_path / "run/data", one_shot=True, seed=1, report=output.append
    )
    assert counts == (2, 0)
    assert len(output) == 3
    for sentence, words in zip(
        output, ("0.png is not of its", "shows no subject", "2.png"), strict=True
    ):
        assert words in sentence
    with pytest.raises(UsageError, match="too few"):
        custom_dataset.prepare_dataset(
            found, tmp_path / "other/data", one_shot=False, seed=1, report=output.append
        )
    assert not (tmp_path / "other/data").exists()
    assert not list((tmp_path / "other").glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pictures", "photos", "--masks", "masks"], "--pictures goes with -o"),
        (["--pictures", "photos", "-o", "My Model"], "a model's name is made of"),
        (["--pictures", "photos", "-o", "photos"], "is there already"),
        (["--pictures", "photos", "-o", "nowhere/mine"], "make it first"),
        (["--pictures", "photos", "-o", "mine", "--masks", "cutouts"], "holds no pictures that"),
        (["--pictures", "photos", "-o", "mine"], "None of these pictures"),
        (["--pictures", "photos", "-o", "mine", "--recipe", "cutout"], "--pictures goes with"),
        (["--recipe", "cutout", "--data", "photos"], "--recipe with --data and --run"),
        (["-o", "mine"], "Give --pictures and -o"),
        ([], "Give --pictures and -o"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(
    arguments: list[str],
    words: str,
    own: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(own)
    assert main(["train", *arguments]) == 2
    output = capsys.readouterr().err.strip().splitlines()
    assert words in output[-1]
    assert len(output) <= 7  # of many pictures that cannot be used a few are named
    assert not (own / "mine").exists()
    assert not (own / "mine.training").exists()


def test_scenes_are_as_large_as_asked_and_have_no_subject() -> None:
    scenes = [random_scene(64, np.random.default_rng(seed)) for seed in range(4)]
    assert all(scene.shape == (64, 64, 3) and scene.dtype == np.uint8 for scene in scenes)
    assert (scenes[0] != scenes[1]).any()
    np.testing.assert_array_equal(scenes[2], random_scene(64, np.random.default_rng(2)))
    picture, truth = drawn(0)
    empty = remove_subject(picture, truth)
    near = cv2.dilate(truth, np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(empty[~near], picture[~near])
    assert empty[truth > 0].std() < 0.3 * picture[truth > 0].std()
    assert remove_subject(picture, np.full_like(truth, 255)).std() == 0
