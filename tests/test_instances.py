"""COCO's average precision: its own tool's numbers, its files read, and a network measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import coco_scenes
import numpy as np
import pytest
import zoo_folders
from PIL import Image

from mattelier.commands.main import main
from mattelier.data.coco import decode
from mattelier.metrics.instances import MAX_RESULTS, Instance, average_precision, match
from mattelier.types.errors import UsageError

HELD = np.load(Path(__file__).with_name("zoo_vectors") / "coco.npz")
HEIGHT, WIDTH = coco_scenes.HEIGHT, coco_scenes.WIDTH


def write(folder: Path, seed: int) -> tuple[Path, Path]:
    truths, results = coco_scenes.scene(seed)
    paths = folder / "truths.json", folder / "found.json"
    for path, values in zip(paths, (truths, results), strict=True):
        path.write_text(json.dumps(values))
    return paths


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("seed", range(len(HELD["stats"])))
def test_it_is_the_precision_of_cocos_own_tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    truths, found = write(tmp_path, seed)
    wanted = ["evaluate", "--truth", str(truths), "--results", str(found)]
    assert main([*wanted, "--measure", "instances", "--json"]) == 0
    (row,) = lines(capsys)
    ours = [row[key] for key in ("ap", "ap_50", "ap_75")]
    np.testing.assert_allclose(ours, HELD["stats"][seed], atol=1e-12)
    assert row["count"] == 6


def test_packed_run_lengths_are_those_of_cocos_own_tool() -> None:
    for text, mask in zip(HELD["packed"], HELD["masks"], strict=True):
        ours = decode({"size": [HEIGHT, WIDTH], "counts": str(text)}, HEIGHT, WIDTH)
        np.testing.assert_array_equal(ours, mask)


@pytest.mark.parametrize("seed", range(len(HELD["polygons"])))
def test_polygons_are_filled_to_within_their_outline(seed: int) -> None:
    ours, theirs = decode([coco_scenes.polygon(seed)], HEIGHT, WIDTH), HELD["polygons"][seed]
    off = ours ^ theirs
    neighbours = [np.roll(theirs, step, axis) for step in (-1, 1) for axis in (0, 1)]
    outline = np.any([theirs ^ one for one in neighbours], axis=0)
    assert not (off & ~outline).any()
    assert off.sum() < 0.15 * theirs.sum()


def test_no_more_than_a_hundred_count() -> None:
    mask = np.ones((2, 2), bool)
    elsewhere = np.zeros((2, 2), bool)
    wrong = [Instance(elsewhere, "cat", 0.9)] * MAX_RESULTS
    late = Instance(mask, "cat", 0.5)
    truth = [Instance(mask, "cat")]
    assert average_precision([match([*wrong, late], truth)])["ap"] == 0
    assert average_precision([match([*wrong[1:], late], truth)])["ap"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    "segmentation",
    [None, 7, [[1, 2, 3]], {"size": [2, 2], "counts": [4]},
     {"size": [HEIGHT, WIDTH], "counts": "0"},
     {"size": [HEIGHT, WIDTH], "counts": [-5, HEIGHT * WIDTH + 5]}],
)  # fmt: skip
def test_masks_that_are_none_are_refused(segmentation: Any) -> None:
    with pytest.raises(UsageError, match=f"A mask of {WIDTH}×{HEIGHT} pixels cannot be read"):
        decode(segmentation, HEIGHT, WIDTH)


@pytest.mark.parametrize("text", ["{}", "[1]", "{", '{"images": [], "annotations": 5}'])
def test_files_that_are_not_cocos_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    truths, found = write(tmp_path, 0)
    truths.write_text(text)
    wanted = ["evaluate", "--truth", str(truths), "--results", str(found)]
    assert main([*wanted, "--measure", "instances"]) == 2
    said = capsys.readouterr().err
    assert str(truths) in said
    assert said.count("\n") == 1


def test_other_measures_want_folders_and_this_one_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truths, found = write(tmp_path, 0)
    assert main(["evaluate", "--truth", str(truths), "--results", str(tmp_path)]) == 2
    assert "wants a folder" in capsys.readouterr().err
    wanted = ["evaluate", "--truth", str(tmp_path), "--results", str(found)]
    assert main([*wanted, "--measure", "instances"]) == 2
    assert "JSON" in capsys.readouterr().err


def test_a_network_is_measured_by_what_it_tells_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Truths are its own answers, moved in one of two pictures: right there, and wrong here."""
    pytest.importorskip("transformers")
    import mattelier

    folder = tmp_path / "network"
    zoo_folders.write("segformer", folder)
    (tmp_path / "pictures").mkdir()
    images, annotations = [], []
    for number, name in enumerate(("right.png", "wrong.png", "unknown.png"), 1):
        samples = np.random.RandomState(number).randint(0, 256, (6, 8, 3)).astype(np.uint8)
        picture = Image.fromarray(samples).resize((WIDTH, HEIGHT))
        picture.save(tmp_path / "pictures" / name)
        if name == "unknown.png":
            continue
        images.append({"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH})
        found = mattelier.objects(picture, objects_model=str(folder), min_score=0, refine=False)
        for one in found.objects:
            mask = one.mask >= 0.5
            mask = mask if name == "right.png" else ~mask
            category = next(k for k, v in zoo_folders.NAMES.items() if v == one.label)
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": category,
                "segmentation": coco_scenes.run_lengths(mask), "iscrowd": 0,
            })  # fmt: skip
    categories = [{"id": k, "name": v.upper()} for k, v in zoo_folders.NAMES.items()]
    truths = tmp_path / "truths.json"
    truths.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    page = tmp_path / "page.html"
    wanted = ["evaluate", str(tmp_path / "pictures"), "--truth", str(truths), "--no-refine"]
    flags = ["--measure", "instances", "--model", str(folder), "--json", "--report", str(page)]
    assert main([*wanted, *flags]) == 0
    told = capsys.readouterr()
    row = json.loads(told.out)
    assert row["count"] == 2
    assert 0.2 < row["ap_50"] < 0.9
    assert "1 picture(s) have no truth" in told.err
    text = page.read_text("utf-8")
    assert text.index("wrong.png") < text.index("right.png")  # the worst first
    assert main([*wanted, *flags, "--limit", "1"]) == 0
    assert lines(capsys)[0]["ap"] == pytest.approx(1)  # the first by name


