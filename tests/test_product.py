"""Products on a shop's canvas: place, scale, ground, shadow, files; truth is drawn or rendered."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mattelier
from mattelier.commands.main import main
from mattelier.filters.product.cast_shadow import cast_shadow, find_standing, reflect
from mattelier.filters.product.ground import (
    Ground,
    balance_gains,
    find_ground,
    kept_shadow,
    unmix,
)
from mattelier.filters.product.kept_reflection import (
    find_mirror_image,
    kept_reflection,
    reflecting_region,
)
from mattelier.filters.product.photo_border import drop_strays, is_cut_off
from mattelier.filters.product.placing import tilt
from mattelier.filters.product.seen_through import (
    ground_around,
    is_glass,
    join_pieces,
    open_gaps,
    settle_doubt,
)
from mattelier.media import stills
from mattelier.media.layered import write_layers
from mattelier.types.colour import linear_to_srgb, srgb_to_linear
from mattelier.types.errors import OutputError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import heard_by
from mattelier.types.result import Layer

WIDTH, HEIGHT = 320, 240


def ground(colour: tuple[float, float, float] = (0.9, 0.9, 0.9)) -> np.ndarray:
    """A sweep whose light falls off to one side."""
    x = np.linspace(-1, 1, WIDTH)[None, :, None]
    y = np.linspace(-1, 1, HEIGHT)[:, None, None]
    return (np.array(colour) * (1 - 0.06 * x * x - 0.04 * y)).astype(np.float32)


def bottle(x: int = 150, degrees: float = 0.0) -> np.ndarray:
    """A matte with soft edges, even on both sides."""
    alpha = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    cv2.rectangle(alpha, ((x - 30) * 4, 90 * 4), ((x + 30) * 4, 190 * 4), 255, -1)
    cv2.rectangle(alpha, ((x - 10) * 4, 40 * 4), ((x + 10) * 4, 90 * 4), 255, -1)
    turn = cv2.getRotationMatrix2D((x * 4, 120 * 4), degrees, 1)
    alpha = cv2.warpAffine(alpha, turn, alpha.shape[::-1])
    return cv2.resize(alpha, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def photo(alpha: np.ndarray, behind: np.ndarray, colour=(0.7, 0.1, 0.1)) -> np.ndarray:
    share = alpha[..., None]
    picture = share * np.float32(colour) + (1 - share) * behind
    noise = np.random.default_rng(1).normal(0, 0.006, picture.shape)
    return np.clip((picture + noise) * 255 + 0.5, 0, 255).astype(np.uint8)


def as_hint(alpha: np.ndarray) -> dict:
    """The matte is given, so that what is looked at is what is done with it."""
    return {"hint": alpha, "hint_as": "matte"}


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1


def red(picture: np.ndarray) -> np.ndarray:
    picture = picture[..., :3].astype(int)
    return picture[..., 0] > picture[..., 1:].max(axis=2) + 60


@pytest.mark.parametrize("x", [40, 150, 300])  # at the photo's border, too
def test_the_subject_is_in_the_middle_with_its_margin(x: int) -> None:
    alpha = bottle(x)
    result = mattelier.product(
        photo(alpha, ground()), canvas=(400, 500), margin=10, shadow="none", **as_hint(alpha)
    )
    assert result.rgba.shape == (500, 400, 4)
    left, right, top, bottom = box_of(red(result.rgba))
    assert abs((left + right) / 2 - 200) <= 1
    assert abs((top + bottom) / 2 - 250) <= 1
    assert min(abs(top - 40), abs(left - 40)) <= 2  # one side fills what is free
    assert (result.rgba[:30, :30, :3] == 255).all()


def test_a_series_stands_on_one_line_and_looks_equally_large() -> None:
    wide = cv2.resize(bottle(), None, fx=1, fy=0.5)
    wide = np.vstack([wide, np.zeros_like(wide)])
    tops, bottoms, areas = [], [], []
    for alpha in (bottle(), wide):
        picture = photo(alpha, ground())
        options = {"canvas": (400, 400), "shadow": "none", **as_hint(alpha)}
        standing = red(mattelier.product(picture, align="base", **options).rgba)
        bottoms.append(box_of(standing)[3])
        tops.append(box_of(standing)[2])
        areas.append(red(mattelier.product(picture, fit="area", **options).rgba).sum())
    assert abs(bottoms[0] - bottoms[1]) <= 2  # the wide one's lower edge is soft
    assert tops[0] != tops[1]
    assert 0.6 < areas[0] / areas[1] < 1.6


@pytest.mark.parametrize("degrees", [-5.0, 3.0])
def test_what_is_even_on_both_sides_is_put_upright(degrees: float) -> None:
    assert tilt(bottle(150, degrees)) == pytest.approx(-degrees, abs=0.4)


def test_what_is_not_even_keeps_its_tilt() -> None:
    shoe = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(shoe, [np.array([[40, 180], [60, 80], [110, 120], [270, 160], [280, 185]])], 1.0)
    assert tilt(shoe) == 0
    assert tilt(bottle()) == 0


def test_light_and_white_are_matched_over_a_series() -> None:
    alpha = bottle()
    casts = [(0.9, 0.9, 0.9), (0.92, 0.86, 0.76), (0.74, 0.78, 0.84)]
    colours = []
    for cast in casts:
        lamp = (np.array(cast) / 0.9) ** 2.2  # of the same red thing under another lamp
        seen = (np.array([0.45, 0.02, 0.02]) * lamp) ** (1 / 2.2)
        result = mattelier.product(
            photo(alpha, ground(cast), seen), canvas=(300, 300), shadow="none", **as_hint(alpha)
        ).rgba
        colours.append(np.median(result[red(result)], axis=0)[:3])
    assert np.ptp(colours, axis=0).max() < 14
    left = mattelier.product(
        photo(alpha, ground(casts[1])),
        canvas=(300, 300),
        shadow="none",
        balance=False,
        **as_hint(alpha),
    ).rgba
    assert np.abs(np.median(left[red(left)], axis=0)[:3] - [178, 25, 25]).max() <= 3


def test_a_coloured_ground_and_a_room_tell_nothing_of_the_light() -> None:
    alpha = bottle()
    green = find_ground(photo(alpha, ground((0.2, 0.7, 0.3))).astype(np.float32) / 255, alpha)
    assert green is not None
    np.testing.assert_array_equal(balance_gains(green), 1)
    room = np.random.default_rng(0).uniform(0, 1, (12, 16, 3)).astype(np.float32)
    room = cv2.resize(room, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    assert find_ground(np.clip(room, 0, 1), alpha) is None


def test_a_kept_shadow_is_the_photos_and_nothing_else() -> None:
    alpha = bottle()
    truth = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(truth, (190, 190), (60, 14), 0, 0, 360, 0.5, -1)
    truth = cv2.GaussianBlur(truth, (0, 0), 5)
    behind = ground() * ((1 - truth) ** (1 / 2.2))[..., None]
    view = photo(alpha, behind).astype(np.float32) / 255
    even = find_ground(view, alpha)
    assert even is not None
    found = kept_shadow(view, alpha, even)
    clear = alpha < 0.01
    assert np.abs(found - truth)[clear].mean() < 0.02
    assert found[:100][clear[:100]].max() < 0.08  # no grey veil where none was
    assert np.corrcoef(found[clear], truth[clear])[0, 1] > 0.97
    result = mattelier.product(
        photo(alpha, behind), shadow="keep", canvas=(400, 400), **as_hint(alpha)
    )
    assert [layer.name for layer in result.layers] == ["background", "shadow", "subject"]


def test_a_made_shadow_lies_away_from_the_light_and_is_darkest_where_it_stands() -> None:
    alpha = bottle()
    from_left, from_right = cast_shadow(alpha, -120), cast_shadow(alpha, 120)
    beside = alpha < 0.01
    left, right = np.s_[120:, :110], np.s_[120:, 190:]
    assert from_left[right][beside[right]].mean() > 2 * from_left[left][beside[left]].mean()
    assert from_right[left][beside[left]].mean() > 2 * from_right[right][beside[right]].mean()
    from_behind = cast_shadow(alpha, 180)
    below = from_behind[192:, 150]
    assert below[0] > 0.5
    assert below[0] > below[30] > below[-1]
    assert from_behind[:80].max() < 0.05  # nothing hangs in the air


def test_a_handle_that_hangs_does_not_touch_the_ground() -> None:
    mug = bottle(120)
    mug[120:140, 150:200] = 1
    standing = find_standing(mug)
    assert standing is not None
    assert standing.base[120] == pytest.approx(191, abs=1)
    assert standing.base[195] > 160
    assert find_standing(np.zeros((20, 20), np.float32)) is None


def test_a_reflection_is_the_subject_upside_down_and_fades() -> None:
    alpha = bottle()
    picture = np.dstack([np.broadcast_to(np.float32([0.7, 0.1, 0.1]), (HEIGHT, WIDTH, 3)), alpha])
    picture[..., :3] *= alpha[..., None]
    mirrored = reflect(picture.astype(np.float32), 0.4)[..., 3]
    column = mirrored[:, 150]
    assert column[:185].max() < 0.05
    assert column[192] == pytest.approx(0.4, abs=0.05)
    assert (np.diff(column[193:]) <= 1e-4).all()


def glossy(
    own: np.ndarray, strength: float, shade: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A photo of a bottle of these colours on glossy ground, its matte, reflection and shadow."""
    alpha = bottle()
    cover = np.zeros_like(alpha)
    image = np.zeros_like(own)
    count = HEIGHT - 191
    cover[191:] = alpha[190 : 190 - count : -1]
    image[191:] = own[190 : 190 - count : -1]
    cover[191:] *= (strength * np.linspace(1, 0.4, count))[:, None]
    dark = np.zeros_like(alpha)
    cv2.ellipse(dark, (200, 192), (70, 16), 0, 0, 360, shade, -1)
    dark = cv2.GaussianBlur(dark, (0, 0), 7)
    behind = ground() * ((1 - dark) ** (1 / 2.2))[..., None]
    behind = cover[..., None] * image + (1 - cover[..., None]) * behind
    return photo(alpha, behind, own), alpha, np.dstack([image * cover[..., None], cover]), dark


