"""`mattelier evaluate`: scores of pictures whose truth is known."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattelier.commands.main import main
from mattelier.evaluate.corruptions import parse_corruptions
from mattelier.evaluate.names import CORRUPTIONS, HINTS
from mattelier.evaluate.standard_hints import STANDARD_HINTS
from mattelier.metrics.measures import MEASURES
from mattelier.types.picture import Picture

NAMES = [f"{letter}.png" for letter in "abcdefghijklmnop"]
HELD = [name for name in NAMES if hashlib.sha1(name.encode()).hexdigest()[0] in "01"]
SCORES = {column.key for column in MEASURES["masks"].columns}


def drawn(number: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(number)
    picture = random.normal(110, 4, (72, 96, 3))
    truth = np.zeros((72, 96), np.uint8)
    cv2.circle(truth, (48, 36), 22, 255, -1)
    picture[truth > 0] = random.normal((225, 110, 40), 15, (int((truth > 0).sum()), 3))
    return np.clip(picture, 0, 255).astype(np.uint8), truth


def write(folder: Path, name: str, picture: np.ndarray, truth: np.ndarray) -> None:
    for part, values in (("images", picture), ("masks", truth)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / part / name)


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truths") / "balls"
    for number, name in enumerate(NAMES[:4]):
        write(folder, name, *drawn(number))
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_table_for_people(balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(balls), "--quality", "fast"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["folder", "count", "max-F", "mean-F", "wF"]
    named = dict(zip(head.split(), row.split(), strict=True))
    assert (named["folder"], named["count"]) == ("balls", "4")
    assert float(named["max-F"]) > 0.6
    assert float(named["IoU"]) > 0.6
    assert float(named["S"]) > 0.5
    assert float(named["MAE"]) < 0.2


def test_json_holds_the_scores_and_the_hint_s_own(
    balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["evaluate", str(balls), "--json", "--limit", "1", "--quality", "fast"]
    assert main([*wanted, "--hint", "none", "--hint", "exact"]) == 0
    none, exact = lines(capsys)
    assert set(none) == {"folder", "model", "hint", "under", "count", "hint_iou", *SCORES}
    assert (none["folder"], none["hint"], none["count"]) == ("balls", "none", 1)
    assert (none["model"], none["under"]) == ("default", "clean")
    assert (none["hint_iou"], exact["hint_iou"]) == (None, 1.0)
    assert exact["iou"] > 0.6  # type: ignore[operator]


def test_several_folders_have_a_line_for_all(
    balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "more", "x.png", *drawn(9))
    wanted = ["evaluate", str(balls), str(tmp_path / "more"), "--json", "--quality", "fast"]
    assert main(wanted) == 0
    first, second, everything = lines(capsys)
    assert [line["folder"] for line in (first, second, everything)] == ["balls", "more", "all"]
    assert everything["count"] == 5
    for score in ("mae", "iou", "s_measure"):
        mean = (4 * first[score] + second[score]) / 5  # type: ignore[operator]
        assert everything[score] == pytest.approx(mean)


def test_dev_takes_only_what_training_never_saw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 < len(HELD) < len(NAMES) / 2
    for number, name in enumerate(NAMES):
        picture, truth = drawn(number)
        write(tmp_path / "all", name, picture[::2, ::2], truth[::2, ::2])
    arguments = ["--json", "--quality", "fast", "--no-refine"]
    assert main(["evaluate", str(tmp_path / "all"), "--dev", *arguments]) == 0
    for name in set(NAMES) - set(HELD):
        for part in ("images", "masks"):
            (tmp_path / "all" / part / name).unlink()
    assert main(["evaluate", str(tmp_path / "all"), *arguments]) == 0
    dev, held_out = lines(capsys)
    assert dev == held_out
    assert dev["count"] == len(HELD)


def test_nothing_to_score_is_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = next(name for name in NAMES if name not in HELD)
    write(tmp_path / "seen", name, *drawn(1))
    assert main(["evaluate", str(tmp_path / "seen"), "--dev", "--json"]) == 0
    out = capsys.readouterr().out
    assert "NaN" not in out
    assert json.loads(out)["count"] == 0


def test_unknown_pixels_are_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A corner that is wrongly called subject costs, one that is called unknown does not."""
    picture, truth = drawn(3)
    for name, value in (("right", 0), ("wrong", 255), ("unknown", 128)):
        truth[:20, :20] = value
        write(tmp_path / name, "x.png", picture, truth)
    folders = [str(tmp_path / name) for name in ("right", "wrong", "unknown")]
    assert main(["evaluate", *folders, "--json", "--quality", "fast"]) == 0
    right, wrong, unknown, _ = (line["iou"] for line in lines(capsys))
    assert unknown == pytest.approx(right, abs=0.01)
    assert wrong < unknown - 0.05  # type: ignore[operator]


