"""How well `mattelier qc` finds bad mattes, on made clips of known truth; finds its coefficients.

    python -m mattelier.train.clips SETS --scenes SCENES --out fit --length 12 --held-back
    python benchmarks/qc.py WORK --fit fit [more …] --judge other [--write]

Clips are folders of frames/*.jpg and masks/*.png. Each is tracked from its first frame's mask as
a rough key, without tuning (`--tune`), to WORK, where what lies there is used again. A frame is bad
below J 0.7. A logistic regression is fitted on the one set of clips, its weights bounded to the
side that each signal's meaning gives, and judged on the other; `--write` keeps it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from mattelier.engines.model_cache import ModelCache
from mattelier.metrics.masks import iou
from mattelier.requests import KeyRequest, RotoRequest
from mattelier.shot import qc, roto
from mattelier.shot.doubt import COEFFICIENTS, MAX_DEVIATIONS, coefficients, doubt

# What more of each says of a matte: 1 doubt it, −1 believe it.
SIGNS = {"second opinion": -1, "way back": -1, "colours": -1, "clearness": -1, "followed": -1}
BAD_J, FALSE_ALARMS = 0.7, 0.1
RIDGE, FOLDS = 3.0, 8

Values = NDArray[np.float64]


class Row(NamedTuple):
    clip: str
    j: float
    signals: dict[str, float]
    flagged: bool


def look(clips: Path, work: Path, tune: int) -> list[Row]:
    models, rows = ModelCache(), []
    for clip in sorted(clips.iterdir()):
        out = str(work / clips.name / clip.name / "m.####.png")
        if not list((work / clips.name / clip.name).glob(".mattelier/*/manifest.json")):
            key = KeyRequest(0, mask=str(clip / "masks" / "00000.png"))
            request = RotoRequest(str(clip / "frames"), out, keys=(key,), tune=tune)
            roto.run(request, models=models)
        findings = qc.examine(qc.find_manifest(out))
        ((_, signals),) = findings.signals.items()
        for frame, values in signals.items():
            matte = cv2.imread(out.replace("####", f"{frame:04}"), cv2.IMREAD_GRAYSCALE)
            truth = cv2.imread(str(clip / "masks" / f"{frame:05}.png"), cv2.IMREAD_GRAYSCALE)
            j = iou(matte > 127, truth > 127)
            rows.append(Row(f"{clips.name}/{clip.name}", j, values, frame in findings.look_at))
        print(
            rows[-1].clip, f"J {np.mean([row.j for row in rows if row.clip == rows[-1].clip]):.3f}"
        )
    return rows


def table(rows: Sequence[Row]) -> tuple[Values, NDArray[np.bool_]]:
    values = [[row.signals.get(name, np.nan) for name in SIGNS] for row in rows]
    return np.array(values, float), np.array([row.j < BAD_J for row in rows])


def fit(values: Values, bad: NDArray[np.bool_]) -> dict[str, Any]:
    mean, deviation = np.nanmean(values, 0), np.nanstd(values, 0) + 1e-6
    scaled = np.nan_to_num((values - mean) / deviation)
    scaled = np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS)

    def cost(p: Values) -> tuple[float, Values]:
        odds = scaled @ p[:-1] + p[-1]
        slope = 1 / (1 + np.exp(-odds)) - bad
        return (
            float(np.logaddexp(0, np.where(bad, -odds, odds)).sum() + RIDGE * (p[:-1] ** 2).sum()),
            np.append(scaled.T @ slope + 2 * RIDGE * p[:-1], slope.sum()),
        )

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in SIGNS.values()]
    start = np.zeros(len(SIGNS) + 1)
    best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x
    odds = scaled @ best[:-1] + best[-1]
    threshold = 1 / (1 + np.exp(-np.quantile(odds[~bad], 1 - FALSE_ALARMS)))
    signals = {
        name: {"mean": m, "deviation": d, "weight": w}
        for name, m, d, w in zip(SIGNS, mean, deviation, best[:-1], strict=True)
    }
    return {"signals": signals, "bias": best[-1], "threshold": threshold}


def doubts(model: dict[str, Any], rows: Sequence[Row]) -> Values:
    return np.array([doubt(row.signals, model) for row in rows])


def auc(score: Values, bad: NDArray[np.bool_]) -> float:
    """Of a bad and a good frame, the chance that the bad one is doubted more."""
    ranks, count = rankdata(score), int(bad.sum())
    return float((ranks[bad].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))


def found_at(score: Values, bad: NDArray[np.bool_], false_alarms: float) -> float:
    return float((score[bad] > np.quantile(score[~bad], 1 - false_alarms)).mean())


def tell(title: str, score: Values, bad: NDArray[np.bool_]) -> None:
    found = [found_at(score, bad, share) for share in (0.08, FALSE_ALARMS, 0.2)]
    print(f"{title:28} AUC {auc(score, bad):.3f}; found at 8, 10, 20 % false alarms",
          *(f"{share:.2f}" for share in found))  # fmt: skip


def tell_all(title: str, rows: Sequence[Row]) -> None:
    values, bad = table(rows)
    print(f"\n{title}: {len(rows)} frames of {len({row.clip for row in rows})} clips, "
          f"{bad.sum()} bad, mean J {np.mean([row.j for row in rows]):.3f}")  # fmt: skip
    for column, (name, sign) in zip(values.T, SIGNS.items(), strict=True):
        tell(name, sign * np.where(np.isfinite(column), column, np.nanmedian(column)), bad)
    clips = sorted({row.clip for row in rows})
    order = np.random.default_rng(0).permutation(len(clips)) % FOLDS
    fold = np.array([order[clips.index(row.clip)] for row in rows])
    score = np.empty(len(rows))
    for each in range(FOLDS):
        model = fit(values[fold != each], bad[fold != each])
        score[fold == each] = doubts(
            model, [row for row, f in zip(rows, fold, strict=True) if f == each]
        )
    tell("all, cross-validated by clip", score, bad)


def judge(title: str, model: dict[str, Any], rows: Sequence[Row]) -> None:
    bad = table(rows)[1]
    score = doubts(model, rows)
    tell(title, score, bad)
    alarm = score > model["threshold"]
    print(f"{'':28} at the threshold: found {alarm[bad].mean():.2f}, false alarms "
          f"{alarm[~bad].mean():.2f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--fit", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--tune", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="keep what was fitted")
    arguments = parser.parse_args()
    model = coefficients()
    if arguments.fit:
        each = [look(clips, arguments.work, arguments.tune) for clips in arguments.fit]
        rows = [row for one in each for row in one]
        tell_all("fitted on", rows)
        model = fit(*table(rows))
        judge("on itself", model, rows)
        if arguments.write:
            COEFFICIENTS.write_text(_text(model), "utf-8")
            print(_text(model))
    if arguments.judge:
        rows = look(arguments.judge, arguments.work, arguments.tune)
        tell_all("judged by", rows)
        judge("by the other clips' fit", model, rows)
        flagged = np.array([row.flagged for row in rows])
        bad = table(rows)[1]
        tell("as shipped", doubts(coefficients(), rows), bad)
        print(f"every flag of the report: found {flagged[bad].mean():.2f}, false alarms "
              f"{flagged[~bad].mean():.2f}")  # fmt: skip


def _text(model: dict[str, Any]) -> str:
    rounded = json.loads(json.dumps(model), parse_float=lambda text: round(float(text), 4))
    return json.dumps(rounded, indent=2) + "\n"


if __name__ == "__main__":
    main()