def label(colour: tuple[float, float, float]) -> np.ndarray:
    """A bottle's colours: one, with a paler label and a dark line."""
    own = np.broadcast_to(np.float32(colour), (HEIGHT, WIDTH, 3)).copy()
    own[150:175] = 0.5 + own[150:175] / 2
    own[182:185] *= 0.3
    return own


@pytest.mark.parametrize("colour", [(0.7, 0.1, 0.1), (0.2, 0.4, 0.7), (0.35, 0.35, 0.35)])
@pytest.mark.parametrize("shade", [0.0, 0.4])
def test_a_kept_reflection_is_the_photos_beside_its_shadow(
    colour: tuple[float, float, float], shade: float
) -> None:
    picture, alpha, truth, dark = glossy(label(colour), 0.5, shade)
    view = picture.astype(np.float32) / 255
    even = find_ground(view, alpha)
    assert even is not None
    mirrored = find_mirror_image(view, alpha, even)
    assert mirrored is not None
    region = reflecting_region(mirrored, alpha)
    missing = kept_shadow(view, alpha, even, hidden=region)
    opacity = 1 - (1 - missing[..., None]) ** (1 / 2.2)
    shaded = Ground(even.colour * (1 - opacity), even.noise)
    found = kept_reflection(view, alpha, mirrored, region, shaded)
    below = np.s_[194:219]  # what the photo's border does not fade
    inside = truth[below][..., 3] > 0.2
    assert np.abs(found - truth)[below][inside].mean() < 0.03
    assert found[below][~inside][..., 3].mean() < 0.02
    assert found[:180, :, 3].max() == 0
    again = found[..., :3] + (1 - found[..., 3:]) * shaded.colour
    assert np.abs(again - view)[below].mean() < 0.02
    assert np.abs(missing - dark)[below].mean() < 0.05


