"""A network that a user brought in, in Blender's modules with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zoo_folders
import zoo_weights
from in_blender import Cases, cases_in, make_stage
from real_blender import INSIDE, VERSIONS, home_with_addon

import mattelier
from mattelier.catalogue.store import shipped_folder
from mattelier.commands.main import main
from mattelier.hosts.engine import engine_command
from mattelier.media.stills import read
from mattelier.types.colour import View
from mattelier.types.picture import Picture

CASES, OBJECTS_CASES = cases_in("imported"), cases_in("imported_objects")
RESTORE, OBJECTS = "my-compact", "my-segformer"
TRACKER, FIND = "my-sam-video", "my-finder"
MATTES = {"my-cutout": "cutout", "my-shot-cutout": "cutout-shot"}
_SURE = 8  # what a class's weights are multiplied by, so that a random network is sure of itself


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> Path:
    """A user's folder of models of random scaled weights: Real-ESRGAN's compact network, MODNet,
    SAM 2's video network, Grounding DINO; and the weights that ship, under other names.
    """
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("brought")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_MODELS", str(folder / "models"))
        for name, shipped in MATTES.items():
            weights = shipped_folder() / shipped / "cutout.safetensors"
            assert main(["models", "import", str(weights), "--name", name]) == 0
        for name, published in {RESTORE: "compact", "my-modnet": "modnet"}.items():
            file, state = folder / f"{name}.pth", zoo_weights.published(published).state
            torch.save({k: torch.from_numpy(v) for k, v in state.items()}, file)
            assert main(["models", "import", str(file), "--name", name]) == 0
        zoo_folders.write("sam2_video", folder / "sam")
        assert main(["models", "import", str(folder / "sam"), "--name", TRACKER]) == 0
        zoo_folders.write_finder(folder / "finder")
        assert main(["models", "import", str(folder / "finder"), "--name", FIND]) == 0
    return folder / "models"


@pytest.fixture(scope="module")
def stage(blenders, networks, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    play(blenders, networks, folder, CASES)
    return folder


@pytest.fixture(scope="module")
def stage_of_objects(blenders, tmp_path_factory) -> Path:
    """Played where a network tells the things in a picture apart."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("objects")
    model = zoo_folders.write("segformer", folder / "segformer")
    with torch.no_grad():
        model.decode_head.classifier.weight.mul_(_SURE)
    model.save_pretrained(folder / "segformer")
    networks = folder / "models"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_MODELS", str(networks))
        assert main(["models", "import", str(folder / "segformer"), "--name", OBJECTS]) == 0
    play(blenders, networks, folder, OBJECTS_CASES)
    return folder


def play(blenders, networks: Path, folder: Path, cases) -> None:
    """These cases, with the real engine and these networks, in the newest Blender."""
    make_stage(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_MODELS", str(networks))
        with home_with_addon(engine_command()) as home:
            blenders[VERSIONS[-1]].run(
                home, INSIDE / "runner.py", folder, *cases, timeout=600, log=folder / "log"
            )


@pytest.mark.parametrize("case", OBJECTS_CASES)
def test_with_a_network_of_objects(stage_of_objects, case):
    assert Cases.read(stage_of_objects, stage_of_objects / "log").failure(case) is None


@pytest.mark.parametrize("case", CASES)
def test_in_a_module(stage, case):
    assert Cases.read(stage, stage / "log").failure(case) is None


def test_what_was_found_is_told(stage):
    lines = (stage / "log").read_text("utf-8", "replace").splitlines()
    assert any(": Frame 1002: The red car." in line for line in lines)
    parts = "No network that tells objects apart (Mask R-CNN's, Mask2Former's, MaskFormer's, "
    told = [line for line in lines if "Warning: Frame 1001: Object (" in line]
    assert told
    assert all(parts in line for line in told)


def test_the_picture_is_pythons_own(stage, networks, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    folder = stage / "imported.case_it_enlarges_a_plate"
    default, made = (_shares(read(next(folder.glob(f"{n}.*")))) for n in ("default", RESTORE))
    own = _shares(mattelier.upscale(stage / "plates" / "shot.1002.png", 4, model=RESTORE).picture)
    inner = ((own > 0.02) & (own < 0.98)).all(-1)  # a bake holds floats, whose ends differ
    assert inner.mean() > 0.05
    assert np.quantile(np.abs(made - own)[inner], 0.8) <= 1 / 255
    assert np.median(np.abs(made - default)) > 0.1


def _shares(picture: Picture) -> np.ndarray:
    """Display-encoded 0…1, whatever the file holds."""
    return View(picture).resize(picture.height, picture.width)
