"""Blenders for all tests of the add-on, and one run of each for all its cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from debian_root import UnavailableError, skip_or_fail
from in_blender import Cases, make_stage
from real_blender import (
    FAKE,
    INSIDE,
    VERSIONS,
    Home,
    Module,
    Window,
    home_with_addon,
    modules,
    window,
)

_CASES_SECONDS = 240


@pytest.fixture(scope="session")
def blenders() -> dict[str, Module]:
    """The `bpy` modules, by version."""
    try:
        return modules(VERSIONS)
    except UnavailableError as error:
        skip_or_fail(error)


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """A user of Blender with the add-on, whose engine is the tests' own."""
    with home_with_addon() as found:
        yield found


@pytest.fixture(scope="session")
def cases(blenders, home, tmp_path_factory, request) -> Callable[[str], Cases]:
    """All cases that this session has tests for, run in one process for each version."""
    known: dict[str, Cases] = {}

    def of(version: str) -> Cases:
        if version not in known:
            wanted = [
                item.callspec.params["case"]
                for item in request.session.items
                if getattr(item, "callspec", None)
                and item.callspec.params.get("version") == version
                and "case" in item.callspec.params
            ]
            folder = tmp_path_factory.mktemp(f"blender-{version}")
            make_stage(folder)
            log = folder / "blender.log"
            runner = INSIDE / "runner.py"
            blenders[version].run(home, runner, folder, *wanted, timeout=_CASES_SECONDS, log=log)
            known[version] = Cases.read(folder, log)
        return known[version]

    return of


@pytest.fixture(scope="session")
def blender_window() -> Iterator[Window]:
    """Debian's Blender, into which `mattelier install blender` has put the add-on."""
    try:
        with window() as found:
            found.install()
            found.use_engine(*FAKE)
            yield found
    except UnavailableError as error:
        skip_or_fail(error)


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory) -> Path:
    """Where pictures of what happened stay: `MATTELIER_ARTEFACTS`, or the run's own folder."""
    named = os.environ.get("MATTELIER_ARTEFACTS")
    folder = Path(named) / "blender" if named else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