def test_its_layers_are_shadow_and_reflection_and_it_is_seen_on_a_new_ground() -> None:
    picture, alpha, *_ = glossy(label((0.2, 0.4, 0.7)), 0.5, 0.4)
    options = {"canvas": (400, 400), "keep_reflection": True, **as_hint(alpha)}
    kept = mattelier.product(picture, shadow="keep", **options)
    assert [one.name for one in kept.layers] == ["background", "shadow", "reflection", "subject"]
    alone = mattelier.product(picture, shadow="none", background="#800000", **options)
    assert [one.name for one in alone.layers] == ["background", "reflection", "subject"]
    layer = alone.layers[1].picture
    assert layer.alpha is not None
    strong = layer.colour[layer.alpha > 80].astype(int)
    assert len(strong) > 1000
    assert np.median(strong[:, 2] - strong[:, 0]) > 60  # as blue as the bottle, on whatever ground


def test_a_shadow_alone_is_no_reflection() -> None:
    for colour in ((0.7, 0.1, 0.1), (0.35, 0.35, 0.35)):
        for shade in (0.0, 0.5):
            picture, alpha, _, _ = glossy(label(colour), 0.0, shade)
            options = {"canvas": (400, 400), "shadow": "keep", **as_hint(alpha)}
            with heard_by(lambda fraction, stage: None) as remarks:
                kept = mattelier.product(picture, keep_reflection=True, **options)
            plain = mattelier.product(picture, **options)
            assert any("No reflection" in remark for remark in remarks)
            np.testing.assert_array_equal(kept.rgba, plain.rgba)
    with pytest.raises(UsageError, match="either made"):
        mattelier.product(picture, keep_reflection=True, reflection=0.3)


