"""Video networks that follow a subject: as their own code runs them, and in `roto`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zoo_folders
import zoo_weights
from PIL import Image
from synthetic_clips import disc_clip

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.follow import follow
from mattelier.engines.open import open_model
from mattelier.engines.preprocess import preprocess
from mattelier.types.colour import View
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.picture import Picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

FRAMES = 6
CLIP = disc_clip([(40 + 7 * i, 56 + 3 * i) for i in range(FRAMES)])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("sam2_video")
    return zoo_folders.write("sam2_video", folder), folder


def test_sam_2_follows_as_its_own_code_does(saved: Any) -> None:
    from transformers import Sam2VideoInferenceSession

    assert_follows(*saved, Sam2VideoInferenceSession)


@pytest.mark.spandrel
def test_edgetam_follows_as_its_own_code_does(tmp_path: Path) -> None:
    """Its backbone is timm's, which needs torchvision."""
    from transformers import EdgeTamVideoInferenceSession

    official = zoo_folders.write("edgetam_video", tmp_path)
    assert_follows(official, tmp_path, EdgeTamVideoInferenceSession)


def assert_follows(official: Any, folder: Path, begin: Any) -> None:
    model = open_model(folder, Store(), "cpu", task="matte")
    views, mattes = CLIP
    ours = list(follow(model, views[0], mattes[0], views[1:]))
    given = [torch.from_numpy(preprocess(model.input, View(Picture(v)), 128, 128)) for v in views]
    session = begin(dtype=torch.float32)  # for frames that come one by one
    mask = torch.from_numpy((cv2.resize(mattes[0], (128, 128)) >= 0.5).astype(np.float32))
    session.add_mask_inputs(session.obj_id_to_idx(1), 0, mask[None, None])
    session.obj_with_new_inputs = [1]
    with torch.inference_mode():
        official(inference_session=session, frame=given[0])
        for number in range(1, FRAMES):
            answer = official(inference_session=session, frame=given[number]).pred_masks
            large = torch.nn.functional.interpolate(answer, (128, 128), mode="bilinear")
            theirs = large[0, 0].sigmoid().numpy()
            height, width = views[0].shape[:2]
            theirs = cv2.resize(theirs, (width, height), interpolation=cv2.INTER_LINEAR)
            spread = float(np.ptp(theirs))
            assert theirs.std() > 0.01 * spread > 1e-5
            error = float(np.abs(ours[number - 1] - theirs).max()) / spread
            print(f"view {number}: largest error {error:.1e}")
            assert error <= 1e-4


