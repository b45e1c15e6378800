"""A trimap given: what it knows holds, and what it leaves open is seen without prejudice.

The network is a made one. It takes for the subject what is red, and lets what a hint says spread
far around, as if all that is near the background were background.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import mattelier

CARD = """\
name = "prejudiced"
title = "Red, with prejudice"
version = "1"
source = "made by the tests"
training_data = []

[licence]
weights = "CC0-1.0"
commercial = "yes"

[[files]]
path = "prejudiced.onnx"
sha256 = "{sha256}"

[input]
size = 96
resize = "fit"
tensor = "picture"
hint = "hint"

[output]
activation = "sigmoid"
"""
REACH = 15
GREEN, RED, FLAG = (20, 150, 20), (255, 50, 128), (255, 20, 0)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    root = tmp_path_factory.mktemp("models")
    looks = np.zeros((1, 5, 2 * REACH + 1, 2 * REACH + 1), np.float32)
    looks[0, :3, REACH, REACH] = 20, -20, -10
    looks[0, 3], looks[0, 4] = 0.1, -0.4

    def port(name: str, channels: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])

    graph = helper.make_graph(
        [
            helper.make_node("Concat", ["picture", "hint"], ["both"], axis=1),
            helper.make_node("Conv", ["both", "w", "b"], ["y"], pads=[REACH] * 4),
        ],
        "prejudiced",
        [port("picture", 3), port("hint", 2)],
        [port("y", 1)],
        [
            onnx.numpy_helper.from_array(looks, "w"),
            onnx.numpy_helper.from_array(np.array([-4], np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (root / "prejudiced").mkdir()
    file = root / "prejudiced/prejudiced.onnx"
    onnx.save(model, file)
    card = CARD.format(sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    (root / "prejudiced/card.toml").write_text(card, "utf-8")
    return root


@pytest.fixture(autouse=True)
def _found(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(models))


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red body, and beside it a flag of a colour of its own; the picture and where they are."""
    picture = np.empty((192, 288, 3))
    picture[:] = GREEN
    body, flag = np.zeros((2, 192, 288), bool)
    body[40:160, 40:150], flag[60:110, 150:230] = True, True
    picture[body], picture[flag] = RED, FLAG
    picture += np.random.default_rng(3).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), body, flag


def test_a_part_that_lies_in_the_open_as_a_whole_is_not_lost() -> None:
    picture, body, flag = scene()
    trimap = np.where(body, 255, 0).astype(np.uint8)
    trimap[50:120, 140:240] = 128  # all of the flag, and what is around it
    alpha = mattelier.matte(picture, trimap=trimap, model="prejudiced").alpha
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()
    assert alpha[flag].mean() > 0.9


def test_where_the_trimap_means_another_subject_the_network_is_told() -> None:
    """By itself the network would take the flag, which this trimap knows not to be meant."""
    picture, body, flag = scene()
    trimap = np.where(flag, 255, 0).astype(np.uint8)
    trimap[:, 110:160] = 128
    sash = body & (trimap == 128)
    picture[sash] = (255, 0, 255)  # explained by no colour that is known
    alpha = mattelier.matte(picture, trimap=trimap, model="prejudiced").alpha
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()
    assert alpha[sash].mean() < 0.1
