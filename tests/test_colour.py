"""Sample conversions, the sRGB curve, colours as text, and the view that networks see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattelier.types.colour import (
    View,
    from_float,
    linear_to_srgb,
    parse_colour,
    srgb_to_linear,
    to_float,
)
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

RNG = np.random.default_rng(7)


def photo(height: int, width: int) -> np.ndarray:
    """Smooth uint8 RGB noise of ordinary brightness."""
    small = RNG.integers(30, 226, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_trip_through_float(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    values = to_float(levels)
    assert values.dtype == np.float32
    assert (values[0], values[-1]) == (0, 1)
    np.testing.assert_array_equal(from_float(values, dtype), levels)


def test_floats_pass_unclipped_and_integers_clip():
    values = np.array([-1.5, 0.25, 7.0], np.float32)
    assert to_float(values) is values
    np.testing.assert_array_equal(from_float(values, np.float32), values)
    np.testing.assert_array_equal(from_float(values, np.uint8), [0, 64, 255])


@given(st.floats(-100, 100, width=32))
def test_srgb_curve_inverts_and_is_odd(value):
    v = np.float32(value)
    assert linear_to_srgb(srgb_to_linear(v)) == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert srgb_to_linear(-v) == -srgb_to_linear(v)


def test_srgb_curve_has_the_published_values():
    np.testing.assert_allclose(
        srgb_to_linear(np.array([0.04045, 0.5, 1.0])), [0.0031308, 0.2140411, 1.0], rtol=1e-4
    )


@pytest.mark.parametrize("text", ["#f80", "#ff8800", "rgb(255, 136, 0)", " #FF8800 "])
def test_colours_are_read_as_people_write_them(text):
    assert parse_colour(text) == pytest.approx((1, 136 / 255, 0))


@pytest.mark.parametrize("text", ["", "mauveish", "#12345", "#ff880080", "1,2,3"])
def test_what_is_no_colour_says_how_to_write_one(text):
    with pytest.raises(UsageError, match="is not a colour; write"):
        parse_colour(text)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(96, 128), (100, 75), (333, 512)])
def test_resized_view_is_the_area_average(dtype, size):
    colour = photo(768, 1024)
    colour = colour if dtype == np.uint8 else colour.astype(np.uint16) * 257
    expected = cv2.resize(to_float(colour), size[::-1], interpolation=cv2.INTER_AREA)
    small = View(Picture(colour)).resize(*size)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, expected, atol=8 / 255)
    assert np.abs(small - expected).mean() < 1.5 / 255


def test_resized_view_keeps_its_place():
    ramp = np.broadcast_to(np.arange(4000, dtype=np.uint16)[:, None, None] * 16, (4000, 40, 3))
    small = View(Picture(np.ascontiguousarray(ramp))).resize(311, 7)
    centres = ((np.arange(311) + 0.5) * 4000 / 311 - 0.5) * 16 / 65535
    np.testing.assert_allclose(small[:, 3, 0], centres, atol=0.05 * 16 / 65535 * 4000 / 311)


def test_view_of_a_thin_picture_averages_the_long_axis():
    colour = np.zeros((3001, 1, 3), np.uint8)
    colour[::2] = 200  # every other pixel: point sampling would give 0 or 200
    small = View(Picture(colour)).resize(32, 32)
    assert small.shape == (32, 32, 3)
    np.testing.assert_allclose(small, 100 / 255, atol=2 / 255)


def test_view_of_one_pixel_grows():
    np.testing.assert_allclose(View(Picture(np.full((1, 1, 3), 51, np.uint8))).resize(4, 6), 0.2)


def test_linear_view_of_an_ordinary_photo_is_that_photo():
    display = photo(120, 160)
    linear = Picture(srgb_to_linear(to_float(display)), transfer="linear")
    visible, plain = View(linear).tile(10, 90, 20, 140), to_float(display)[10:90, 20:140]
    unbent = plain < linear_to_srgb(np.float32(0.8))
    np.testing.assert_allclose(visible[unbent], plain[unbent], atol=1e-4)
    np.testing.assert_allclose(visible, plain, atol=0.06)


@pytest.mark.parametrize("stops", [-14, -8, 8, 14])
def test_exposure_brings_any_scene_into_sight(stops):
    scene = srgb_to_linear(to_float(photo(96, 96)))
    visible = View(Picture(scene * np.float32(2.0**stops), transfer="linear")).resize(24, 24)
    assert 0.15 < visible.mean() < 0.8
    assert visible.std() > 0.03


def test_linear_view_stays_bounded_under_a_sun_and_negative_samples():
    scene = srgb_to_linear(to_float(photo(96, 96)))
    calm = View(Picture(scene.copy(), transfer="linear")).tile(40, 96, 0, 96)
    scene[:3, :3] = 60000
    scene[5, 5] = -4
    view = View(Picture(scene, transfer="linear"))
    for visible in (view.resize(48, 48), view.tile(0, 96, 0, 96)):
        assert visible.min() >= 0
        assert visible.max() <= 1
    np.testing.assert_allclose(view.tile(40, 96, 0, 96), calm, atol=0.02)
    assert scene.max() == 60000  # the plate itself is untouched


def test_black_linear_picture_is_black():
    picture = Picture(np.zeros((8, 8, 3), np.float32), transfer="linear")
    assert not View(picture).resize(4, 4).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_part_of_a_view_is_exposed_as_the_whole(dtype: type) -> None:
    picture = photo(60, 80)
    if dtype is np.float32:
        picture = (picture / 255 * np.linspace(0.01, 90, 80)[None, :, None]).astype(np.float32)
    view = View(Picture(picture, transfer="linear" if dtype is np.float32 else "display"))
    part = view.part(10, 50, 5, 25)
    assert (part.height, part.width) == (40, 20)
    np.testing.assert_array_equal(part.tile(0, 40, 0, 20), view.tile(10, 50, 5, 25))
    np.testing.assert_array_equal(part.resize(40, 20), view.tile(10, 50, 5, 25))
    assert (view.height, view.width) == (60, 80)
