"""The adapter for GIMP 2.10, on stand-ins for its modules: under this Python and a real 2.7.

No GIMP 2.10 with Python-Fu can be installed here; `gimp_2_10/` holds what stands in for it. The
engine is the real one, installed and started as for users.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import debian_root
import numpy as np
import pytest
from PIL import Image

from mattelier.commands.main import main

STANDINS = Path(__file__).parent / "gimp_2_10"
HEIGHT, WIDTH = 90, 120


@pytest.fixture(scope="module", params=["this Python", "Python 2.7"])
def python(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """Which Python plays GIMP's, and its environment: like GIMP's, no good for the engine."""
    foreign = {"GI_TYPELIB_PATH": "/nowhere", "PYTHONPATH": str(STANDINS)}
    if request.param == "this Python":
        return sys.executable, foreign
    try:
        root = debian_root.debian_root("python2.7", "bullseye", ["python2.7"]).folder
    except debian_root.UnavailableError as error:
        debian_root.skip_or_fail(error)
    return str(root / "usr/bin/python2.7"), foreign | {"PYTHONHOME": str(root / "usr")}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the plug-in, where `mattelier install gimp` put it."""
    profile = tmp_path_factory.mktemp("GIMP") / "2.10"
    profile.mkdir()
    assert main(["install", "gimp", "--profile", str(profile)]) == 0
    return profile / "plug-ins" / "mattelier"