@pytest.fixture
def plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shot and its key, and an empty folder of models."""
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "plate"
    folder.mkdir()
    for number, view in enumerate(CLIP[0]):
        picture = np.rint(view * 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"p.{1001 + number}.png")
    key = np.rint(CLIP[1][0] * 255).astype(np.uint8)
    Image.fromarray(key).save(tmp_path / "key.png")
    return tmp_path


@pytest.fixture
def shot(plate: Path, saved: Any) -> Path:
    assert main(["models", "import", str(saved[1]), "--name", "sam-video"]) == 0
    return plate


def roto(shot: Path, out: str, *flags: str) -> int:
    plate = str(shot / "plate" / "p.####.png")
    key = f"1001={shot / 'key.png'}"
    arguments = ["roto", plate, "-o", str(shot / out), "--key", key, "--tune", "0"]
    return main([*arguments, *flags])


def mattes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*.png"))}


def test_roto_follows_by_it_and_goes_on_where_it_was_broken_off(shot: Path) -> None:
    assert roto(shot, "whole", "--tracker", "sam-video") == 0
    whole = mattes(shot / "whole")
    assert len(whole) >= FRAMES
    assert roto(shot, "own") == 0
    assert mattes(shot / "own") != whole
    # Its first frames alone, then all: it begins at the key again for those that are missing.
    assert roto(shot, "parts", "--tracker", "sam-video", "--frames", "1002") == 0
    assert roto(shot, "parts", "--tracker", "sam-video") == 0
    assert mattes(shot / "parts") == whole


@pytest.mark.spandrel
def test_roto_follows_by_edgetam(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo_folders.write("edgetam_video", plate / "edgetam")
    assert main(["models", "import", str(plate / "edgetam")]) == 0
    assert "Shown a drawn ball, it saw" in capsys.readouterr().err  # by a prompt, in one picture
    assert Store().card("edgetam").proof == "equal"
    assert roto(plate, "out", "--tracker", "edgetam", "--frames", "1001-1003") == 0
    assert roto(plate, "own", "--frames", "1001-1003") == 0
    followed, own = (mattes(plate / out / "matte") for out in ("out", "own"))
    assert len(followed) == 3
    assert followed != own
    assert np.ptp(np.asarray(Image.open(plate / "out" / "matte" / "p_matte.1003.png"))) > 20


def test_roto_follows_by_cutie(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its authors' file, without their code; its backbone's are ResNet's."""
    state = {k: torch.from_numpy(v) for k, v in zoo_weights.published("cutie-small").state.items()}
    torch.save(state, plate / "cutie-small-mega.pth")
    arguments = ["models", "import", str(plate / "cutie-small-mega.pth"), "--size", "96"]
    assert main([*arguments, "--name", "cutie"]) == 0
    said = capsys.readouterr().err
    assert "holds the weights of Cutie, small" in said
    assert "Shown a drawn ball, it saw" in said  # as it moved
    assert "roto --tracker cutie" in said
    assert roto(plate, "whole", "--tracker", "cutie") == 0
    whole = mattes(plate / "whole")
    assert len(whole) >= FRAMES
    assert roto(plate, "own") == 0
    assert mattes(plate / "own") != whole
    assert roto(plate, "parts", "--tracker", "cutie", "--frames", "1003") == 0
    assert roto(plate, "parts", "--tracker", str(plate / "cutie-small-mega.pth")) == 0
    assert mattes(plate / "parts").keys() == whole.keys()
    assert roto(plate, "parts", "--tracker", "cutie") == 0
    assert mattes(plate / "parts") == whole
    capsys.readouterr()
    # It remembers shots, and cuts no picture out.
    (picture,) = (plate / "plate").glob("*1001*")
    assert main(["cutout", str(picture), "--model", "cutie"]) == 2
    assert "The model cutie makes no mattes" in capsys.readouterr().err
    assert roto(plate, "none", "--tracker", "track") == 2
    assert "track follows no subjects through a shot" in capsys.readouterr().err


def edgetam_config(folder: Path, **timm: Any) -> Path:
    """A folder that says it is EdgeTAM's, its backbone by these settings; its weights are empty."""
    part = {"model_type": "timm_wrapper", "architecture": "repvit_m1", **timm}
    config = {"model_type": "edgetam_video", "vision_config": {"backbone_config": part}}
    (folder / "config.json").write_text(json.dumps(config))
    numbers = zoo_folders.IMAGENET | {"size": {"height": 128, "width": 128}}
    (folder / "preprocessor_config.json").write_text(json.dumps(numbers))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_without_timm_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EngineError, match=r"needs the package timm; run .*mattelier\[edgetam\]"):
        open_model(edgetam_config(tmp_path), Store(), "cpu", task="matte")


@pytest.mark.parametrize(
    "timm",
    [
        {"architecture": "hf-hub:someone/net"},
        {"architecture": "local-dir:/tmp"},
        {"model_args": {"checkpoint_path": "/tmp/weights.pth"}},
        {"model_args": {"pretrained_cfg": {"url": "https://example.org/w.pth"}}},
    ],
)
def test_a_part_that_could_be_fetched_is_refused(tmp_path: Path, timm: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="no plain layout of the package timm"):
        open_model(edgetam_config(tmp_path, **timm), Store(), "cpu", task="matte")


def test_a_network_of_another_kind_is_refused(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert roto(shot, "out", "--tracker", "cutout") == 2
    said = capsys.readouterr().err
    assert roto(shot, "out", "--tracker", "nobody") == 2
    assert "The tracker 'nobody' is not on this computer; bring" in capsys.readouterr().err
    assert "cutout follows no subjects through a shot" in said
    assert len(said.strip().splitlines()) == 1
    assert not mattes(shot / "out")
