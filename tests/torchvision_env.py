"""A Python environment in which spandrel works: plain PyTorch with the torchvision built for it.

spandrel imports torchvision, and of torchvision there are builds for the plain PyTorch of the
package index only, not for every CPU build that `install/setup` may pick. So that its tests run
all the same, this environment is built once (about 6 GB with PyTorch's CUDA libraries, several
minutes) and kept beside the Debian systems.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from build_cache import UnavailableError, cache_folder, is_built, locked, run_step

CHECKOUT = Path(__file__).resolve().parents[1]
_STAMP = "mattelier-recipe.json"
_NEEDED_BYTES = 10 << 30  # while pip unpacks; 6 GB stay
_INSTALL_SECONDS = 1800
# torchvision asks for exactly one version of torch, and torch for one of each CUDA package.
_PINNED = ["torchvision==0.29.2", "spandrel==0.4.2", "timm==1.0.31"]
_CONSTRAINTS = CHECKOUT / "install" / "constraints.txt"


def torchvision_python() -> Path:
    """Interpreter of the environment, from the cache or newly built.

    Raises
    ------
    UnavailableError
        The disk is too full, or pip could not install something; the message names the log.
    """
    folder = cache_folder() / "torchvision-env"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / _STAMP
    recipe = {"python": platform.python_version(), "packages": _packages()}
    with locked(folder):
        if not is_built(stamp, recipe):
            _complete(folder, python)
            stamp.write_text(json.dumps(recipe), "utf-8")
    return python


def run_pytest(python: Path, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run pytest of another environment on this checkout; its output in one text."""
    return subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "core")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def _complete(folder: Path, python: Path) -> None:
    """Make the environment, or bring what is there to the versions asked for."""
    what = "the environment with torchvision"
    stamp = folder / _STAMP
    newly = not _is_python(python, platform.python_version())
    stamp.unlink(missing_ok=True)
    with folder.with_name(folder.name + ".log").open("wb") as log:
        if newly:
            shutil.rmtree(folder, ignore_errors=True)
            free = shutil.disk_usage(folder.parent).free
            if free < _NEEDED_BYTES:
                raise UnavailableError(
                    f"{what} needs {_NEEDED_BYTES >> 30} GB of disk while it is made; "
                    f"{folder.parent} has {free >> 30}"
                )
            run_step([sys.executable, "-m", "venv", folder], log, what)
        # Without checksums: with them pip would ask for those of PyTorch and all its parts too.
        versions = folder / "constraints.txt"
        versions.write_text("\n".join(_versions()) + "\n", "utf-8")
        install = [python, "-m", "pip", "install", "--no-cache-dir", "--constraint", versions]
        run_step([*install, *_packages()], log, what, timeout=_INSTALL_SECONDS)


def _is_python(python: Path, version: str) -> bool:
    """Whether an interpreter is there, runs, and is of this version."""
    question = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == version


def _packages() -> list[str]:
    """The project's own dependencies and pytest, in the versions of the constraints file."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [re.split("[<>=~! ]", text)[0] for text in project["dependencies"]]
    versions = {line.partition("==")[0].lower(): line for line in _versions()}
    names = [name.lower() for name in (*wanted, "pytest", "pytest-timeout", "transformers")]
    return sorted([*(versions.get(name, name) for name in names), *_PINNED])


def _versions() -> list[str]:
    """The lines of the constraints file, "name==version" each."""
    lines = _CONSTRAINTS.read_text("utf-8").splitlines()
    return [line.partition(" --hash")[0] for line in lines if not line.startswith("#")]
