"""The small matte at full size: edges fit the picture, what is known stays, tiles do not show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mattelier.matting.closed_form import closed_form
from mattelier.matting.refine import _Budget, refine, stretch
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.tiles import Tile, tiles, upsample_tile

QUALITIES = ("fast", "balanced", "best")


def synthetic_scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc with fine rays on a textured ground: uint8 picture and its true alpha."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.hypot(y - height / 2, x - width / 2)
    angle = np.arctan2(y - height / 2, x - width / 2)
    reach = min(height, width) * (0.25 + 0.1 * (np.cos(angle * 14) > 0.6))
    alpha = cv2.GaussianBlur((radius < reach).astype(np.float32), (0, 0), 1.0)
    waves = 0.08 * np.sin(x / 9)[..., None] * np.float32([1, 0.5, -1])
    subject = np.float32([0.8, 0.45, 0.3]) + waves
    ground = np.float32([0.15, 0.35, 0.55]) + 0.08 * np.cos(y / 13)[..., None]
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * ground
    return np.rint(mixed * 255).astype(np.uint8), alpha


def coarse_of(alpha: np.ndarray, factor: int) -> np.ndarray:
    size = (alpha.shape[1] // factor, alpha.shape[0] // factor)
    return cv2.GaussianBlur(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)


def trimap_of(alpha: np.ndarray, margin: int) -> np.ndarray:
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    trimap = np.full(alpha.shape, 128, np.uint8)
    trimap[cv2.erode(alpha, kernel) > 0.99] = 255
    trimap[cv2.dilate(alpha, kernel) < 0.01] = 0
    return trimap


@pytest.mark.parametrize("quality", QUALITIES)
def test_edges_come_nearer_the_truth_than_by_stretching(quality: str) -> None:
    colour, truth = synthetic_scene(360, 480)
    coarse = coarse_of(truth, 6)
    alpha = refine(View(Picture(colour)), coarse, quality=quality)
    error = np.abs(alpha - truth).sum()
    least = 0.85 if quality == "fast" else 0.5
    assert error < least * np.abs(stretch(coarse, 360, 480) - truth).sum()
    assert alpha.shape == (360, 480)
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize("quality", ["balanced", "best"])
def test_far_from_the_edge_nothing_changes(quality: str) -> None:
    colour, truth = synthetic_scene(360, 480)
    alpha = refine(View(Picture(colour)), coarse_of(truth, 6), quality=quality)
    trimap = trimap_of(truth, 24)
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()


@pytest.mark.parametrize("quality", QUALITIES)
def test_known_pixels_of_a_trimap_are_exact(quality: str) -> None:
    colour, truth = synthetic_scene(300, 340)
    trimap = trimap_of(truth, 6)
    trimap[10, 20], trimap[150, 171] = 255, 0  # against what the picture says
    unsure = np.full((8, 8), 0.5, np.float32)
    alpha = refine(View(Picture(colour)), unsure, trimap=trimap, quality=quality)
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()
    assert np.abs(alpha - truth)[trimap == 128].mean() < 0.06


def test_trimap_without_subject_leaves_the_matte_to_the_network() -> None:
    colour, truth = synthetic_scene(120, 160)
    trimap = np.full(truth.shape, 128, np.uint8)
    trimap[:10] = 0
    alpha = refine(View(Picture(colour)), coarse_of(truth, 4), trimap=trimap)
    assert (alpha[:10] == 0).all()
    assert np.abs(alpha - truth).mean() < 0.03


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_constant_matte_stays(quality: str, value: float) -> None:
    colour, _ = synthetic_scene(90, 120)
    alpha = refine(View(Picture(colour)), np.full((30, 40), value, np.float32), quality=quality)
    np.testing.assert_allclose(alpha, value, atol=1e-4)


def test_semi_transparent_area_is_kept() -> None:
    colour, _ = synthetic_scene(240, 320)
    coarse = np.zeros((60, 80), np.float32)
    coarse[15:45, 20:60] = 0.5
    alpha = refine(View(Picture(colour)), coarse)
    assert abs(float(np.median(alpha[90:150, 110:210])) - 0.5) < 0.1


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 3000), (2500, 2), (5, 700)])
def test_tiny_and_narrow_pictures(quality: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    view = View(Picture(rng.integers(0, 255, (*size, 3), np.uint8)))
    coarse = rng.random((min(size[0], 32), min(size[1], 32)), np.float32)
    trimap = rng.choice(np.uint8([0, 128, 255]), size)
    for trimap_used in (None, trimap):
        alpha = refine(view, coarse, trimap=trimap_used, quality=quality)
        assert alpha.shape == size
        assert np.isfinite(alpha).all()


def test_same_input_gives_the_same_bits() -> None:
    colour, truth = synthetic_scene(200, 260)
    coarse = coarse_of(truth, 5)
    view = View(Picture(colour))
    assert refine(view, coarse).tobytes() == refine(view, coarse).tobytes()


def test_tiles_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    colour, truth = synthetic_scene(560, 1100)  # 2 × 3 tiles, over a working size that is smaller
    coarse = coarse_of(truth, 8)
    view = View(Picture(colour))
    monkeypatch.setattr(
        "mattelier.matting.refine._BAND_BUDGETS", {"balanced": _Budget(20_000, 100_000)}
    )
    tiled = refine(view, coarse)
    whole = lambda height, width, size: [Tile(0, height, 0, width)]  # noqa: E731
    monkeypatch.setattr("mattelier.types.tiles.tiles", whole)
    assert np.abs(refine(view, coarse) - tiled).max() < 1 / 255


def test_upsampled_tiles_agree_with_the_whole() -> None:
    small = np.random.default_rng(1).random((37, 53, 4), np.float32)
    whole = cv2.resize(small, (700, 611), interpolation=cv2.INTER_LINEAR)
    for tile in tiles(611, 700, 256):
        tile_alpha = upsample_tile(small, tile, 611, 700)
        np.testing.assert_allclose(tile_alpha, whole[tile.slices], atol=2e-3)
    assert Tile(0, 10, 0, 10).expand(5, 12, 20) == Tile(0, 12, 0, 15)


def test_wrong_trimap_size_is_one_sentence() -> None:
    colour, _ = synthetic_scene(40, 50)
    with pytest.raises(UsageError, match="50×40"):
        refine(View(Picture(colour)), np.zeros((4, 5), np.float32), trimap=np.zeros((50, 40), "u1"))


def test_closed_form_agrees_with_pymatting() -> None:
    pymatting = pytest.importorskip("pymatting")
    colour, truth = synthetic_scene(60, 70)
    picture = colour / np.float32(255)
    trimap = trimap_of(truth, 3)
    levels = np.where(trimap == 128, 0.5, trimap / 255.0)
    theirs = pymatting.estimate_alpha_cf(picture.astype(np.float64), levels)
    ours = closed_form(picture, levels.astype(np.float32), trimap == 128, iterations=3000)
    assert np.abs(ours - theirs).max() < 0.02


def test_closed_form_changes_only_the_unknown() -> None:
    rng = np.random.default_rng(2)
    picture, alpha = rng.random((20, 30, 3), np.float32), rng.random((20, 30), np.float32)
    unknown = rng.random((20, 30)) < 0.3
    solved = closed_form(picture, alpha, unknown)
    assert (solved[~unknown] == alpha[~unknown]).all()
    assert (solved[unknown] != alpha[unknown]).any()


def test_holes_that_nothing_known_leads_to_are_seen_through() -> None:
    """Windows in a wall, all unknown: what shows in them is like the known ground outside."""
    ground, wall = np.array([60, 110, 190]), np.array([170, 120, 70])
    rng = np.random.default_rng(2)
    colour = np.tile(wall, (200, 240, 1))
    truth = np.ones((200, 240), np.float32)
    truth[:40] = 0
    for y in range(70, 180, 36):
        for x in range(20, 220, 40):
            truth[y : y + 18, x : x + 20] = 0
    colour[truth == 0] = ground
    colour = np.clip(colour + rng.normal(0, 1, colour.shape), 0, 255).astype(np.uint8)
    trimap = np.full(truth.shape, 128, np.uint8)
    trimap[:30], trimap[190:] = 0, 255
    unsure = np.full((8, 8), 0.5, np.float32)
    alpha = refine(View(Picture(colour)), unsure, trimap=trimap)
    assert alpha[75:85, 25:35].mean() < 0.3
    assert np.abs(alpha - truth)[trimap == 128].mean() < 0.07


def test_what_no_known_colour_explains_follows_the_matte_given() -> None:
    """A flag wholly within the unknown, of a colour that neither side of the trimap shows."""
    rng = np.random.default_rng(3)
    colour = np.tile(np.array([60, 150, 70]), (160, 200, 1))
    colour[100:] = [190, 170, 150]
    colour[30:101, 60:140] = [50, 50, 210]
    truth = np.zeros((160, 200), np.float32)
    truth[100:], truth[30:101, 60:140] = 1, 1
    colour = np.clip(colour + rng.normal(0, 2, colour.shape), 0, 255).astype(np.uint8)
    trimap = np.full(truth.shape, 128, np.uint8)
    trimap[:20], trimap[120:] = 0, 255
    trimap[:90, :40] = trimap[:90, 160:] = 0
    coarse = cv2.GaussianBlur(cv2.resize(truth, (50, 40)), (0, 0), 1)
    for given, low, high in ((coarse, 0.8, 1), (np.zeros_like(coarse), 0, 0.2)):
        alpha = refine(View(Picture(colour)), given, trimap=trimap)
        assert low <= np.median(alpha[40:90, 70:130]) <= high


def test_hair_that_the_matte_ends_before_is_found() -> None:
    """Strands longer than the small matte shows, over a plain ground of another colour."""
    truth = np.zeros((300, 400), np.float32)
    truth[160:] = 1
    for x in range(8, 400, 8):
        cv2.line(truth, (x, 161), (x + 3, 130), 1.0, 5)
    truth = cv2.GaussianBlur(truth, (0, 0), 0.6)
    subject, ground = np.float32([0.75, 0.5, 0.25]), np.float32([0.2, 0.35, 0.6])
    rng = np.random.default_rng(4)
    mixed = truth[..., None] * subject + (1 - truth[..., None]) * ground
    colour = np.clip(mixed * 255 + rng.normal(0, 1, mixed.shape), 0, 255).astype(np.uint8)
    bald = np.zeros_like(truth)
    bald[152:] = 1
    alpha = refine(View(Picture(colour)), coarse_of(bald, 4), quality="best")
    strands = truth[138:147]
    assert np.abs(alpha[138:147] - strands).sum() < 0.3 * strands.sum()
    assert alpha[:100].max() == 0


def test_light_mixes_not_its_encoding() -> None:
    """A soft edge photographed in linear light comes out nearer than by mixing encoded values."""
    x = np.linspace(0, 1, 240, dtype=np.float32)
    truth = np.tile(np.clip((x - 0.25) * 2, 0, 1), (120, 1))
    light = truth[..., None] * np.float32([0.8, 0.7, 0.6]) + (1 - truth[..., None]) * 0.02
    colour = np.rint(light ** (1 / 2.2) * 255).astype(np.uint8)
    trimap = np.full(truth.shape, 128, np.uint8)
    trimap[:, :55], trimap[:, 185:] = 0, 255
    unsure = np.full((8, 8), 0.5, np.float32)
    alpha = refine(View(Picture(colour)), unsure, trimap=trimap)
    encoded = colour[..., 0] / np.float32(255)
    low, high = encoded[0, 0], encoded[0, -1]
    naive = np.clip((encoded - low) / (high - low), 0, 1)
    unknown = trimap == 128
    assert np.abs(alpha - truth)[unknown].mean() < 0.65 * np.abs(naive - truth)[unknown].mean()


@pytest.mark.parametrize("tint", [0.0, 1e-4, 5e-4, 3e-3])
def test_nearly_grey_pictures_are_solved_as_well(tint: float) -> None:
    rng = np.random.default_rng(0)
    truth = cv2.GaussianBlur((rng.random((64, 64)) > 0.5).astype(np.float32), (0, 0), 0.8)
    truth[:8], truth[-8:] = 0, 1
    tinted = tint * rng.integers(-1, 2, (64, 64, 3)) * (rng.random((64, 64, 1)) > 0.7)
    picture = (0.2 + 0.7 * truth[..., None] + tinted).astype(np.float32)
    unknown = np.zeros(truth.shape, bool)
    unknown[8:-8] = True
    start = np.where(unknown, np.float32(0.5), truth)
    alpha = closed_form(picture, start, unknown, iterations=400)
    assert np.abs(alpha - truth)[unknown].mean() < 0.003


def on_busy_ground(big: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A thing drawn four times too large, as samples 0…1 over a ground, and its exact matte."""
    size = len(big) // 4
    matte = cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    ground = np.random.default_rng(4).random((50, 50, 3)).astype(np.float32)
    ground = 0.3 + 0.4 * cv2.resize(ground, (size, size))
    return ground + (np.float32([0.2, 0.22, 0.25]) - ground) * matte[..., None], matte


