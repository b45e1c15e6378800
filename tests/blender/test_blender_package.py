"""The extension as Blender's own tools see it, and what it must not bring."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from real_blender import MODULE, VERSIONS, Home

from mattelier import __version__
from mattelier.hosts.blender import addon_folder, assemble

_INSTALL = f"""
import os, sys, bpy
done = bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
there = {MODULE!r} in bpy.context.preferences.addons
os._exit(0 if done == {{"FINISHED"}} and there and hasattr(bpy.ops.mattelier, "bake") else 1)
"""


@pytest.fixture(scope="module")
def assembled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extension") / "mattelier"
    assemble(folder, [sys.executable, "-m", "mattelier"])
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_blender_builds_validates_and_installs_it(blenders, assembled, tmp_path, version):
    blender, file = blenders[version], tmp_path / "mattelier.zip"
    options = ["--source-dir", assembled, "--output-filepath", file]
    for words in (["build", *options], ["validate", file]):
        command = [str(blender.python), str(blender.extension_tool), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    names = zipfile.ZipFile(file).namelist()
    assert {
        "mattelier_worker/client.py",
        "mattelier_worker/schema.json",
        "node_types/rotoscope/node.py",
    } <= set(names)
    assert not [name for name in names if name.endswith((".whl", ".pyc", "ruff.toml"))]
    home = Home(tmp_path / "user", tmp_path)
    home.resources.mkdir()
    log = tmp_path / "log"
    script = tmp_path / "install.py"
    script.write_text(_INSTALL, "utf-8")
    assert blender.run(home, script, file, timeout=60, log=log).returncode == 0, log.read_text()


def test_it_asks_for_no_network_and_brings_no_packages():
    manifest = tomllib.loads((addon_folder() / "blender_manifest.toml").read_text("utf-8"))
    assert list(manifest["permissions"]) == ["files"]
    assert "wheels" not in manifest
    assert manifest["version"] == __version__
    assert (addon_folder() / "LICENSE").read_text("utf-8").lstrip().startswith("GNU GENERAL")


def test_it_imports_nothing_but_blender_and_the_standard_library():
    allowed = {*sys.stdlib_module_names, "bpy", "addon_utils", "gpu", "gpu_extras"}
    for file in addon_folder().rglob("*.py"):
        assert file.read_text("utf-8").startswith("# SPDX-License-Identifier: GPL-3.0-or-later")
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, file
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module.split(".")[0] in allowed, file
