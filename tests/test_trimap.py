"""A trimap given: what it knows holds, and what it leaves open is seen without prejudice.

The network is a made one. It takes for the subject what is red, and lets what a hint says spread
far around, as if all that is near the background were background.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import make_looking_model

import mattelier
from mattelier.matting.refine import refine, solve_closed_form
from mattelier.train.render.drawn import draw
from mattelier.train.trimap_samples import random_trimap
from mattelier.types.colour import View, to_float
from mattelier.types.picture import Picture

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


def test_hair_comes_nearer_the_truth_than_by_closed_form_alone() -> None:
    """Drawn subjects that training has not seen, over noise, in trimaps of a broad brush."""
    ratios = []
    for number in range(12):
        source = draw(4321, number, 256)
        trimap = random_trimap(source.alpha, np.random.default_rng(number))
        if set(np.unique(trimap)) != {0, 128, 255}:
            continue
        noise = np.random.default_rng(number).normal(0.5, 0.3, (256, 256, 3)).astype(np.float32)
        ground = np.clip(cv2.GaussianBlur(noise, (0, 0), 1 + number % 4), 0, 1)
        cover = source.alpha[..., None]
        picture = cover * source.colour + (1 - cover) * ground
        picture = np.rint(255 * picture).astype(np.uint8)
        unsure = np.full((8, 8), 0.5, np.float32)
        alpha = refine(View(Picture(picture)), unsure, trimap=trimap)
        solved = solve_closed_form(to_float(picture), trimap, unsure).solved
        open_ = trimap == 128
        ours, theirs = (np.abs(a - source.alpha)[open_].mean() for a in (alpha, solved))
        ratios.append(ours / theirs)
    assert len(ratios) >= 8
    assert np.median(ratios) < 0.92
    assert np.mean(np.array(ratios) < 1) > 0.6
