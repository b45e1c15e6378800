"""Training a super-resolution network: honest recipes, runs that go on, weights that fit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clean_pictures import write_clean_pictures

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.commands.main import main
from mattelier.engines.backends.openvino import import_openvino
from mattelier.learning.export import export_graph
from mattelier.networks.upscale import CELL
from mattelier.networks.upscale.network import LocalFeatureNet
from mattelier.train.clean_images import find_clean_images
from mattelier.train.upscale import PatchPairs, UpscaleRecipe, UpscaleRun
from mattelier.types.errors import UsageError
from mattelier.types.resample import bicubic

RECIPES = Path(__file__).parents[1] / "core" / "mattelier" / "train" / "recipes"
WEIGHTS = Path(__file__).parents[1].parent / "shared" / "weights" / "team04_rlfn.pth"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clean_pictures(tmp_path_factory.mktemp("data") / "set", discs=True).parent


def recipe(**changes: object) -> UpscaleRecipe:
    tiny = UpscaleRecipe(
        scale=2, seed=1, batches=6, originals={"set": 1.0}, patch=12, batch=2, sizes=(1.0,)
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def states_agree(first: LocalFeatureNet, second: LocalFeatureNet) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_batches_are_pairs_and_pure(data: Path) -> None:
    train, validation = find_clean_images(recipe().originals, data)
    assert len(train) + len(validation) == 16
    assert validation
    patches = PatchPairs(train, recipe())
    low, high = patches.batch(3)
    assert (low.shape, high.shape) == ((2, 12, 12, 3), (2, 24, 24, 3))
    for small, large in zip(low, high, strict=True):
        again = bicubic(large.astype(np.float32), 12, 12)
        assert np.abs(again[3:-3, 3:-3] - small[3:-3, 3:-3]).max() < 1
    assert np.array_equal(PatchPairs(train, recipe()).batch(3)[1], high)
    assert not np.array_equal(patches.batch(4)[1], high)


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = UpscaleRun(recipe(), data, tmp_path / "whole", hours=None)
    whole.start(lambda network: None)
    assert whole.train(lambda line: None)

    parts = UpscaleRun(recipe(), data, tmp_path / "parts", hours=None)
    parts.start(lambda network: None)
    loss = parts.loss

    def three() -> torch.Tensor:
        parts.stopping = parts.index == 2
        return loss()

    parts.loss = three  # type: ignore[method-assign]
    assert not parts.train(lambda line: None)
    assert parts.index == 3
    resumed = UpscaleRun(recipe(), data, tmp_path / "parts", hours=None)
    resumed.start(lambda network: pytest.fail("it started anew"))
    assert resumed.train(lambda line: None)
    assert states_agree(whole.network, resumed.network)
    assert states_agree(whole.result(), resumed.result())


def test_training_comes_closer_to_the_truth(data: Path, tmp_path: Path) -> None:
    run = UpscaleRun(recipe(batches=60, rate=1e-3, warm_up=5), data, tmp_path, hours=None)
    run.start(lambda network: None)
    before = run.judge()
    run.train(lambda line: None)
    assert run.judge() > before + 3


def test_the_networks_are_small() -> None:
    assert sum(values.numel() for values in LocalFeatureNet(4).parameters()) <= 2_000_000


def test_the_shipped_recipes_can_be_read() -> None:
    assert UpscaleRun.load_recipe(RECIPES / "upscale_x2.toml").scale == 2
    assert UpscaleRun.load_recipe(RECIPES / "upscale_x4.toml").scale == 4


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("scale = 2", "lacks 'seed'"),
        ("colour = 1", "unknown key 'colour'"),
        ("scale = 3\nseed = 1\nbatches = 1\noriginals = { a = 1.0 }", "scale of 2 or 4"),
        ("scale = [", "cannot be read"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.toml").write_text(f'task = "upscale"\n{text}\n')
    with pytest.raises(UsageError, match=complaint):
        UpscaleRun.load_recipe(tmp_path / "bad.toml")


def test_attention_does_not_see_where_the_tile_began() -> None:
    """Moved by a cell, the picture's answer moves with it: tiles can be exact."""
    torch.manual_seed(2)
    network = LocalFeatureNet(2, channels=8, mid=8, blocks=1).eval()
    picture = torch.rand(1, 3, 20 * CELL, 20 * CELL)
    with torch.no_grad():
        whole = network(picture)
        part = network(picture[..., 3 * CELL :, 3 * CELL :])
    inner = slice(2 * 6 * CELL, -2 * 6 * CELL)
    torch.testing.assert_close(
        part[..., inner, inner], whole[..., 6 * CELL :, 6 * CELL :][..., inner, inner]
    )


@pytest.mark.parametrize("scale", [2, 4])
def test_export_runs_the_same_weights(tmp_path: Path, scale: int) -> None:
    torch.manual_seed(1)
    network = LocalFeatureNet(scale, channels=8, mid=8, blocks=1).eval()
    export_graph(network, UpscaleRun.graph, tmp_path, "mine")
    compiled = (
        import_openvino()
        .Core()
        .compile_model(str(tmp_path / "mine.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    )
    for size in ((12, 18), (48, 6)):
        picture = np.random.default_rng(0).random((1, 3, *size), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(picture)).numpy()
        np.testing.assert_allclose(compiled([picture])[0], expected, atol=1e-5)


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the published network is not here")
def test_start_from_the_published_network() -> None:
    """×2 begins as the means of ×4's squares."""
    four, two = LocalFeatureNet(4).eval(), LocalFeatureNet(2).eval()
    UpscaleRun.init_weights(four, WEIGHTS)
    UpscaleRun.init_weights(two, WEIGHTS)
    picture = torch.rand(1, 3, 24, 30)
    with torch.no_grad():
        torch.testing.assert_close(
            two(picture), torch.nn.functional.avg_pool2d(four(picture), 2), atol=1e-4, rtol=0
        )


def test_start_refuses_other_weights(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UsageError, match="not the published"):
        UpscaleRun.init_weights(LocalFeatureNet(2), tmp_path / "other.pth")
    (tmp_path / "words.pth").write_text("words")
    with pytest.raises(UsageError, match="not the published"):
        UpscaleRun.init_weights(LocalFeatureNet(2), tmp_path / "words.pth")


def test_command_trains_and_exports(data: Path, tmp_path: Path) -> None:
    lines = ['task = "upscale"', "scale = 2", "seed = 1", "batches = 2", "patch = 12", "batch = 1"]
    (tmp_path / "tiny.toml").write_text("\n".join([*lines, "[originals]", "set = 1.0", ""]))
    run = ["train", "--recipe", f"{tmp_path}/tiny.toml", "--data", f"{data}", "--run"]
    assert main([*run, f"{tmp_path}/run"]) == 0
    assert {path.name for path in (tmp_path / "run/model").iterdir()} == {
        "model.onnx",
        "model.safetensors",
    }
