"""Video networks that follow a subject: as their own code runs them, and in `roto`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zoo_folders
from PIL import Image
from synthetic_clips import disc_clip

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.follow import follow
from mattelier.engines.open import open_model
from mattelier.engines.preprocess import preprocess
from mattelier.types.colour import View
from mattelier.types.picture import Picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

FRAMES = 6
CLIP = disc_clip([(40 + 7 * i, 56 + 3 * i) for i in range(FRAMES)])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("sam2_video")
    return zoo_folders.write("sam2_video", folder), folder


def test_it_follows_as_its_own_code_does(saved: Any) -> None:
    from transformers import Sam2VideoInferenceSession

    official, folder = saved
    model = open_model(folder, Store(), "cpu", task="matte")
    views, mattes = CLIP
    ours = list(follow(model, views[0], mattes[0], views[1:]))
    given = [torch.from_numpy(preprocess(model.input, View(Picture(v)), 128, 128)) for v in views]
    session = Sam2VideoInferenceSession(dtype=torch.float32)  # for frames that come one by one
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
def shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: Any) -> Path:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "plate"
    folder.mkdir()
    for number, view in enumerate(CLIP[0]):
        picture = np.rint(view * 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"p.{1001 + number}.png")
    key = np.rint(CLIP[1][0] * 255).astype(np.uint8)
    Image.fromarray(key).save(tmp_path / "key.png")
    assert main(["models", "import", str(saved[1]), "--name", "sam-video"]) == 0
    return tmp_path


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


def test_a_network_of_another_kind_is_refused(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert roto(shot, "out", "--tracker", "cutout") == 2
    said = capsys.readouterr().err
    assert "cutout follows no subjects through a shot" in said
    assert len(said.strip().splitlines()) == 1
    assert not mattes(shot / "out")
