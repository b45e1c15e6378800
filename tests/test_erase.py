"""Things taken out: the hole is filled, all else stays as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from run_task import run

import mattelier
from mattelier.commands.main import main
from mattelier.requests import EraseRequest
from mattelier.types.colour import from_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

HEIGHT, WIDTH = 160, 220


def wall() -> NDArray[np.float32]:
    """A plain wall in even light with some grain."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    plain = np.stack([0.4 + rows / 800, 0.5 - columns / 1200, 0.6 + rows / 1600], -1)
    grain = np.random.default_rng(1).normal(0, 0.01, plain.shape)
    return np.asarray(plain + grain, np.float32)


def wire() -> NDArray[np.float32]:
    """The mask of a wire across it and of a spot."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    line = np.abs(rows - 40 - columns * 0.3) < 2
    spot = np.hypot(rows - 110, columns - 60) < 9
    return (line | spot).astype(np.float32)


def stained(dtype: str) -> Picture:
    colour = wall() * (1 - wire()[..., None])
    if dtype == "float32":
        from mattelier.types.colour import srgb_to_linear

        return Picture(srgb_to_linear(np.clip(colour, 0, 1)), transfer="linear")
    alpha = np.full((HEIGHT, WIDTH), np.iinfo(dtype).max, dtype)
    return Picture(from_float(np.clip(colour, 0, 1), np.dtype(dtype)), alpha, icc=b"profile")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_wall_comes_back_and_all_else_stays(dtype: str) -> None:
    picture = stained(dtype)
    result = run(EraseRequest(model="none"), picture, mask=wire()).picture
    assert result is not None
    changed = (result.colour != picture.colour).any(-1)
    import cv2

    near = cv2.dilate(wire(), np.ones((11, 11), np.uint8)) > 0
    assert not (changed & ~near).any()
    assert changed[wire() > 0].mean() > 0.99
    assert result.dtype == picture.dtype
    assert result.alpha is picture.alpha
    assert result.icc == picture.icc
    whole = 1 if dtype == "float32" else np.iinfo(dtype).max
    samples = result.colour.astype(np.float32) / whole
    if dtype == "float32":
        from mattelier.types.colour import linear_to_srgb

        samples = linear_to_srgb(samples)
    inside = wire() > 0
    error = (samples - wall())[inside]
    assert np.abs(error.mean(0)).max() < 0.01
    assert (
        0.5
        < np.std(samples[inside] - _smooth(samples)[inside])
        / np.std((wall() - _smooth(wall()))[~near])
        < 1.6
    )  # its grain too


def _smooth(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.GaussianBlur(samples, (0, 0), 2))


def test_an_empty_mask_changes_nothing_and_a_full_one_is_refused() -> None:
    picture = stained("uint8")
    result = run(EraseRequest(), picture, mask=np.zeros((HEIGHT, WIDTH), np.float32))
    assert result.picture is picture
    with pytest.raises(UsageError, match="nothing is left"):
        run(EraseRequest(), picture, mask=np.ones((HEIGHT, WIDTH), np.float32))
    with pytest.raises(UsageError, match="same size"):
        run(EraseRequest(), picture, mask=np.ones((9, 9), np.float32))
    with pytest.raises(UsageError, match="Say with a mask"):
        run(EraseRequest(), picture)


def graph(path: Path, white: float) -> None:
    """A network that fills with orange, and gives 1 or 255 where white is."""
    side = 64
    ports = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, side, side]),
    ]
    out = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, side, side])
    values = {"orange": [1, 0.5, 0.1], "one": [1.0], "white": [white]}
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [1, len(v), 1, 1], v)
        for name, v in values.items()
    ]
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["kept"]),
        helper.make_node("Mul", ["image", "kept"], ["outside"]),
        helper.make_node("Mul", ["orange", "mask"], ["inside"]),
        helper.make_node("Add", ["outside", "inside"], ["sum"]),
        helper.make_node("Mul", ["sum", "white"], ["output"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "fill", ports, [out], constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(model, path)


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_a_network_is_brought_in_and_fills(
    white: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    graph(tmp_path / "filler.onnx", white)
    picture, mask = stained("uint8"), tmp_path / "mask.png"
    Image.fromarray(picture.colour).save(tmp_path / "photo.png")
    Image.fromarray((wire() * 255).astype(np.uint8)).save(mask)
    arguments = ["erase", str(tmp_path / "photo.png"), "--mask", str(mask), "-o"]
    assert main([*arguments, str(tmp_path / "before.png")]) == 0
    assert "colours around were continued" in capsys.readouterr().err
    assert main(["models", "import", str(tmp_path / "filler.onnx")]) == 0
    assert "fills holes" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "after.png")]) == 0
    assert "filler on cpu" in capsys.readouterr().err
    with Image.open(tmp_path / "after.png") as image:
        after = np.asarray(image).astype(int)
    assert np.abs(after[110, 60] - [255, 128, 26]).max() <= 3
    assert (after[5, 5] == picture.colour[5, 5]).all()
    result = mattelier.erase(picture.colour, wire())
    assert np.abs(result.picture.colour.astype(int) - after).max() <= 1
    # The mattes of people and the fillers of holes do not stand in for each other.
    assert main(["matte", str(tmp_path / "photo.png"), "--model", "filler"]) == 2
    assert main([*arguments, str(tmp_path / "x.png"), "--model", "cutout"]) == 2
    assert "fills no holes" in capsys.readouterr().err