@pytest.mark.parametrize("hint", HINTS)
def test_each_hint_can_be_asked_for(
    hint: str, balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--hint", hint, "--limit", "1", "--json", "--quality", "fast", "--no-refine"]
    assert main(["evaluate", str(balls), *arguments]) == 0
    (line,) = lines(capsys)
    assert (line["hint"], line["count"]) == (hint, 1)
    is_mask = hint not in ("none", "click", "box", "trimap")
    assert (line["hint_iou"] is not None) == is_mask


def test_hints_made_from_a_truth_are_what_their_names_say() -> None:
    truth = drawn(0)[1] > 0
    assert set(STANDARD_HINTS) == set(HINTS)
    assert STANDARD_HINTS["none"](truth) is None
    hints = {name: make(truth) for name, make in STANDARD_HINTS.items() if name != "none"}
    masks = {name: hint.mask for name, hint in hints.items() if hint and hint.mask is not None}
    np.testing.assert_array_equal(masks["exact"], truth)
    assert ((masks["fat"] > 0.5) & truth).sum() == truth.sum() < (masks["fat"] > 0.5).sum()
    assert 0 < (masks["thin"] > 0.5).sum() < truth.sum()
    assert not ((masks["thin"] > 0.5) & ~truth).any()
    np.testing.assert_allclose(masks["shifted"][5:, 5:][truth[2:-3, 2:-3]].mean(), 1, atol=0.1)
    assert masks["blocks"].mean() == pytest.approx(truth.mean(), abs=0.02)
    assert len(np.unique(masks["blocks"])) <= (72 // 16) * (96 // 16)

    box, points = hints["box"].box, hints["click"].points  # type: ignore[union-attr]
    ys, xs = np.nonzero(truth)
    assert box is not None
    assert (box.x, box.y) == (xs.min(), ys.min())
    assert (box.x + box.width, box.y + box.height) == (xs.max() + 1, ys.max() + 1)
    (point,) = points
    assert point.positive
    assert np.hypot(point.x - 48, point.y - 36) < 3


def test_a_thin_hint_does_not_vanish_with_a_thin_subject() -> None:
    truth = np.zeros((100, 100), bool)
    truth[50, 10:90] = True
    hint = STANDARD_HINTS["thin"](truth)
    assert hint is not None
    assert hint.mask is not None
    assert hint.mask.any()


def test_what_cannot_be_scored_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    picture, truth = drawn(0)
    write(tmp_path / "odd", "a.png", picture, truth[::2, ::2])
    for folder, words in (("empty", "holds no pictures"), ("odd", "not of its picture's size")):
        assert main(["evaluate", str(tmp_path / folder), "--quality", "fast"]) == 2
        (message,) = capsys.readouterr().err.strip().splitlines()
        assert words in message
        assert "unexpected" not in message


# Results that were made elsewhere, and pictures beside their truths.


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Truths in truth/, results of two programs in good/ and bad/, with a sub-folder."""
    for number, name in enumerate(("a", "inner/b", "c")):
        truth = drawn(number)[1]
        if name == "c":
            cv2.circle(truth, (10, 10), 6, 255, -1)
        save(tmp_path / "truth" / f"{name}.png", truth)
        save(tmp_path / "good" / f"{name}.png", truth)
        save(tmp_path / "bad" / f"{name}-matte.png", np.roll(truth, 9, 1)[::2, ::2])
    return tmp_path


def test_results_are_scored_without_a_model(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [f"--results={results / name}" for name in ("good", "bad")]
    assert main(["evaluate", *folders, f"--truth={results / 'truth'}", "--json"]) == 0
    every = lines(capsys)
    assert [(line["model"], line["folder"], line["count"]) for line in every] == [
        (model, folder, count)
        for model in ("good", "bad")
        for folder, count in (("truth", 2), ("truth/inner", 1), ("all", 3))
    ]
    good, bad = every[2], every[5]
    assert [good[key] for key in ("max_f", "mae", "iou")] == [pytest.approx(1), 0, 1]
    assert 0.3 < bad["iou"] < 0.8  # type: ignore[operator]


def test_results_that_lack_pictures_are_told_of_and_the_rest_is_scored(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "good/c.png").unlink()
    (results / "good/a.png").write_bytes(b"no picture")
    wanted = ["evaluate", f"--results={results / 'good'}", f"--truth={results / 'truth'}"]
    assert main([*wanted, "--json"]) == 3
    message = capsys.readouterr()
    assert json.loads(message.out.splitlines()[-1])["count"] == 1
    assert "has no result for c" in message.err
    assert "2 of 3 pictures could not be scored" in message.err
    (results / "good/inner/b.png").unlink()
    assert main(wanted) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_pictures_and_truths_may_lie_in_folders_of_their_own(
    balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fast = ["--json", "--quality", "fast", "--no-refine"]
    pictures, masks = str(balls / "images"), str(balls / "masks")
    assert main(["evaluate", pictures, "--truth", masks, *fast]) == 0
    assert main(["evaluate", str(balls), *fast]) == 0
    apart, together = lines(capsys)
    assert {**apart, "folder": "balls"} == together
    save(tmp_path / "more/alone.png", drawn(0)[0])
    save(tmp_path / "more/a.png", drawn(0)[0])
    assert main(["evaluate", str(tmp_path / "more"), "--truth", masks, *fast]) == 0
    assert "1 picture(s) have no truth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a folder of pictures"),
        (["--truth", "truth"], "give --results"),
        (["--results", "good", "--truth", "truth", "--under", "grey"], "need a model"),
        (["--results", "good", "--results", "good", "--truth", "truth"], "the same name"),
        (["truth", "--truth", "truth", "--under", "fog3"], "'fog3' is not known"),
        (["truth", "--truth", "truth", "--under", "jpeg"], "'jpeg' is not known"),
        (["truth"], "say with --truth"),
        (["truth", "--truth", "truth", "--trimaps", "good"], "no trimap for"),
        (["--results", "good", "--truth", "truth", "--report", "x.pdf"], "HTML"),
        (["--results", "good", "--truth", "truth", "--by", "kinds.csv"], "names none"),
        (["--results", "good", "--truth", "truth", "--by", "odd.csv"], "a name and a kind"),
        (["truth", "--truth", "truth", "--model", "unheard-of"], "There is no model"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(
    arguments: list[str],
    words: str,
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(results)
    Path("kinds.csv").write_text("z.png,cats\n")
    Path("odd.csv").write_text("a.png\n")
    if "--trimaps" in arguments:
        Path("good/c.png").unlink()
    assert main(["evaluate", *arguments]) == 2
    (message,) = capsys.readouterr().err.strip().splitlines()
    assert words in message
    assert "unexpected" not in message


def test_two_truths_of_one_name_are_refused(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(results / "truth/a.tif", drawn(0)[1])
    assert main(["evaluate", f"--results={results / 'good'}", f"--truth={results / 'truth'}"]) == 2
    assert "share a name" in capsys.readouterr().err


def test_pictures_can_be_grouped_by_kind(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = results / "kinds.csv"
    table.write_text("a,round\nb.png,round\n\n", "utf-8")
    folders = [f"--results={results / 'good'}", f"--truth={results / 'truth'}"]
    assert main(["evaluate", *folders, "--by", str(table), "--json"]) == 0
    counts = {str(line["folder"]): line["count"] for line in lines(capsys)}
    assert counts == {"round": 2, "other": 1, "all": 3}


# Other measures.


def test_mattes_have_their_own_scores_and_trimaps_say_the_band(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = cv2.GaussianBlur(drawn(0)[1], (0, 0), 3)
    trimap = np.zeros_like(truth)
    trimap[20:30] = 128
    result = truth.copy()
    result[20:25, 40:50] //= 2
    result[60:] = 100
    for name, values in (("truth", truth), ("trimaps", trimap), ("ours", result)):
        save(tmp_path / name / "a.png", values)
    common = ["evaluate", "--results", str(tmp_path / "ours"), "--truth", str(tmp_path / "truth")]
    common += ["--measure", "mattes", "--json"]
    assert main([*common, "--trimaps", str(tmp_path / "trimaps")]) == 0
    assert main(common) == 0
    with_trimap, found = lines(capsys)
    off = np.abs(result.astype(float) - truth) / 255
    assert with_trimap["sad"] == pytest.approx(off.sum() / 1000, rel=1e-4)
    assert with_trimap["sad_band"] == pytest.approx(off[20:30].sum() / 1000, rel=1e-4)
    assert with_trimap["sad"] == found["sad"]
    assert with_trimap["sad_band"] != found["sad_band"]


def test_detail_is_scored_apart_and_tells_what_area_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = np.zeros((96, 96), np.uint8)
    cv2.circle(wheel, (48, 48), 40, 255, 4)
    cv2.line(wheel, (48, 8), (48, 88), 255, 1)
    filled = np.zeros_like(wheel)
    cv2.circle(filled, (48, 48), 42, 255, -1)
    plain = drawn(0)[1]
    save(tmp_path / "truth/wheel.png", wheel)
    save(tmp_path / "truth/plain.png", plain)
    save(tmp_path / "ours/wheel.png", filled)
    save(tmp_path / "ours/plain.png", plain)
    page = tmp_path / "page.html"
    wanted = ["evaluate", "--results", str(tmp_path / "ours"), "--truth", str(tmp_path / "truth")]
    assert main([*wanted, "--measure", "detail", "--json", "--report", str(page)]) == 0
    (row,) = lines(capsys)
    assert (row["count"], row["holes_open"], row["thin_kept"]) == (2, 0, 1)  # of the wheel alone
    assert 0.5 < row["boundary_f_2"] < 1  # type: ignore[operator]
    assert "holes" in page.read_text("utf-8")
    assert main([*wanted, "--measure", "detail"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split() == ["folder", "count", "F@1px", "F@2px", "BF", "holes", "thin"]


def test_shots_are_scored_frame_by_frame_and_count_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shot, count in (("one", 4), ("two", 2)):
        for frame in range(count):
            truth = np.roll(drawn(0)[1], 2 * frame, 1)
            result = truth.copy()
            if shot == "two" or frame == 2:
                result[:10] = 255
            save(tmp_path / "truth" / shot / f"f.{1001 + frame}.png", truth)
            save(tmp_path / "out" / shot / f"f.{1001 + frame}.png", result)
    arguments = [f"--results={tmp_path / 'out'}", f"--truth={tmp_path / 'truth'}"]
    assert main(["evaluate", *arguments, "--measure", "video", "--json"]) == 0
    one, two, everything = lines(capsys)
    assert [line["folder"] for line in (one, two)] == ["truth/one", "truth/two"]
    for score in ("j", "f", "dtssd"):
        assert everything[score] == pytest.approx((one[score] + two[score]) / 2)  # type: ignore[operator]
    change = 100 * np.sqrt(960 / truth.size)  # ten rows come, and go again
    assert one["dtssd"] == pytest.approx(2 * change / 4, rel=1e-4)
    assert two["dtssd"] == 0  # wrong, but steadily


def test_enlarged_pictures_are_scored_with_a_model_and_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = cv2.GaussianBlur(drawn(3)[0], (0, 0), 1.0)
    save(tmp_path / "high/a.png", large)
    small = cv2.resize(large, (48, 36), interpolation=cv2.INTER_AREA)
    save(tmp_path / "low/a.png", small)
    save(tmp_path / "grown/a.png", cv2.resize(small, (96, 72), interpolation=cv2.INTER_LINEAR))
    wanted = ["evaluate", str(tmp_path / "low"), "--truth", str(tmp_path / "high"), "--json"]
    wanted += ["--measure", "upscale", "--results", str(tmp_path / "grown")]
    assert main([*wanted, "--model", "upscale-x2"]) == 0
    stored, run = lines(capsys)
    assert (stored["model"], run["model"]) == ("grown", "upscale-x2")
    assert 20 < stored["psnr_y"] < run["psnr_y"]  # type: ignore[operator]
    save(tmp_path / "low/a.png", small[:, :40])
    assert main(wanted) == 2
    assert "whole number of times" in capsys.readouterr().err


# Conditions.


@pytest.mark.parametrize("name", CORRUPTIONS.split(","))
def test_a_condition_changes_the_picture_and_turns_the_answer_back(name: str) -> None:
    (condition,) = parse_corruptions(name)
    samples, mask = drawn(1)
    mask[:30, :30] = 255
    samples[:30, :30] = (250, 120, 30)
    truth = mask.astype(np.float32) / 255
    changed = condition.picture(Picture(samples), "a")
    changed_truth = condition.truth(truth)
    assert (changed.height, changed.width) == changed_truth.shape
    back = cv2.resize(condition.undo_turns(changed_truth), truth.shape[::-1])
    assert np.abs(back - truth).mean() < 0.05
    # The subject is where the turned truth says it is, and differs from what surrounds it.
    inside, outside = changed.colour[changed_truth > 0.75], changed.colour[changed_truth < 0.25]
    assert np.abs(inside.mean(0) - outside.mean(0)).max() > 25
    if changed.colour.shape == samples.shape:
        assert (changed.colour != samples).any()


def test_conditions_do_what_their_names_say() -> None:
    samples = np.full((64, 64, 3), 100, np.uint8)
    samples[..., 0] = 140

    def under(name: str, seed: str = "a") -> np.ndarray:
        (condition,) = parse_corruptions(name)
        return condition.picture(Picture(samples), seed).colour.astype(float)

    assert (under("noise15") - samples).std() == pytest.approx(15, abs=1)
    np.testing.assert_array_equal(under("noise15"), under("noise15"))
    assert (under("noise15") != under("noise15", "b")).any()
    linear = (((140 / 255) + 0.055) / 1.055) ** 2.4 * 2
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert under("ev+1")[0, 0, 0] == pytest.approx(expected, abs=1)
    assert under("size25").shape == (16, 16, 3)
    assert np.ptp(under("grey"), axis=-1).max() == 0
    assert [c.name for c in parse_corruptions("all")] == CORRUPTIONS.split(",")


def test_scores_under_conditions_stand_beside_the_clean_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ball lies aside, so that an answer must be turned back to fit its truth."""
    samples, truth = drawn(2)
    write(tmp_path / "aside", "a.png", *(np.roll(v, (-10, 22), (0, 1)) for v in (samples, truth)))
    arguments = ["--under", "rot90,size50,ev-4", "--json", "--quality", "fast", "--no-refine"]
    assert main(["evaluate", str(tmp_path / "aside"), *arguments, "--hint", "exact"]) == 0
    ious = {str(line["under"]): float(line["iou"]) for line in lines(capsys)}  # type: ignore[arg-type]
    assert list(ious) == ["clean", "rot90", "size50", "ev-4"]
    assert ious["rot90"] > 0.6
    assert ious["size50"] > 0.6


# The report.


def test_the_report_is_one_file_with_the_worst_first(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = results / "out.html"
    worst = drawn(0)[1]
    worst[:, 48:] = 0
    save(results / "bad/a-matte.png", worst)
    save(results / "bad/inner/b-matte.png", drawn(1)[1])
    folders = [f"--results={results / name}" for name in ("good", "bad")]
    common = ["evaluate", *folders, f"--truth={results / 'truth'}"]
    assert main([*common, "--report", str(page)]) == 0
    text = page.read_text("utf-8")
    assert "http" not in text
    assert "src=" in text
    assert text.count("<img ") == 3 * (1 + 2 * 2)  # truth, and two of each result
    whys = re.findall(r"<em>(.*?)</em>", text)
    assert len(whys) == 3 * 2
    assert sum(why.startswith("Misses 51 %") for why in whys) == 1
    assert sum(why.startswith("Nearly right") for why in whys) >= 3
    assert text.index("<h2>Why") < text.index("<h2>all")
    counted = re.search(r"<h2>Why.*?</table>", text, re.DOTALL)
    assert counted is not None
    assert "<th>misses parts" in counted[0]
    assert counted[0].index("<th>misses parts") < counted[0].index("<th>right")
    assert counted[0].count("<tr>") == 1 + 2 * 3  # all and two folders, of two results
    cases = [text.index(f"<h3>{place}</h3>") for place in
             ("truth / a", "truth / c", "truth/inner / inner/b")]  # fmt: skip
    assert cases == sorted(cases)
    assert not list(results.glob(".*"))


def test_a_report_shows_pictures_and_escapes_names(
    balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "<b>", "x&y.png", *drawn(2))
    page = tmp_path / "out.html"
    arguments = ["--quality", "fast", "--no-refine", "--report", str(page)]
    assert main(["evaluate", str(tmp_path / "<b>"), str(balls), *arguments]) == 0
    text = page.read_text("utf-8")
    assert "<b> /" not in text
    assert "&lt;b&gt; / x&amp;y" in text
    assert text.count("<img ") == 5 * (2 + 2)


def test_a_report_of_hundreds_of_pictures_stays_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    for number in range(150):
        noise = random.integers(0, 2, (60, 60), np.uint8) * 255
        save(tmp_path / "truth" / f"{number}.png", noise)
        save(tmp_path / "ours" / f"{number}.png", noise[::-1].copy())
    page = tmp_path / "out.html"
    arguments = [f"--results={tmp_path / 'ours'}", f"--truth={tmp_path / 'truth'}"]
    assert main(["evaluate", *arguments, "--report", str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.count("<div class=case>") == 60
    assert all(f"truth / {number}<" in text for number in range(150))
    assert page.stat().st_size < 3_000_000
