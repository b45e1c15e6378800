"""The add-on with the real engine and the shipped network."""

from __future__ import annotations

import pytest
from in_blender import Cases, cases_in, make_stage
from real_blender import INSIDE, VERSIONS, home_with_addon

from mattelier.hosts.engine import engine_command

CASES = cases_in("engine")


@pytest.fixture(scope="module")
def real(blenders, tmp_path_factory) -> Cases:
    folder = tmp_path_factory.mktemp("engine")
    make_stage(folder)
    log = folder / "log"
    with home_with_addon(engine_command()) as home:
        runner = INSIDE / "runner.py"
        blenders[VERSIONS[-1]].run(home, runner, folder, *CASES, timeout=180, log=log)
    return Cases.read(folder, log)


@pytest.mark.parametrize("case", CASES)
def test_with_the_engine(real, case):
    real.check(case)
