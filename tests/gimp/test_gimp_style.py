"""Style in a real GIMP whose user has brought in a network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from in_gimp import PHOTO, Batch, cases_in, make_pictures
from PIL import Image
from random_adain import bring_in_style
from real_gimp import end_worker

from mattelier.commands.main import main

CASES = cases_in("style")


@pytest.fixture(scope="module")
def painted(gimp) -> Iterator[Batch]:
    with tempfile.TemporaryDirectory(prefix="mtgimp") as folder:
        user = gimp.another_user(Path(folder))
        bring_in_style(models(user.home))
        stage = user.home / "stage"
        stage.mkdir()
        make_pictures(stage)
        user.run(stage, *CASES, timeout=240, log=stage / "gimp.log")
        try:
            yield Batch(stage, stage / "gimp.log")
        finally:
            end_worker(user)


def models(home: Path) -> Path:
    return home / ".local" / "share" / "mattelier" / "models"


@pytest.mark.parametrize("case", CASES)
def test_in_gimp(painted, case):
    painted.check(case)


def test_the_picture_is_the_command_lines_own(painted, tmp_path, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(models(painted.folder.parent)))

    def dumped(name: str) -> np.ndarray:
        raw = np.fromfile(painted.folder / f"style.case_a_layer_is_painted-{name}.raw", np.uint8)
        return raw.reshape(*PHOTO[::-1], 3)

    for name in ("before", "reference"):
        Image.fromarray(dumped(name)).save(tmp_path / f"{name}.png")
    command = [
        "style",
        str(tmp_path / "before.png"),
        "--reference",
        str(tmp_path / "reference.png"),
    ]
    assert main([*command, "-o", str(tmp_path / "output.png")]) == 0
    truth = np.asarray(Image.open(tmp_path / "output.png")).astype(int)
    assert np.abs(dumped("after") - truth).max() <= 1
    assert not np.array_equal(dumped("after"), dumped("before"))
