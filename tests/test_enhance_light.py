"""Tone, local contrast and sharpening: light where it lacks, and no halos, lines or noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from run_task import run

from mattelier.requests import EnhanceRequest
from mattelier.types.colour import linear_to_srgb, srgb_to_linear
from mattelier.types.picture import Picture


def changed(colour: np.ndarray, **settings: float) -> np.ndarray:
    return run(EnhanceRequest(**settings), Picture(colour)).picture.colour


def photograph(exposure: float = 1.0, seed: int = 2) -> np.ndarray:
    """Blurred patches of many tones, from black to white."""
    random = np.random.default_rng(seed)
    light = np.exp2(random.uniform(-7, 0, (9, 12, 3)).mean(axis=2, keepdims=True))
    light = light * random.uniform(0.8, 1.2, (9, 12, 3))
    large = cv2.resize(light.astype(np.float32), (240, 180), interpolation=cv2.INTER_LINEAR)
    return np.rint(linear_to_srgb(np.clip(large * exposure, 0, 1)) * 255).astype(np.uint8)


def brightness(colour: np.ndarray) -> float:
    return float(srgb_to_linear(colour / np.float32(255)).mean())


def test_a_dark_picture_is_exposed_better() -> None:
    dark = photograph(0.25)
    half, full = (changed(dark, tone=strength) for strength in (0.5, 1.0))
    assert brightness(dark) < brightness(half) < brightness(full)
    assert brightness(full) > 1.5 * brightness(dark)
    assert (full == 255).mean() < 0.01


def test_a_good_exposure_hardly_moves() -> None:
    good = photograph(1.6)
    assert abs(brightness(changed(good, tone=1)) / brightness(good) - 1) < 0.25


def test_haze_is_cleared() -> None:
    hazy = np.rint(110 + photograph() * 0.4).astype(np.uint8)
    clear = changed(hazy, tone=1).astype(int)
    spread = np.ptp(np.percentile(clear, (1, 99)))
    assert spread > 1.25 * np.ptp(np.percentile(hazy, (1, 99)))


def test_white_and_black_stay() -> None:
    picture = photograph()
    picture[:30, :60], picture[-30:, -60:] = 255, 0
    result = changed(picture, tone=1, contrast=0.5)
    assert result[4:26, 4:56].min() >= 253
    assert result[-26:-4, -56:-4].max() <= 1


def test_tones_keep_their_order() -> None:
    ramp = np.linspace(0, 255, 512)[None, :, None].repeat(100, 0).repeat(3, 2)
    result = changed(np.rint(ramp * 0.6).astype(np.uint8), tone=1)[50, :, 1].astype(int)
    assert np.diff(result).min() >= -1


@pytest.mark.parametrize(
    "settings", [{"contrast": 1.0}, {"tone": 1.0}, {"tone": 1.0, "contrast": 1}]
)
def test_a_high_edge_has_no_halo(settings: dict[str, float]) -> None:
    picture = np.full((200, 300, 3), 60, np.uint8)
    picture[:, 150:] = 200
    result = changed(picture, **settings)[100, :, 1].astype(int)
    for side in (result[:149], result[151:]):
        assert np.ptp(side) <= 4
    assert result[:149].mean() < result[151:].mean() - 100


def test_local_contrast_is_more_or_less_of_the_texture() -> None:
    y, x = np.mgrid[:160, :240]
    texture = np.rint(120 + 10 * np.sin(x / 5) * np.sin(y / 5))[..., None].repeat(3, 2)
    texture = texture.astype(np.uint8)
    deviations = [changed(texture, contrast=amount).std() for amount in (-1, -0.5, 0.5, 1)]
    assert deviations == sorted(deviations)
    assert deviations[0] < 0.6 * texture.std()
    assert deviations[-1] > 1.3 * texture.std()
    assert abs(changed(texture, contrast=1).mean() - texture.mean()) < 3


def test_local_contrast_spares_noise() -> None:
    random = np.random.default_rng(1)
    noise = np.rint(random.normal(120, 4, (200, 200, 1)).repeat(3, 2)).astype(np.uint8)
    assert changed(noise, contrast=1).std() < 1.15 * noise.std()


def test_sharpening_steepens_an_edge_without_lines_beside_it() -> None:
    step = np.full((60, 80), 50, np.float32)
    step[:, 40:] = 200
    blurred = cv2.GaussianBlur(step, (0, 0), 1.5)
    picture = np.rint(blurred)[..., None].repeat(3, 2).astype(np.uint8)
    slopes = [
        np.diff(changed(picture, sharpen=strength)[30, :, 1].astype(int)).max()
        for strength in (0.0, 0.5, 1.0)
    ]
    assert slopes[0] < slopes[1] <= slopes[2]
    assert slopes[2] > 1.4 * slopes[0]
    strongest = changed(picture, sharpen=1).astype(int)
    assert strongest.min() >= 50 - 8
    assert strongest.max() <= 200 + 8


def test_sharpening_spares_noise() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(120, 6, (200, 200, 1)).repeat(3, 2)
    noise[:, 100:] += 60
    noise = np.rint(noise).astype(np.uint8)
    result = changed(noise, sharpen=1)
    assert result[:, :90].std() < 1.35 * noise[:, :90].std()


def test_flat_areas_keep_their_bytes() -> None:
    picture = np.full((80, 80, 3), (90, 120, 150), np.uint8)
    picture[30:50, 30:50] = (200, 40, 10)
    result = changed(picture, sharpen=1)
    np.testing.assert_array_equal(result[:20], picture[:20])
    np.testing.assert_array_equal(result[36:44, 36:44], picture[36:44, 36:44])
