"""What a selection means: a dab, a box, a lasso or a mask, and what is never done with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from run_task import run

from mattelier.commands.main import main
from mattelier.matting.hint import Hint, make_hint
from mattelier.matting.selection import Reading, check_kept, read_selection
from mattelier.requests import Box, HintRequest, MatteRequest
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

SAMPLE = Path(__file__).parents[1] / "install" / "sample.jpg"
SIDE = 240
DISC = (90, 120), 60  # what the eye below sees


def drawn(draw) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    draw(canvas)
    return canvas.astype(np.float32) / 255


def disc(radius: int, centre: tuple[int, int] = DISC[0]) -> np.ndarray:
    return drawn(lambda canvas: cv2.circle(canvas, centre, radius, 255, -1))


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    return drawn(lambda canvas: cv2.rectangle(canvas, (x0, y0), (x1, y1), 255, -1))


def eye(hint: Hint | None) -> np.ndarray:
    """Sees the disc alone, as far as a hint's region leaves it."""
    seen = cv2.resize(disc(DISC[1]), (80, 80), interpolation=cv2.INTER_AREA)
    if hint is not None and hint.region is not None:
        seen = seen * cv2.resize(hint.region.astype(np.float32), (80, 80))
    return seen


def read(selection: np.ndarray) -> Reading:
    hint = make_hint(SIDE, SIDE, mask=selection, mask_as="selection")
    assert hint is not None
    return read_selection(hint, eye)


@pytest.mark.parametrize(
    ("kind", "selection"),
    [
        ("click", disc(12)),
        ("click", disc(5, (130, 120))),
        ("click", rectangle(70, 100, 110, 130)),
        ("click", disc(9, (200, 40))),  # on what the network does not see
        ("box", rectangle(20, 50, 165, 190)),
        ("region", disc(85)),
        ("mask", disc(60)),
        ("mask", disc(57, (92, 122))),
        ("all", np.ones((SIDE, SIDE), np.float32)),
        ("all", np.zeros((SIDE, SIDE), np.float32)),
    ],
)
def test_where_it_ends_says_what_it_means(kind: str, selection: np.ndarray) -> None:
    reading = read(selection)
    assert reading.kind == kind
    if kind == "all":
        assert reading.hint is None
        return
    hint = reading.hint
    assert hint is not None
    assert (hint.mask is not None) == (kind == "mask")
    assert (hint.region is not None) == (kind == "region")
    if kind == "box":
        assert (hint.box.x, hint.box.y, hint.box.width, hint.box.height) == (20, 50, 146, 141)
    if kind == "click":
        assert hint.points
        for point in hint.points:
            assert point.positive
            assert selection[int(point.y), int(point.x)] > 0.5


def test_a_network_that_sees_nothing_untold_takes_the_shape() -> None:
    rectangle = np.zeros((60, 80), np.float32)
    rectangle[10:40, 20:60] = 1
    kind, hint = read_selection(make_hint(60, 80, mask=rectangle, mask_as="selection"), None)
    assert (kind, hint.box, hint.mask) == ("box", Box(20, 10, 40, 30), None)
    rows, columns = np.mgrid[:60, :80]
    disc = (np.hypot(rows - 30, columns - 40) < 15).astype(np.float32)
    kind, hint = read_selection(make_hint(60, 80, mask=disc, mask_as="selection"), None)
    assert (kind, hint.mask_as) == ("mask", "rough")
    np.testing.assert_array_equal(hint.mask, disc)


def test_each_dab_is_a_click_and_a_stroke_is_several() -> None:
    two = np.maximum(disc(8, (70, 100)), disc(8, (110, 140)))
    assert len(read(two).hint.points) == 2
    stroke = drawn(lambda canvas: cv2.line(canvas, (55, 95), (125, 145), 255, 9))
    points = read(stroke).hint.points
    assert len(points) >= 2
    assert max(p.x for p in points) - min(p.x for p in points) > 40


