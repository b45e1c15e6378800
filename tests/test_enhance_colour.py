"""White balance, saturation and another picture's look: colours that are right, and stay inside."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from run_task import run

from mattelier.media import stills
from mattelier.requests import EnhanceRequest
from mattelier.types.colour import linear_to_srgb, srgb_to_linear
from mattelier.types.oklab import from_oklab, luminance, to_oklab
from mattelier.types.picture import Picture

SHARED = Path(__file__).parents[1].parent / "shared" / "data" / "sr" / "train"
CASTS = [(1.0, 0.72, 0.42), (1.0, 0.85, 0.66), (0.72, 0.86, 1.0), (1.0, 0.9, 1.0)]


def linear(colour: np.ndarray) -> np.ndarray:
    return srgb_to_linear(colour / np.float32(255))


def encoded(light: np.ndarray) -> np.ndarray:
    display = linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))
    return np.rint(display * 255).astype(np.uint8)


def changed(
    colour: np.ndarray, reference: np.ndarray | None = None, **settings: float
) -> np.ndarray:
    look = None if reference is None else Picture(reference)
    return run(EnhanceRequest(**settings), Picture(colour), reference=look).picture.colour


def street(seed: int = 5) -> np.ndarray:
    """Greys of all tones, shaded, with some coloured things among them; linear light."""
    random = np.random.default_rng(seed)
    light = np.repeat(random.uniform(0.08, 0.7, (10, 14, 1)), 3, axis=2)
    things = random.random((10, 14)) < 0.25
    light[things] = random.uniform(0.05, 0.6, (things.sum(), 3))
    large = cv2.resize(light.astype(np.float32), (280, 200), interpolation=cv2.INTER_NEAREST)
    shade = (
        1 + 0.3 * np.sin(np.arange(280) / 9)[:, None] * np.cos(np.arange(200) / 7)[:, None, None]
    )
    grain = random.normal(1, 0.01, large.shape[:2])[..., None]
    return np.asarray(large * shade * grain, np.float32)


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between two colours of light."""
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def residual(before: np.ndarray, after: np.ndarray) -> float:
    """Degrees of cast that `after` has against `before`, both linear."""
    measurable = (
        (before.min(axis=2) > 0.02) & (before.max(axis=2) < 0.8) & (after.max(axis=2) < 0.97)
    )
    ratio = np.median(after[measurable] / before[measurable], axis=0)
    return angle(ratio, np.ones(3))


@pytest.mark.parametrize("cast", CASTS)
def test_a_made_cast_is_taken_away(cast: tuple[float, float, float]) -> None:
    scene = street()
    tinted = encoded(scene * np.float32(cast))
    half, full = (linear(changed(tinted, white_balance=strength)) for strength in (0.5, 1.0))
    before, partly, after = (residual(scene, light) for light in (linear(tinted), half, full))
    assert after < 0.25 * before + 1  # a slight cast may be the picture's own
    assert after < partly < before


def test_a_balanced_picture_keeps_its_balance() -> None:
    scene = encoded(street())
    assert residual(linear(scene), linear(changed(scene, white_balance=1))) < 1.5


def test_a_meadow_is_not_taken_for_green_light() -> None:
    random = np.random.default_rng(2)
    blades = random.uniform(0.2, 1, (200, 280, 1)) * np.array([0.35, 0.6, 0.08])
    meadow = encoded(cv2.GaussianBlur(blades.astype(np.float32), (0, 0), 2))
    assert residual(linear(meadow), linear(changed(meadow, white_balance=1))) < 12


def test_what_is_clipped_stays_white() -> None:
    scene = encoded(street() * np.float32(CASTS[0]))
    scene[:40, :40] = 255
    assert changed(scene, white_balance=1)[:40, :40].min() == 255


@pytest.mark.skipif(not SHARED.is_dir(), reason="the photographs are not here")
def test_casts_on_photographs() -> None:
    before, after, untouched = [], [], []
    for path in sorted(SHARED.iterdir())[:12]:
        photo = linear(stills.read(path).colour)
        untouched.append(residual(photo, linear(changed(encoded(photo), white_balance=1))))
        tinted = encoded(photo * np.float32(CASTS[1]))
        before.append(residual(photo, linear(tinted)))
        after.append(residual(photo, linear(changed(tinted, white_balance=1))))
    assert np.median(after) < 0.4 * np.median(before)
    assert np.median(untouched) < 2.5


def test_oklab_is_ottossons() -> None:
    """Published pairs of CIE XYZ (D65) and Oklab, by way of Rec. 709."""
    xyz = np.array([[0.950, 1.000, 1.089], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    lab = np.array([[1.0, 0.0, 0.0], [0.922, -0.671, 0.263], [0.153, -1.415, -0.449]])
    to_rgb = np.linalg.inv(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]]
    )  # fmt: skip
    colours = (xyz @ to_rgb.T).astype(np.float32)[None]
    np.testing.assert_allclose(to_oklab(colours)[0], lab, atol=2e-3)
    np.testing.assert_allclose(from_oklab(to_oklab(colours)), colours, atol=1e-4)