def test_gaps_that_show_the_even_ground_are_holes_and_white_on_white_is_none() -> None:
    filled = bottle()
    truth = filled.copy()
    truth[110:150, 135:165] = 0
    for behind in (ground(), ground((0.5, 0.55, 0.6))):
        view = photo(truth, behind).astype(np.float32) / 255
        even = find_ground(view, filled)
        assert even is not None
        opened = open_gaps(view, filled, even)
        assert np.abs(opened - truth)[100:160, 125:175].mean() < 0.03
        np.testing.assert_allclose(opened[:90], filled[:90])
    # A pale side that reaches the outline, and a white thing before a white ground, stay whole.
    pale = photo(filled, ground()).astype(np.float32) / 255
    pale[120:140, 100:150] = ground()[120:140, 100:150]
    even = find_ground(pale, filled)
    assert even is not None
    np.testing.assert_array_equal(open_gaps(pale, filled, even), filled)
    white = np.ones((HEIGHT, WIDTH, 3), np.float32)
    even = find_ground(white, filled)
    assert even is not None
    np.testing.assert_array_equal(open_gaps(white, filled, even), filled)


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_a_veil_on_an_even_ground_becomes_truly_transparent(own: float) -> None:
    """Exact truth: a drawn veil, black or white, over a grey sweep; composited anew over blue."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    veil = np.clip(1 - np.hypot((x - 160) / 90, (y - 120) / 80), 0, 1) ** 0.5
    veil = (veil * (0.5 + 0.3 * np.sin(x / 6))).astype(np.float32)
    picture = photo(veil, ground((0.6, 0.6, 0.6)), (own, own, own))
    view = picture.astype(np.float32) / 255
    even = find_ground(view, (veil > 0).astype(np.float32))
    assert even is not None
    alpha, foreground = unmix(view, even)
    assert np.abs(alpha - veil).mean() < 0.012
    blue = np.float32([0.1, 0.2, 0.9])
    again = alpha[..., None] * foreground + (1 - alpha[..., None]) * blue
    truth = veil[..., None] * own + (1 - veil[..., None]) * blue
    assert np.abs(again - truth).mean() < 0.012


def test_the_whole_lets_the_new_ground_through_glass() -> None:
    glass = bottle() * 0.3
    hint = (bottle() > 0.5).astype(np.float32)
    picture = photo(glass, ground((0.8, 0.8, 0.8)), (0, 0, 0))
    options = {"canvas": (300, 300), "background": "transparent", "shadow": "none"}
    result = mattelier.product(picture, see_through=True, **options, **as_hint(hint)).rgba
    assert abs(int(result[150, 150, 3]) - 77) < 14
    solid = mattelier.product(picture, **options, **as_hint(hint)).rgba
    assert solid[150, 150, 3] == 255


def seen(picture: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, Ground]:
    """A photo as floats, and the ground as it lies around the subject."""
    view = picture.astype(np.float32) / 255
    even = find_ground(view, alpha)
    assert even is not None
    return view, ground_around(view, alpha, even)


def test_a_gap_in_shadow_is_open_and_shading_is_no_gap() -> None:
    filled = bottle()
    truth = filled.copy()
    truth[110:150, 130:170] = 0
    shade = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(shade, (150, 150), (70, 60), 0, 0, 360, 0.07, -1)
    behind = ground() * (1 - cv2.GaussianBlur(shade, (0, 0), 12))[..., None]
    view, near = seen(photo(truth, behind), filled)
    assert np.abs(open_gaps(view, filled, near) - truth)[105:155, 125:175].mean() < 0.04
    # Deep shade in a part of a gap is the ground, too, but for where it begins steeply.
    truth[96:184, 124:176] = 0
    deep = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(deep, (150, 160), (12, 9), 0, 0, 360, 0.25, -1)
    behind = ground() * (1 - cv2.GaussianBlur(deep, (0, 0), 7))[..., None]
    view, near = seen(photo(truth, behind), filled)
    assert np.abs(open_gaps(view, filled, near) - truth)[98:182, 126:174].mean() < 0.08
    # A pale bottle whose light falls through its ground's own grey on the way from side to side.
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    pale = np.clip(1 - np.hypot(x - 150, y - 140) / 60, 0, 1)[..., None] * 0.5 + 0.5
    view, near = seen(photo(filled, ground((0.72, 0.72, 0.72)), pale), filled)
    np.testing.assert_array_equal(open_gaps(view, filled, near), filled)


def test_clear_glass_is_told_from_paint_and_seen_through_by_default() -> None:
    outline = (bottle() > 0.5).astype(np.float32)
    options = {"canvas": (300, 300), "background": "transparent", "shadow": "none"}
    for cover, expected in ((bottle() * 0.06, True), (bottle(), False)):
        picture = photo(cover, ground((0.8, 0.8, 0.8)), (1, 1, 1))
        view, near = seen(picture, bottle())
        assert is_glass(view, bottle(), near) is expected
        drawn = {"hint": outline, "hint_as": "rough", **options}
        with heard_by(lambda fraction, stage: None) as remarks:
            result = mattelier.product(picture, **drawn)
        assert any("taken for glass" in remark for remark in remarks) is expected
        assert result.report.measures["seen_through"] is expected
        solid = mattelier.product(picture, see_through=False, **drawn)
        assert solid.report.measures["seen_through"] is False


def test_glass_under_a_veil_of_light_is_glass_and_white_before_a_pale_ground_is_not() -> None:
    behind = ground((0.6, 0.6, 0.6))
    glass = bottle() * 0.12  # a mirrored room's light on all of it
    view, near = seen(photo(glass, behind, (0.95, 0.95, 0.95)), bottle())
    assert 0.03 < np.abs(view - behind)[140, 150].max() < 0.06
    assert is_glass(view, bottle(), near)
    pale = ground((0.95, 0.95, 0.95))
    view, near = seen(photo(bottle(), pale, (0.99, 0.99, 0.99)), bottle())
    assert 0.03 < np.abs(view - pale)[140, 150].max() < 0.06  # as near to it as the veil was
    assert not is_glass(view, bottle(), near)


def test_a_thin_bridge_between_two_lenses_belongs_to_them_and_a_shadow_does_not() -> None:
    truth = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(truth, (100, 120), 40, 1.0, -1)
    cv2.circle(truth, (220, 120), 40, 1.0, -1)
    found = truth.copy()
    cv2.line(truth, (138, 120), (182, 120), 1.0, 4)
    view, near = seen(photo(truth, ground(), (0.1, 0.1, 0.1)), found)
    joined = join_pieces(view, found, near)
    assert np.abs(joined - truth).sum() < 0.15 * (truth - found).sum()
    shade = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(shade, (160, 160), (90, 12), 0, 0, 360, 0.4, -1)
    behind = ground() * (1 - cv2.GaussianBlur(shade, (0, 0), 6))[..., None]
    view, near = seen(photo(found, behind, (0.1, 0.1, 0.1)), found)
    assert np.abs(join_pieces(view, found, near) - found).sum() < 5


def test_where_the_network_doubts_the_known_ground_decides() -> None:
    truth = bottle()
    doubt = truth.copy()
    doubt[100:180, 185:230] = 0.4  # a haze beside it
    view, near = seen(photo(truth, ground()), doubt)
    settled = settle_doubt(view, doubt, near)
    assert np.abs(settled - truth).mean() < 0.2 * np.abs(doubt - truth).mean()
    # White on white: the ground knows no better, and nothing is taken away.
    white = photo(truth, ground(), (0.93, 0.93, 0.93))
    view, near = seen(white, doubt)
    assert np.abs(settle_doubt(view, doubt, near) - doubt).mean() < 0.002


def test_a_white_thing_on_grey_keeps_its_shades() -> None:
    """A light grey ground is not whitened at the cost of what is whiter than it."""
    alpha = bottle()
    x = np.linspace(0.82, 0.99, WIDTH, dtype=np.float32)[None, :, None]
    view = photo(alpha, ground((0.74, 0.74, 0.74)), np.broadcast_to(x, (HEIGHT, WIDTH, 3)))
    view = view.astype(np.float32) / 255
    even = find_ground(view, alpha)
    assert even is not None
    assert balance_gains(even).max() > 1.3
    assert balance_gains(even, view, alpha).max() < 1.05


def test_what_the_border_cuts_off_is_told_and_strays_are_left_out() -> None:
    alpha = bottle()
    assert not is_cut_off(alpha)
    assert is_cut_off(bottle(300))
    stray = alpha.copy()
    stray[100:140, WIDTH - 12 :] = 1
    np.testing.assert_array_equal(drop_strays(stray)[:, :280], alpha[:, :280])
    assert drop_strays(stray)[:, 290:].max() == 0
    beside = alpha.copy()
    beside[100:140, WIDTH - 40 : WIDTH - 20] = 1  # whole, so it is of the product
    assert drop_strays(beside) is beside
    result = mattelier.product(photo(bottle(300), ground()), **as_hint(bottle(300)))
    assert result.report.measures["cut_off"] is True


def test_backgrounds(tmp_path: Path) -> None:
    alpha = bottle()
    picture = photo(alpha, ground())
    options = {"canvas": (200, 200), "shadow": "none", **as_hint(alpha)}
    gradient = mattelier.product(picture, background="#ffffff,#808080", **options).rgba
    assert gradient[0, 0, 0] >= 254
    assert abs(int(gradient[-1, 0, 0]) - 128) <= 2
    Image.new("RGB", (50, 80), "teal").save(tmp_path / "b.png")
    on_picture = mattelier.product(picture, background=str(tmp_path / "b.png"), **options).rgba
    np.testing.assert_array_equal(on_picture[0, 0], [0, 128, 128, 255])
    with pytest.raises(mattelier.MattelierError, match="neither"):
        mattelier.product(picture, background="nocolour", **options)


@pytest.fixture
def shop(tmp_path: Path, colours: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for index, x in enumerate((100, 200)):
        Image.fromarray(photo(bottle(x), ground((0.2, 0.6, 0.2)))).save(f"photos/{index}.png")
    return tmp_path


def run(*flags: str) -> int:
    common = ["--model", "colours", "--review-below", "0"]
    return main(["product", "photos", "-o", "shop", *common, *flags])


def test_sizes_formats_layers_and_the_sheet_in_one_run(shop: Path) -> None:
    flags = ["--canvas", "300", "--format", "jpg", "--also", "webp@80", "--also", "ora"]
    assert run(*flags) == 0
    names = sorted(path.name for path in Path("shop").iterdir())
    own = [f"{index}{ending}" for index in (0, 1) for ending in ("-80.webp", ".jpg", ".ora")]
    assert names == sorted([*own, "contact-sheet.jpg", "mattelier-product.toml"])
    assert Image.open("shop/0.jpg").size == (300, 300)
    assert Image.open("shop/0-80.webp").size == (80, 80)
    with zipfile.ZipFile("shop/0.ora") as archive:
        assert archive.infolist()[0].filename == "mimetype"
        assert archive.read("mimetype") == b"image/openraster"
        stack = archive.read("stack.xml").decode()
        assert stack.index('"subject"') < stack.index('"shadow"') < stack.index('"background"')
        merged = Image.open(archive.open("mergedimage.png")).convert("RGB")
        total = Image.new("RGBA", (300, 300))
        for index in range(3):
            layer = Image.open(archive.open(f"data/layer{index}.png")).convert("RGBA")
            total = Image.alpha_composite(total, layer)
    off = np.abs(np.asarray(total.convert("RGB")).astype(int) - np.asarray(merged))
    assert off.max() <= 3
    assert Image.open("shop/contact-sheet.jpg").width > 400


def over(layers: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Premultiplied RGBA layers, the lowest first, over each other."""
    total = np.zeros_like(layers[0])
    for layer in layers:
        total = layer + total * (1 - layer[..., 3:])
    return total