@pytest.fixture
def beside_each_other(tmp_path: Path) -> tuple[Path, Path]:
    """A picture of two discs that touch, one of a single disc, and what COCO would say of them."""
    y, x = np.mgrid[:160, :240]
    turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rims = [np.stack([41 * np.cos(turns) + at, 41 * np.sin(turns) + 80], 1) for at in (80, 160)]
    discs = [
        ((x - at) ** 2 + (y - 80) ** 2 < 41**2, rim)
        for at, rim in zip((80, 160), rims, strict=True)
    ]
    (tmp_path / "pictures").mkdir()
    images, annotations = [], []
    for number, shown in enumerate((discs, discs[:1]), 1):
        samples = np.full((160, 240, 3), 90, np.uint8)
        for (mask, outline), colour in zip(shown, ((220, 40, 40), (40, 80, 220)), strict=False):
            samples[mask] = colour
            annotations.append({
                "image_id": number, "category_id": 1,
                "segmentation": [outline.ravel().tolist()], "iscrowd": 0,
            })  # fmt: skip
        Image.fromarray(samples).save(tmp_path / "pictures" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": 160, "width": 240})
    truths = tmp_path / "truths.json"
    values = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "a"}]}
    truths.write_text(json.dumps(values))
    return tmp_path / "pictures", truths


def test_each_of_several_subjects_is_one_to_be_found(
    beside_each_other: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, truths = map(str, beside_each_other)
    wanted = ["evaluate", pictures, "--truth", truths, "--no-refine", "--json"]
    assert main([*wanted, "--hint", "exact", "--hint", "none"]) == 0
    told, unguided = lines(capsys)
    assert told["count"] == unguided["count"] == 2  # of the first picture; the second shows one
    assert told["hint_iou"] == pytest.approx(1)
    assert told["iou"] > 0.9
    assert unguided["iou"] < 0.8  # both discs, or either, fit neither alone
    assert main([*wanted, "--measure", "clicks"]) == 0
    assert lines(capsys)[0]["count"] == 2


def test_annotations_are_measured_by_a_model_on_pictures_with_several_subjects(
    beside_each_other: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, truths = map(str, beside_each_other)
    wanted = ["evaluate", pictures, "--truth", truths]
    assert main([*wanted, "--results", pictures]) == 2
    assert "needs a model" in capsys.readouterr().err
    (beside_each_other[0] / "1.png").unlink()
    assert main(wanted) == 2
    assert "several subjects" in capsys.readouterr().err