def test_saturation_scales_chroma_and_nothing_else() -> None:
    scene = encoded(street())
    before, more, none = (
        to_oklab(linear(colour))
        for colour in (scene, changed(scene, saturation=0.7), changed(scene, saturation=-1))
    )
    chroma = [np.hypot(lab[..., 1], lab[..., 2]) for lab in (before, more, none)]
    coloured = chroma[0] > 0.04
    assert (chroma[1] > chroma[0])[coloured].mean() > 0.95
    assert chroma[2].max() < 0.01
    np.testing.assert_allclose(more[..., 0], before[..., 0], atol=0.02)
    hue = [np.arctan2(lab[..., 2], lab[..., 1])[coloured] for lab in (before, more)]
    turned = np.abs(np.angle(np.exp(1j * (hue[1] - hue[0]))))
    assert np.quantile(turned, 0.95) < 0.06


def test_rich_colours_stay_apart_from_each_other() -> None:
    """Nothing is clipped to the gamut's wall: a gradient of a rich colour stays a gradient."""
    row = np.linspace(0.75, 1, 200, dtype=np.float32)[:, None] * np.float32([0.9, 0.12, 0.02])
    ramp = encoded(np.repeat(row[None], 60, axis=0))
    result = changed(ramp, saturation=1)[30].astype(int)
    assert len(np.unique(result[:, 0])) > 0.8 * len(np.unique(ramp[30, :, 0]))


def test_a_bright_colour_that_is_raised_keeps_its_hue() -> None:
    dark = np.full((90, 120, 3), 30, np.uint8)
    dark[30:60, 40:80] = (60, 120, 235)
    result = changed(dark, tone=1, contrast=0.5)[45, 60].astype(np.float32)
    before, after = (
        to_oklab(linear(np.float32(colour))[None, None])[0, 0] for colour in (dark[45, 60], result)
    )
    turned = np.angle(np.exp(1j * (np.arctan2(*after[:0:-1]) - np.arctan2(*before[:0:-1]))))
    assert abs(turned) < 0.05


def cloud(colour: np.ndarray) -> np.ndarray:
    return to_oklab(linear(colour)).reshape(-1, 3)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Sliced Wasserstein distance of two clouds of Oklab colours (Rabin et al. 2011)."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(48, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    levels = np.linspace(0.01, 0.99, 99)
    return float(
        np.mean(
            [
                np.abs(np.quantile(one @ line, levels) - np.quantile(other @ line, levels)).mean()
                for line in directions
            ]
        )
    )


def dusk() -> np.ndarray:
    return encoded(street(9) * np.float32([0.35, 0.2, 0.3]))


def test_matching_brings_the_look_near() -> None:
    scene, look = encoded(street()), dusk()
    before, half, full = (
        distance(cloud(colour), cloud(look))
        for colour in (
            scene, changed(scene, look, match_strength=0.5), changed(scene, look),
        )
    )  # fmt: skip
    assert full < 0.25 * before
    assert full < half < before


def test_matching_ones_own_look_changes_next_to_nothing() -> None:
    scene = encoded(street())
    apart = np.abs(changed(scene, scene).astype(int) - scene)
    assert np.quantile(apart, 0.99) <= 3


def test_matching_does_not_blow_up_a_flat_picture() -> None:
    """Gains are bounded, so the grain of a dull picture does not become the look."""
    random = np.random.default_rng(1)
    flat = np.rint(random.normal(128, 2, (90, 120, 1)).repeat(3, 2)).astype(np.uint8)
    result = changed(flat, encoded(street()))
    assert result.std(axis=(0, 1)).max() < 12


def test_matching_works_on_scene_linear_light() -> None:
    scene, look = street(), dusk()
    plate = Picture(scene * np.float32(3), transfer="linear")
    result = run(EnhanceRequest(), plate, reference=Picture(look)).picture
    assert result.transfer == "linear"
    relit = to_oklab(np.maximum(result.colour, 0)).reshape(-1, 3)
    assert distance(relit, cloud(look)) < 0.3 * distance(cloud(encoded(scene)), cloud(look))


def test_a_reference_counts_only_where_it_is_visible() -> None:
    scene, look = encoded(street()), dusk()
    covered = np.concatenate([look, np.full_like(look, 255)], axis=1)
    alpha = np.zeros(covered.shape[:2], np.uint8)
    alpha[:, : look.shape[1]] = 255
    result = run(EnhanceRequest(), Picture(scene), reference=Picture(covered, alpha=alpha))
    light = luminance(linear(result.picture.colour)).mean()
    assert light < 1.3 * luminance(linear(changed(scene, look))).mean()


def test_matching_does_not_leave_black_behind() -> None:
    """Black goes where nearly black goes, also towards colours without any blue."""
    scene = encoded(street())
    scene[:60] = np.rint(np.linspace(0, 12, 280))[None, :, None]
    lamp = street(9) * np.float32([0.5, 0.12, 0.02]) + np.float32([0.12, 0.02, 0])
    red = changed(scene, encoded(lamp))[30, :, 0].astype(int)
    black, next_to_it = red[scene[30, :, 0] == 0].mean(), red[scene[30, :, 0] == 2].mean()
    assert black > 0.5 * next_to_it
