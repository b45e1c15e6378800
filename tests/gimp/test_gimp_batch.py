"""The plug-in in a real GIMP without windows; the cases themselves are in `inside`."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from in_gimp import Batch, cases_in, make_pictures
from real_gimp import end_worker

MODULES = (
    "remove_background",
    "select_subject",
    "refine_edge",
    "replace_background",
    "erase",
    "objects",
    "objects",
    "layers",
    "upscale",
    "filters",
    "models_and_batch",
    "sandbox",
    "installation",
)


@pytest.mark.parametrize("case", cases_in(*MODULES))
def test_in_gimp(batch, case):
    batch.check(case)


def test_two_gimps_that_start_at_once_share_one_worker(gimp):
    case = "installation.together_with_another"
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mtgimp")))
        user = gimp.another_user(home)
        stack.callback(end_worker, user)
        stages, processes = [], []
        for name in ("one", "two"):
            stage = home / name
            stage.mkdir()
            make_pictures(stage)
            stages.append(Batch(stage, stage / "gimp.log"))
            program = user.script(stage, case)
            processes.append(stack.enter_context(user.started(program, stages[-1].log)))
        for process in processes:
            process.wait(120)
        notes = []
        for stage in stages:
            stage.check(case)
            notes.append(json.loads((stage.folder / f"{case}.json").read_text("utf-8")))
        assert notes[0]["worker"] == notes[1]["worker"] == user.worker_pid()
