"""A trimap given: what it knows holds, and what it leaves open is seen without prejudice.

The network is a made one. It takes for the subject what is red, and lets what a hint says spread
far around, as if all that is near the background were background.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_model import make_looking_model

import mattelier

REACH = 15
GREEN, RED, FLAG = (20, 150, 20), (255, 50, 128), (255, 20, 0)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    looks = np.zeros((1, 5, 2 * REACH + 1, 2 * REACH + 1), np.float32)
    looks[0, :3, REACH, REACH] = 20, -20, -10
    looks[0, 3], looks[0, 4] = 0.1, -0.4
    make_looking_model(root, "prejudiced", looks, -4, size=96)
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
