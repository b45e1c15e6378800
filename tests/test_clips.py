"""Made clips for tracking: the truth is exact, and the same command makes the same clips."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from loud_discs import write_loud_discs

from mattelier.data.splits import is_validation
from mattelier.train.clips import main


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loud_discs(tmp_path_factory.mktemp("drawn"))


def make(root: Path, out: Path, *flags: str) -> list[Path]:
    arguments = [str(root / "discs"), "--scenes", str(root / "scenes"), "--out", str(out)]
    result = CliRunner().invoke(
        main, [*arguments, "--length", "5", "--size", "160", "96", *flags], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return sorted(out.iterdir())


def read(clip: Path, kind: str) -> list[np.ndarray]:
    flags = cv2.IMREAD_COLOR if kind == "frames" else cv2.IMREAD_GRAYSCALE
    found = [cv2.imread(str(path), flags) for path in sorted((clip / kind).iterdir())]
    return [picture for picture in found if picture is not None]


def test_the_truth_lies_where_the_subject_is(drawn: Path, tmp_path: Path) -> None:
    clips = make(drawn, tmp_path, "--count", "6")
    assert [clip.name for clip in clips] == [f"{i:03}" for i in range(6)]
    moved = 0
    for clip in clips:
        frames, masks = read(clip, "frames"), read(clip, "masks")
        assert len(frames) == len(masks) == 5
        for frame, mask in zip(frames, masks, strict=True):
            assert frame.shape == (96, 160, 3)
            loud = frame[..., 2].astype(int) - frame[..., 1] > 60
            inside = cv2.erode((mask > 250).astype(np.uint8), np.ones((5, 5))) > 0
            if inside.any():  # it may be covered
                assert loud[inside].mean() > 0.9
        moved += any(np.abs(a.astype(int) - b).max() > 200 for a, b in pairwise(masks))
    assert moved >= 3


def test_the_same_command_makes_the_same_clips_and_goes_on(drawn: Path, tmp_path: Path) -> None:
    first = make(drawn, tmp_path / "a", "--count", "2")
    again = make(drawn, tmp_path / "b", "--count", "1")
    assert len(make(drawn, tmp_path / "b", "--count", "2")) == 2
    for one, other in zip(first, sorted((tmp_path / "b").iterdir()), strict=True):
        for path in sorted(one.rglob("*.*")):
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()
    assert again[0].name == "000"


def test_what_is_held_back_is_not_trained_on(drawn: Path, tmp_path: Path) -> None:
    names = [path.name for path in (drawn / "discs" / "images").iterdir()]
    assert {is_validation(name) for name in names} == {True, False}
    held, trained = (
        make(drawn, tmp_path / name, "--count", "1", *flags)
        for name, flags in (("held", ["--held-back"]), ("trained", []))
    )
    assert not np.array_equal(read(held[0], "frames")[0], read(trained[0], "frames")[0])
