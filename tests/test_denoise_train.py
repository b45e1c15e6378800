"""Training a denoising network: honest noise, runs that go on, weights that fit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clean_pictures import write_clean_pictures

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.commands.main import main
from mattelier.engines.backends.openvino import import_openvino
from mattelier.filters.denoise import STRONGEST
from mattelier.learning.export import export_graph
from mattelier.networks.denoise import FOLD
from mattelier.networks.denoise.network import DenoiseNet
from mattelier.train import degrade
from mattelier.train.denoise import DenoiseRecipe, DenoiseRun
from mattelier.types.errors import UsageError

RECIPES = Path(__file__).parents[1] / "core" / "mattelier" / "train" / "recipes"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clean_pictures(tmp_path_factory.mktemp("data") / "set", discs=True).parent


def recipe(**changes: object) -> DenoiseRecipe:
    tiny = DenoiseRecipe(
        seed=1, batches=6, originals={"set": 1.0}, patch=32, batch=4, sizes=(1.0,), warm_up=5
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def test_batches_are_noisy_and_pure(data: Path, tmp_path: Path) -> None:
    run = DenoiseRun(recipe(), data, tmp_path, hours=None)
    noisy, clean = run.batch(5)
    assert noisy.shape == clean.shape == (4, 32, 32, 3)
    assert (np.abs(noisy - clean).max((1, 2, 3)) > 0).all()
    again = DenoiseRun(recipe(), data, tmp_path, hours=None).batch(5)
    assert np.array_equal(noisy, again[0])
    assert not np.array_equal(noisy, run.batch(6)[0])


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = DenoiseRun(recipe(), data, tmp_path / "whole", hours=None)
    whole.start(lambda network: None)
    assert whole.train(lambda line: None)

    parts = DenoiseRun(recipe(), data, tmp_path / "parts", hours=None)
    parts.start(lambda network: None)
    loss = parts.loss

    def three() -> torch.Tensor:
        parts.stopping = parts.index == 2
        return loss()

    parts.loss = three  # type: ignore[method-assign]
    assert not parts.train(lambda line: None)
    resumed = DenoiseRun(recipe(), data, tmp_path / "parts", hours=None)
    resumed.start(lambda network: pytest.fail("it started anew"))
    assert resumed.index == 3
    assert resumed.train(lambda line: None)
    ours, theirs = whole.result().state_dict(), resumed.result().state_dict()
    for name, values in ours.items():
        torch.testing.assert_close(theirs[name], values, atol=1e-5, rtol=1e-3)


def test_training_removes_noise_and_sees_its_strength(data: Path, tmp_path: Path) -> None:
    run = DenoiseRun(recipe(batches=150, rate=2e-3), data, tmp_path, hours=None)
    run.start(lambda network: None)
    before = run.judge()
    run.train(lambda line: None)
    assert run.judge() > before + 1.5
    flat = torch.full((1, 3, 64, 64), 0.5)
    torch.manual_seed(0)
    with torch.no_grad():
        levels = [
            float(run.result().level(flat + deviation / 255 * torch.randn_like(flat)).mean() * 255)
            for deviation in (5, 40)
        ]
    assert levels[1] > 2 * levels[0]


def test_no_noise_is_no_change() -> None:
    network = DenoiseNet().eval()
    picture, hint = torch.rand(1, 3, 3 * FOLD, 2 * FOLD), torch.zeros(1, 2, 3 * FOLD, 2 * FOLD)
    hint[:, 1] = 1
    with torch.no_grad():
        assert torch.equal(network(picture, hint), picture)
        hint[:, 0] = STRONGEST
        assert not torch.equal(network(picture, hint), picture)


def test_the_network_is_small() -> None:
    assert sum(values.numel() for values in DenoiseNet().parameters()) <= 1_000_000


def test_the_shipped_recipe_can_be_read() -> None:
    assert DenoiseRun.load_recipe(RECIPES / "denoise.toml").originals


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed = 1", "lacks 'batches'"),
        ("colour = 1", "unknown key 'colour'"),
        ("seed = 1\nbatches = 1\npatch = 30\noriginals = { a = 1.0 }", "multiple of 8"),
        ("seed = [", "cannot be read"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.toml").write_text(f'task = "denoise"\n{text}\n')
    with pytest.raises(UsageError, match=complaint):
        DenoiseRun.load_recipe(tmp_path / "bad.toml")


def test_export_runs_the_same_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = DenoiseNet((8, 8, 8)).eval()
    export_graph(network, DenoiseRun.graph, tmp_path, "mine")
    compiled = (
        import_openvino()
        .Core()
        .compile_model(str(tmp_path / "mine.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    )
    random = np.random.default_rng(0)
    for size in ((16, 24), (8, 80)):
        picture = random.random((1, 3, *size), np.float32)
        hint = random.random((1, 2, *size), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(picture), torch.from_numpy(hint)).numpy()
        np.testing.assert_allclose(compiled([picture, hint])[0], expected, atol=1e-5)
    again = DenoiseNet((8, 8, 8))
    DenoiseRun.init_weights(again, tmp_path / "mine.safetensors")
    assert torch.equal(again.head.weight, network.head.weight)
    with pytest.raises(UsageError, match="no weights"):
        DenoiseRun.init_weights(DenoiseNet(), tmp_path / "mine.safetensors")


def test_command_trains_and_exports(data: Path, tmp_path: Path) -> None:
    lines = ['task = "denoise"', "seed = 1", "batches = 2", "patch = 32", "batch = 1"]
    (tmp_path / "tiny.toml").write_text("\n".join([*lines, "[originals]", "set = 1.0", ""]))
    run = ["train", "--recipe", f"{tmp_path}/tiny.toml", "--data", f"{data}", "--run"]
    assert main([*run, f"{tmp_path}/run"]) == 0
    assert {path.name for path in (tmp_path / "run/model").iterdir()} == {
        "model.onnx",
        "model.safetensors",
    }


def flat(value: float = 0.5) -> np.ndarray:
    return np.full((96, 96, 3), value, np.float32)


def test_white_noise_is_as_strong_as_said() -> None:
    random = np.random.default_rng(0)
    for shared in (0, 0.5, 1):
        noise = degrade.add_white_noise(flat(), 0.1, random, shared) - 0.5
        assert noise.std() == pytest.approx(0.1, rel=0.05)
        between = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
        assert between == pytest.approx(shared, abs=0.05)


def test_sensor_noise_grows_with_light() -> None:
    random = np.random.default_rng(0)
    dark, bright = (
        degrade.srgb_to_linear(degrade.add_sensor_noise(flat(value), 0.001, 0.0, random))
        for value in (0.3, 0.9)
    )
    light = degrade.srgb_to_linear(np.array([0.3, 0.9], np.float32))
    assert bright.std() / dark.std() == pytest.approx(float(np.sqrt(light[1] / light[0])), rel=0.1)
    assert dark.mean() == pytest.approx(float(light[0]), rel=0.02)


def test_grown_noise_is_coarser() -> None:
    noise = degrade.add_grown_noise(flat(), 0.05, 1.0, np.random.default_rng(0)) - 0.5
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    assert np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1] > 0.5


def test_worn_pictures_stay_where_they_are() -> None:
    """Each step at random, but never the picture's place, size or mean."""
    y, x = np.mgrid[:96, :128].astype(np.float32)
    picture = np.repeat((0.3 + x / 320 + y / 480)[..., None], 3, axis=2)
    degradation = degrade.Degradation(0.05, 40)
    low = np.mean(
        [degrade.degrade(picture, 4, degradation, np.random.default_rng(n)) for n in range(40)],
        axis=0,
    )
    assert low.shape == (24, 32, 3)
    expected = cv2.resize(picture, (32, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(low - expected)[2:-2, 2:-2].max() < 0.03
