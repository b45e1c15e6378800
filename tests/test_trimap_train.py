"""Training what weighs a trimap's cues: exact truth, runs that go on, a network that corrects."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loud_discs import write_loud_discs

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model
from mattelier.train.trimap import TrimapRun
from mattelier.train.trimap_samples import TrimapRecipe, TrimapSamples, random_trimap
from mattelier.types.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPES = Path(__file__).parents[1] / "core" / "mattelier" / "train" / "recipes"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loud_discs(tmp_path_factory.mktemp("data"))


def recipe(**changes: object) -> TrimapRecipe:
    tiny = TrimapRecipe(
        seed=1, pictures=10, scenes=("scenes",), side=128, pixels=200, first=4, batch=256, width=16
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def test_a_trimap_is_right_wherever_it_knows() -> None:
    random = np.random.default_rng(4)
    y, x = np.mgrid[:96, :128].astype(np.float32)
    alpha = np.clip((30 - np.hypot(x - 60, y - 50)) / 4 + 0.5, 0, 1)
    shares = []
    for _ in range(20):
        trimap = random_trimap(alpha, random)
        assert (alpha[trimap == 255] > 0.98).all()
        assert (alpha[trimap == 0] < 0.02).all()
        shares.append(float((trimap == 128).mean()))
    assert max(shares) > 3 * min(shares)  # with a fine brush and a broad one


def test_samples_are_pure_and_tell_the_truth(data: Path) -> None:
    samples = TrimapSamples(recipe(), data)
    errors = []
    for index in range(6):
        made = samples.make(index)
        assert np.array_equal(made, TrimapSamples(recipe(), data).make(index), equal_nan=True)
        assert np.isfinite(made).all()
        assert len(made) <= 200
        if len(made):
            solved, truth = made[:, 0].astype(np.float32), made[:, -1].astype(np.float32)
            assert 0 <= truth.min() <= truth.max() <= 1
            errors.append(np.abs(solved - truth).mean())
    assert len(errors) >= 4
    assert 0 < np.mean(errors) < 0.3  # closed form is near it, and not all that can be known


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = TrimapRun(recipe(), data, tmp_path / "whole", hours=None)
    whole.start(lambda network: None)
    assert whole.train(lambda line: None)

    parts = TrimapRun(recipe(), data, tmp_path / "parts", hours=None)
    parts.start(lambda network: None)
    tick = parts._tick

    def stop_at_seven() -> None:
        parts.stopping = parts.index == 7
        tick()

    parts._tick = stop_at_seven  # type: ignore[method-assign]
    assert not parts.train(lambda line: None)
    resumed = TrimapRun(recipe(), data, tmp_path / "parts", hours=None)
    resumed.start(lambda network: pytest.fail("it started anew"))
    assert resumed.index == 7
    assert resumed.train(lambda line: None)
    ours, theirs = whole.result().state_dict(), resumed.result().state_dict()
    for name, values in ours.items():
        torch.testing.assert_close(theirs[name], values, atol=1e-5, rtol=1e-3)


def test_training_corrects_closed_form(data: Path, tmp_path: Path) -> None:
    """On pixels that it learned from: so few pictures teach nothing of others."""
    run = TrimapRun(recipe(pictures=16, steps=60, width=64), data, tmp_path, hours=None)
    run.start(lambda network: None)
    assert run.train(lambda line: None)
    made = [run.cues(index) for index in range(1, 12)]
    pixels = torch.from_numpy(np.concatenate([cues for cues in made if len(cues)])).float()
    with torch.no_grad():
        alpha = run.result()(pixels[:, :-1].T[None, :, None])[0, 0, 0].clamp(0, 1)
    truth = pixels[:, -1]
    assert (alpha - truth).abs().mean() < 0.7 * (pixels[:, 0] - truth).abs().mean()


def test_the_command_trains_and_both_engines_give_the_same(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(
        'task = "trimap"\nseed = 1\npictures = 6\nfirst = 3\nside = 96\npixels = 100\n'
        'scenes = ["scenes"]\nsets = ["discs"]\nmix = { drawn = 0.5, photo = 0.5 }\n'
    )
    given = ["train", "--recipe", str(file), "--data", str(data), "--run", str(tmp_path / "run")]
    target = tmp_path / "models" / "mine"
    assert main(given) == 0
    assert main([*given, "--export", str(target)]) == 0

    model = open_model(target / "mine.safetensors", Store(), "cpu", task="trimap")
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = onnxruntime.InferenceSession(str(target / "mine.onnx"))
    made = TrimapSamples(TrimapRun.load_recipe(file), data).make(0).astype(np.float32)
    cues = np.ascontiguousarray(made[:60, :-1].T.reshape(1, -1, 6, 10))
    [expected] = graph.run(None, {"picture": cues})
    alpha = model.run({"picture": cues})["alpha"]
    assert alpha.shape == (1, 1, 6, 10)
    assert np.abs(alpha - cues[:, :1]).max() > 0
    np.testing.assert_allclose(alpha, expected, atol=1e-4)


def test_bad_recipes_and_weights_are_told(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    file.write_text('seed = 1\npictures = 4\nscenes = ["scenes"]\n')
    with pytest.raises(UsageError, match="more pictures than its first"):
        TrimapRun.load_recipe(file)
    for changes, said in (
        ({"scenes": ("nothing",)}, "nothing|no pictures"),
        ({"mix": {"rendered": 1.0}}, "of which there are none"),
        ({"mix": {"photo": 1.0}}, "of which there are none"),
    ):
        with pytest.raises(UsageError, match=said):
            TrimapSamples(recipe(**changes), data)
    run = TrimapRun(recipe(), data, tmp_path / "run", hours=None)
    (tmp_path / "none.safetensors").write_bytes(b"no")
    with pytest.raises(UsageError, match="holds no weights"):
        run.start(lambda network: run.init_weights(network, tmp_path / "none.safetensors"))


def test_the_shipped_recipe_can_be_read() -> None:
    assert TrimapRun.load_recipe(RECIPES / "trimap.toml").pictures > 1000
