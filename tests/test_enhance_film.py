"""Grain and softness taken on from another picture, so that a cut-out sits in its plate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from run_task import MODELS, run

from mattelier.commands.main import main
from mattelier.filters.enhance.film import measure_film
from mattelier.media import stills
from mattelier.requests import EnhanceRequest
from mattelier.tasks.registry import TASKS
from mattelier.types.picture import Picture

SOFT_PX, GRAIN = 1.4, 0.03


def encoded(picture: Picture) -> np.ndarray:
    return picture.colour.astype(np.float32) / np.iinfo(picture.colour.dtype).max


def as_picture(colour: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    codes = np.rint(np.clip(colour, 0, 1) * 65535).astype(np.uint16)
    return Picture(codes, None if alpha is None else np.rint(alpha * 65535).astype(np.uint16))


def plate(soft: float = SOFT_PX, grain: float = GRAIN, size: float = 0.0) -> Picture:
    """Patches of all brightness through a soft lens, on grainy film."""
    patches = np.random.default_rng(3).uniform(0.1, 0.8, (8, 12, 3)).astype(np.float32)
    colour = np.kron(patches, np.ones((48, 48, 1), np.float32))
    noise = np.random.default_rng(5).normal(0, 1, colour.shape).astype(np.float32)
    if size:
        noise = cv2.GaussianBlur(noise, (0, 0), size)
        noise /= noise.std()
    return as_picture(cv2.GaussianBlur(colour, (0, 0), soft) + grain * noise)


def element(side: int = 512) -> Picture:
    """Clean rings with hard edges, cut out as a disc."""
    y, x = np.mgrid[:side, :side] - side / 2
    radius = np.hypot(y, x)
    rings = np.clip(0.5 + 8 * np.sin(radius / 9), 0, 1)[..., None] * [0.5, 0.4, 0.3] + 0.2
    return as_picture(rings.astype(np.float32), np.clip(side / 2.2 - radius, 0, 1))


def matched(reference: Picture, picture: Picture | None = None, **wishes: float) -> Picture:
    request = EnhanceRequest(match_strength=0, **wishes)
    return run(request, picture or element(), reference=reference).picture


def inside(picture: Picture):
    return measure_film(encoded(picture), picture.alpha > 60000)


def test_grain_becomes_the_plates():
    clean, grainy = element(), matched(plate(), match_grain=1)
    assert inside(clean).grain.mean() < 0.15 * GRAIN
    assert inside(grainy).grain.mean() == pytest.approx(
        measure_film(encoded(plate())).grain.mean(), rel=0.3
    )
    np.testing.assert_array_equal(grainy.alpha, clean.alpha)
    half = matched(plate(), match_grain=0.5)
    assert inside(half).grain.mean() == pytest.approx(0.5 * inside(grainy).grain.mean(), rel=0.15)
    already = matched(plate(grain=0.004), picture=grainy, match_grain=1)
    np.testing.assert_allclose(encoded(already), encoded(grainy), atol=0.004)  # it has more


@pytest.mark.parametrize("size", [0.0, 0.6, 1.2])
def test_grain_is_as_coarse_as_the_plates(size):
    """By how alike neighbours are; on flat grey, where there is nothing but grain."""

    def likeness(noise: np.ndarray) -> float:
        noise = noise - noise.mean((0, 1))
        return float((noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean())

    grey = as_picture(np.full((200, 200, 3), 0.4, np.float32))
    got = encoded(matched(plate(size=size), grey, match_grain=1))
    true = cv2.GaussianBlur(
        np.random.default_rng(2).normal(0, 1, (400, 400)).astype(np.float32), (0, 0), size or 0.01
    )
    assert likeness(got) == pytest.approx(likeness(true[..., None]), abs=0.12)
    assert got.std() == pytest.approx(GRAIN, rel=0.35)


def test_softness_becomes_the_plates():
    reference = plate(grain=0.002)
    hard, soft = element(), matched(reference, match_softness=1)
    goal = measure_film(encoded(reference)).softness
    assert inside(hard).softness < 0.6 * goal
    assert inside(soft).softness == pytest.approx(goal, rel=0.2)
    widths = [((p.alpha[256] > 0) & (p.alpha[256] < 65535)).sum() for p in (hard, soft)]
    assert widths[1] > widths[0] + 4  # of the alpha's edges
    sharper = matched(as_picture(encoded(element())), soft, match_softness=1)
    np.testing.assert_array_equal(sharper.colour, soft.colour)  # what is soft is not sharpened


def test_colour_below_the_veil_is_no_halo():
    """What lies behind the edge of a cut-out is not drawn into it."""
    cut = element()
    colour = cut.colour.copy()
    colour[cut.alpha == 0] = (65535, 0, 65535)
    soft = matched(plate(grain=0.002), Picture(colour, cut.alpha), match_softness=1)
    shown = soft.alpha > 2000
    assert encoded(soft)[shown][:, 1].min() > 0.15
    assert encoded(soft)[shown][:, 2].max() < 0.7


def test_light_above_white_stays_and_gets_grain():
    bright = Picture(np.full((64, 64, 3), 8.0, np.float32), transfer="linear")
    got = matched(plate(), bright, match_grain=1).colour
    assert got.mean() == pytest.approx(8, rel=0.03)
    assert np.isfinite(got).all()


def test_each_frame_of_a_shot_has_grain_of_its_own(tmp_path):
    task = TASKS["enhance"].load()
    request = EnhanceRequest(match_strength=0, match_grain=1)
    inputs = task.prepare(request, MODELS, reference=plate())
    one, two, again = (
        task.run(request, element(128), MODELS, **inputs, frame=frame).picture.colour
        for frame in (1, 2, 1)
    )
    assert (one != two).mean() > 0.5
    np.testing.assert_array_equal(one, again)
    stills.write_cutout(tmp_path / "plate.png", plate())
    for frame in (1, 2):
        stills.write_cutout(tmp_path / f"ship.{frame:04d}.exr", element(128))
    command = ["enhance", str(tmp_path / "ship.####.exr"), "--match", str(tmp_path / "plate.png")]
    wishes = ["--match-strength", "0", "--match-grain", "1", "-o", str(tmp_path / "fit.####.exr")]
    assert main([*command, *wishes]) == 0
    first, second = (stills.read(tmp_path / f"fit.{frame:04d}.exr") for frame in (1, 2))
    assert np.abs(first.colour - second.colour).max() > 0.01
    np.testing.assert_array_equal(first.alpha, second.alpha)


def test_it_needs_a_match(tmp_path: Path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["enhance", str(tmp_path / "a.png"), "--match-grain", "1"]) == 2
    assert "--match-grain works together with --match." in capsys.readouterr().err
