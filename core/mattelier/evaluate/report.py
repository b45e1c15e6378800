"""An outcome as one HTML file that needs nothing else: tables, and the worst cases, with why."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Sequence

from mattelier.evaluate.run import Outcome, Trial
from mattelier.evaluate.summary import ALL, Row, Tally
from mattelier.evaluate.worst_cases import WorstCase
from mattelier.metrics.measures import MEASURES, Column

_STYLE = """body{font:14px system-ui,sans-serif;margin:2em;background:#1c1c1c;color:#ddd}
table{border-collapse:collapse;margin:0 0 1.5em}td,th{padding:3px 10px 3px 0;text-align:right}
td:first-child,th:first-child,.name{text-align:left}
th{color:#999;font-weight:normal;white-space:nowrap}
tr.all td{border-top:1px solid #444}b{color:#8fd18f}.case{margin:0 0 1.2em}
.case h3{margin:0 0 4px;font-size:14px}figure{display:inline-block;margin:0 6px 0 0;
vertical-align:top}figcaption{color:#999;font-size:12px;max-width:410px}img{margin-right:2px}
i{font-style:normal;padding:0 4px}em{font-style:normal;color:#eee;font-size:13px}"""
_NOTES = {
    "masks": "max-F and mean-F (β² 0.3) and E are of the mean curve over 256 thresholds; wF is the "
    "weighted F, S the structure measure, relax-F the outline's F within 3 pixels, b-IoU the IoU "
    "of the band of 2 % of the diagonal at the edge. Grey truth is not scored.",
    "detail": "F@1px and F@2px: the outline's F (β 1) within so many pixels, BF within 0.75 % of "
    "the diagonal; holes: the share of "
    "the truth's holes (of 0.05 % of the picture and more) that are open; thin: the share kept of "
    "what an opening of 1 % of the longer side takes away. Pictures without holes or thin parts do "
    "not count there. Grey truth is not scored.",
    "mattes": "Over whole pictures, and (°) in the unknown band: the trimap's where one was given, "
    "else the truth's soft pixels and 10 around them. SAD, Grad and Conn in thousands, MAD and MSE "
    "times 1000.",
    "video": "J is the region's IoU, F the outline's within 0.8 % of the diagonal, every frame "
    "counted; dtSSD times 100, MAD and MSE times 1000. In all, sequences count alike.",
    "upscale": "On luma (BT.601), 8 bits, a border as wide as the scale left out.",
    "looks": "LPIPS (0.1): how different the two look to a network, 0 where they are equal, over "
    "whole pictures. PSNR and SSIM on luma (BT.601), 8 bits, a border of the scale left out.",
    "instances": "COCO's average precision: AP over IoUs from 0.50 to 0.95 and over classes, AP50 "
    "and AP75 at one; at most 100 results of a class in a picture. Worst are pictures taken alone, "
    "shown with all their objects as one.",
    "clicks": "Each click lies at the deepest point of what is missing or too much, for or against "
    "the subject, at most 20. NoC: clicks until IoU is 0.85 or 0.9, 20 where it never is; NoF: the "
    "share of such pictures; IoU@k: after k clicks. Shown is the answer after five. Grey truth is "
    "not scored.",
}


def render_report(
    title: str,
    outcome: Outcome,
    rows: Sequence[Row],
    tallies: Sequence[Tally],
    worst: Sequence[WorstCase],
    remarks: list[str],
) -> str:
    """The whole page.

    Parameters
    ----------
    rows : from `summarise`
    tallies : from `tally_causes`
    worst : from `WorstCases.in_order`
    remarks : sentences about what was left out
    """
    columns = MEASURES[outcome.measure].columns
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(remark)}</p>" for remark in remarks),
        *_cause_tables(tallies),
        *_score_tables(rows, columns),
        f"<p>{_NOTES[outcome.measure]}</p>",
        *_worst_cases(outcome, worst, columns),
        *_all_pictures(outcome, columns),
    ]
    return "\n".join(parts) + "\n"


def trial_label(trial: Trial, trials: Sequence[Trial]) -> str:
    """What tells a trial from the others: model, hint, corruption, as far as they differ."""
    keys = [other.key for other in trials]
    differ = [len({key[part] for key in keys}) > 1 for part in range(3)]
    parts = [text for text, differs in zip(trial.key, differ, strict=True) if differs]
    return ", ".join(parts) or trial.predictor.name


def format_score(value: float, column: Column) -> str:
    """A score as tables show it."""
    return "–" if value != value else f"{value:.{column.digits}f}"


def _cause_tables(tallies: Sequence[Tally]) -> list[str]:
    """One table of how often each category of cause comes first; the commonest fault stands out."""
    if not tallies:
        return []
    total = sum((tally.categories for tally in tallies), Counter[str]())
    # What is right is no fault: it stands last.
    categories = sorted(total, key=lambda name: (name == "right", -total[name]))
    trials = list(dict.fromkeys(tally.trial for tally in tallies))
    parts = ["<h2>Why</h2><p>Pictures by the first reason of their errors.</p><table>"]
    heads = "".join(f"<th>{html.escape(name)}" for name in categories)
    parts.append(f"<tr><th>{'<th>' if len(trials) > 1 else ''}<th>count{heads}")
    for tally in tallies:
        most = max((tally.categories[name] for name in categories if name != "right"), default=0)
        cells = f"<td>{html.escape(tally.group)}"
        if len(trials) > 1:
            cells += f"<td class=name>{html.escape(trial_label(tally.trial, trials))}"
        cells += f"<td>{tally.categories.total()}"
        for name in categories:
            count = tally.categories[name]
            stands_out = name != "right" and count == most > 0
            cells += f"<td>{f'<b>{count}</b>' if stands_out else count or '·'}"
        parts.append(f"<tr>{cells}")
    return [*parts, "</table>"]


def _score_tables(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """One table of everything, then one for each group; the best of each column stands out."""
    trials = list(dict.fromkeys(row.trial for row in rows))
    groups = list(dict.fromkeys(row.group for row in rows))
    parts = []
    for group in sorted(groups, key=lambda name: name != ALL):
        inside = [row for row in rows if row.group == group]
        parts.append(f"<h2>{html.escape(group)}</h2><table>{_head(columns)}")
        for row in inside:
            cells = f"<td>{html.escape(trial_label(row.trial, trials))}<td>{row.count}"
            for column in columns:
                values = [other.scores[column.key] for other in inside]
                known = [value for value in values if value == value]
                best = (max if column.higher else min)(known, default=None)
                shown = format_score(row.scores[column.key], column)
                is_best = len(inside) > 1 and row.scores[column.key] == best
                cells += f"<td>{f'<b>{shown}</b>' if is_best else shown}"
            parts.append(f"<tr>{cells}")
        parts.append("</table>")
    return parts


def _head(columns: Sequence[Column]) -> str:
    titles = "".join(f"<th>{c.title}{' ↑' if c.higher else ' ↓'}" for c in columns)
    return f"<tr><th><th>count{titles}"


def _worst_cases(
    outcome: Outcome, worst: Sequence[WorstCase], columns: Sequence[Column]
) -> list[str]:
    if not worst:
        return []
    column = MEASURES[outcome.measure].ranking
    parts = [f"<h2>Worst first, by {column.title}</h2>"]
    if MEASURES[outcome.measure].colour:
        parts.append("<p>The truth; then each result and its error, four times enlarged.</p>")
    else:
        parts.append(
            "<p>Picture and truth; then each result and its errors: "
            "<i style='background:#ff7828;color:#000'>missing</i> "
            "<i style='background:#3cbeff;color:#000'>too much</i></p>"
        )
    for case in worst:
        item = case.item
        figures = [f"<figure>{''.join(map(_image, case.sources))}<figcaption>truth</figure>"]
        if case.seen is not None:
            image, words = case.seen
            caption = html.escape(words)
            figures.append(f"<figure>{_image(image)}<figcaption>{caption}</figure>")
        for number, pair in case.results.items():
            values = case.scores[number]
            score_text = " · ".join(f"{c.title} {format_score(values[c.key], c)}" for c in columns)
            name = html.escape(trial_label(outcome.trials[number], outcome.trials))
            why = html.escape(case.causes[number].sentence)
            caption = f"{name}<br><em>{why}</em><br>{score_text}"
            figures.append(f"<figure>{''.join(map(_image, pair))}<figcaption>{caption}</figure>")
        place = html.escape(f"{item.group} / {item.name}")
        parts.append(f"<div class=case><h3>{place}</h3>{''.join(figures)}</div>")
    return parts


def _image(file: bytes) -> str:
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(file).decode()}">'


def _all_pictures(outcome: Outcome, columns: Sequence[Column]) -> list[str]:
    column = MEASURES[outcome.measure].ranking
    parts = [f"<details><summary>Every picture, worst {column.title} first</summary><table>"]
    parts.append(_head(columns).replace("<th>count", "<th class=name>", 1))
    ordered = sorted(
        outcome.records,
        key=lambda record: record.scores.values[column.key] * (1 if column.higher else -1),
    )
    for record in ordered:
        name = html.escape(f"{record.item.group} / {record.item.name}")
        trial = html.escape(trial_label(record.trial, outcome.trials))
        cells = "".join(f"<td>{format_score(record.scores.values[c.key], c)}" for c in columns)
        parts.append(f"<tr><td>{name}<td class=name>{trial}{cells}")
    return [*parts, "</table></details>"]
