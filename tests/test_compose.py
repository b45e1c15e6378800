"""Cut-outs over backgrounds, and cropping to the subject."""

from __future__ import annotations

import numpy as np
import pytest

from mattelier.matting.compose import (
    blur_surroundings,
    crop_to_subject,
    fit_background,
    over,
    subject_box,
)
from mattelier.types.picture import Picture, Window


def disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (np.hypot(y - height / 2, x - width / 2) < min(height, width) / 4).astype(np.float32)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_over_a_colour_and_a_picture(dtype: str) -> None:
    full = 1 if dtype == "f4" else np.iinfo(dtype).max
    front = np.full((600, 700, 3), full, dtype)
    alpha = np.linspace(0, 1, 700, dtype=np.float32)[None].repeat(600, 0)
    onto_red = over(front, alpha, (1.0, 0.0, 0.0))
    assert onto_red.dtype == front.dtype
    assert (onto_red[..., 0] == full).all()
    np.testing.assert_allclose(onto_red[..., 1] / full, alpha, atol=0.5 / 255)
    np.testing.assert_array_equal(
        over(front, alpha, np.zeros_like(front))[..., 2], onto_red[..., 1]
    )


def test_over_keeps_values_above_one() -> None:
    bright = over(np.full((4, 4, 3), 12, np.float32), np.ones((4, 4), np.float32), (0.0, 0.0, 0.0))
    assert (bright == 12).all()


@pytest.mark.parametrize("size", [(30, 90), (90, 30), (7, 5), (300, 300), (1, 500)])
def test_a_background_covers_the_frame_from_its_middle(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, 201).astype(np.uint8)
    behind = Picture(np.broadcast_to(ramp[None, :, None], (101, 201, 3)).copy())
    like = Picture(np.zeros((*size, 3), np.uint16))
    filled = fit_background(behind, like)
    assert isinstance(filled, np.ndarray)
    assert filled.shape == like.colour.shape
    assert filled.dtype == np.uint16
    middle = filled[:, size[1] // 2].mean() / 65535
    assert abs(middle - 0.5) < 0.1


def test_backgrounds_take_the_pictures_encoding() -> None:
    plate = Picture(np.zeros((8, 8, 3), np.float32), transfer="linear")
    grey = fit_background(Picture(np.full((8, 8, 3), 188, np.uint8)), plate)
    np.testing.assert_allclose(grey, 0.503, atol=0.002)
    np.testing.assert_allclose(
        fit_background((188 / 255, 0.0, 1.0), plate), (0.503, 0, 1), atol=0.002
    )
    assert fit_background((0.2, 0.4, 0.6), Picture(np.zeros((2, 2, 3), np.uint8))) == (
        0.2,
        0.4,
        0.6,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_subject_does_not_glow_into_its_blurred_surroundings(dtype: type) -> None:
    full = 255 if dtype == np.uint8 else 1
    alpha = disc(200, 300)
    colour = np.zeros((200, 300, 3), dtype)
    colour[..., 2] = full * 0.5
    colour[alpha > 0] = full
    behind = blur_surroundings(colour, alpha)
    assert behind.dtype == dtype
    assert behind.shape == colour.shape
    assert behind[..., 0].max() / full < 0.02
    np.testing.assert_allclose(behind[..., 2] / full, 0.5, atol=0.03)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3, 2)])
def test_blur_of_tiny_pictures_that_are_all_subject(size: tuple[int, int]) -> None:
    colour = np.full((*size, 3), 90, np.uint8)
    assert (blur_surroundings(colour, np.ones(size, np.float32)) == 90).all()


def test_crop_keeps_the_subject_and_moves_the_window() -> None:
    alpha = np.zeros((50, 60), np.float32)
    alpha[20:30, 5:40] = 0.7
    alpha[0, 0] = 1 / 255  # invisible
    window = Window(x=-3, y=7, full_x=0, full_y=0, full_width=80, full_height=70)
    colour = np.random.default_rng(6).random((50, 60, 3), np.float32)
    cropped = crop_to_subject(Picture(colour, alpha, window=window), alpha, 8)
    assert (cropped.colour == colour[12:38, 0:48]).all()
    assert cropped.alpha is not None
    assert (cropped.alpha == alpha[12:38, 0:48]).all()
    assert cropped.window == Window(-3, 19, 0, 0, 80, 70)
    composited = crop_to_subject(Picture(colour), alpha)
    assert composited.colour.shape == (10, 35, 3)
    assert composited.alpha is None


def test_no_subject_keeps_the_frame() -> None:
    picture = Picture(np.zeros((9, 9, 3), np.uint8))
    nothing = np.zeros((9, 9), np.float32)
    assert subject_box(nothing) is None
    assert crop_to_subject(picture, nothing, 2) is picture
