"""The plug-in in GIMP 3.2: what is new there, and a part of what 3.0 is asked in whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_root import UnavailableError, skip_or_fail
from in_gimp import Batch, cases_in, make_pictures
from real_gimp import INSIDE, RealGimp, end_worker, real_gimp

SERIES = "3.2"
BATCH = (
    *cases_in("drawn_layers", "layers", "select_subject", "erase", "objects", "models_and_batch"),
    "refine_edge.case_a_mask_is_refined_in_its_place",
    "replace_background.case_what_is_there_is_blurred_without_the_subject",
    "replace_background.case_matched_light_changes_the_subject_towards_the_background",
    "upscale.case_the_whole_image_is_scaled",
    "upscale.case_live_effects_come_along",
    "installation.case_check_says_that_all_is_well",
    "installation.case_a_cancelled_job_leaves_the_image_alone_and_the_worker_warm",
)
WINDOWS = (
    "windows.case_dialog_ok_and_undo",
    "windows.case_the_menu_has_the_procedures_in_their_order",
    "pointing.case_click_correct_apply_and_undo_once",
    "preview.case_a_slider_changes_what_is_right_of_the_line",
)
GERMAN = cases_in("german")
SECONDS = 600


@pytest.fixture(scope="module")
def newer() -> Iterator[RealGimp]:
    try:
        with real_gimp(windows=True, series=SERIES) as gimp:
            assert gimp.version.startswith(SERIES)
            yield gimp
    except UnavailableError as error:
        skip_or_fail(error)


@pytest.fixture(scope="module")
def batch(newer) -> Batch:
    return _run(newer, "stage", BATCH)


@pytest.fixture(scope="module")
def window(newer) -> Batch:
    return _run(newer, "window", WINDOWS, before=["python3", INSIDE / "desktop.py"])


def _run(gimp: RealGimp, name: str, cases: tuple[str, ...], **how) -> Batch:
    folder = gimp.home / name
    folder.mkdir()
    make_pictures(folder)
    gimp.run(folder, *cases, timeout=SECONDS, log=folder / "gimp.log", **how)
    return Batch(folder, folder / "gimp.log")


@pytest.fixture(scope="module")
def german(newer, artefacts) -> Iterator[Batch]:
    """The same with everything in German."""
    with tempfile.TemporaryDirectory(prefix="mtgimp") as folder:
        user = newer.another_user(Path(folder), "de_DE")
        try:
            batch = _run(user, "german", GERMAN, before=["python3", INSIDE / "desktop.py"])
            for picture in batch.folder.glob("*.shot.png"):
                shutil.copy(picture, artefacts / picture.name.replace(".shot", ""))
            yield batch
        finally:
            end_worker(user)


@pytest.mark.parametrize("case", GERMAN)
def test_in_german(german, case):
    german.check(case)


@pytest.mark.parametrize("case", BATCH)
def test_in_gimp(batch, case):
    batch.check(case)


@pytest.mark.parametrize("case", WINDOWS)
def test_in_gimps_window(window, case):
    window.check(case)
