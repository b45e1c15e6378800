"""Lens blur against what a real lens, Cycles', makes of the same scenes; and its promises."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattelier.commands.main import main
from mattelier.filters.bokeh.bokeh import bokeh
from mattelier.filters.bokeh.iris import Iris, blur_per_disparity
from mattelier.filters.depth.depth import Scene
from mattelier.media import stills
from mattelier.media.depth_maps import read_depth
from mattelier.requests import BokehRequest, Point
from mattelier.types.colour import linear_to_srgb
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

SCENES = Path(__file__).parent / "bokeh_scenes"
sys.path.insert(0, str(SCENES))
import make_scenes  # noqa: E402


def display(linear: np.ndarray) -> np.ndarray:
    return np.clip(linear_to_srgb(np.maximum(linear, 0)), 0, 1)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((display(one) - display(other)) ** 2)))


def gaussian(colour: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Each pixel a Gaussian of its own radius (of the disc's variance), no layers."""
    levels = np.array([0, *np.geomspace(0.5, max(radius.max(), 1), 16)])
    blurs = [colour if r == 0 else cv2.GaussianBlur(colour, (0, 0), r / 2) for r in levels]
    weights = (np.interp(radius, levels, row).astype(np.float32) for row in np.eye(len(levels)))
    return sum(blur * weight[..., None] for blur, weight in zip(blurs, weights, strict=True))


def test_it_is_what_a_real_lens_draws(tmp_path):
    ours, plain = [], []
    for name, (fstop, focus, blades) in make_scenes.CAMERAS.items():
        pinhole, out = SCENES / f"{name}-pinhole.exr", tmp_path / f"{name}.exr"
        flags = ["--depth", str(pinhole), "--focus", str(focus), "--aperture", str(fstop)]
        flags += ["--blades", str(blades), "--foreground-blur", "-o", str(out)]
        assert main(["bokeh", str(pinhole), *flags]) == 0
        truth = stills.read(SCENES / f"{name}-lens.exr").colour
        before = stills.read(pinhole).colour
        scale = blur_per_disparity(
            focal_length=make_scenes.FOCAL,
            aperture=fstop,
            sensor=make_scenes.SENSOR,
            width=make_scenes.WIDTH,
        )
        radius = scale * np.abs(1 / focus - read_depth(pinhole).disparity)
        ours.append(psnr(stills.read(out).colour, truth))
        plain.append(psnr(gaussian(before, radius), truth))
    assert min(ours) > 24
    assert np.mean(ours) >= 33
    assert np.mean(ours) - np.mean(plain) >= 3


