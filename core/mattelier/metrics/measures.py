"""What is measured of a result: masks, detail, mattes, video, enlarged pictures, and clicks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.metrics.boundaries import bf_score, boundary_f, boundary_iou, contour_f, relaxed_f
from mattelier.metrics.details import holes_open, thin_kept
from mattelier.metrics.fidelity import psnr_y, ssim_y
from mattelier.metrics.instances import Instance, Matches, average_precision, match
from mattelier.metrics.masks import e_curve, f_curve, iou, s_measure, weighted_f
from mattelier.metrics.mattes import connectivity_error, gradient_error, mad, mse, sad, soft_band

Map = NDArray[np.float32]

MAX_CLICKS = 20  # that a person is expected to have patience for
TARGET_IOUS = (0.85, 0.9)  # that the number of clicks is counted to
REPORTED_CLICKS = 5  # clicks that are always made: IoU is reported up to here


@dataclass(frozen=True)
class Column:
    """One score: its key in JSON, its heading, its digits, and whether more of it is better."""

    key: str
    title: str
    digits: int = 3
    higher: bool = True


@dataclass(frozen=True, eq=False)
class Case:
    """One result beside its truth, of equal size.

    Attributes
    ----------
    result, truth : (H, W) float32 0…1; for enlarged pictures (H, W, 3) RGB uint8
    unknown : (H, W) bool, or None
        The trimap's unknown band, where one was given.
    previous : (result, truth) of the frame before, for video; None at a sequence's first
    border : pixels left out at each side, for enlarged pictures
    ious : IoU after each click, where clicks led to the result
    lpips : how different the two look to a network, where one was brought; else NaN
    instances : the objects of the result, and those of the truth, where objects are told apart
    """

    result: NDArray[Any]
    truth: NDArray[Any]
    unknown: NDArray[np.bool_] | None = None
    previous: tuple[Map, Map] | None = None
    border: int = 0
    ious: tuple[float, ...] = ()
    lpips: float = math.nan
    instances: tuple[Sequence[Instance], Sequence[Instance]] = ((), ())


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one picture.

    `curves` hold one value for each of 256 thresholds, `matches` which objects were found.
    """

    values: Mapping[str, float]
    curves: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    matches: Mapping[str, Matches] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """A kind of result and how it is scored.

    Attributes
    ----------
    columns : the scores, in the order of tables
    ranked_by : key of the score that says which pictures came out worst
    score : measures one picture
    sequences : whether folders are shots, each of which counts as much as another
    colour : whether results are pictures, else maps of one number a pixel
    pool : scores that are of all pictures together, and no mean over them
    """

    columns: tuple[Column, ...]
    ranked_by: str
    score: Callable[[Case], Scores]
    sequences: bool = False
    colour: bool = False
    pool: Callable[[Sequence[Mapping[str, Matches]]], dict[str, float]] | None = None

    @property
    def ranking(self) -> Column:
        return next(column for column in self.columns if column.key == self.ranked_by)

    def mean(self, pictures: Iterable[Scores]) -> dict[str, float]:
        """Means over the pictures that have a score (not each has holes); NaN where none has.

        A maximum or mean over thresholds is that of the mean curve, as the saliency
        literature's tools report it.
        """
        measured = list(pictures)
        if self.pool is not None:
            return self.pool([scores.matches for scores in measured])
        means: dict[str, float] = {}
        for key in (column.key for column in self.columns):
            values = [m.values[key] for m in measured if not math.isnan(m.values[key])]
            means[key] = float(np.mean(values)) if values else math.nan
            if measured and key in measured[0].curves:
                curve = np.mean([m.curves[key] for m in measured], axis=0)
                means[key] = _of_curve(key, curve)
        return means


def _of_curve(key: str, curve: NDArray[np.float64]) -> float:
    return float(curve.max() if key.startswith("max") else curve.mean())


def _score_mask(case: Case) -> Scores:
    """Grey truth: above 0.75 subject, below 0.25 background, between them not scored.

    Scores that look at the whole map see the pixels that are not scored as right.
    """
    alpha, grey = case.result, case.truth
    truth, scored = grey > 0.75, (grey > 0.75) | (grey < 0.25)
    whole = np.where(scored, alpha, truth).astype(np.float32)
    hard = whole >= 0.5
    f, e = f_curve(alpha[scored], truth[scored]), e_curve(whole, truth)
    curves = {"max_f": f, "mean_f": f, "max_e": e, "mean_e": e}
    values = {key: _of_curve(key, curve) for key, curve in curves.items()} | {
        "mae": float(np.abs(alpha[scored] - truth[scored]).mean()) if scored.any() else 0.0,
        "iou": iou(alpha[scored] >= 0.5, truth[scored]),
        "s_measure": s_measure(whole, truth),
        "weighted_f": weighted_f(whole, truth),
        "boundary_f": relaxed_f(hard, truth),
        "boundary_iou": boundary_iou(hard, truth),
    }
    return Scores(values, curves)


def _score_detail(case: Case) -> Scores:
    """Grey truth as for masks: what is not scored counts as right, and is no hole."""
    truth = case.truth > 0.75
    unknown = ~truth & (case.truth >= 0.25)
    mask = np.where(unknown, truth, case.result >= 0.5)
    return Scores(
        {
            "boundary_f_1": boundary_f(mask, truth, 1),
            "boundary_f_2": boundary_f(mask, truth, 2),
            "bf": bf_score(mask, truth),
            "holes_open": holes_open(mask | unknown, truth | unknown),
            "thin_kept": thin_kept(mask, truth),
        }
    )