def test_layers_of_a_psd_and_of_an_exr_are_what_they_look_like_together(shop: Path) -> None:
    oiio = pytest.importorskip("OpenImageIO")
    psd_tools = pytest.importorskip("psd_tools")
    flags = ["--canvas", "300", "--format", "psd", "--also", "exr", "--also", "png", "--also"]
    assert run(*flags, "ora") == 0
    flat = np.asarray(Image.open("shop/0.png").convert("RGB")).astype(int)
    names = ["background", "shadow", "subject"]

    file = psd_tools.PSDImage.open("shop/0.psd")
    assert [layer.name for layer in file] == names
    assert np.abs(np.asarray(Image.open("shop/0.psd").convert("RGB")) - flat).max() <= 1
    layers = [np.asarray(layer.topil().convert("RGBA"), np.float32) / 255 for layer in file]
    with zipfile.ZipFile("shop/0.ora") as archive:
        for index, layer in enumerate(layers):
            other = Image.open(archive.open(f"data/layer{index}.png")).convert("RGBA")
            np.testing.assert_array_equal(np.rint(layer * 255), np.asarray(other))
    for layer in layers:
        layer[..., :3] *= layer[..., 3:]
    assert np.abs(over(layers)[..., :3] * 255 - flat).max() <= 3

    source = oiio.ImageInput.open("shop/0.exr")
    channels = source.spec().channelnames
    samples = dict(zip(channels, np.moveaxis(source.read_image("float"), -1, 0), strict=True))
    assert source.spec().getattribute("mattelier:layers") == ",".join(names)
    source.close()
    for name, layer in zip(names, layers, strict=True):
        np.testing.assert_allclose(samples[f"{name}.A"], layer[..., 3], atol=1e-3)
        straight = np.where(layer[..., 3:] > 0, layer[..., :3] / layer[..., 3:].clip(1e-6), 0)
        linear = srgb_to_linear(straight) * layer[..., 3:]
        read = np.stack([samples[f"{name}.{one}"] for one in "RGB"], -1)
        np.testing.assert_allclose(read, linear, atol=2e-3)
    again = stills.read(Path("shop/0.exr"))
    back = np.rint(linear_to_srgb(again.colour) * 255).astype(int)
    assert np.abs(back - flat).max() <= 1