def test_what_drops_the_selection_is_refused() -> None:
    selection = disc(60)
    check_kept("mask", selection, disc(58))
    with pytest.raises(UsageError, match="leaves out most"):
        check_kept("mask", selection, disc(20))
    for kind in ("click", "box", "region", "mask"):
        with pytest.raises(UsageError):
            check_kept(kind, selection, np.zeros_like(selection))
    check_kept("all", selection, np.zeros_like(selection))


def photo() -> np.ndarray:
    with Image.open(SAMPLE) as sample:
        return np.asarray(sample.convert("RGB").resize((320, 320)))


def matte(selection: np.ndarray | None) -> tuple[np.ndarray, str]:
    request = MatteRequest(HintRequest(mask_as="selection"), device="cpu", quality="fast")
    hint = None
    if selection is not None:
        hint = make_hint(320, 320, mask=selection, mask_as="selection")
    result = run(request, Picture(photo()), hint=hint)
    return result.alpha, result.report.measures.get("selection", "")


def test_a_dab_on_a_person_finds_the_person_alone() -> None:
    dab = np.zeros((320, 320), np.uint8)
    cv2.ellipse(dab, (180, 225), (16, 12), 0, 0, 360, 255, -1)  # on her sleeve
    whole, _ = matte(None)
    found, kind = matte(dab / np.float32(255))
    assert kind == "click"
    helmet = np.s_[215:, 180:]
    found[helmet] = whole[helmet] = 0  # is a thing of its own, in front of her
    assert np.minimum(found, whole).sum() / np.maximum(found, whole).sum() > 0.9


def test_a_lasso_around_the_smaller_thing_finds_that() -> None:
    lasso = np.zeros((320, 320), np.uint8)
    corners = [(218, 175), (240, 38), (247, 0), (281, 0), (291, 94), (289, 178)]
    cv2.fillPoly(lasso, [np.array(corners)], 255)  # around the rocket
    found, kind = matte(lasso / np.float32(255))
    assert kind == "region"
    inside = found[lasso > 0].sum()
    assert inside > 0.9 * found.sum()
    assert 0.1 < inside / (lasso > 0).sum() < 0.9


def test_a_finished_matte_is_taken_as_it_is() -> None:
    ramp = np.linspace(0, 1, 320, dtype=np.float32)[None].repeat(320, 0)
    hint = make_hint(320, 320, mask=ramp, mask_as="matte")
    result = run(MatteRequest(device="cpu"), Picture(photo()), hint=hint)
    assert np.array_equal(result.alpha, ramp)
    assert result.report.confidence is None


def test_the_command_line_reads_a_selection(tmp_path, capsys) -> None:
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    mask = np.zeros((320, 320), np.uint8)
    command = ["matte", str(tmp_path / "photo.png"), "--hint", str(tmp_path / "selection.png")]
    output = tmp_path / "matte.png"
    mask[:] = 0
    cv2.circle(mask, (180, 225), 12, 255, -1)
    Image.fromarray(mask).save(tmp_path / "selection.png")
    assert main([*command, "--hint-as", "selection", "-o", str(output)]) == 0
    assert np.asarray(Image.open(output))[mask > 0].min() > 200
    output.unlink()
    mask[:] = 0
    mask[:12, :12] = 255
    Image.fromarray(mask).save(tmp_path / "selection.png")
    assert main([*command, "--hint-as", "selection", "-o", str(output)]) == 2
    assert "what is selected" in capsys.readouterr().err
    assert not output.exists()
    assert main([*command, "--hint-as", "nonsense", "-o", str(output)]) == 2
    ramp = np.linspace(0, 255, 320).astype(np.uint8)[None].repeat(320, 0)
    Image.fromarray(ramp).save(tmp_path / "selection.png")
    assert main([*command, "--hint-as", "matte", "-o", str(output), "--overwrite"]) == 0
    assert np.abs(np.asarray(Image.open(output)).astype(int) - ramp).max() <= 1
