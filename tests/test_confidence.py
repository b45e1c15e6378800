"""How sure a matte is: the map, the number, and the map's file beside the result.

The network is a made one: it takes for the subject what is red 8 pixels further left. Mirrored, it
looks to the right, so the two passes of the balanced quality disagree left and right of an edge.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_model import make_looking_model

import mattelier
from mattelier.commands.main import main
from mattelier.media import png

SHIFT = 8


@pytest.fixture(scope="module")
def askew(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The network's name, and the folder of models that it lies in."""
    models = tmp_path_factory.mktemp("models")
    name = f"askew-{models.name}".lower()
    looks = np.zeros((1, 5, 1, 2 * SHIFT + 1), np.float32)
    looks[0, :3, 0, 0] = 40, -20, -20
    make_looking_model(models, name, looks, -15, resize="stretch")
    return name, models


@pytest.fixture
def model(askew: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("MATTELIER_MODELS", str(askew[1]))
    monkeypatch.chdir(tmp_path)
    return askew[0]


def red_block(x0: int = 16, x1: int = 48) -> np.ndarray:
    picture = np.full((64, 64, 3), 40, np.uint8)
    picture[16:48, x0:x1] = (250, 10, 10)
    return picture


def photo(name: str, picture: np.ndarray | None = None) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(red_block() if picture is None else picture).save(name)
    return name


def files(folder: str = ".") -> list[str]:
    return sorted(path.as_posix() for path in Path(folder).rglob("*") if path.is_file())


def grey(name: str) -> np.ndarray:
    with Image.open(name) as picture:
        return np.asarray(picture)


DISAGREED = np.zeros((64, 64), bool)
DISAGREED[16:48, 16 - SHIFT : 16 + SHIFT] = DISAGREED[16:48, 48 - SHIFT : 48 + SHIFT] = True


def test_a_picture_is_unsure_exactly_where_the_passes_disagree(model: str) -> None:
    result = mattelier.matte(red_block(), model=model, refine=False)
    assert result.confidence.shape == (64, 64)
    assert result.confidence.dtype == np.float32
    assert result.confidence[DISAGREED].max() < 0.05
    assert 0.95 < result.confidence[~DISAGREED].min() <= result.confidence.max() <= 1
    whole = mattelier.cutout(red_block(), model=model, refine=False)
    np.testing.assert_array_equal(whole.confidence, result.confidence)


def test_one_pass_is_unsure_where_it_is_undecided_itself(model: str) -> None:
    picture = red_block()
    picture[16:48, 24:32] = (96, 0, 0)  # the network's answer to this is one half
    result = mattelier.matte(picture, model=model, quality="fast", refine=False)
    undecided = np.zeros((64, 64), bool)
    undecided[16:48, 24 + SHIFT : 32 + SHIFT] = True
    assert result.confidence[undecided].max() < 0.1
    assert result.confidence[~undecided].min() > 0.95


def test_the_number_tells_sure_pictures_from_unsure_and_empty_ones(model: str) -> None:
    empty = np.full((64, 64, 3), 40, np.uint8)
    # Half of what is taken for the narrow block is taken for it by one pass alone, and is even.
    numbers = [
        mattelier.matte(picture, model=model, quality=quality).report.confidence
        for picture, quality in [
            (red_block(), "fast"),
            (red_block(x0=24, x1=39), "balanced"),
            (empty, "balanced"),
        ]
    ]
    sure, unsure, none = numbers
    assert sure is not None
    assert unsure is not None
    assert 1 >= sure > 0.95 > unsure
    assert none == 0


def test_what_a_trimap_says_is_sure_and_what_it_leaves_open_is_not(model: str) -> None:
    trimap = np.full((64, 64), 128, np.uint8)
    trimap[:, :32], trimap[:, 60:] = 255, 0
    result = mattelier.matte(red_block(), trimap=trimap, model=model)
    assert (result.confidence[trimap != 128] == 1).all()
    assert result.confidence[DISAGREED & (trimap == 128)].max() < 0.6


def test_a_mask_that_is_followed_against_the_network_is_unsure_there(model: str) -> None:
    picture, mask = red_block(0, 64), np.zeros((64, 64), np.float32)
    mask[16:48, SHIFT:] = 1  # what one pass sees
    patch = np.s_[20:24, 2:6]
    mask[patch] = 1
    result = mattelier.matte(picture, mask, model=model, quality="fast", refine=False)
    assert result.alpha[patch].min() > 0.95
    assert result.confidence[patch].max() < 0.1
    mask[patch] = 0
    assert result.confidence[mask == 1].min() > 0.9


def test_where_the_picture_is_transparent_there_is_nothing_to_doubt(model: str) -> None:
    own = np.full((64, 64), 255, np.uint8)
    own[:32], own[32:40] = 0, 128
    kept = own.copy()
    result = mattelier.matte(np.dstack([red_block(), own]), model=model, refine=False)
    assert (result.confidence[:32] == 1).all()
    np.testing.assert_allclose(result.confidence[32:40][DISAGREED[32:40]], 0.5, atol=0.05)
    assert result.confidence[40:][DISAGREED[40:]].max() < 0.05
    np.testing.assert_array_equal(own, kept)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (700, 3)])