@pytest.fixture
def call(python, plugin, tmp_path):
    """Calls a procedure; the answer says what became of the image."""

    def call(procedure: str, image: dict[str, Any], *arguments: object, **more: object) -> Any:
        temporary = tmp_path / "temporary"
        temporary.mkdir(exist_ok=True)
        scenario = {
            "plugin": str(plugin / "mattelier.py"),
            "procedure": f"plug-in-mattelier-{procedure}",
            "image": image,
            "arguments": arguments,
            "interactive": True,
            "temporary": str(temporary),
            **more,
        }
        (tmp_path / "scenario.json").write_text(json.dumps(scenario), "utf-8")
        program, foreign = python
        words = [program, STANDINS / "drive.py", tmp_path / "scenario.json", tmp_path / "out.json"]
        done = subprocess.run(
            words,
            env={**os.environ, **foreign, "TMPDIR": str(temporary)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads((tmp_path / "out.json").read_text("utf-8"))
        assert answer["python"] == (2 if "python2" in program else 3)
        assert answer["left"] == []  # of the temporary files
        assert answer["open_images"] == 0
        return answer

    return call


def photo() -> np.ndarray:
    """An orange disc on blue noise."""
    noise = np.random.default_rng(1).integers(0, 25, (HEIGHT, WIDTH, 3))
    return (np.where(disc()[..., None] > 0, (200, 120, 60), (40, 90, 150)) + noise).astype(np.uint8)


def disc(grown: float = 0) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.hypot(y - HEIGHT / 2, x - WIDTH / 2) < HEIGHT / 3 + grown
    return (inside * 255).astype(np.uint8)


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def decoded(text: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def image(layer: np.ndarray, canvas: tuple[int, int] = (HEIGHT, WIDTH), **more: Any) -> Any:
    """An image with one layer; what belongs to the image itself is `selection`."""
    selection = {"selection": encoded(more.pop("selection"))} if "selection" in more else {}
    if "mask" in more:
        more["mask"] = encoded(more["mask"])
    bpp = layer.shape[2] if layer.ndim == 3 else 1
    return {
        "width": canvas[1],
        "height": canvas[0],
        "base_type": 0 if bpp > 2 else 1,
        "layer": {
            "width": layer.shape[1],
            "height": layer.shape[0],
            "bpp": bpp,
            "pixels": encoded(layer),
            **more,
        },
        **selection,
    }


def engine(folder: Path, task: str, picture: np.ndarray, *flags: str, **files: np.ndarray) -> Any:
    """What the command line itself makes of a picture."""
    folder.mkdir()
    Image.fromarray(picture).save(folder / "in.png")
    for name, array in files.items():
        Image.fromarray(array).save(folder / f"{name}.png")
        flags += (f"--{name}", str(folder / f"{name}.png"))
    out = str(folder / "out.png")
    assert main([task, str(folder / "in.png"), "-o", out, *flags]) == 0
    return np.asarray(Image.open(out))


def mask_of(answer: Any) -> np.ndarray:
    return decoded(answer["image"]["layers"][0]["mask"], HEIGHT, WIDTH)


def test_both_procedures_are_in_the_menu(call) -> None:
    there = call("remove-background", image(photo(), group=True))["registered"]
    where = {"menu": "<Image>/Filters/AI", "types": "RGB*, GRAY*"}
    assert there == {
        "plug-in-mattelier-remove-background": {"label": "Remove Background...", **where},
        "plug-in-mattelier-refine-edge": {"label": "Refine Edge...", **where},
    }


def test_remove_background_makes_the_mask_that_the_engine_makes(call, tmp_path) -> None:
    answer = call("remove-background", image(photo()))
    assert answer["messages"] == []
    np.testing.assert_array_equal(mask_of(answer), engine(tmp_path / "cli", "matte", photo()))
    assert mask_of(answer)[disc() > 0].mean() > 200
    (layer,) = answer["image"]["layers"]
    assert layer["pixels"] == encoded(photo())
    assert answer["shown"]
    assert answer["steps"] == 1
    assert answer["undone"]
    assert answer["progress"][0] == "Removing background"


def test_the_selection_is_a_hint_on_a_layer_that_juts_out(call, tmp_path) -> None:
    canvas = np.zeros((70, 150), np.uint8)
    x, y = 40, -15  # of the layer on the canvas
    canvas[:, x:] = disc(-5)[15:85, :110]
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:, :30] = 0
    layer = np.concatenate([photo(), alpha], axis=2)
    hint = np.zeros((HEIGHT, WIDTH), np.uint8)
    hint[15:85, :110] = disc(-5)[15:85, :110]
    flat = np.where(alpha > 0, photo(), 255).astype(np.uint8)
    before = image(layer, (70, 150), offsets=[x, y], selection=canvas)
    answer = call("remove-background", before, 0, True, 2, 3)
    flags = ("--quality=fast", "--edge-shift=2", "--feather=3")
    expected = engine(tmp_path / "cli", "matte", flat, *flags, hint=hint)
    np.testing.assert_array_equal(mask_of(answer), expected)
    assert answer["image"]["selection"] == encoded(canvas)
    without = call("remove-background", before, 0, False, 2, 3)
    expected = engine(tmp_path / "cli2", "matte", flat, *flags)
    np.testing.assert_array_equal(mask_of(without), expected)


def test_an_older_mask_is_replaced_and_comes_back_with_undo(call) -> None:
    older = np.full((HEIGHT, WIDTH), 77, np.uint8)
    grey = photo()[..., 0].copy()
    answer = call("remove-background", image(grey, mask=older), on_mask=True)
    assert mask_of(answer)[disc() > 0].mean() > 200
    assert answer["undone"]


def test_refine_edge_replaces_the_mask_it_was_given(call, tmp_path) -> None:
    rough = disc(grown=4)
    answer = call("refine-edge", image(photo(), mask=rough, edits_mask=True), 0, 8)
    expected = engine(tmp_path / "cli", "refine", photo(), "--width=8", mask=rough)
    np.testing.assert_array_equal(mask_of(answer), expected)
    assert np.abs(expected.astype(float) - disc()).mean() < np.abs(rough * 1.0 - disc()).mean()
    assert answer["undone"]
    assert answer["progress"][0] == "Refining edge"


def test_refine_edge_changes_the_selection_on_the_layer_only(call, tmp_path) -> None:
    selection = np.full((HEIGHT + 40, WIDTH + 40), 9, np.uint8)
    selection[20:-20, 20:-20] = rough = disc(grown=4)
    before = image(photo(), selection.shape, offsets=[20, 20], selection=selection)
    answer = call("refine-edge", before, 0, 8)
    expected = selection.copy()
    expected_interior = engine(tmp_path / "cli", "refine", photo(), "--width=8", mask=rough)
    expected[20:-20, 20:-20] = expected_interior
    np.testing.assert_array_equal(decoded(answer["image"]["selection"], *selection.shape), expected)
    assert answer["image"]["layers"][0]["mask"] is None
    assert answer["image"]["channels"] == 0
    assert answer["image"]["active"] == 0
    assert answer["undone"]


@pytest.mark.parametrize(
    ("procedure", "arguments", "layer", "message"),
    [
        ("remove-background", [], {"group": True}, "Choose a layer"),
        ("refine-edge", [], {}, "Make a selection"),
        ("refine-edge", [1], {"selection": disc()}, "has no mask"),
        ("refine-edge", [], {"selection": disc(), "offsets": [500, 0]}, "outside the canvas"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, procedure, arguments, layer, message) -> None:
    answer = call(procedure, image(photo(), **layer), *arguments)
    assert message in sentence(answer)
    assert answer["error"] is None  # GIMP would show it with a traceback
    script = call(procedure, image(photo(), **layer), *arguments, interactive=False)
    assert script["error"] == sentence(script)


def sentence(answer: Any) -> str:
    """The only message of a call that failed and left the image alone."""
    assert answer["unchanged"]
    assert answer["steps"] == 0
    (message,) = answer["messages"]
    assert re.fullmatch(r"[A-Z][^\n]+[.]", message)
    assert "Traceback" not in message
    return message


@pytest.fixture
def other_engine(plugin, tmp_path):
    """Puts another command in place of the engine; None takes the record away."""
    record = plugin / "engine.json"
    kept = record.read_text("utf-8")

    def replace(program: str | None) -> None:
        record.unlink()
        if program is not None:
            script = tmp_path / "engine"
            script.write_text(program, "utf-8")
            script.chmod(0o755)
            record.write_text(json.dumps({"command": [str(script)]}), "utf-8")

    yield replace
    record.write_text(kept, "utf-8")


def test_the_engines_own_sentence_is_shown(call, other_engine, tmp_path) -> None:
    environment = tmp_path / "environment"
    other_engine(
        f"#!/bin/sh\nenv > {environment}\necho noise\necho 'mattelier: The disk is full.'\nexit 3"
    )
    assert sentence(call("remove-background", image(photo()))) == "The disk is full."
    names = {line.split("=")[0] for line in environment.read_text("utf-8").splitlines()}
    assert not {"PYTHONHOME", "PYTHONPATH", "GI_TYPELIB_PATH"} & names
    assert "PATH" in names


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (None, "run `mattelier install gimp`"),
        ("no program", "cannot be started"),
        ("#!/bin/sh\nkill -9 $$", "failed (-9)"),
        ("#!/bin/sh\necho Traceback\nexit 0", "failed (0)"),
    ],
)
def test_a_broken_engine_leaves_the_image_alone(call, other_engine, program, message) -> None:
    other_engine(program)
    assert message in sentence(call("remove-background", image(photo())))
