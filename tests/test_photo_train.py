"""Training the network for worn photographs: from a published one, and mixed with it again."""

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
from safetensors.torch import load_file

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model
from mattelier.networks.compact.network import CompactNet
from mattelier.train.photo import PhotoRecipe, PhotoRun
from mattelier.types.errors import UsageError

RECIPES = Path(__file__).parents[1] / "core" / "mattelier" / "train" / "recipes"
WEIGHTS = Path(__file__).parents[1].parent / "shared" / "weights"
OFFICIAL = WEIGHTS / "RealESRGAN_General_x4_v3.bin"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clean_pictures(tmp_path_factory.mktemp("data") / "set").parent


def recipe(**changes: object) -> PhotoRecipe:
    tiny = PhotoRecipe(
        seed=1, batches=2, originals={"set": 1.0}, patch=8, batch=1, sizes=(1.0,), warm_up=1
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def test_batches_are_worn_and_pure(data: Path, tmp_path: Path) -> None:
    run = PhotoRun(recipe(batch=3), data, tmp_path, hours=None)
    low, high = run.batch(2)
    assert (low.shape, high.shape) == ((3, 8, 8, 3), (3, 32, 32, 3))
    assert np.array_equal(PhotoRun(recipe(batch=3), data, tmp_path, hours=None).batch(2)[0], low)


def test_the_result_keeps_its_share_of_the_start(data: Path, tmp_path: Path) -> None:
    """Also where the run went on in another process, which was not told the start."""
    run = PhotoRun(recipe(), data, tmp_path, hours=None)
    run.start(lambda network: None)
    begun = {name: value.clone() for name, value in run.average.state_dict().items()}
    assert run.train(lambda line: None)
    trained = {name: value.clone() for name, value in run.average.state_dict().items()}
    again = PhotoRun(recipe(kept=0.25), data, tmp_path, hours=None)
    again.start(lambda network: pytest.fail("it started anew"))
    for name, value in again.result().state_dict().items():
        torch.testing.assert_close(value, 0.75 * trained[name] + 0.25 * begun[name])


def test_the_shipped_recipes_can_be_read() -> None:
    photo, partner = (
        PhotoRun.load_recipe(RECIPES / f"upscale_photo{variant}.toml") for variant in ("", "_wdn")
    )
    assert photo.noise > 10 > partner.noise


def test_bad_recipes_are_refused(tmp_path: Path) -> None:
    text = "seed = 1\nbatches = 1\nkept = 2\noriginals = { a = 1.0 }"
    (tmp_path / "bad.toml").write_text(f'task = "upscale-photo"\n{text}\n')
    with pytest.raises(UsageError, match="`kept` of 0…1"):
        PhotoRun.load_recipe(tmp_path / "bad.toml")


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the published network is not here")
def test_start_from_the_published_network() -> None:
    network = CompactNet(64, 34, 4).eval()
    PhotoRun.init_weights(network, OFFICIAL)
    picture = np.random.default_rng(0).random((1, 3, 16, 20), np.float32)
    with torch.no_grad():
        ours = network(torch.from_numpy(picture)).numpy()
    theirs = open_model(OFFICIAL, Store(), "cpu").run({"picture": picture})["picture"]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_start_refuses_other_weights(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UsageError, match="no compact network"):
        PhotoRun.init_weights(CompactNet(64, 34, 4), tmp_path / "other.pth")


def test_command_trains_and_exports(data: Path, tmp_path: Path) -> None:
    """What comes out opens like a published network's file."""
    lines = ['task = "upscale-photo"', "seed = 1", "batches = 1", "patch = 8", "batch = 1"]
    (tmp_path / "tiny.toml").write_text("\n".join([*lines, "[originals]", "set = 1.0", ""]))
    run = ["train", "--recipe", f"{tmp_path}/tiny.toml", "--data", f"{data}", "--run"]
    assert main([*run, f"{tmp_path}/run"]) == 0
    weights = tmp_path / "run/model/model.safetensors"
    assert load_file(weights)["body.0.weight"].dtype == torch.float16
    assert open_model(weights, Store(), "cpu").output.scale == 4
