"""spandrel's networks really run: the tests marked `spandrel`, in an environment that has it."""

from __future__ import annotations

import re
from pathlib import Path

from build_cache import UnavailableError, skip_or_fail
from torchvision_env import run_pytest, torchvision_python

_SECONDS = 1800


def test_spandrels_networks_in_the_environment_with_torchvision() -> None:
    try:
        python = torchvision_python()
    except UnavailableError as error:
        skip_or_fail(error)
    done = run_pytest(python, "-m", "spandrel", *_marked_files(), timeout=_SECONDS)
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert re.search(r"\b[1-9]\d* passed", last), done.stdout
    assert "skipped" not in last, done.stdout


def _marked_files() -> list[str]:
    """Only these are collected: the other files import what that environment lacks."""
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    return [str(file) for file in files if "@pytest.mark.spandrel\n" in file.read_text("utf-8")]