def scene(size: int = 240, near: float = 1.0, far: float = 0.0) -> tuple[Picture, DepthMap]:
    """A red disc before a blue and white wall."""
    y, x = np.mgrid[:size, :size]
    wall = np.where(((x // 6 + y // 6) % 2)[..., None], (30, 60, 200), (240, 240, 250))
    disc = np.hypot(y - size / 2, x - size / 2) < size / 5
    colour = np.where(disc[..., None], (200, 30, 20), wall).astype(np.uint8)
    return Picture(colour), DepthMap(np.where(disc, near, far).astype(np.float32), False, "file")


MIDDLE = Point(120, 120)


def test_what_is_in_focus_stays_to_the_bit_and_does_not_bleed():
    picture, depth = scene()
    request = BokehRequest(focus=MIDDLE, radius=15)
    result = bokeh(picture, Scene(depth, None), request).colour
    inside = cv2.erode((depth.disparity == 1).astype(np.uint8), np.ones((5, 5))) > 0
    np.testing.assert_array_equal(result[inside], picture.colour[inside])
    ring = cv2.dilate(inside.astype(np.uint8), np.ones((25, 25))) > 0
    ring &= ~(cv2.dilate(inside.astype(np.uint8), np.ones((11, 11))) > 0)
    # The wall's mean, beside the disc as far from it: no red glow, no dark or bright rim.
    far = result[5:30, 5:30].reshape(-1, 3).mean(0)
    assert np.abs(result[ring].mean(0) - far).max() < 6


def test_a_blurred_thing_before_the_focus_spreads_over_what_is_sharp():
    picture, depth = scene()
    kept = {}
    for blurred in (False, True):
        request = BokehRequest(focus=Point(10, 10), radius=12, foreground_blur=blurred)
        kept[blurred] = bokeh(picture, Scene(depth, None), request).colour
    np.testing.assert_array_equal(kept[False], picture.colour)
    np.testing.assert_array_equal(kept[True][:40, :40], picture.colour[:40, :40])
    across = kept[True][120, 120:200].astype(int)
    red = across[:, 0] - across[:, 2]
    assert red[40] > red[48] + 20 > red[54] + 40  # a soft edge, on both sides of the old one
    middle = kept[True][120, 164].astype(int)
    assert 20 < red[44] < 180, middle


def test_light_is_spread_in_linear_light_and_kept():
    colour = np.zeros((161, 161, 3), np.float32)
    colour[80, 80] = 400
    depth = np.zeros((161, 161), np.float32)
    depth[:3, :3] = 1
    scene = Scene(DepthMap(depth, False, "file"), None)
    result = bokeh(Picture(colour, transfer="linear"), scene, BokehRequest(focus=Point(0, 0),
                   radius=20)).colour  # fmt: skip
    assert result.sum() == pytest.approx(colour.sum(), rel=0.03)
    blurred_disc = result[..., 0] > 0.5 * 400 / (np.pi * 20**2)
    assert np.sqrt(blurred_disc.sum() / np.pi) == pytest.approx(20, abs=1)
    assert np.ptp(result[72:89, 72:89]) < 0.1 * result[80, 80, 0]  # a disc, no bell


def test_tiles_leave_no_seams():
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.random((1300, 1400, 3), np.float32), (0, 0), 2)
    y, x = np.mgrid[:1300, :1400]
    depth = (x / 1400).astype(np.float32)
    depth[np.hypot(y - 1010, x - 1030) < 150] = 1
    depth[1290:, 700:710] = 0  # so that the part below has the same range of depth
    picture = Picture(noise, transfer="linear")
    request = BokehRequest(focus=Point(1000, 1010), radius=20, foreground_blur=True)
    result = bokeh(picture, Scene(DepthMap(depth, False, "file"), None), request).colour
    # The same blur of a part that lies over the tiles' borders and is one tile itself.
    part = slice(560, 1300), slice(600, 1400)
    request = BokehRequest(focus=Point(400, 450), radius=20, foreground_blur=True)
    scene = Scene(DepthMap(np.ascontiguousarray(depth[part]), False, "file"), None)
    alone = bokeh(Picture(noise[part].copy(), transfer="linear"), scene, request).colour
    interior = slice(60, -60), slice(60, -60)
    assert np.abs(alone[interior] - result[part][interior]).max() < 1 / 255


@pytest.mark.parametrize(("blades", "corners"), [(3, 3), (6, 6)])
def test_blades_make_a_polygon_upside_down_before_the_focus(blades, corners):
    iris = Iris(blades, rotation=90)
    behind = iris.kernel(20)
    outline, _ = cv2.findContours((behind > 0).astype(np.uint8), 0, 2)
    assert len(cv2.approxPolyDP(outline[0], 3, True)) == corners
    assert behind[:4].sum() > 0  # at 90° a corner points up
    np.testing.assert_array_equal(iris.kernel(20, behind=False), behind[::-1, ::-1])
    assert behind.sum() == pytest.approx(1)


def test_cats_eye_cuts_the_disc_at_the_corners_only():
    iris = Iris(cats_eye=1)
    middle, corner = (iris.kernel(20, field=at) > 0 for at in ((0, 0), (1, 1)))
    assert corner.sum() < 0.6 * middle.sum()
    # What is left lies across the diagonal: it is as wide from corner to corner the other way.
    np.testing.assert_array_equal(corner, corner.T)


def test_cats_eye_changes_smoothly_over_the_picture():
    picture, depth = scene()
    grey = Picture(np.full_like(picture.colour, 90))
    request = BokehRequest(focus=MIDDLE, radius=15, cats_eye=1)
    result = bokeh(grey, Scene(depth, None), request).colour
    assert np.abs(result.astype(int) - 90).max() <= 1
    lights = np.zeros((300, 300, 3), np.float32)
    lights[150, 150] = lights[40, 40] = 100
    depth = DepthMap(np.pad(np.ones((3, 3), np.float32), ((0, 297), (0, 297))), False, "file")
    request = BokehRequest(focus=Point(1, 1), radius=20, cats_eye=1)
    result = bokeh(Picture(lights, transfer="linear"), Scene(depth, None), request).colour
    middle, corner = (result[y - 30 : y + 30, y - 30 : y + 30, 0] for y in (150, 40))
    assert (corner > 0.03).sum() < 0.8 * (middle > 0.03).sum()
    assert corner.sum() == pytest.approx(middle.sum(), rel=0.05)


def test_highlights_make_clipped_lights_bright_discs_and_leave_snow_alone():
    night = np.full((200, 200, 3), 12, np.uint8)
    night[98:102, 98:102] = 255
    depth = np.zeros((200, 200), np.float32)
    depth[:3, :3] = 1
    scene = Scene(DepthMap(depth, False, "file"), None)
    spots = []
    for highlights in (False, True):
        request = BokehRequest(focus=Point(0, 0), radius=20, highlights=highlights)
        spots.append(int(bokeh(Picture(night), scene, request).colour[100, 108, 1]))
    assert spots[0] < 70
    assert spots[1] > 200
    snow = np.full((200, 200, 3), 255, np.uint8)
    snow[:, 100:] = 200
    plain, boosted = (
        bokeh(Picture(snow), scene, BokehRequest(focus=Point(0, 0), radius=20, highlights=on))
        for on in (False, True)
    )
    np.testing.assert_array_equal(plain.colour, boosted.colour)


def test_hair_stays_hair_and_does_not_glow():
    y, x = np.mgrid[:240, :240]
    alpha = np.clip((60 - np.hypot(y - 120, x - 120)) / 24, 0, 1).astype(np.float32)
    mixed = alpha[..., None] * (30, 20, 15) + (1 - alpha[..., None]) * (200, 210, 220)
    scene = Scene(DepthMap(alpha, False, "matte"), alpha)
    result = bokeh(Picture(mixed.astype(np.uint8)), scene, BokehRequest(radius=20)).colour
    # The wall is plain, so its blur changes nothing, and neither may the soft edge before it.
    assert np.abs(result - mixed).max() < 18
    assert np.abs(result - mixed).mean() < 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_depth_alpha_and_profile_are_kept(dtype):
    picture, depth = scene()
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
    colour = (picture.colour.astype(np.float32) * scale).astype(dtype)
    alpha = np.full(colour.shape[:2], colour.max(), dtype)
    alpha[:60] = 0
    whole = Picture(colour, alpha, "linear" if dtype is np.float32 else "display", icc=b"profile")
    result = bokeh(whole, Scene(depth, None), BokehRequest(focus=MIDDLE, radius=8))
    assert result.dtype == dtype
    assert result.icc == b"profile"
    assert result.alpha is not None
    assert result.alpha[:40].max() == 0
    assert 0.2 < result.alpha[60, 5] / float(colour.max()) < 0.8
    assert result.alpha[100:].min() == pytest.approx(float(colour.max()), rel=1e-4)


def test_hdr_values_stay():
    picture, depth = scene()
    bright = Picture(picture.colour.astype(np.float32) / 8, transfer="linear")
    result = bokeh(bright, Scene(depth, None), BokehRequest(focus=MIDDLE, radius=5))
    assert result.colour.max() > 10


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"focus": Point(500, 3)}, "outside the picture"),
        ({"distance": 2.0}, "distances"),
    ],
)
def test_a_focus_that_cannot_be_is_refused(request_, sentence):
    picture, depth = scene()
    with pytest.raises(UsageError, match=sentence):
        bokeh(picture, Scene(depth, None), BokehRequest(**request_))


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--aperture", "2", "--radius", "3"], "aperture"),
        (["--depth", "none.exr"], "none.exr"),
        (["--focus", "there"], "focus"),
        (["--blades", "2"], "blades"),
        (["--radius", "-1"], "radius"),
        (["--right", "none.png"], "none.png"),
    ],
)
def test_wrong_flags_are_one_sentence_and_exit_code_2(tmp_path, capsys, flags, word):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    assert main(["bokeh", str(tmp_path / "a.png"), *flags]) == 2
    assert word in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_depth_map_is_never_written_over(tmp_path, capsys):
    picture, depth = scene()
    Image.fromarray(picture.colour).save(tmp_path / "a.png")
    Image.fromarray((depth.disparity * 255).astype(np.uint8)).save(tmp_path / "z.png")
    before = (tmp_path / "z.png").read_bytes()
    files = [str(tmp_path / "a.png"), "--depth", str(tmp_path / "z.png"), "--overwrite"]
    code = main(["bokeh", *files, "--focus", "120,120", "-o", str(tmp_path / "z.png")])
    assert code == 2
    assert (tmp_path / "z.png").read_bytes() == before


def test_a_photograph_alone_gets_a_blurred_background(tmp_path):
    picture, _ = scene()
    Image.fromarray(picture.colour).save(tmp_path / "a.jpg", quality=95)
    out = tmp_path / "b.jpg"
    flags = ["--box", "70,70,100,100", "--radius", "10", "--depth-model", "matte", "-o", str(out)]
    assert main(["bokeh", str(tmp_path / "a.jpg"), *flags]) == 0
    result = np.asarray(Image.open(out)).astype(float)
    before = picture.colour.astype(float)
    assert result[10:60, 10:60].std(0).max() < 0.3 * before[10:60, 10:60].std(0).max()
    assert np.abs(result[115:125, 115:125] - before[115:125, 115:125]).max() < 12