def test_a_psd_of_16_bits_keeps_them(tmp_path: Path) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    ramp = np.linspace(0, 65535, 300 * 200).reshape(200, 300).astype(np.uint16)
    colour = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], -1)
    alpha = np.broadcast_to(np.linspace(0, 65535, 300).astype(np.uint16), (200, 300))
    layers = [Layer("ground", Picture(colour)), Layer("Glas – ä", Picture(colour, alpha.copy()))]
    write_layers(tmp_path / "deep.psd", layers, Picture(colour, icc=b"profile"))
    file = psd_tools.PSDImage.open(tmp_path / "deep.psd")
    assert file.depth == 16
    assert [layer.name for layer in file] == ["ground", "Glas – ä"]
    for layer, truth in zip(file, layers, strict=True):
        samples = np.rint(layer.numpy() * 65535).astype(int)
        assert np.abs(samples[..., :3] - truth.picture.colour).max() <= 1
    assert np.abs(np.rint(layer.numpy()[..., 3] * 65535) - alpha).max() <= 1
    merged = np.rint(file.numpy()[..., :3] * 65535).astype(int)
    assert np.abs(merged - colour).max() <= 1
    assert file.image_resources.get_data(1039) == b"profile"
    with pytest.raises(OutputError, match="layers are written as"):
        write_layers(tmp_path / "deep.gif", layers, Picture(colour))