def test_every_size_of_picture_has_a_map_of_its_size(shape: tuple[int, int], model: str) -> None:
    result = mattelier.matte(np.full((*shape, 3), 90, np.uint8), model=model)
    assert result.confidence.shape == shape
    assert ((result.confidence >= 0) & (result.confidence <= 1)).all()


def test_the_map_is_written_beside_the_result_when_it_is_asked_for(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("a.png")
    command = ["matte", "a.png", "--model", model, "--no-refine", "--json"]
    assert main([*command, "-o", "m.png"]) == 0
    assert files() == ["a.png", "m.png"]
    assert main([*command, "-o", "n.png", "--confidence", "--bits", "16"]) == 0
    assert files() == ["a.png", "m.png", "n-confidence.png", "n.png"]
    plain, mapped = map(json.loads, capsys.readouterr().out.splitlines())
    assert 0 < plain["confidence"] == mapped["confidence"] < 1
    assert "confidence_output" not in plain
    assert mapped["confidence_output"] == "n-confidence.png"
    written = grey("n-confidence.png")
    assert written.dtype in (np.uint16, np.int32)
    assert written[DISAGREED].max() < 0.05 * 65535 < 0.95 * 65535 < written[~DISAGREED].min()


def test_the_map_of_a_cutout_is_cropped_as_it_is_and_loses_nothing(model: str) -> None:
    photo("a.jpg")
    flags = ["--confidence", "--crop", "--format", "webp", "--model", model]
    assert main(["cutout", "a.jpg", *flags]) == 0
    assert files() == ["a-cutout-confidence.png", "a-cutout.webp", "a.jpg"]
    with Image.open("a-cutout.webp") as cut, Image.open("a-cutout-confidence.png") as sure:
        assert cut.size == sure.size != (64, 64)
        assert sure.getextrema()[1] == 65535


def test_a_second_run_over_a_folder_takes_no_map_for_a_picture(model: str) -> None:
    photo("in/a.png")
    once = ["matte", "in", "--confidence", "--model", model]
    assert main(once) == 0
    files_written = ["in/a-matte-confidence.png", "in/a-matte.png", "in/a.png"]
    assert files("in") == files_written
    assert main([*once, "--overwrite"]) == 0
    assert files("in") == files_written


def test_a_map_and_a_result_never_share_a_name(model: str) -> None:
    for name in ("in/a.png", "in/a-confidence.png", "in/b.png"):
        photo(name)
    assert main(["matte", "in", "-o", "out", "--confidence", "--model", model]) == 0
    files_written = files("out")
    assert len(files_written) == 6
    assert {"out/b.png", "out/b-confidence.png"} < set(files_written)


@pytest.mark.parametrize("there", ["m.png", "m-confidence.png"])
def test_neither_file_is_replaced_unless_overwrite_is_said(
    there: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("a.png")
    Path(there).write_text("mine")
    command = ["matte", "a.png", "-o", "m.png", "--confidence", "--model", model]
    assert main(command) == 3
    assert f"{there} exists already; add --overwrite" in capsys.readouterr().err
    assert files() == sorted(["a.png", there])
    assert Path(there).read_text() == "mine"
    assert main([*command, "--overwrite"]) == 0
    assert files() == ["a.png", "m-confidence.png", "m.png"]
    assert Path(there).read_bytes()[1:4] == b"PNG"


def test_a_map_is_never_written_over_an_input(model: str) -> None:
    before = Path(photo("a-confidence.png")).read_bytes()
    photo("b.png")
    command = ["--overwrite", "--confidence", "--model", model, "--hint", "a-confidence.png"]
    assert main(["matte", "b.png", "-o", "a.png", *command]) == 2
    assert files() == ["a-confidence.png", "b.png"]
    assert Path("a-confidence.png").read_bytes() == before


def test_the_map_needs_a_file_beside_which_it_can_lie(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matte", photo("a.png"), "-o", "-", "--confidence", "--model", model]) == 2
    assert "-o FILE" in capsys.readouterr().err


@pytest.mark.parametrize("there", [(), ("m.png", "m-confidence.png"), ("m.png",)])
@pytest.mark.parametrize("fails", ["first write", "second write", "first move", "second move"])
def test_a_failure_leaves_what_was_there_of_both_files(
    fails: str,
    there: tuple[str, ...],
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photo("a.png")
    for name in there:
        Path(name).write_text("mine")
    calls: list[object] = []
    number = 1 if fails.startswith("first") else 2
    write, move = png.write, os.replace

    def full(*arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*arguments, **options)

    def locked(source: Any, target: Any) -> None:
        if Path(target).name in ("m.png", "m-confidence.png"):
            calls.append(target)
            if len(calls) == number:
                raise PermissionError(errno.EACCES, "Permission denied")
        move(source, target)

    command = ["matte", "a.png", "-o", "m.png", "--confidence", "--overwrite", "--model", model]
    with monkeypatch.context() as broken:
        if fails.endswith("write"):
            broken.setattr(png, "write", full)
        else:
            broken.setattr(os, "replace", locked)
        assert main(command) == 3
    left = sorted(path.name for path in Path().iterdir())
    assert left == sorted(["a.png", *there])
    assert all(Path(name).read_text() == "mine" for name in there)
    (message,) = capsys.readouterr().err.splitlines()
    assert "m.png was not written" in message or "m-confidence.png was not written" in message
