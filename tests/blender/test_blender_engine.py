"""The add-on with the real engine and the shipped networks, in a module and in Debian's Blender."""

from __future__ import annotations

import pytest
from in_blender import Cases, cases_in, make_stage
from real_blender import FAKE, INSIDE, VERSIONS, home_with_addon

from mattelier.hosts.engine import engine_command

CASES = cases_in("engine")
EVERYWHERE = cases_in("pixels")  # what versions of Blender do differently with the engine's files
_RUNNER = INSIDE / "runner.py"


@pytest.fixture(scope="module")
def in_module(blenders, tmp_path_factory) -> Cases:
    folder = tmp_path_factory.mktemp("engine")
    make_stage(folder)
    log = folder / "log"
    with home_with_addon(engine_command()) as home:
        blenders[VERSIONS[-1]].run(home, _RUNNER, folder, *CASES, timeout=240, log=log)
    return Cases.read(folder, log)


@pytest.fixture(scope="module")
def in_debian(blender_window) -> Cases:
    folder = blender_window.home / "engine"
    make_stage(folder)
    log = folder / "log"
    blender_window.use_engine(*engine_command(), "worker")
    try:
        blender_window.run(
            "blender", "-b", "--python", _RUNNER, "--", folder, *CASES, timeout=240, log=log
        )
    finally:
        blender_window.use_engine(*FAKE)
    return Cases.read(folder, log)


@pytest.fixture(scope="module")
def in_every_module(blenders, tmp_path_factory) -> dict[str, Cases]:
    """One engine for all: what it has tracked for the first one, the others ask for again."""
    found = {}
    with home_with_addon(engine_command()) as home:
        for version in VERSIONS:
            folder = tmp_path_factory.mktemp(f"pixels-{version}")
            make_stage(folder)
            log = folder / "log"
            blenders[version].run(home, _RUNNER, folder, *EVERYWHERE, timeout=120, log=log)
            found[version] = Cases.read(folder, log)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", EVERYWHERE)
def test_in_every_module(in_every_module, version, case):
    assert in_every_module[version].failure(case) is None


@pytest.mark.parametrize("case", CASES)
def test_in_a_module(in_module, case):
    assert in_module.failure(case) is None


@pytest.mark.parametrize("case", CASES)
def test_in_debians_blender(in_debian, case):
    assert in_debian.failure(case) is None