def _score_matte(case: Case) -> Scores:
    alpha, truth = case.result, case.truth
    band = soft_band(truth) if case.unknown is None else case.unknown
    whole = np.ones(truth.shape, bool)
    values: dict[str, float] = {}
    for name, score in _MATTE_SCORES.items():
        values[name] = score(alpha, truth, whole)
        values[f"{name}_band"] = score(alpha, truth, band)
    return Scores(values)


_MATTE_SCORES = {
    "sad": sad,
    "mad": mad,
    "mse": mse,
    "gradient": gradient_error,
    "connectivity": connectivity_error,
}


def _score_frame(case: Case) -> Scores:
    """dtSSD is 0 at a sequence's first frame, as its users count it."""
    alpha, truth = case.result, case.truth
    whole = np.ones(truth.shape, bool)
    changed = 0.0
    if case.previous is not None:
        change = (alpha - case.previous[0]) - (truth - case.previous[1])
        changed = 100 * float(np.sqrt(np.mean(change.astype(np.float64) ** 2)))
    values = {
        "j": iou(alpha >= 0.5, truth >= 0.5),
        "f": contour_f(alpha >= 0.5, truth >= 0.5),
        "dtssd": changed,
        "mad": mad(alpha, truth, whole),
        "mse": mse(alpha, truth, whole),
    }
    return Scores(values)


def _score_upscaled(case: Case) -> Scores:
    return Scores(
        {
            "psnr_y": psnr_y(case.result, case.truth, case.border),
            "ssim_y": ssim_y(case.result, case.truth, case.border),
        }
    )


def _score_looks(case: Case) -> Scores:
    """LPIPS is of whole pictures, the other two without the border."""
    return Scores({**_score_upscaled(case).values, "lpips": case.lpips})


def _score_instances(case: Case) -> Scores:
    """Of the picture alone, which says which pictures came out worst."""
    matches = match(*case.instances)
    return Scores(average_precision([matches]), matches=matches)


_IOU_AFTER_CLICKS = (1, 2, 3, REPORTED_CLICKS)


def _score_clicks(case: Case) -> Scores:
    """An IoU that was never reached counts as the most clicks; after the last one nothing changes.

    NoC and NoF are numbers of clicks and of failures.
    """
    values: dict[str, float] = {}
    for target in TARGET_IOUS:
        reached = [number for number, value in enumerate(case.ious, 1) if value >= target]
        values[f"noc_{100 * target:.0f}"] = float(reached[0] if reached else MAX_CLICKS)
        values[f"nof_{100 * target:.0f}"] = float(not reached)
    for number in _IOU_AFTER_CLICKS:
        values[f"iou_{number}"] = case.ious[min(number, len(case.ious)) - 1]
    return Scores(values)


MEASURES: dict[str, Measure] = {
    "masks": Measure(
        (
            Column("max_f", "max-F"),
            Column("mean_f", "mean-F"),
            Column("weighted_f", "wF"),
            Column("s_measure", "S"),
            Column("max_e", "max-E"),
            Column("mean_e", "mean-E"),
            Column("mae", "MAE", higher=False),
            Column("iou", "IoU"),
            Column("boundary_f", "relax-F"),
            Column("boundary_iou", "b-IoU"),
        ),
        "iou",
        _score_mask,
    ),
    "detail": Measure(
        (
            Column("boundary_f_1", "F@1px"),
            Column("boundary_f_2", "F@2px"),
            Column("bf", "BF"),
            Column("holes_open", "holes"),
            Column("thin_kept", "thin"),
        ),
        "boundary_f_2",
        _score_detail,
    ),
    "mattes": Measure(
        (
            Column("sad", "SAD", 2, higher=False),
            Column("mad", "MAD", 2, higher=False),
            Column("mse", "MSE", 2, higher=False),
            Column("gradient", "Grad", 2, higher=False),
            Column("connectivity", "Conn", 2, higher=False),
            Column("sad_band", "SAD°", 2, higher=False),
            Column("mad_band", "MAD°", 2, higher=False),
            Column("mse_band", "MSE°", 2, higher=False),
            Column("gradient_band", "Grad°", 2, higher=False),
            Column("connectivity_band", "Conn°", 2, higher=False),
        ),
        "mad",
        _score_matte,
    ),
    "video": Measure(
        (
            Column("j", "J"),
            Column("f", "F"),
            Column("dtssd", "dtSSD", 2, higher=False),
            Column("mad", "MAD", 2, higher=False),
            Column("mse", "MSE", 2, higher=False),
        ),
        "j",
        _score_frame,
        sequences=True,
    ),
    "upscale": Measure(
        (Column("psnr_y", "PSNR-Y", 2), Column("ssim_y", "SSIM", 4)),
        "psnr_y",
        _score_upscaled,
        colour=True,
    ),
    "looks": Measure(
        (
            Column("lpips", "LPIPS", 4, higher=False),
            Column("psnr_y", "PSNR-Y", 2),
            Column("ssim_y", "SSIM", 4),
        ),
        "lpips",
        _score_looks,
        colour=True,
    ),
    "instances": Measure(
        (Column("ap", "AP"), Column("ap_50", "AP50"), Column("ap_75", "AP75")),
        "ap",
        _score_instances,
        pool=average_precision,
    ),
    "clicks": Measure(
        (
            Column("noc_85", "NoC@85", 2, higher=False),
            Column("noc_90", "NoC@90", 2, higher=False),
            Column("nof_85", "NoF@85", higher=False),
            Column("nof_90", "NoF@90", higher=False),
            *(Column(f"iou_{number}", f"IoU@{number}") for number in _IOU_AFTER_CLICKS),
        ),
        f"iou_{REPORTED_CLICKS}",
        _score_clicks,
    ),
}