def test_layers_of_a_psd_have_any_name(tmp_path: Path) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    names = ["猫 と 日本語 🐈", "Ωmega", "n" * 300]
    write_layers(tmp_path / "names.psd", [Layer(name, picture) for name in names], picture)
    file = psd_tools.PSDImage.open(tmp_path / "names.psd")
    assert [layer.name for layer in file] == [*names[:2], "n" * 255]


def test_a_folder_remembers_and_a_preset_and_a_flag_go_before(shop: Path) -> None:
    assert run("--canvas", "200", "--margin", "20", "--no-sheet") == 0
    assert run("--overwrite") == 0
    assert Image.open("shop/0.png").size == (200, 200)
    assert not Path("shop/contact-sheet.jpg").exists()
    Path("brand.toml").write_text('canvas = "160x120"\nbackground = "teal"\n')
    assert run("--overwrite", "--preset", "brand.toml", "--background", "navy") == 0
    with Image.open("shop/0.png") as picture:
        assert (picture.size, picture.getpixel((0, 0))) == ((160, 120), (0, 0, 128))
    assert main(["product", "photos", "-o", "market", "--preset", "marketplace", "--model",
                 "colours", "--canvas", "100", "--review-below", "0"]) == 0  # fmt: skip
    assert Image.open("market/0.jpg").getpixel((2, 2)) == (255, 255, 255)


