"""Training: pure samples, honest recipes, runs that go on where they stopped, working exports."""

from __future__ import annotations

import copy
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.catalogue import Card, FileEntry, Input, Licence, Output, Store
from mattelier.commands.main import main
from mattelier.data.pairs import find_pairs, read_cutout
from mattelier.data.splits import split_pairs
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel
from mattelier.learning.export import file_entry
from mattelier.learning.losses import total_loss
from mattelier.networks.cutout.detail import DetailCutoutNet
from mattelier.networks.cutout.network import CutoutNet, fold_norms
from mattelier.train import recipe as recipes
from mattelier.train.cutout import CutoutRun
from mattelier.train.cutout_samples import Sample, Samples
from mattelier.train.init_weights import init_weights
from mattelier.train.random_hints import draw_hint
from mattelier.train.recipe import HINT_KINDS, Recipe, Stage, load_recipe
from mattelier.train.registry import TRAININGS
from mattelier.train.training_run import TrainingRun
from mattelier.types.errors import UsageError

SIZE = 64


pytestmark = pytest.mark.usefixtures("one_thread")


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(path.suffix, values)[1].tofile(path)


def drawn(random: np.random.Generator, subjects: int) -> tuple[np.ndarray, np.ndarray]:
    picture = random.integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    truth = np.zeros((SIZE, SIZE), np.uint8)
    for place in ((18, 20), (46, 42))[:subjects]:
        colour = random.integers(120, 255, 3).tolist()
        cv2.circle(picture, place, 13, colour, -1)
        cv2.circle(truth, place, 13, 255, -1)
    return picture, truth


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(3)
    for number in range(10):
        picture, truth = drawn(random, 1 + number % 2)
        if number == 0:  # a truth with an unknown band
            truth[truth == 255] = np.where(random.random((truth == 255).sum()) < 0.3, 128, 255)
        save(folder / f"set/images/{number}.png", picture)
        save(folder / f"set/masks/{number}.png", truth)
        save(folder / f"scenes/{number}.jpg", random.integers(0, 255, (70, 90, 3), np.uint8))
    picture, truth = drawn(random, 1)
    save(folder / "cutouts/one.png", np.dstack([picture, truth]))
    return folder


