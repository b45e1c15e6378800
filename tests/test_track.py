"""Tracking through its public door, with the shipped network, on made clips and a little film."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from run_task import MODELS
from synthetic_clips import HEIGHT, WIDTH, Clip, disc_clip, iou, texture

from mattelier.catalogue import Store
from mattelier.engines.open_model import OpenModel
from mattelier.matting.hint import Hint, make_hint
from mattelier.requests import Box
from mattelier.shot.tracking.flow import optical_flow, warp
from mattelier.shot.tracking.track import Track, Tracker, track_size
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.progress import Cancelled, heard_by

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
FIRST = 1001


@pytest.fixture(scope="module")
def network() -> OpenModel:
    return MODELS.open("default", "matte")


def memory() -> OpenModel:
    return MODELS.open("default", "track")


@pytest.fixture(scope="module")
def moving() -> Clip:
    return disc_clip([(40 + 7 * i, 56 + 10 * np.sin(i / 2)) for i in range(12)])


def keys(clip: Clip, *places: int) -> dict[int, Hint]:
    return {FIRST + i: drawn(clip[1][i], exact=True) for i in places}


def drawn(mask: np.ndarray, *, exact: bool) -> Hint:
    use = "matte" if exact else "rough"
    return checked_hint(make_hint(*mask.shape, mask=mask, mask_as=use))


def checked_hint(hint: Hint | None) -> Hint:
    assert hint is not None
    return hint


def run(
    network: OpenModel,
    folder: Path,
    clip: Clip,
    key_hints: Mapping[int, Hint],
    wanted: range | None = None,
    look: Callable[[int], np.ndarray] | None = None,
    **options: object,
) -> Track:
    views = clip[0]
    return Tracker(network, memory(), folder / "track" / "subject").track(
        range(FIRST, FIRST + len(views)),
        look or (lambda frame: views[frame - FIRST]),
        key_hints,
        wanted,
        **options,  # type: ignore[arg-type]
    )


def scores(track: Track, clip: Clip) -> list[float]:
    return [iou(track.coarse(FIRST + i), truth) for i, truth in enumerate(clip[1])]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_views_are_small_and_keep_the_aspect() -> None:
    assert track_size(480, 854) == (252, 448)
    assert track_size(2160, 1080) == (448, 224)
    assert track_size(HEIGHT, WIDTH) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("place", [0, 11, 5])
def test_a_key_is_kept_and_followed_both_ways(
    network: OpenModel, moving: Clip, tmp_path: Path, place: int
) -> None:
    track = run(network, tmp_path, moving, keys(moving, place))
    assert np.abs(track.coarse(FIRST + place) - moving[1][place]).max() <= 0.5 / 255 + 1e-6
    assert track.confidence(FIRST + place) == 1
    assert min(scores(track, moving)) > 0.85
    assert track.cuts == ()


def test_two_keys_meet(network: OpenModel, moving: Clip, tmp_path: Path) -> None:
    track = run(network, tmp_path, moving, keys(moving, 0, 11))
    assert min(scores(track, moving)) > 0.9


def test_a_box_is_a_key(network: OpenModel, moving: Clip, tmp_path: Path) -> None:
    key_hints = {FIRST: checked_hint(make_hint(HEIGHT, WIDTH, box=Box(16, 32, 48, 48)))}
    assert min(scores(run(network, tmp_path, moving, key_hints), moving)) > 0.8


def test_a_plain_subject_is_found_without_keys(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    track = run(network, tmp_path, moving, {})
    assert min(scores(track, moving)) > 0.8
    assert all(0 < track.confidence(FIRST + i) < 1 for i in range(12))


def test_a_subject_that_left_is_found_again(network: OpenModel, tmp_path: Path) -> None:
    away = [(x, 56) for x in (120, 140, 160, 180, 205, 230, 260, 260, -40, -25, -5, 15, 35, 55)]
    clip = disc_clip(away)
    track = run(network, tmp_path, clip, keys(clip, 0))
    gone = [track.coarse(FIRST + i) for i, (x, _) in enumerate(away) if abs(x - 96) > 130]
    assert max(float(alpha.mean()) for alpha in gone) < 0.005
    assert track.confidence(FIRST + 7) == 0
    assert min(scores(track, clip)[-2:]) > 0.8


def test_what_stands_before_the_subject_stays_out(network: OpenModel, tmp_path: Path) -> None:
    clip = disc_clip([(40 + 9 * i, 56) for i in range(13)], bar=84)
    track = run(network, tmp_path, clip, keys(clip, 0))
    found = scores(track, clip)
    assert min(found[:6] + found[-4:]) > 0.9  # between, hardly any of it is to be seen
    assert max(float(track.coarse(FIRST + i)[:, 88:106].mean()) for i in range(13)) < 0.1


def test_nothing_crosses_a_cut(network: OpenModel, moving: Clip, tmp_path: Path) -> None:
    other = disc_clip(
        [(150 - 6 * i, 60) for i in range(6)], wall=(0.8, 0.75, 0.3), disc=(0.2, 0.1, 0.5)
    )
    clip = (moving[0][:6] + other[0], moving[1][:6] + other[1])
    track = run(network, tmp_path / "one", clip, keys(clip, 0))
    assert track.cuts == (FIRST + 6,)
    again = run(network, tmp_path / "two", clip, keys(clip, 3))
    assert track.digest(FIRST + 1) != again.digest(FIRST + 1)
    for frame in range(FIRST + 6, FIRST + 12):
        assert track.digest(frame) == again.digest(frame)
        np.testing.assert_array_equal(track.coarse(frame), again.coarse(frame))


def test_neither_a_flash_nor_a_fast_pan_is_a_cut(network: OpenModel, tmp_path: Path) -> None:
    wide = texture(7, (0.4, 0.5, 0.4))
    views = [wide[:HEIGHT, x : x + WIDTH] for x in (0, 25, 50, 75)]
    views[2] = np.clip(views[2] + 0.3, 0, 1)
    track = run(network, tmp_path, (views, []), {})
    assert track.cuts == ()


def test_another_key_changes_only_what_it_reaches(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    one = run(network, tmp_path / "one", moving, keys(moving, 0, 5))
    two = run(network, tmp_path / "two", moving, keys(moving, 0, 5, 9))
    for i in range(12):
        same = i <= 5
        assert (one.digest(FIRST + i) == two.digest(FIRST + i)) == same
        if same:
            np.testing.assert_array_equal(one.coarse(FIRST + i), two.coarse(FIRST + i))


def test_a_part_of_the_shot_equals_the_whole(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    for number, key_hints in enumerate(
        (keys(moving, 0, 10), keys(moving, 2), keys(moving, 11), {})
    ):
        whole = run(network, tmp_path / f"whole{number}", moving, key_hints)
        part = run(
            network, tmp_path / f"part{number}", moving, key_hints, range(FIRST + 4, FIRST + 7)
        )
        for frame in range(FIRST + 4, FIRST + 7):
            np.testing.assert_array_equal(whole.coarse(frame), part.coarse(frame))
            assert whole.digest(frame) == part.digest(frame)


def test_a_broken_off_run_goes_on_to_the_same_bytes(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    key_hints = keys(moving, 0, 11)
    run(network, tmp_path / "calm", moving, key_hints)

    def enough(fraction: float, stage: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled), heard_by(enough):
        run(network, tmp_path / "hasty", moving, key_hints)
    begun = files(tmp_path / "hasty")
    assert 0 < len(begun) < len(files(tmp_path / "calm"))
    # A record that the disk lost the end of counts as none.
    broken = next(name for name in begun if name.endswith(".npz"))
    (tmp_path / "hasty" / broken).write_bytes(begun[broken][:50])
    run(network, tmp_path / "hasty", moving, key_hints)
    assert files(tmp_path / "hasty") == files(tmp_path / "calm")


def test_finished_work_is_neither_decoded_nor_computed_again(
    network: OpenModel, moving: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_hints = keys(moving, 3)
    before = run(network, tmp_path, moving, key_hints)

    def never(*_: object) -> np.ndarray:
        raise AssertionError("looked at again")

    monkeypatch.setattr(network.session, "run", never)
    after = run(network, tmp_path, moving, key_hints, look=never)
    for frame in range(FIRST, FIRST + 12):
        np.testing.assert_array_equal(before.coarse(frame), after.coarse(frame))


def test_a_changed_plate_is_looked_at_again(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    key_hints = keys(moving, 0)
    run(network, tmp_path, moving, key_hints, identity=lambda frame: "old")
    mirrored = ([view[:, ::-1] for view in moving[0]], [alpha[:, ::-1] for alpha in moving[1]])
    after = run(network, tmp_path, mirrored, keys(mirrored, 0), identity=lambda frame: "new")
    assert min(scores(after, mirrored)) > 0.85


def test_a_frame_that_cannot_be_read_is_passed_over(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    def look(frame: int) -> np.ndarray:
        if frame == FIRST + 4:
            raise PictureError("The file is truncated.")
        return moving[0][frame - FIRST]

    with heard_by(lambda fraction, stage: None) as remarks:
        track = run(network, tmp_path, moving, keys(moving, 0, 4), look=look)
    assert remarks == [f"The key of subject at frame {FIRST + 4} has no frame that can be read."]
    assert iou(track.coarse(FIRST + 5), moving[1][5]) > 0.85
    with pytest.raises(PictureError, match=str(FIRST + 4)):
        track.coarse(FIRST + 4)


def test_progress_rises_to_the_end(network: OpenModel, moving: Clip, tmp_path: Path) -> None:
    heard: list[float] = []
    with heard_by(lambda fraction, stage: heard.append(fraction)):
        run(network, tmp_path, moving, keys(moving, 0, 6))
    tracking = [x for x in heard if x > 0.1]
    assert tracking == sorted(tracking)
    assert len(tracking) > 12
    assert max(heard) <= 1


def test_several_objects_may_be_tracked_at_once(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    alone = run(network, tmp_path / "alone", moving, keys(moving, 0))
    tracks: dict[str, Track] = {}

    def track(name: str) -> None:
        tracks[name] = Tracker(network, memory(), tmp_path / "track" / name, name=name).track(
            range(FIRST, FIRST + 12), lambda frame: moving[0][frame - FIRST], keys(moving, 0)
        )

    threads = [threading.Thread(target=track, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("a", "b"):
        np.testing.assert_array_equal(tracks[name].coarse(FIRST + 11), alone.coarse(FIRST + 11))


def patterned(places: list[float]) -> Clip:
    """A striped ball before spots: both are of the same two greys."""
    height, width, radius = 144, 256, 34
    random = np.random.default_rng(5)
    noise = cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), 5)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    views, alphas = [], []
    for x in places:
        alpha = np.clip(radius - np.hypot(xs - x, ys - 72) + 0.5, 0, 1)
        light = np.where(alpha > 0.5, np.sin((xs - x) * 0.7) > 0, noise > np.median(noise))
        grey = np.where(light, np.float32(0.7), np.float32(0.3))
        views.append(np.repeat(cv2.GaussianBlur(grey, (0, 0), 0.6)[..., None], 3, 2))
        alphas.append(alpha)
    return views, alphas


def test_what_left_is_found_again_by_its_pattern_where_colours_tell_nothing(
    network: OpenModel, tmp_path: Path
) -> None:
    clip = patterned([60, 40, 10, -30, -60, 330, 290, 250, 210, 190])
    track = run(network, tmp_path, clip, keys(clip, 0))
    assert track.coarse(FIRST + 4).mean() < 0.01  # away
    assert min(scores(track, clip)[-2:]) > 0.6


def test_a_key_outside_the_plate_is_named(network: OpenModel, moving: Clip, tmp_path: Path) -> None:
    hint = keys(moving, 0)[FIRST]
    with pytest.raises(UsageError, match=r"frame 2000 .*1001–1012"):
        run(network, tmp_path, moving, {2000: hint})


def test_a_model_without_hints_is_refused(network: OpenModel, tmp_path: Path) -> None:
    hintless = replace(network, name="u2netp", input=Store().card("u2netp").input)
    with pytest.raises(UsageError, match="u2netp takes no hints"):
        Tracker(hintless, memory(), tmp_path)


@pytest.mark.skipif(not (SHARED / "video").is_dir(), reason="needs the shared data")
@pytest.mark.parametrize(
    ("name", "places", "floor"),
    [("hike", (0,), 0.88), ("rollerblade", (0,), 0.75), ("dog-agility", (0, 11), 0.72)],
)
def test_real_film_is_followed(
    network: OpenModel, tmp_path: Path, name: str, places: tuple[int, ...], floor: float
) -> None:
    folder = SHARED / "video" / name
    views, alphas = [], []
    for i in range(12):
        frame = cv2.imread(str(folder / "frames" / f"{name}.{FIRST + i}.jpg"))
        mask = cv2.imread(str(folder / "masks" / f"{name}.{FIRST + i}.png"), cv2.IMREAD_GRAYSCALE)
        size = track_size(*mask.shape)[::-1]
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)[..., ::-1]
        views.append(small.astype(np.float32) / 255)
        alphas.append(cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255)
    track = run(network, tmp_path, (views, alphas), keys((views, alphas), *places))
    others = [s for i, s in enumerate(scores(track, (views, alphas))) if i not in places]
    assert np.mean(others) > floor


def sloppily(mask: np.ndarray, how: str) -> np.ndarray:
    """A mask as somebody in a hurry draws it."""
    inside, size = (mask > 0.5).view(np.uint8), float(np.sqrt(mask.sum()))

    def disc(share: float) -> np.ndarray:
        radius = round(share * size)
        return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))

    if how == "too large":
        drawn = cv2.dilate(inside, disc(0.12))
    elif how == "too small":
        drawn = cv2.erode(inside, disc(0.08))
    elif how == "beside it":
        move = np.array([[1, 0, 0.12 * size], [0, 1, -0.08 * size]], np.float32)
        drawn = cv2.warpAffine(inside, move, inside.shape[::-1])
    else:
        outline = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
        drawn = np.zeros_like(inside)
        cv2.fillPoly(drawn, [cv2.approxPolyDP(outline, 0.12 * size, True)], 1)
    return drawn.astype(np.float32)


def changes(track: Track, clip: Clip) -> np.ndarray:
    """Of the matte along the motion, from each frame to the next, as shares of its area."""
    views, mattes = clip[0], [track.coarse(FIRST + i) for i in range(len(clip[0]))]
    found = []
    for i in range(1, len(views)):
        carried = warp(mattes[i - 1], optical_flow(views[i], views[i - 1]))
        found.append(np.abs(mattes[i] - carried).sum() / mattes[i].sum())
    return np.array(found)


@pytest.mark.parametrize("how", ["a polygon", "too large", "too small", "beside it"])
def test_the_edge_of_a_rough_key_is_found_anew(
    network: OpenModel, moving: Clip, tmp_path: Path, how: str
) -> None:
    """It is nearer to the truth than what was drawn, and does not pop among its neighbours."""
    place = 6
    mask = sloppily(moving[1][place], how)
    track = run(network, tmp_path / "rough", moving, {FIRST + place: drawn(mask, exact=False)})
    found = scores(track, moving)
    assert found[place] > 0.5 * (1 + iou(mask, moving[1][place]))
    unaided = run(network, tmp_path / "unaided", moving, {})
    assert np.mean(found) >= np.mean(scores(unaided, moving)) - 0.01
    change = changes(track, moving)
    there, elsewhere = change[place - 1 : place + 1], np.delete(change, [place - 1, place])
    assert np.mean(there) <= 1.2 * np.median(elsewhere)


def test_what_was_drawn_precisely_stays(network: OpenModel, tmp_path: Path) -> None:
    """Every other sector of a disc: what no network takes for one thing, along edges throughout."""
    views, alphas = disc_clip([(96, 56)] * 2, radius=40)
    y, x = np.indices(alphas[0].shape)
    sectors = (alphas[0] * (np.cos(6 * np.arctan2(y - 56, x - 96)) > 0)).astype(np.float32)
    others = (alphas[0] - sectors)[..., None] > 0.5
    views = [np.where(others, 0.6 * view[..., ::-1], view).astype(np.float32) for view in views]
    key = {FIRST: drawn((sectors > 0.5).astype(np.float32), exact=False)}
    found = run(network, tmp_path, (views, [sectors] * 2), key).coarse(FIRST)
    assert iou(found, sectors) > 0.97


def test_a_piece_that_was_forgotten_is_found(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    """As one that is too much is left out: there the outline follows no edge."""
    view, truth = moving[0][6], moving[1][6]
    x, y = (
        round(float((truth * grid).sum() / truth.sum())) for grid in np.indices(truth.shape)[::-1]
    )
    for value, place in ((0.0, (x, y)), (1.0, (x + 20, y))):
        mask = (truth > 0.5).astype(np.float32)
        cv2.circle(mask, place, 9, value, -1)
        key = {FIRST: drawn(mask, exact=False)}
        found = run(network, tmp_path / str(value), ([view] * 2, [truth] * 2), key).coarse(FIRST)
        assert iou(found, truth) > 0.5 * (1 + iou(mask, truth))


def test_a_rough_key_says_which_of_two_alike_is_meant(network: OpenModel, tmp_path: Path) -> None:
    places = [(45 + 2 * i, 40 + 3 * i) for i in range(10)]
    meant = disc_clip(places)
    other = disc_clip([(140 - 2 * i, 60) for i in range(10)])
    views = [
        np.where(alpha[..., None] > 0.5, theirs, ours)
        for ours, theirs, alpha in zip(meant[0], other[0], other[1], strict=True)
    ]
    clip = (views, meant[1])
    key = {FIRST + 4: drawn(sloppily(meant[1][4], "a polygon"), exact=False)}
    found = scores(run(network, tmp_path / "rough", clip, key), clip)
    assert min(found) > 0.85
    unaided = scores(run(network, tmp_path / "unaided", clip, {}), clip)
    assert np.mean(found) > np.mean(unaided)


def test_a_rough_key_may_mean_a_part_of_what_stands_out(network: OpenModel, tmp_path: Path) -> None:
    """A head and no shoulders: the rest of what a network sees as one thing is not collected."""
    views, alphas = disc_clip([(96, 56)] * 2, radius=40)
    part = alphas[0].copy()
    part[:, 96:] = 0
    key = {FIRST: drawn(sloppily(part, "a polygon"), exact=False)}
    found = run(network, tmp_path, (views, alphas), key).coarse(FIRST)
    assert iou(found, part) > 0.8
    assert found[:, 110:].max() < 0.1


def test_an_empty_rough_key_says_that_it_is_not_there(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    key_hints = keys(moving, 0) | {FIRST + 11: drawn(np.zeros((HEIGHT, WIDTH)), exact=False)}
    track = run(network, tmp_path, moving, key_hints)
    assert not track.coarse(FIRST + 11).any()


def test_rough_mattes_of_every_frame_come_out_better_and_calmer(
    network: OpenModel, moving: Clip, tmp_path: Path
) -> None:
    ways = ("too large", "a polygon", "too small", "beside it")
    masks = [sloppily(mask, ways[i % 4]) for i, mask in enumerate(moving[1][:8])]
    clip = (moving[0][:8], moving[1][:8])
    track = run(
        network,
        tmp_path,
        clip,
        {FIRST + i: drawn(mask, exact=False) for i, mask in enumerate(masks)},
    )
    given = np.mean([iou(mask, truth) for mask, truth in zip(masks, clip[1], strict=True)])
    assert np.mean(scores(track, clip)) > 0.5 * (1 + given)
    areas = [float(track.coarse(FIRST + i).sum()) for i in range(8)]
    assert np.std(areas) < 0.3 * np.std([float(mask.sum()) for mask in masks])