def spokes(size: int) -> NDArray[np.uint8]:
    big = np.zeros((4 * size, 4 * size), np.uint8)
    centre, radius = 2 * size, round(1.7 * size)
    cv2.circle(big, (centre, centre), radius, 255, round(0.075 * size))
    for turn in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        tip = (centre + round(radius * np.cos(turn)), centre + round(radius * np.sin(turn)))
        cv2.line(big, (centre, centre), tip, 255, round(0.0175 * size))
    return big


def slats(size: int) -> NDArray[np.uint8]:
    big = np.zeros((4 * size, 4 * size), np.uint8)
    for top in (size // 2, round(3.4 * size)):
        cv2.rectangle(big, (size // 2, top), (7 * size // 2, top + size // 8), 255, -1)
    for x in np.linspace(size // 2, 7 * size // 2, 20):
        cv2.line(big, (round(x), size // 2), (round(x), 7 * size // 2), 255, round(0.026 * size))
    return big


def whiskers(size: int) -> NDArray[np.uint8]:
    big = np.zeros((4 * size, 4 * size), np.uint8)
    cv2.circle(big, (2 * size, 2 * size), 2 * size // 3, 255, -1)
    along = np.linspace(0, 1, 30)
    for side in (-1, 1):
        for number in range(-4, 5):
            x = 2 + side * (0.6 + 1.2 * along)
            y = 2 + number * 0.08 * (1 + 3 * along) + 0.24 * along**2
            curve = np.rint(size * np.stack([x, y], -1)).astype(np.int32)
            cv2.polylines(big, [curve], False, 255, round(0.014 * size))
    return big


def test_thin_parts_that_a_network_found_are_not_solved_away():
    """Given at the picture's own size, blurred as a network's answer is."""
    samples, truth = on_busy_ground(spokes(400))
    view = View(Picture(np.rint(samples * 255).astype(np.uint8)))
    found = cv2.GaussianBlur(truth, (0, 0), 0.7)
    refined = refine(view, found)
    thin = (truth > 0.5) & (cv2.erode(truth, np.ones((5, 5))) < 0.5)
    assert refined[thin].mean() > found[thin].mean()
    assert np.abs(refined - truth).mean() < np.abs(found - truth).mean()


@pytest.mark.parametrize("draw", [spokes, slats, whiskers])
def test_thin_parts_that_a_smaller_matte_holds_are_not_solved_away(draw):
    """Over a busy ground colours alone do not tell them."""
    samples, truth = on_busy_ground(draw(1000))
    coarse = cv2.GaussianBlur(
        cv2.resize(truth, (512, 512), interpolation=cv2.INTER_AREA), (0, 0), 0.7
    )
    refined = refine(View(Picture(np.rint(samples * 255).astype(np.uint8))), coarse)
    found = stretch(coarse, *truth.shape)
    thin = (truth > 0.5) & (cv2.morphologyEx(truth, cv2.MORPH_OPEN, np.ones((15, 15))) < 0.5)
    assert refined[thin].mean() > found[thin].mean()
    assert np.abs(refined - truth).mean() < 0.5 * np.abs(found - truth).mean()
