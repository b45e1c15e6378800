"""Why a result is as bad as it is, on drawn masks, mattes and enlarged pictures."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from mattelier.evaluate.error_analysis import explain_mask, explain_matte
from mattelier.evaluate.upscale_error_analysis import explain_upscaled

HEIGHT, WIDTH = 300, 400


def disc(
    x: int = 200, y: int = 150, radius: int = 90, value: float = 1, on: np.ndarray | None = None
) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.float32) if on is None else on.copy()
    cv2.circle(mask, (x, y), radius, value, -1, cv2.LINE_AA)
    return mask


def cut(*columns: slice) -> np.ndarray:
    mask = disc()
    for some in columns:
        mask[:, some] = 0
    return mask


def dots(count: int) -> np.ndarray:
    mask = disc()
    for number in range(count):
        mask = disc(30 + 60 * number, 20, 10, on=mask)
    return mask


def ring_with_handle() -> np.ndarray:
    mask = disc()
    mask[120:180, 280:390] = 1
    return mask


def test_a_filled_hole_is_called_one() -> None:
    ring = disc(radius=40, value=0, on=disc())
    cause = explain_mask(disc(), ring)
    assert cause.category == "filled hole"
    assert cause.sentence == "Fills a hole in it, 25 % too much."
    two = disc(230, 150, 20, 0, on=disc(150, 150, 20, 0, on=disc()))
    assert "fills 2 holes in it" in explain_mask(disc(), two).sentence.lower()
    assert explain_mask(ring_with_handle(), disc()).category == "too much, touching"


TRUTH = disc()
TWO = disc(300, 150, 60, on=disc(100, 150, 60))


@pytest.mark.parametrize(
    ("result", "category", "sentence"),
    [
        (TRUTH, "right", "Nearly right: all errors add up to 0 % of the subject."),
        (0 * TRUTH, "found nothing", "Found nothing."),
        (0 * TRUTH + 1, "whole picture", "Takes the whole picture; 21 % of it is the subject."),
        (disc(60, 60, 50), "something else",
         "Takes something else, with 0 % of the subject in it."),
        (cut(slice(220, None)), "misses parts", "Misses 36 % of the subject."),
        (cut(slice(140), slice(260, None)), "misses parts",
         "Misses 22 % of the subject, in 2 separate parts."),
        (disc(radius=30, value=0, on=TRUTH), "misses parts",
         "Misses 11 % of the subject, as a hole in it."),
        (disc(radius=60), "misses parts", "Misses 56 % of the subject."),
        (ring_with_handle(), "too much, touching",
         "Takes in 24 % too much, one region touching the subject."),
        (disc(50, 50, 40, on=TRUTH), "too much, elsewhere",
         "Takes in 20 % too much, one region elsewhere in the picture."),
        (dots(6), "too much, elsewhere",
         "Takes in 7 % too much, 6 regions mostly elsewhere in the picture."),
        (0.45 * TRUTH, "unsure", "Unsure: 100 % of the subject is haze, 0.45 on average."),
        (np.maximum(TRUTH, 0.4), "unsure",
         "Unsure: 100 % of the background is haze, 0.40 on average."),
        (disc(radius=84), "edge", "The edge is 6 pixels off, too tight; the rest is right."),
        (disc(radius=96), "edge", "The edge is 6 pixels off, too wide; the rest is right."),
        (np.roll(TRUTH, 10, 1), "edge",
         "The edge is 6 pixels off, on both sides; the rest is right."),
    ],
)  # fmt: skip
def test_a_mask_is_told_by_what_is_worst(result: np.ndarray, category: str, sentence: str) -> None:
    reason = explain_mask(result.astype(np.float32), TRUTH)
    assert (reason.category, reason.sentence) == (category, sentence)


def test_a_second_fault_that_weighs_as_much_is_told_too() -> None:
    result = disc(50, 50, 40, on=cut(slice(240, None)))
    assert explain_mask(result, TRUTH).sentence == (
        "Misses 23 % of the subject, and takes in 20 % too much, one region elsewhere in the "
        "picture."
    )


def test_of_several_subjects_those_that_are_lost_are_counted() -> None:
    sentence = explain_mask(disc(100, 150, 60), TWO).sentence
    assert sentence == "Misses 50 % of the subject, 1 of its 2 separate parts."


def test_a_thin_limb_is_a_part_and_no_edge() -> None:
    truth = np.zeros((HEIGHT, WIDTH), np.float32)
    truth[40:260, 198:204] = 1
    truth[220:290, 150:250] = 1
    result = truth.copy()
    result[:220] = 0
    assert explain_mask(result, truth).category == "misses parts"


def test_grey_truth_is_not_judged_in_masks() -> None:
    band = cv2.dilate(TRUTH, np.ones((31, 31))) - TRUTH > 0.5
    truth = np.where(band, 0.5, TRUTH).astype(np.float32)
    assert explain_mask(np.maximum(TRUTH, band).astype(np.float32), truth).category == "right"
    assert explain_mask(TRUTH, truth).category == "right"
    assert explain_matte(TRUTH, truth).category == "soft parts"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda soft: (soft > 0.5) * 1.0, "cut hard"),
        (np.square, "too thin"),
        (np.sqrt, "too solid"),
    ],
)
def test_soft_edges_of_mattes_are_told_apart(change: object, words: str) -> None:
    soft = cv2.GaussianBlur(TRUTH, (0, 0), 15)
    reason = explain_matte(change(soft).astype(np.float32), soft)  # type: ignore[operator]
    assert reason.category == "soft parts"
    assert words in reason.sentence


def test_large_pictures_are_told_in_their_own_pixels() -> None:
    big = [
        (cv2.resize(mask, (1600, 1200)) > 0.5).astype(np.float32)
        for mask in (disc(radius=84), TRUTH)
    ]
    match = re.fullmatch(
        r"The edge is (\d+) pixels off, too tight; .*", explain_mask(*big).sentence
    )
    assert match is not None
    assert float(match[1]) == pytest.approx(24, rel=0.1)


def test_a_subject_too_thin_for_a_glance_is_still_seen() -> None:
    truth = np.zeros((900, 1200), np.float32)
    truth[300, 200:1000] = 1
    assert explain_mask(0 * truth, truth).category == "found nothing"
    assert explain_mask(truth, truth).category == "right"


def test_what_is_lost_at_the_picture_s_border_is_no_hole() -> None:
    truth = np.ones((60, 80), np.float32)
    half = truth.copy()
    half[:, 40:] = 0
    assert explain_mask(half, truth).sentence == "Misses 50 % of the subject."


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3)])
def test_tiny_pictures_have_reasons_too(size: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    truth, result = (random.random(size).astype(np.float32) for _ in range(2))
    truth.flat[0] = 1
    assert explain_mask(result, truth).sentence.endswith(".")
    assert explain_matte(result, truth).sentence.endswith(".")
    colours = [random.integers(0, 255, (*size, 3)).astype(np.uint8) for _ in range(2)]
    assert explain_upscaled(*colours).sentence.endswith(".")


def test_without_a_subject_what_was_taken_is_told() -> None:
    nothing = np.zeros_like(TRUTH)
    assert explain_matte(TRUTH, nothing).sentence == "Takes 21 % of a picture without a subject."
    assert explain_matte(nothing, nothing).category == "right"


def textured() -> np.ndarray:
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (75, 100, 3)).astype(np.uint8)
    large = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * 0.7 + 30
    return np.clip(large + random.normal(0, 6, large.shape), 0, 255).astype(np.uint8)


def degrade(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("change", "category", "words"),
    [
        (lambda truth: truth, "right", "Nearly right"),
        (lambda truth: cv2.GaussianBlur(truth, (0, 0), 1), "too soft", "% as strong"),
        (lambda truth: degrade(truth + np.random.default_rng(1).normal(0, 15, truth.shape)),
         "too rough", "% as strong"),
        (lambda truth: np.roll(truth, 1, 1), "shifted", "+1.0 pixels across"),
        (lambda truth: degrade(truth + 12.0), "brightness", "10 levels too bright"),
        (lambda truth: degrade(truth + np.linspace(-25, 25, WIDTH)[:, None]),
         "large areas", "levels off"),
        (lambda truth: degrade(truth + np.random.default_rng(1).normal(0, 5, truth.shape)),
         "other detail", "other detail"),
    ],
)  # fmt: skip
def test_an_enlarged_picture_is_told_by_its_error(
    change: object, category: str, words: str
) -> None:
    truth = textured()
    reason = explain_upscaled(change(truth), truth)  # type: ignore[operator]
    assert reason.category == category
    assert words in reason.sentence
    np.testing.assert_array_equal(truth, textured())
