"""Debian's Blender as an artist and a farm use it: its window, its command line, its installer."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from in_blender import make_stage
from real_blender import INSIDE

_STEPS = (
    "the node is added from the menu",
    "a sequence is opened by one of its files",
    "frames show as they arrive",
    "Esc cancels and keeps finished frames",
    "a second bake makes the rest",
    "undo makes fresh again",
    "undo during a bake shows the bake of the settings that it brings back",
    "a render that lacks mattes says so",
    "bake, then render",
    "all types are added from the menu",
    "all types are baked one after the other, and shown",
    "a screen is keyed",
    "pointing in the picture makes a key",
    "a key is edited, left and undone",
    "strokes over a baked matte make a key",
    "a correction is left, baked and undone",
    "Blender's own node shows the Cryptomatte",
    "end",
)


_SURFACES = (
    "the frame lies where the backdrop lay",
    "pointing behind the nodes makes a key",
    "strokes behind the nodes make a key",
    "pointing in the clip editor makes a key",
    "strokes in the clip editor make a key",
    "an editor that is not there is told",
    "what was found becomes a subject, and is taken back",
    "a preview is shown in an image editor",
    "end",
)


@pytest.fixture(scope="module")
def artist(blender_window, artefacts):
    """What an artist did at the window: step → why it failed."""
    return play(blender_window, artefacts, "window")


@pytest.fixture(scope="module")
def surfaces(blender_window, artefacts):
    """What an artist pointed at in several editors."""
    return play(blender_window, artefacts, "surfaces")


def play(blender_window, artefacts, scenario):
    folder = blender_window.home / scenario
    make_stage(folder)
    log = artefacts / f"{scenario}.log"
    blender_window.run_at_screen(INSIDE / f"{scenario}.py", folder, timeout=450, log=log)
    for picture in folder.glob("*.png"):
        shutil.copy(picture, artefacts)
    results = folder / "results.jsonl"
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    return {entry["case"]: entry["failure"] for entry in map(json.loads, lines)}


@pytest.mark.parametrize("step", _STEPS)
def test_at_the_window(artist, artefacts, step):
    failure = artist.get("failed") or (artefacts / "window.log").read_text("utf-8")[-2000:]
    assert step in artist, failure


@pytest.mark.parametrize("step", _SURFACES)
def test_in_several_editors(surfaces, artefacts, step):
    failure = surfaces.get("failed") or (artefacts / "surfaces.log").read_text("utf-8")[-2000:]
    assert step in surfaces, failure


@pytest.fixture
def shot(blender_window, tmp_path_factory):
    """A saved file with a node that was never baked."""
    folder = blender_window.home / tmp_path_factory.mktemp("shot").name
    make_stage(folder)
    done = blender_window.run(
        "blender", "-b", "--python-exit-code", "4", "--python", INSIDE / "unbaked.py", "--", folder,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    yield folder
    (blender_window.runtime / "orders.json").unlink(missing_ok=True)


def test_command_bakes_and_saves(blender_window, shot):
    def blender(*words):
        return blender_window.run("blender", "-b", shot / "shot.blend", *words, timeout=60)

    lacking = blender("-f", 3)
    assert lacking.returncode == 3
    assert "no matte on 3" in lacking.stdout
    some = blender("--command", "mattelier_bake", "--frames", "1-5x2,12", "--save")
    assert some.returncode == 3
    assert "“Rotoscope”: 12" in some.stdout
    assert "3 frames were baked" in some.stdout
    assert blender("-f", 3).returncode == 0
    baked = blender("--command", "mattelier_bake", "--save")
    assert baked.returncode == 0, baked.stdout
    assert "openjd_progress: 100" in baked.stdout
    assert blender("-a").returncode == 0
    assert len(list(shot.glob("out.*.png"))) == 10


def test_expression_ends_truthfully(blender_window, shot):
    expression = "import bpy; bpy.ops.mattelier.bake_all()"
    orders = blender_window.runtime / "orders.json"
    orders.write_text(json.dumps({"skip": [103]}), "utf-8")
    words = ("blender", "-b", shot / "shot.blend", "--python-expr", expression)
    failed = blender_window.run(*words, timeout=60)
    assert failed.returncode == 3
    assert "1 frame could not be baked: 103" in failed.stdout
    orders.unlink()
    done = blender_window.run(*words, timeout=60)
    assert done.returncode == 0
    assert "until it is saved" in done.stdout


def test_install_again_and_uninstall(blender_window):
    def install(*options):
        return blender_window.run(
            sys.executable, "-m", "mattelier", "install", "blender", *options, timeout=120
        )

    addon = blender_window.addon
    again = install()
    assert again.returncode == 0, again.stdout
    assert json.loads((addon / "engine.json").read_text("utf-8"))["command"][0] == sys.executable
    assert "would be removed" in install("--uninstall", "--dry-run").stdout
    assert addon.is_dir()
    assert install("--uninstall").returncode == 0
    assert not addon.exists()
    none = install("--uninstall")
    assert none.returncode == 0
    assert "in no Blender" in none.stdout
    blender_window.install()