def test_unsure_ones_are_set_aside(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--canvas", "100", "--review-below", "1", "--json", "--also", "jpg") == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert {Path(line["output"]) for line in lines} == {
        Path("shop/review/0.png"), Path("shop/review/1.png")
    }  # fmt: skip
    assert all(Path(line["output"]).is_file() for line in lines)
    assert Path("shop/review/0.jpg").is_file()
    assert not Path("shop/0.png").exists()
    assert "2 of 2" in err
    Path("shop/review/0.png").write_text("retouched")
    assert run("--review-below", "1", "--skip-existing") == 0  # it waits there, and is done
    assert run("--review-below", "1") == 3  # nor is it written over
    assert Path("shop/review/0.png").read_text() == "retouched"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--canvas", "8"], "16"),
        (["--canvas", "wide"], "size"),
        (["--background", "nocolour"], "nocolour"),
        (["--background", "transparent", "--format", "jpg"], "transparency"),
        (["--also", "gif"], "gif"),
        (["--preset", "none"], "marketplace"),
        (["--preset", "bad.toml"], "no flag --canvass"),
    ],
)
def test_wrong_usage_is_one_sentence(
    shop: Path, flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.toml").write_text("canvass = 3\n")
    assert run(*flags) == 2
    assert words in capsys.readouterr().err
    assert not Path("shop").exists()
