"""What is published: one version everywhere, and a wheel that works in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import mattelier

CHECKOUT = Path(__file__).resolve().parents[1]


def test_the_hosts_have_the_engines_version() -> None:
    """hatchling reads `mattelier.__version__`; the hosts' files cannot, so they repeat it."""
    manifest = tomllib.loads((CHECKOUT / "blender_addon/blender_manifest.toml").read_text("utf-8"))
    plugin = CHECKOUT / "gimp_plugin/mattelier"
    in_gimp = re.search(
        r'^VERSION = "(.+)"', (plugin / "mattelier_gimp/__init__.py").read_text("utf-8"), re.M
    )
    texts = re.search(
        r"Project-Id-Version: Mattelier (.+?)\\n",
        (plugin / "locale/mattelier.pot").read_text("utf-8"),
    )
    assert in_gimp is not None
    assert texts is not None
    assert {manifest["version"], in_gimp[1], texts[1]} == {mattelier.__version__}


def test_the_changelog_has_the_version() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.M)[:2] == [
        "Unreleased",
        mattelier.__version__,
    ]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation: the tests' environment holds hatchling, and nothing is downloaded.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return source, wheel


def test_the_wheel_works_in_an_empty_environment(
    packages: tuple[Path, Path], tmp_path: Path
) -> None:
    source, wheel = packages
    run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)

    python = empty_environment(tmp_path / "env")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    command = python.with_name("mattelier" + python.suffix)
    (tmp_path / "home/.config/GIMP/3.0/plug-ins").mkdir(parents=True)
    user = {
        "HOME": str(tmp_path / "home"),
        "USERPROFILE": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home/.config"),
    }
    version = run(command, "--version", variables=user, cwd=tmp_path)
    assert mattelier.__version__ in version
    module = run(python, "-c", "import mattelier; print(mattelier.__file__)", cwd=tmp_path)
    assert Path(module.strip()).is_relative_to(tmp_path)

    models = run(command, "models", "list", variables=user, cwd=tmp_path)
    assert re.search(r"^\W*cutout\b.*\bready\b", models, re.M), models

    photo, cutout = CHECKOUT / "install/sample.jpg", tmp_path / "cutout.png"
    run(command, "cutout", photo, "-o", cutout, variables=user, cwd=tmp_path)
    with Image.open(cutout) as picture:
        assert picture.mode == "RGBA"
        assert picture.getchannel("A").getextrema() == (0, 255)

    run(command, "install", "gimp", variables=user, cwd=tmp_path)
    assert (tmp_path / "home/.config/GIMP/3.0/plug-ins/mattelier/mattelier.py").is_file()


def test_the_packages_hold_what_their_licence_says(packages: tuple[Path, Path]) -> None:
    source, wheel = packages
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        (metadata,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0 AND GPL-3.0-or-later\n" in text
    licences = metadata.replace("METADATA", "licenses/")
    notices = {path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("models/*/NOTICE")}
    assert {
        f"{licences}{name}" for name in {"LICENSE", "blender_addon/LICENSE"} | notices
    } <= inside
    assert {
        "mattelier/blender_addon/blender_manifest.toml",
        "mattelier/gimp_plugin/gimp-2.10/mattelier.py",
        "mattelier/gimp_plugin/mattelier/mattelier.py",
        "mattelier/models/cutout/cutout.safetensors",
        "mattelier/py.typed",
        "mattelier/service/page/index.html",
    } <= inside
    with tarfile.open(source) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "install/setup"} <= sources


def empty_environment(folder: Path) -> Path:
    """A new environment that finds this one's packages, but nothing of this checkout.

    A line of a .pth file adds a folder without its own .pth files, so the editable Mattelier of
    the tests' environment is not in it; and half a gigabyte need not be downloaded again.
    """
    run(sys.executable, "-m", "venv", folder)
    windows = os.name == "nt"
    python = folder / ("Scripts/python.exe" if windows else "bin/python")
    (site,) = folder.glob("Lib/site-packages" if windows else "lib/*/site-packages")
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python


def run(*command: object, variables: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Standard output of a program that must succeed, run without this checkout's modules."""
    outer = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        env={**outer, **(variables or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
