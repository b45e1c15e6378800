"""Straight foreground colour: the subject's own, in every sample type, at every size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mattelier.matting.foreground import estimate_foreground
from mattelier.types.colour import from_float


def synthetic_scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Foreground and green background, float32, and an alpha with a soft edge and hairs."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    body = (np.hypot(y - height / 2, x - width / 2) < min(height, width) / 4).astype(np.uint8)
    rng = np.random.default_rng(3)
    for angle in rng.uniform(0, 2 * np.pi, 60):
        tip = np.array([np.cos(angle), np.sin(angle)]) * min(height, width) * 0.42
        end = (int(width / 2 + tip[0]), int(height / 2 + tip[1]))
        cv2.line(body, (width // 2, height // 2), end, 1, 1)
    alpha = cv2.GaussianBlur(body.astype(np.float32), (0, 0), 1.5)
    alpha[alpha < 0.01], alpha[alpha > 0.99] = 0, 1
    front = np.float32([0.75, 0.5, 0.4]) + 0.1 * np.sin(x / 15)[..., None]
    back = np.float32([0.1, 0.8, 0.2]) + 0.05 * np.cos(y / 11)[..., None]
    return front, back, alpha


def mix(front: np.ndarray, back: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return alpha[..., None] * front + (1 - alpha[..., None]) * back


@pytest.mark.parametrize(("dtype", "gain"), [("u1", 1), ("u2", 1), ("f4", 1), ("f4", 8)])
def test_the_true_colour_comes_back(dtype: str, gain: float) -> None:
    front, back, alpha = synthetic_scene(300, 300)
    shot = from_float((mix(front, back, alpha) * gain).astype(np.float32), dtype)
    found = estimate_foreground(shot, alpha)
    assert found.dtype == shot.dtype
    scale = gain * (np.iinfo(dtype).max if dtype != "f4" else 1)
    soft = (alpha > 0) & (alpha < 1)
    error = (np.abs(found / scale - front) * alpha[..., None])[soft].mean()
    before = (np.abs(shot / scale - front) * alpha[..., None])[soft].mean()
    assert error < 0.15 * before
    assert (found[alpha == 1] == shot[alpha == 1]).all()


def test_no_green_fringe_over_red() -> None:
    front, back, alpha = synthetic_scene(400, 400)
    shot = from_float(mix(front, back, alpha), np.uint8)
    red = np.float32([1, 0, 0])
    soft = (alpha > 0.02) & (alpha < 0.98)

    def greenness(colour: np.ndarray) -> np.ndarray:
        over = mix(colour / np.float32(255), red, alpha)
        return (over[..., 1] - mix(front, red, alpha)[..., 1])[soft]

    naive, clean = greenness(shot), greenness(estimate_foreground(shot, alpha))
    assert naive.mean() > 0.03
    assert abs(clean.mean()) < 0.002
    assert np.percentile(clean, 99) < 0.03


def test_clear_pixels_hide_the_background_but_keep_a_rim() -> None:
    front, back, alpha = synthetic_scene(300, 300)
    found = estimate_foreground(from_float(mix(front, back, alpha), np.uint8), alpha)
    far = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((11, 11))) == 0
    beside = (cv2.dilate((alpha > 0).astype(np.uint8), np.ones((3, 3))) > 0) & (alpha == 0)
    assert far.any()
    assert (found[far] == 0).all()
    assert np.abs(found[beside] / 255 - front[beside]).mean() < 0.08


def test_as_good_as_pymatting() -> None:
    pymatting = pytest.importorskip("pymatting")
    front, back, alpha = synthetic_scene(200, 200)
    shot = from_float(mix(front, back, alpha), np.uint8)
    theirs = pymatting.estimate_foreground_ml(shot / 255.0, alpha.astype(np.float64))
    soft = (alpha > 0) & (alpha < 1)

    def error(found: np.ndarray) -> float:
        return float((np.abs(found - front) * alpha[..., None])[soft].mean())

    assert error(estimate_foreground(shot, alpha) / 255.0) <= 1.1 * error(theirs)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (2, 3), (7, 300)])
def test_tiny_and_narrow_pictures(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    colour = rng.integers(0, 255, (*size, 3), np.uint8)
    found = estimate_foreground(colour, rng.random(size, np.float32))
    assert found.shape == colour.shape


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_to_unmix(value: float) -> None:
    colour = np.random.default_rng(5).random((50, 60, 3), np.float32) * 9
    found = estimate_foreground(colour, np.full((50, 60), value, np.float32))
    assert (found == (colour if value else 0)).all()


def test_tiles_do_not_show_and_runs_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    front, back, alpha = synthetic_scene(700, 600)
    shot = from_float(mix(front, back, alpha), np.uint8)
    tiled = estimate_foreground(shot, alpha)
    assert tiled.tobytes() == estimate_foreground(shot, alpha).tobytes()
    monkeypatch.setattr("mattelier.matting.foreground._TILE_PX", 4096)
    whole = estimate_foreground(shot, alpha)
    apart = np.abs(tiled.astype(int) - whole) * alpha[..., None]
    assert apart.max() <= 1
