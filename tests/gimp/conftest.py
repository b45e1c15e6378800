"""One GIMP for all tests of its plug-in, and one run of it for all cases without windows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_root import UnavailableError, skip_or_fail
from in_gimp import Batch, make_pictures
from real_gimp import RealGimp, real_gimp

_BATCH_SECONDS = 900


@pytest.fixture(scope="session")
def gimp() -> Iterator[RealGimp]:
    """A real GIMP with the plug-in."""
    with contextlib.ExitStack() as stack:
        try:
            gimp = stack.enter_context(real_gimp())
        except UnavailableError as error:
            skip_or_fail(error)
        yield gimp


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory) -> Path:
    """Where pictures of what happened stay: `MATTELIER_ARTEFACTS`, or the run's own folder."""
    named = os.environ.get("MATTELIER_ARTEFACTS")
    folder = Path(named) / "gimp" if named else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def stage_folder(gimp) -> Path:
    """A folder for what cases leave, with the pictures that they work on."""
    folder = gimp.home / "stage"
    folder.mkdir()
    make_pictures(folder)
    return folder


@pytest.fixture(scope="session")
def batch(gimp, stage_folder, request) -> Batch:
    """All cases that this session has tests for, run in one GIMP."""
    wanted = [
        item.callspec.params["case"]
        for item in request.session.items
        if "batch" in getattr(item, "fixturenames", ())
    ]
    log = stage_folder / "gimp.log"
    gimp.run(stage_folder, *dict.fromkeys(wanted), timeout=_BATCH_SECONDS, log=log)
    return Batch(stage_folder, log)