def recipe(**changes: object) -> Recipe:
    tiny = Recipe(
        seed=5,
        samples=12,
        stages=(Stage(until=1.0, size=SIZE, batch=2),),
        sets={"set": 1.0},
        cutouts=("cutouts",),
        scenes=("scenes",),
        mix={"photo": 0.4, "paste": 0.2, "over": 0.2, "shape": 0.2},
        hints={"none": 0.3, "mask": 0.2, "clicks": 0.2, "box": 0.15, "trimap": 0.15},
        warm_up=4,
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def check(sample: Sample, size: int) -> None:
    assert sample.picture.shape == (3, size, size)
    assert sample.picture.dtype == np.uint8
    assert sample.alpha.shape == sample.weight.shape == (1, size, size)
    assert sample.hint.shape == (2, size, size)
    for values in sample[1:]:
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1
    assert sample.hint.sum(0).max() <= 1 + 1e-5


@pytest.mark.parametrize("sample_type", ["photo", "paste", "over", "shape"])
def test_samples_of_every_kind_are_in_range_and_hold_a_subject(
    sample_type: str, data: Path
) -> None:
    samples = Samples(recipe(mix={sample_type: 1.0}), data)
    found = 0
    for index in range(25):
        sample = samples.make(index, 96)
        check(sample, 96)
        found += sample.alpha.max() > 0.9
    assert found >= 20


def test_a_sample_is_a_pure_function_of_seed_and_index(data: Path) -> None:
    one, other = Samples(recipe(), data), Samples(recipe(), data)
    another_seed = Samples(recipe(seed=6), data)
    forwards = [one.make(index, SIZE) for index in range(8)]
    backwards = [other.make(index, SIZE) for index in reversed(range(8))][::-1]
    for ours, theirs in zip(forwards, backwards, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert any((s.picture != another_seed.make(i, SIZE).picture).any()
               for i, s in enumerate(forwards))  # fmt: skip
    assert len({s.picture.tobytes() for s in forwards}) == len(forwards)


def test_without_hints_no_subject_of_several_is_meant_alone(data: Path) -> None:
    """Nothing could tell the network which one it is."""
    samples = Samples(recipe(mix={"photo": 1.0}, hints={"none": 1.0}, choose=1.0), data)
    hinted = Samples(recipe(mix={"photo": 1.0}, hints={"mask": 1.0}, choose=1.0), data)
    alone, chosen = (
        sum(float(each.make(i, SIZE).alpha.sum()) for i in range(40)) for each in (samples, hinted)
    )
    assert chosen < 0.9 * alone


def test_where_one_subject_covers_another_there_is_no_seam(tmp_path: Path) -> None:
    """A soft edge over another subject covers the scene as fully as what it covers."""
    for number in range(8):
        picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
        save(tmp_path / f"set/images/{number}.png", picture)
        save(tmp_path / f"set/masks/{number}.png", np.full((SIZE, SIZE), 255, np.uint8))
    samples = Samples(recipe(mix={"over": 1.0}, cutouts=(), scenes=()), tmp_path)
    alphas = [samples.make(index, SIZE).alpha for index in range(30)]
    whole = [a for a in alphas if a.mean() > 0.999]
    assert len(whole) > 5
    assert all(a.min() > 0.99 for a in whole)


def test_cutouts_of_16_bits_are_read_as_of_8(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
    save(tmp_path / "fine.png", rgba)
    save(tmp_path / "finer.png", rgba.astype(np.uint16) * 257)
    for ours, theirs in zip(
        *(read_cutout(tmp_path / f"{name}.png") for name in ("fine", "finer")), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_unknown_truth_has_no_weight(data: Path) -> None:
    """Only picture 0 has an unknown band; where the truth is certain all pixels count."""
    samples = Samples(recipe(mix={"photo": 1.0}), data)
    weights = [samples.make(index, SIZE).weight for index in range(40)]
    assert any((weight == 0).any() for weight in weights)
    assert any((weight == 1).all() for weight in weights)


def test_pictures_held_back_are_never_trained_on(data: Path) -> None:
    names = [f"{number}.png" for number in range(10)]
    held_out = {n for n in names if hashlib.sha1(n.encode()).hexdigest()[0] in "01"}
    train, dev = split_pairs(find_pairs(data / "set"))
    assert {pair.picture.name for pair in dev} == held_out
    assert {pair.picture.name for pair in train} == set(names) - held_out
    used = {pair.picture.name for one_set in Samples(recipe(), data).sets for pair in one_set}
    assert used == set(names) - held_out


def test_what_a_recipe_leaves_out_is_never_drawn(data: Path) -> None:
    whole = Samples(recipe(), data)
    less = Samples(recipe(left_out={"set": ["1"], "scenes": ["2"]}), data)
    names = [{pair.picture.stem for pair in samples.sets[0]} for samples in (whole, less)]
    assert names[0] - names[1] == {"1"}
    scenes = [{path.stem for path in samples.scenes} for samples in (whole, less)]
    assert scenes[0] - scenes[1] == {"2"}


def test_what_is_thin_and_what_is_a_hole_weighs_more(tmp_path: Path) -> None:
    truth = np.zeros((SIZE * 2, SIZE * 2), np.uint8)
    cv2.circle(truth, (SIZE, SIZE), SIZE // 2, 255, -1)
    cv2.circle(truth, (SIZE, SIZE), SIZE // 5, 0, -1)  # a ring
    truth[SIZE, : SIZE // 2] = 255  # with a strand
    for number in range(10):
        save(tmp_path / f"set/images/{number}.png", np.dstack([truth] * 3))
        save(tmp_path / f"set/masks/{number}.png", truth)
    plain = recipe(mix={"photo": 1.0}, cutouts=(), scenes=())
    fine = Samples(replace(plain, fine=3.0), tmp_path)
    holes = strands = 0
    for index in range(20):
        alike, sample = Samples(plain, tmp_path).make(index, 128), fine.make(index, 128)
        assert sample.weight.dtype == np.float32
        np.testing.assert_array_equal(sample.alpha, alike.alpha)
        heavy = sample.weight[0] == 4 * alike.weight[0]
        np.testing.assert_array_equal(sample.weight[0][~heavy], alike.weight[0][~heavy])
        assert heavy.mean() < 0.2
        subject = sample.alpha[0] > 0.5
        count, labels = cv2.connectedComponents((~subject).astype(np.uint8), connectivity=4)
        rim = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
        for hole in set(range(1, count)) - rim:
            assert heavy[labels == hole].all()
            holes += 1
        thick = cv2.morphologyEx(subject.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
        strand = subject & (cv2.dilate(thick, np.ones((5, 5))) == 0)
        assert heavy[strand].all()
        strands += bool(strand.any())
    assert holes > 5
    assert strands > 5


def test_in_a_group_the_hint_names_one_of_those_that_stand_side_by_side(data: Path) -> None:
    hints = {"none": 0.2, "clicks": 0.8}
    grouped = recipe(mix={"group": 1.0}, groups={"set": 1.0}, choose=1.0, hints=hints)
    samples = Samples(grouped, data)
    everybody = Samples(replace(grouped, choose=0.0), data)
    shares, on_it, beside = [], [], 0
    for index in range(40):
        one, all_of_them = samples.make(index, 96), everybody.make(index, 96)
        check(one, 96)
        shares.append(float(one.alpha.sum() / all_of_them.alpha.sum()))
        if shares[-1] > 0.99:  # nobody else is in the frame
            continue
        chosen = one.alpha[0] > 0.5
        assert one.hint.any()
        on_it.append(chosen[one.hint[0] > 0].mean())
        near = cv2.dilate(chosen.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        beside += bool((near & ~chosen & (all_of_them.alpha[0] > 0.9)).any())
    assert 0.2 < np.mean(shares) < 0.8
    assert np.mean(on_it) > 0.6  # discs of clicks reach over the edge
    assert beside > 12  # touching, or covering each other


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """A set of label maps, written of COCO's annotations of twelve pictures by the command."""
    shapes = [
        (square(8, 20, 30), 0),  # 1: grey 200
        (square(30, 30, 24), 0),  # 2, in front of it
        (square(12, 24, 8), 0),  # worn by the first
        (square(60, 4, 3), 0),  # too small to be meant
        (square(70, 50, 12), 1),  # a crowd
    ]
    images, annotations = [], []
    for number in range(12):
        picture = np.zeros((SIZE, 96, 3), np.uint8)
        picture[20:50, 8:38], picture[30:54, 30:54] = 200, 100
        save(tmp_path / f"pictures/{number}.png", picture)
        images.append({"id": number, "file_name": f"{number}.png", "height": SIZE, "width": 96})
        annotations += [
            {"image_id": number, "category_id": 1, "segmentation": place, "iscrowd": crowd}
            for place, crowd in (shapes if number else shapes[:1])
        ]
    values = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "a"}]}
    (tmp_path / "truths.json").write_text(json.dumps(values), "utf-8")
    arguments = ["--truths", tmp_path / "truths.json", "--pictures", tmp_path / "pictures"]
    done = subprocess.run(
        [sys.executable, "-m", "mattelier.train.instances", *arguments, "--out", tmp_path / "set"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "11 of 12 pictures have several subjects" in done.stdout
    return tmp_path


def test_annotations_become_maps_of_numbered_subjects(annotated: Path) -> None:
    pairs = find_pairs(annotated / "set")
    assert len(pairs) == 11
    picture, labels = pairs[0].read()
    assert set(np.unique(labels)) == {0, 1, 2, 255}
    np.testing.assert_array_equal(labels == 1, picture[..., 0] == 200)  # with what it wears
    np.testing.assert_array_equal(labels == 2, picture[..., 0] == 100)
    assert (labels[50:62, 70:82] == 255).all()


def test_of_several_subjects_a_hint_means_one(annotated: Path) -> None:
    hints = {"none": 0.5, "clicks": 0.5}
    several = recipe(
        mix={"several": 1.0}, instances={"set": 1.0}, loose={"set": 2}, cutouts=(), scenes=(),
        choose=1.0, hints=hints,
    )  # fmt: skip
    samples = Samples(several, annotated)
    meant, against = set(), 0
    for index in range(40):
        sample = samples.make(index, 96)
        check(sample, 96)
        alpha, (on_it, beside) = sample.alpha[0] > 0.5, sample.hint
        assert alpha[on_it > 0].mean() > 0.6
        inside = cv2.erode(alpha.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        value = float(np.median(sample.picture[0][inside])) if inside.any() else 0.0
        meant.add(value > 0 and sample.picture[0][inside].std() < 60)
        against += bool((beside > 0).any())
        edge = cv2.morphologyEx(sample.alpha[0], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        assert not sample.weight[0][edge > 0.5].any()
    assert meant == {True}  # a subject alone is of one grey
    assert against > 4


def test_where_nothing_is_nothing_is_to_be_found(data: Path) -> None:
    """Scenes and patterns, each another, and no hint says that there were something."""
    samples = Samples(recipe(mix={"nothing": 1.0}, hints={"clicks": 1.0}), data)
    pictures = []
    for index in range(12):
        sample = samples.make(index, 64)
        check(sample, 64)
        assert not sample.alpha.any()
        assert not sample.hint.any()
        assert sample.weight.all()
        pictures.append(sample.picture)
    assert len(np.unique(np.stack(pictures), axis=0)) == 12


def test_a_followed_frame_comes_with_what_tracking_says_of_it(data: Path) -> None:
    """Mostly right, and not always: the picture's own hint, turned as the picture is."""
    changes = {"mix": {"followed": 1.0}, "groups": {"set": 1.0}, "hints": {"none": 1.0}}
    samples = Samples(recipe(**changes), data)
    made = [samples.make(index, 128) for index in range(12)]
    inside, outside, wrong = [], [], 0
    for sample in made:
        check(sample, 128)
        alpha, odds = sample.alpha[0], sample.hint[0] - sample.hint[1]
        if (alpha > 0.9).mean() > 0.005:
            inside.append(odds[alpha > 0.9].mean())
            outside.append(odds[alpha < 0.1].mean())
        wrong += bool(((odds > 0.3) & (alpha < 0.1)).any())
    assert len(inside) > 6
    assert np.median(inside) > 0.3
    assert np.median(outside) < -0.5
    assert wrong > 0
    again = Samples(recipe(**changes), data).make(7, 128)
    for one, other in zip(made[7], again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_clicks_against_go_to_the_others_first() -> None:
    alpha, other = np.zeros((2, SIZE, SIZE), np.float32)
    alpha[10:50, 5:25] = other[10:50, 30:50] = 1
    hit = missed = 0
    for seed in range(60):
        evidence = draw_hint(alpha, np.random.default_rng(seed), (0, 0, 1, 0, 0, 0), [other])
        count, _, _, centres = cv2.connectedComponentsWithStats(evidence[1].astype(np.uint8))
        for x, y in centres[1:count].astype(int):
            hit, missed = hit + bool(other[y, x]), missed + (not other[y, x])
    assert hit > 2 * missed > 0


def test_a_network_s_answers_teach_their_soft_edges_and_not_their_haze(tmp_path: Path) -> None:
    truth = np.zeros((SIZE, SIZE), np.uint8)
    truth[:, :20] = 255
    truth[:, 20] = 128  # an edge, in every row
    truth[20:44, 40:60] = 120  # haze
    for number in range(8):
        save(tmp_path / f"set/images/{number}.png", np.full((SIZE, SIZE, 3), number, np.uint8))
        save(tmp_path / f"set/masks/{number}.png", truth)
    plain = recipe(mix={"photo": 1.0}, cutouts=(), scenes=(), hints={"none": 1.0})
    soft = Samples(replace(plain, soft=("set",)), tmp_path)
    taught = unknown = 0
    for index in range(20):
        sample = soft.make(index, SIZE)
        grey = (sample.alpha > 0.3) & (sample.alpha < 0.7)
        hazy = cv2.erode(grey[0].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert not sample.weight[0][hazy].any()
        unknown += int(hazy.any())
        taught += int((grey & (sample.weight == 1)).any())
    assert unknown > 10
    assert taught > 10


@pytest.mark.parametrize("sample_type", ["photo", "over"])
def test_near_loose_outlines_nothing_is_taught(sample_type: str, data: Path) -> None:
    """Of a subject that was pasted over a photograph the outline is known."""
    exact, loose = (
        Samples(recipe(mix={sample_type: 1.0}, hints={"none": 1.0}, loose={"set": pixels}), data)
        for pixels in (0, 3)
    )
    taught = [sum(float(s.make(i, SIZE).weight.mean()) for i in range(20)) for s in (exact, loose)]
    assert taught[1] < 0.95 * taught[0]
    for sample in (loose.make(index, SIZE) for index in range(20)):
        inside = (sample.alpha[0] > 0.5).astype(np.uint8)
        ring = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        if sample_type == "photo" and ring.any():
            assert sample.weight[0][ring].max() == 0
        if ring.any():
            far = cv2.distanceTransform((~ring).astype(np.uint8), cv2.DIST_L2, 5) > 6
            assert sample.weight[0][far].mean() > 0.6


def test_one_subject_of_several_is_always_told(data: Path) -> None:
    """Without a hint nothing says that the bicycle is meant and not its rider."""
    hints = {"none": 0.9, "mask": 0.1}
    several = {"set": [str(number) for number in range(10)]}
    with_hint, guessed = (
        [
            bool(samples.make(index, SIZE).hint.any())
            for samples in [Samples(recipe(mix={"photo": 1.0}, hints=hints, **changes), data)]
            for index in range(30)
        ]
        for changes in ({"one_of_several": several, "choose": 0.1}, {"choose": 0.0})
    )
    assert all(with_hint)
    assert sum(guessed) < 15


@pytest.mark.parametrize("sample_type", ["none", "mask", "clicks", "box", "trimap"])
def test_training_hints_speak_as_users_do(sample_type: str) -> None:
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[20:50, 15:45] = 1
    shares = tuple(float(sample_type == name) for name in HINT_KINDS)
    for seed in range(20):
        evidence = draw_hint(alpha, np.random.default_rng(seed), shares)
        assert evidence.shape == (2, SIZE, SIZE)
        if sample_type == "none":
            assert not evidence.any()
        elif sample_type == "mask":
            np.testing.assert_allclose(evidence.sum(0), 0.7, atol=1e-5)
        elif sample_type == "clicks":
            assert alpha[evidence[0] == 1].mean() > 0.5
        elif sample_type == "box":
            assert not evidence[0].any()
            assert alpha[evidence[1] == 1].mean() < 0.05
        else:
            assert alpha[evidence[0] > 0.5].min(initial=1) == 1
            assert alpha[evidence[1] > 0.5].max(initial=0) == 0


def test_what_tracking_says_is_unsure_and_strays_onto_others() -> None:
    alpha, other = np.zeros((2, SIZE, SIZE), np.float32)
    alpha[10:50, 5:25] = other[10:50, 35:60] = 1
    shares = tuple(float(name == "tracked") for name in HINT_KINDS)
    on_it, on_other, strayed, alone = [], [], 0, 0
    for seed in range(60):
        evidence = draw_hint(alpha, np.random.default_rng(seed), shares, [other])
        assert evidence.min() >= 0
        assert evidence.max() <= 0.7 + 1e-6
        assert not evidence.all(0).any()  # a place speaks for or against, not both
        on_it.append((evidence[0] - evidence[1])[alpha > 0].mean())
        on_other.append((evidence[0] - evidence[1])[other > 0].mean())
        strayed += bool((evidence[0][other > 0] > 0.2).mean() > 0.05)
        plain = draw_hint(alpha, np.random.default_rng(seed), shares)
        alone += bool((plain[0][other > 0] > 0.2).mean() > 0.05)
    assert np.mean(on_it) > 0.1
    assert np.mean(on_other) < -0.1
    assert strayed > 3 * alone


TEXT = """\
seed = 5
samples = 4
stages = [{ until = 1.0, size = 64, batch = 2 }]
scenes = ["scenes"]
warm_up = 4

[sets]
set = 1

[mix]
photo = 1
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TEXT, "utf-8")
    return path


def test_a_recipe_is_read_from_toml(written: Path) -> None:
    tiny = load_recipe(written)
    assert (tiny.seed, tiny.samples, tiny.sets, tiny.scenes) == (5, 4, {"set": 1}, ("scenes",))
    assert tiny.stage(0.5) == Stage(until=1.0, size=64, batch=2)


def test_a_recipe_says_only_what_differs_from_its_base(written: Path) -> None:
    path = written.with_name("more.toml")
    path.write_text('base = "tiny"\nseed = 6\n[sets]\nother = 2\n', "utf-8")
    more = load_recipe(path)
    assert (more.seed, more.samples, more.sets, more.scenes) == (6, 4, {"other": 2}, ("scenes",))
    path.write_text('base = "cutout_7"\nseed = 8\n', "utf-8")
    ours = load_recipe(Path(recipes.__file__).parent / "recipes" / "cutout_7.toml")
    assert load_recipe(path) == replace(ours, seed=8)


@pytest.mark.parametrize(("base", "words"), [("more", "its own base"), ("gone", "gone.toml")])
def test_a_recipe_without_a_base_is_one_sentence(base: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "more.toml"
    path.write_text(f'base = "{base}"\n', "utf-8")
    with pytest.raises(UsageError, match=words):
        load_recipe(path)


def test_stages_follow_progress() -> None:
    small, large = Stage(0.6, 64, 4), Stage(1.0, 128, 2)
    staged = recipe(stages=(small, large))
    assert [staged.stage(p) for p in (0, 0.59, 0.6, 1.0)] == [small, small, large, large]


@pytest.mark.parametrize(
    "name", ["cutout", *(f"cutout_{number}" for number in range(2, 10)), "cutout_shot"]
)
def test_the_shipped_recipe_is_whole(name: str) -> None:
    path = Path(recipes.__file__).parent / "recipes" / f"{name}.toml"
    shipped = load_recipe(path)
    assert shipped.stages[-1].until == 1
    assert all(stage.size % (64 if shipped.detail else 32) == 0 for stage in shipped.stages)
    assert sum(shipped.mix.values()) == pytest.approx(1)
    assert sum(shipped.hints.values()) == pytest.approx(1)


def test_every_shipped_recipe_can_be_trained() -> None:
    """Its task has a row, whose class reads it; and no row is without a recipe."""
    folder = Path(recipes.__file__).parent / "recipes"
    tasks = set()
    for path in sorted(folder.glob("*.toml")):
        task, _ = recipes.recipe_values(path)
        module, _, name = TRAININGS[task].partition(":")
        run_type = getattr(import_module(f"mattelier.train.{module}"), name)
        assert issubclass(run_type, TrainingRun)
        assert run_type.load_recipe(path)
        tasks.add(task)
    assert tasks == set(TRAININGS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("seed = 5", "sede = 5"), ("unknown key", "sede")),
        (("seed = 5", ""), ("lacks", "seed")),
        (("size = 64", "sise = 64"), ("unknown key", "sise")),
        (("seed = 5", "seed = "), ("cannot be read",)),
        (("photo = 1", "foto = 1"), ("mix", "foto")),
        (("warm_up = 4", "warm_up = 4\nhints = { klick = 1 }"), ("hints", "klick")),
        (("stages = [{ until = 1.0, size = 64, batch = 2 }]", "stages = []"), ("stages",)),
        (("size = 64", "size = 60"), ("stage sizes", "32")),
        (("photo = 1", "group = 1"), ("groups",)),
        (("photo = 1", "several = 1"), ("instances",)),
    ],
)
def test_a_wrong_recipe_is_one_sentence(
    change: tuple[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(TEXT.replace(*change), "utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    sentence = str(caught.value)
    assert all(word in sentence for word in (*words, "wrong.toml")), sentence
    assert sentence.endswith(".")


def test_a_recipe_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")


def test_data_without_pictures_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no pictures"):
        Samples(recipe(), tmp_path)


def test_a_mix_that_pastes_needs_scenes(data: Path) -> None:
    for mix in ({"paste": 1.0}, {"shape": 1.0}, {"nothing": 1.0}, {"followed": 1.0}):
        with pytest.raises(UsageError, match="scenes"):
            Samples(recipe(mix=mix, scenes=()), data)


# Runs.


class Interrupted(CutoutRun):
    """A run that gets a signal in its n-th step, and its workers with it, as from a terminal."""

    after = 1
    number = signal.SIGINT

    def _step(self, batch: list[torch.Tensor]) -> float:
        loss = super()._step(batch)
        self.after -= 1
        if self.after == 0:
            for worker in multiprocessing.active_children():
                # From elsewhere, as a terminal does: PyTorch knows its parent's signals.
                subprocess.run(["kill", f"-{self.number.value}", str(worker.pid)], check=True)
            signal.raise_signal(self.number)
            time.sleep(0.5)  # as long as a step may take: a worker's death would be noticed
        return loss


def train(run: CutoutRun) -> bool:
    run.start(lambda network: None)
    return run.train(lambda line: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    number: signal.Signals, data: Path, tmp_path: Path
) -> None:
    tiny = recipe(samples=4, stages=(Stage(0.5, 64, 2), Stage(1.0, 96, 2)))
    whole = CutoutRun(tiny, data, tmp_path / "whole", hours=None)
    assert train(whole)

    handler = signal.getsignal(signal.SIGINT)
    stopped = Interrupted(tiny, data, tmp_path / "parts", hours=None)
    stopped.number = number
    assert not train(stopped)
    assert signal.getsignal(signal.SIGINT) is handler
    assert (stopped.index, stopped.progress) == (2, 0.5)
    resumed = CutoutRun(tiny, data, tmp_path / "parts", hours=None)
    resumed.start(lambda network: pytest.fail("a run that goes on must not begin anew"))
    assert resumed.index == 2
    assert resumed.train(lambda line: None)

    ours, theirs = resumed.average.state_dict(), whole.average.state_dict()
    start = CutoutNet(norm=True).state_dict()
    assert any((ours[name] != start[name]).any() for name in ours)
    for name, value in theirs.items():  # nearly: threads may add in another order
        torch.testing.assert_close(ours[name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_a_finished_run_has_nothing_left_to_do(data: Path, tmp_path: Path) -> None:
    tiny = recipe(samples=2)
    assert train(CutoutRun(tiny, data, tmp_path / "run", hours=None))
    state = (tmp_path / "run/state.pt").stat().st_size
    again = CutoutRun(tiny, data, tmp_path / "run", hours=None)
    assert train(again)
    assert again.index == 2
    assert (tmp_path / "run/state.pt").stat().st_size == state
    assert not list((tmp_path / "run").glob("*.part"))


def test_a_time_box_ends_a_run(data: Path, tmp_path: Path) -> None:
    run = CutoutRun(recipe(samples=10_000_000), data, tmp_path / "run", hours=0.2 / 3600)
    assert train(run)
    assert run.progress == 1
    assert run.elapsed >= 0.2
    assert run.index < 200
    resumed = CutoutRun(recipe(samples=10_000_000), data, tmp_path / "run", hours=0.2 / 3600)
    assert train(resumed)  # the time that was used stays used
    assert resumed.index == run.index


def test_the_early_encoder_stays_as_it_was(data: Path, tmp_path: Path) -> None:
    run = CutoutRun(recipe(samples=2), data, tmp_path / "run", hours=None)
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    train(run)
    changed = {n for n, v in run.network.state_dict().items() if not torch.equal(v, before[n])}
    assert not any(
        name.startswith(("stem", "blocks.0.", "blocks.1.", "blocks.2.")) for name in changed
    )
    for part in ("blocks.3.", "blocks.16.", "aspp", "hint_add", "up2", "out.0"):
        assert any(name.startswith(part) for name in changed), part


def test_the_loss_of_one_picture_falls() -> None:
    torch.manual_seed(0)
    network = CutoutNet(norm=True).train()
    picture, truth = drawn(np.random.default_rng(0), 1)
    pictures = torch.from_numpy(
        picture.transpose(2, 0, 1)[None].repeat(2, 0).astype(np.float32) / 255
    )
    alpha = torch.from_numpy(truth[None, None].repeat(2, 0).astype(np.float32) / 255)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    losses = []
    for _ in range(8):
        levels = network.levels(*network.early(pictures), torch.zeros(2, 2, SIZE, SIZE))
        loss = total_loss(levels, alpha, torch.ones_like(alpha))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_is_small_for_the_truth_and_blind_where_it_is_unknown() -> None:
    alpha = torch.zeros(1, 1, SIZE, SIZE)
    alpha[..., 16:48, 16:48] = 1
    weight = torch.ones_like(alpha)
    sure = [20 * torch.nn.functional.avg_pool2d(2 * alpha - 1, step) for step in (2, 4, 8, 16)]
    wrong = [-level for level in sure]
    assert (
        float(total_loss(sure, alpha, weight)) < 0.01 < 1 < float(total_loss(wrong, alpha, weight))
    )
    weight[..., :32] = 0
    altered = [level.clone() for level in sure]
    for level in altered:
        level[..., : level.shape[-1] // 2] *= -1
    torch.testing.assert_close(total_loss(altered, alpha, weight), total_loss(sure, alpha, weight))


def test_a_run_in_bfloat16_ends_near_one_in_float32(data: Path, tmp_path: Path) -> None:
    runs = [
        CutoutRun(recipe(samples=8, bfloat16=short), data, tmp_path / str(short), hours=None)
        for short in (False, True)
    ]
    assert all(train(run) for run in runs)
    full, half = (run.network.state_dict() for run in runs)
    assert any((full[name] != half[name]).any() for name in full)
    for name in ("stem.weight", "blocks.9.expand.weight", "context.blocks.0.ask.weight"):
        assert half[name].dtype == torch.float32
        torch.testing.assert_close(half[name], full[name], atol=0.01, rtol=0.1)


def test_a_run_keeps_a_share_of_what_it_started_from(data: Path, tmp_path: Path) -> None:
    results = {}
    for kept in (0.0, 0.25, 1.0):
        run = CutoutRun(recipe(samples=2, kept=kept), data, tmp_path / str(kept), hours=None)
        started = fold_norms(copy.deepcopy(run.network).eval()).state_dict()
        assert train(run)
        again = CutoutRun(recipe(samples=2, kept=kept), data, tmp_path / str(kept), hours=None)
        assert train(again)
        results[kept] = again.result().state_dict()
    for name, value in started.items():
        mixed = results[0.0][name].lerp(value, 0.25)
        torch.testing.assert_close(results[0.25][name], mixed, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(results[1.0][name], value)
    assert any((results[0.0][name] != value).any() for name, value in started.items())


# The command, and what it exports.


@pytest.fixture(scope="module")
def exported(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps, exported by the command line as `mine`; its folder."""
    root = tmp_path_factory.mktemp("exported")
    (root / "tiny.toml").write_text(TEXT, "utf-8")
    common = ["train", "--recipe", str(root / "tiny.toml"), "--data", str(data)]
    common += ["--run", str(root / "run")]
    run = CutoutRun(load_recipe(root / "tiny.toml"), data, root / "run", hours=None)
    assert train(run)
    assert main([*common, "--export", str(root / "mine")]) == 0
    return root


def open_exported(folder: Path, cache: Path, multiple: int = 32) -> OpenModel:
    """The graph that a run exported, as a card would have it opened."""
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{folder.name}.onnx", f"{folder.name}.safetensors"]
    card = Card(
        name=folder.name,
        title="Mine",
        version="1",
        source="made by the tests",
        licence=Licence("CC0-1.0", "yes"),
        training_data=(),
        files=tuple(FileEntry(**file_entry(folder / name)) for name in names),
        input=Input(64, "fit", multiple, tensor="picture", hint="hint"),
        output=Output(tensor="alpha"),
        folder=folder,
    )
    return open_model(card, Store(folder.parent, cache / "user", cache / "cache"), "cpu")


def test_an_exported_model_runs_as_the_run_s_network(exported: Path) -> None:
    engine = open_exported(exported / "mine", exported)
    state = torch.load(exported / "run/state.pt", weights_only=True)
    network = CutoutNet(norm=True)
    network.load_state_dict(state["average"])
    network = fold_norms(network)
    for size in ((64, 64), (32, 160)):
        random = np.random.default_rng(size[1])
        picture, hint = (random.random((1, c, *size), np.float32) for c in (3, 2))
        with torch.no_grad():
            expected = torch.sigmoid(network(torch.from_numpy(picture), torch.from_numpy(hint)))
        alpha = engine.run({"picture": picture, "hint": hint})["alpha"]
        np.testing.assert_allclose(alpha, expected.numpy(), atol=5e-3)  # half-precision weights


def test_a_network_with_two_looks_is_trained_exported_and_opened(
    data: Path, tmp_path: Path
) -> None:
    """From the weights of one with one look; its file alone says what it is."""
    from safetensors.torch import save_file

    first = tmp_path / "first.safetensors"
    save_file(CutoutNet().state_dict(), first)
    text = TEXT.replace("warm_up = 4", "warm_up = 4\ndetail = true\nnorm = false\nsharpness = 2.0")
    (tmp_path / "tiny.toml").write_text(text, "utf-8")
    folder = tmp_path / "run"
    run = CutoutRun(load_recipe(tmp_path / "tiny.toml"), data, folder, hours=None)
    run.start(lambda network: run.init_weights(network, first))
    assert run.train(lambda line: None)
    run.export(tmp_path / "mine")
    weights = tmp_path / "mine/mine.safetensors"
    model = open_model(weights, Store(cache=tmp_path / "cache"), "cpu")
    assert (model.input.multiple, model.input.hint) == (64, "hint")
    random = np.random.default_rng(4)
    inputs = {name: random.random((1, c, 64, 128), np.float32)
              for name, c in (("picture", 3), ("hint", 2))}  # fmt: skip
    alpha = model.run(inputs)["alpha"]
    graph = open_exported(tmp_path / "mine", tmp_path, 64)
    np.testing.assert_allclose(graph.run(inputs)["alpha"], alpha, atol=5e-3)
    state = torch.load(folder / "state.pt", weights_only=True)
    network = DetailCutoutNet().eval()
    network.load_state_dict(state["average"])
    with torch.no_grad():
        logits = network(*(torch.from_numpy(inputs[name]) for name in ("picture", "hint")))
    np.testing.assert_allclose(alpha, torch.sigmoid(2 * logits).numpy(), atol=5e-3)


def test_finished_weights_start_another_run_unsharpened(exported: Path) -> None:
    weights = exported / "mine/mine.safetensors"
    finished, started = CutoutNet(norm=True), CutoutNet(norm=True)
    init_weights(finished, weights)
    init_weights(started, weights, sharpness=3)
    picture, hint = torch.rand(1, 3, 64, 64), torch.zeros(1, 2, 64, 64)
    with torch.no_grad():
        ours, theirs = started.eval()(picture, hint), finished.eval()(picture, hint)
    torch.testing.assert_close(ours * 3, theirs, atol=1e-4, rtol=1e-3)


def test_exported_weights_start_another_run(exported: Path) -> None:
    network = CutoutNet(norm=True)
    init_weights(network, exported / "mine/mine.safetensors")
    kept = fold_norms(network).state_dict()
    from safetensors.torch import load_file

    for name, value in load_file(exported / "mine/mine.safetensors").items():
        torch.testing.assert_close(kept[name], value.float(), atol=1e-4, rtol=1e-3)


def test_a_start_of_another_kind_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(UsageError, match=r"\.safetensors or \.npz"):
        init_weights(CutoutNet(norm=True), tmp_path / "weights.pt")
    np.savez(tmp_path / "other.npz", **{"MobilenetV2/Conv.weight": np.zeros((32, 3, 3, 3))})
    with pytest.raises(UsageError, match="DeepLab"):
        init_weights(CutoutNet(norm=True), tmp_path / "other.npz")


def test_the_command_logs_and_says_what_is_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--run", str(tmp_path / "run")]
    assert main(["train", "--recipe", "unheard-of", *arguments]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "run/state.pt").exists()
    (tmp_path / "odd.toml").write_text('task = "poetry"')
    assert main(["train", "--recipe", f"{tmp_path}/odd.toml", *arguments]) == 2
    assert "'poetry'; known are cutout" in capsys.readouterr().err
    assert main(["train", "--recipe", "cutout", *arguments, "--hours=1", "--minutes=1"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert main(["train", "--recipe", "cutout", *arguments, "--device=abacus"]) == 2
    assert "leave --device out" in capsys.readouterr().err


def test_progress_is_reported_and_logged(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fifty steps; steps themselves are replaced, as only the bookkeeping counts here."""
    monkeypatch.setattr(CutoutRun, "_step", lambda self, batch: 0.25)
    run = CutoutRun(recipe(samples=104, mix={"photo": 1.0}), data, tmp_path / "run", hours=None)
    run.start(lambda network: None)
    lines: list[dict[str, object]] = []
    assert run.train(lines.append)
    assert [(line["index"], line["size"], line["loss"]) for line in lines] == [(100, SIZE, 0.25)]
    logged = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [line["index"] for line in logged] == [100]
