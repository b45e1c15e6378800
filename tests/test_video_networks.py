"""Video networks that follow a subject: as their own code runs them, and in `roto`."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zoo_folders
import zoo_weights
from PIL import Image
from synthetic_clips import disc_clip
from worker_session import connect, start_worker

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.follow import follow
from mattelier.engines.open import open_model
from mattelier.engines.preprocess import preprocess
from mattelier.shot.tracking import following
from mattelier.types.colour import View
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.picture import Picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

FRAMES = 6
CLIP = disc_clip([(40 + 7 * i, 56 + 3 * i) for i in range(FRAMES)])
OTHER = disc_clip([(120, 60)], radius=14)[1][0]  # the matte of another subject


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
    """Two subjects, in one run."""
    model = open_model(folder, Store(), "cpu", task="matte")
    views, first = CLIP[0], np.stack([CLIP[1][0], OTHER])
    ours = list(follow(model, views[0], first, views[1:]))
    given = [torch.from_numpy(preprocess(model.input, View(Picture(v)), 128, 128)) for v in views]
    session = begin(dtype=torch.float32)  # for frames that come one by one
    for number, matte in enumerate(first, 1):
        mask = torch.from_numpy((cv2.resize(matte, (128, 128)) >= 0.5).astype(np.float32))
        session.add_mask_inputs(session.obj_id_to_idx(number), 0, mask[None, None])
    session.obj_with_new_inputs = [1, 2]
    with torch.inference_mode():
        official(inference_session=session, frame=given[0])
        for number in range(1, FRAMES):
            answer = official(inference_session=session, frame=given[number]).pred_masks
            large = torch.nn.functional.interpolate(answer, (128, 128), mode="bilinear")
            height, width = views[0].shape[:2]
            for subject, mask in enumerate(large[:, 0].sigmoid().numpy()):
                theirs = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
                spread = float(np.ptp(theirs))
                assert theirs.std() > 0.01 * spread > 1e-5
                error = float(np.abs(ours[number - 1][subject] - theirs).max()) / spread
                print(f"view {number}, subject {subject}: largest error {error:.1e}")
                assert error <= 1e-4
            assert len(ours[number - 1]) == 2


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


def roto(shot: Path, out: str, *flags: str, key: str = "1001=key.png") -> int:
    plate = str(shot / "plate" / "p.####.png")
    arguments = ["roto", plate, "-o", str(shot / out), "--tune", "0"]
    for one in key.split():
        frame, _, mask = one.rpartition("=")
        arguments += ["--key", f"{frame}={shot / mask}"]
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


def import_cutie(plate: Path) -> Path:
    """Its authors' file, without their code; its backbone's are ResNet's."""
    state = {k: torch.from_numpy(v) for k, v in zoo_weights.published("cutie-small").state.items()}
    torch.save(state, plate / "cutie-small-mega.pth")
    arguments = ["models", "import", str(plate / "cutie-small-mega.pth"), "--size", "96"]
    assert main([*arguments, "--name", "cutie"]) == 0
    return plate


TWO = "left:1001=key.png right:1001=other.png"


def alphas(work: Path, name: str) -> dict[int, Any]:
    """What a subject's forward pass left of each frame."""
    (folder,) = work.rglob(f"track/{name}")
    told = {}
    for file in sorted(folder.glob("forward.*.npz")):
        with np.load(file) as record:
            maps = np.frombuffer(zlib.decompress(record["maps"].tobytes()), np.uint8)
            told[int(file.name.split(".")[1])] = maps.reshape(2, *record["shape"])[0] / 255
    return told


def test_subjects_of_one_key_frame_are_told_apart_together(
    plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_cutie(plate)
    Image.fromarray(np.rint(OTHER * 255).astype(np.uint8)).save(plate / "other.png")
    runs = []

    def counted(model: Any, view: Any, mattes: Any, others: Any) -> Any:
        runs.append(len(mattes))
        return follow(model, view, mattes, others)

    monkeypatch.setattr(following, "follow", counted)
    assert roto(plate, "both", "--tracker", "cutie", key=TWO) == 0
    assert runs == [2]  # one run of both, not one of each
    left, right = (alphas(plate / "both", name) for name in ("left", "right"))
    assert len(left) == len(right) == FRAMES - 1
    for frame, one in left.items():
        assert (one + right[frame]).max() <= 1 + 1 / 255  # shares of each pixel, rounded
    assert max(float(one.max()) for one in right.values()) > 0.1
    # Alone, each would have more: nobody tells the network of the other.
    assert roto(plate, "alone", "--tracker", "cutie", key="left:1001=key.png") == 0
    assert runs == [2, 1]
    alone = alphas(plate / "alone", "left")
    assert any((alone[frame] != one).any() for frame, one in left.items())
    # In parts, and from records of which some are lost: the same files.
    whole = mattes(plate / "both")
    assert roto(plate, "parts", "--tracker", "cutie", "--frames", "1003", key=TWO) == 0
    next((plate / "parts").rglob("track/right/forward.1002.npz")).unlink()
    assert roto(plate, "parts", "--tracker", "cutie", key=TWO) == 0
    assert mattes(plate / "parts") == whole
    # With another matte of the one, the other is made anew.
    Image.fromarray(np.rint(OTHER[::-1] * 255).astype(np.uint8)).save(plate / "other.png")
    assert roto(plate, "both", "--tracker", "cutie", key=TWO) == 0
    anew = alphas(plate / "both", "left")
    assert any((anew[frame] != one).any() for frame, one in left.items())


def test_a_subject_with_a_later_key_begins_there_anew(
    plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_cutie(plate)
    Image.fromarray(np.rint(OTHER * 255).astype(np.uint8)).save(plate / "other.png")
    keys = f"{TWO} right:1004=other.png"
    assert roto(plate, "whole", "--tracker", "cutie", key=keys) == 0
    left, right = (alphas(plate / "whole", name) for name in ("left", "right"))
    assert sorted(left) == [1002, 1003, 1004, 1005, 1006]
    assert sorted(right) == [1002, 1003, 1005, 1006]
    assert roto(plate, "parts", "--tracker", "cutie", "--frames", "1005", key=keys) == 0
    assert roto(plate, "parts", "--tracker", "cutie", key=keys) == 0
    assert mattes(plate / "parts") == mattes(plate / "whole")


def test_the_worker_follows_by_it(plate: Path) -> None:
    import_cutie(plate)
    keys = [{"frame": 1001, "mask": str(plate / "key.png")}]
    request = {
        "plate": str(plate / "plate" / "p.####.png"), "output": str(plate / "out"),
        "tracker": "cutie", "tune": 0, "keys": keys,
    }  # fmt: skip
    with start_worker(), connect() as worker:
        report = worker.run("roto", request).report
    assert (report["written"], report["failed"]) == ("1001-1006", "")
    assert roto(plate, "here", "--tracker", "cutie") == 0
    there, here = (sorted((plate / out).rglob("*.png")) for out in ("out", "here"))
    assert [file.name for file in there] == [file.name for file in here]
    for one, other in zip(there, here, strict=True):  # another process rounds otherwise
        alike = [np.asarray(Image.open(file), float) for file in (one, other)]
        assert np.abs(alike[0] - alike[1]).max() <= 2


def test_roto_follows_by_cutie(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_cutie(plate)
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
