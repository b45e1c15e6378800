"""Reports on shots: they find what is wrong in known frames, and change nothing."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_model import make_model

from mattelier.commands.main import main

FRAMES = range(1001, 1013)


@pytest.fixture
def shot(tmp_path, monkeypatch):
    """Mattes of a disc that drifts over still noise, as the shot's run wrote them."""
    make_model(tmp_path / "models")
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    (tmp_path / "plate").mkdir()
    (tmp_path / "masks").mkdir()
    ground = np.random.default_rng(5).integers(20, 90, (90, 160, 3), np.uint8)
    for frame in FRAMES:
        mask = np.zeros((90, 160), np.uint8)
        cv2.circle(mask, (40 + 3 * (frame - 1001), 45), 20, 255, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1)
        colour = np.where(mask[..., None] > 127, np.uint8([250, 120, 60]), ground)
        Image.fromarray(colour).save(tmp_path / "plate" / f"hero.{frame}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"m.{frame}.png")
    names = str(tmp_path / "out" / "a.####.png")
    command = ["roto", str(tmp_path / "plate"), "-o", names, "--model", "tiny"]
    assert main([*command, "--keys", str(tmp_path / "masks")]) == 0
    return tmp_path


def look_at(capsys):
    return re.search(r"look at: (.+)", capsys.readouterr().out)[1]


def test_a_good_shot_has_nothing_to_look_at_and_the_report_needs_no_other_file(shot, capsys):
    before = {file: file.read_bytes() for file in (shot / "out").glob("*.png")}
    capsys.readouterr()
    assert main(["qc", str(shot / "out/a.####.png")]) == 0
    assert look_at(capsys) == "nothing"
    page = (shot / "out" / "hero_qc.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 2 * len(FRAMES)
    assert page.count("<polyline") == 5
    assert not re.search(r"(src|href)=\"?(?!\"?data:)", page)
    assert {file: file.read_bytes() for file in (shot / "out").glob("*.png")} == before


def test_a_frame_gone_wrong_is_named_with_its_reason(shot, capsys):
    wrong = shot / "out" / "a.1006.png"
    Image.fromarray(np.zeros((90, 160), np.uint8)).save(wrong)
    (shot / "out" / "a.1010.png").write_bytes(b"\x89PNG")
    capsys.readouterr()
    report = shot / "report.html"
    assert main(["qc", str(shot / "out"), "-o", str(report)]) == 0
    output = capsys.readouterr().out
    assert "the matte is empty: 1006" in output
    assert "the area jumps: 1006-1007" in output
    assert "not written or unreadable: 1010" in output
    assert "the matte is empty" in report.read_text("utf-8")


def test_a_subject_that_was_lost_is_named_though_nothing_jumps(shot, capsys):
    names = str(shot / "one" / "a.####.png")
    key = f"1001={shot / 'masks' / 'm.1001.png'}"
    command = ["roto", str(shot / "plate"), "-o", names, "--model", "tiny", "--key", key]
    assert main([*command, "--tune", "0"]) == 0
    for frame in FRAMES:  # the disc while it is seen, then, little by little, the ground beside it
        mask = np.zeros((90, 160), np.uint8)
        lost = max(0, frame - 1006)
        cv2.circle(mask, (40 + 3 * min(frame - 1001, 5) + 14 * lost, 45), 20, 255, -1)
        Image.fromarray(mask).save(shot / "one" / f"a.{frame}.png")
    capsys.readouterr()
    assert main(["qc", names]) == 0
    output = capsys.readouterr().out
    found = re.search(r"the matte may be wrong: (\S+)", output)[1]
    assert found == "1007-1012"  # from where the overlap with the disc is less than 0.7
    worst = [int(frame) for frame in re.search(r"worst first: (.+)", output)[1].split(", ")]
    assert sorted(worst) == list(range(1007, 1013))
    assert worst[-1] == 1007  # which still holds half of it
    key = re.search(r"a key helps most at: (\d+)", output)[1]
    assert key in ("1009", "1010")  # the middle
    assert f"A key helps most at <b>{key}</b>" in (shot / "one/hero_qc.html").read_text("utf-8")
    for frame in FRAMES:
        Image.open(shot / "masks" / f"m.{frame}.png").save(shot / "one" / f"a.{frame}.png")
    assert main(["qc", names]) == 0
    output = capsys.readouterr().out
    assert "the matte may be wrong" not in output
    assert "a key helps most" not in output


def test_a_folder_without_a_shot_is_wrong_usage(tmp_path, capsys):
    assert main(["qc", str(tmp_path)]) == 2
    assert "no results" in capsys.readouterr().err
