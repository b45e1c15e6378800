"""Training what tracking remembers with: exact truth, runs that go on, a memory that finds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loud_discs import LOUD, write_loud_discs

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model
from mattelier.networks.track.network import EmbeddingNet
from mattelier.shot.tracking.memory import Embeddings, Memory
from mattelier.train.track import Samples, TrackRecipe, TrackRun, memory_loss
from mattelier.types.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (128, 96)  # width, height
CUTOUT = Path(__file__).parents[1] / "models" / "cutout" / "cutout.safetensors"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loud_discs(tmp_path_factory.mktemp("data"))


def recipe(**changes: object) -> TrackRecipe:
    tiny = TrackRecipe(
        seed=1, clips=12, sets=("discs",), scenes=("scenes",), views=3, size=SIZE, warm_up=2
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def mean_loss(network: EmbeddingNet, samples: Samples, first: int, count: int) -> float:
    losses = []
    for index in range(first, first + count):
        views, truths = map(torch.from_numpy, samples.make(index))
        with torch.no_grad():
            losses.append(float(memory_loss(network(views.float() / 255), truths)))
    return float(np.mean(losses))


def test_samples_are_pure_and_their_truth_lies_where_the_subject_is(data: Path) -> None:
    samples = Samples(recipe(relit=0.0), data)
    shown = 0
    for index in range(8):
        views, truths = samples.make(index)
        assert views.shape == (3, 3, 96, 128)
        assert truths.shape == (3, 12, 16)
        again = Samples(recipe(relit=0.0), data).make(index)
        assert np.array_equal(views, again.views)
        assert np.array_equal(truths, again.truths)
        loud = np.abs(views.astype(int) - np.reshape(LOUD, (3, 1, 1))).max(1) < 90
        share = loud.reshape(3, 12, 8, 16, 8).mean((2, 4))
        shown += bool(truths[0].mean() > 0.003)
        assert (share[truths > 0.99] > 0.8).all()  # others are loud, too: not the other way round
    assert shown >= 6


def test_what_a_memory_says_surely_and_wrongly_can_be_unlearnt() -> None:
    # Two places whose vectors say just the opposite of the truth.
    features = torch.eye(2)[None].repeat(2, 1, 1).reshape(2, 2, 1, 2).requires_grad_()
    truths = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    loss = memory_loss(features, truths)
    loss.backward()
    assert loss > 3
    assert features.grad is not None
    assert features.grad.abs().max() > 0
    assert memory_loss(features.detach(), truths[:1].repeat(2, 1, 1)) < 0.05


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = TrackRun(recipe(), data, tmp_path / "whole", hours=None)
    whole.start(lambda network: None)
    assert whole.train(lambda line: None)

    parts = TrackRun(recipe(), data, tmp_path / "parts", hours=None)
    parts.start(lambda network: None)
    tick = parts._tick

    def stop_at_six() -> None:
        parts.stopping = parts.index == 6
        tick()

    parts._tick = stop_at_six  # type: ignore[method-assign]
    assert not parts.train(lambda line: None)
    resumed = TrackRun(recipe(), data, tmp_path / "parts", hours=None)
    resumed.start(lambda network: pytest.fail("it started anew"))
    assert resumed.index == 6
    assert resumed.train(lambda line: None)
    ours, theirs = whole.result().state_dict(), resumed.result().state_dict()
    for name, values in ours.items():
        torch.testing.assert_close(theirs[name], values, atol=1e-5, rtol=1e-3)


def test_training_teaches_to_find_again(data: Path, tmp_path: Path) -> None:
    run = TrackRun(recipe(clips=160, rate=1e-3, ema=0.9), data, tmp_path, hours=None)
    run.start(lambda network: run.init_weights(network, CUTOUT))
    before = mean_loss(run.average, run.samples, 1000, 12)
    assert run.train(lambda line: None)
    assert mean_loss(run.result(), run.samples, 1000, 12) < 0.9 * before


def test_the_command_trains_and_its_model_remembers(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(
        'task = "track"\nseed = 1\nclips = 4\nsets = ["discs"]\nscenes = ["scenes"]\n'
        "views = 2\nsize = [128, 96]\n"
    )
    given = ["train", "--recipe", str(file), "--data", str(data), "--run", str(tmp_path / "run")]
    target = tmp_path / "models" / "mine"
    assert main([*given, "--start", str(CUTOUT)]) == 0
    assert main([*given, "--export", str(target)]) == 0

    model = open_model(target / "mine.safetensors", Store(), "cpu", task="track")
    samples = Samples(recipe(views=2, relit=0.0, scenes=("scenes",)), data)
    index = next(i for i in range(20) if samples.make(i).truths.mean((1, 2)).min() > 0.02)
    views, truths = samples.make(index)
    key, later = (view.transpose(1, 2, 0).astype(np.float32) / 255 for view in views)
    matte = np.kron(truths[0], np.ones((8, 8), np.float32))
    memory = Memory(Embeddings(model), [(np.ascontiguousarray(key), matte)])
    odds = memory.odds(np.ascontiguousarray(later)).reshape(12, 8, 16, 8).mean((1, 3))
    assert odds[truths[1] > 0.99].mean() > 0.5 > -0.5 > odds[truths[1] < 0.01].mean()


def test_bad_recipes_and_weights_are_told(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    for line, said in (("size = [100, 96]", "multiples of 32"), ("views = 1", "two views")):
        file.write_text(f'seed = 1\nclips = 4\nsets = ["discs"]\nscenes = ["scenes"]\n{line}\n')
        with pytest.raises(UsageError, match=said):
            TrackRun.load_recipe(file)
    run = TrackRun(recipe(), data, tmp_path / "run", hours=None)
    (tmp_path / "none.safetensors").write_bytes(b"no")
    with pytest.raises(UsageError, match="holds no weights"):
        run.start(lambda network: run.init_weights(network, tmp_path / "none.safetensors"))
