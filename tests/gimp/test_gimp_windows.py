"""The plug-in in GIMP's window on a virtual screen; the cases themselves are in `inside`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from debian_root import UnavailableError, skip_or_fail
from in_gimp import Batch, cases_in, make_pictures
from real_gimp import INSIDE, real_gimp

PARTS = ("windows", "pointing", "preview", "choosing")  # a GIMP each, so that none runs out of time
CASES = cases_in(*PARTS)
SECONDS = 540


@pytest.fixture(scope="module")
def window(artefacts) -> Iterator[Batch]:
    """All cases, run in GIMPs with a window; their screenshots stay as artefacts."""
    try:
        with real_gimp(windows=True) as gimp:
            folder = gimp.home / "stage"
            folder.mkdir()
            make_pictures(folder)
            log = folder / "gimp.log"
            desktop = ["python3", INSIDE / "desktop.py"]
            for part in PARTS:
                gimp.run(folder, *cases_in(part), timeout=SECONDS, log=log, before=desktop)
            for picture in folder.glob("*.shot.png"):
                shutil.copy(picture, artefacts / picture.name.replace(".shot", ""))
            yield Batch(folder, log)
    except UnavailableError as error:
        skip_or_fail(error)


@pytest.mark.parametrize("name", CASES)
def test_in_gimps_window(window, name):
    window.check(name)


@pytest.mark.parametrize(
    "picture",
    [
        *("dialog", "result", "cancel", "menu", "objects", "dialog-erase", "dialog-behind"),
        *("dialog-upscale", "dialog-portrait-blur", "dialog-denoise", "dialog-enhance"),
        *("result-upscale", "result-portrait-blur", "result-denoise", "result-enhance"),
    ],
)
def test_there_is_a_screenshot_that_shows_something(window, picture):
    from PIL import Image

    with Image.open(window.folder / f"{picture}.shot.png") as shot:
        assert shot.width >= 1000
        assert len(shot.convert("RGB").resize((100, 64)).getcolors(6400)) > 100
