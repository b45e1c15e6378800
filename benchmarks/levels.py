"""The quality levels of `mattelier cutout` side by side: what each scores and how long it takes.

    python benchmarks/levels.py DATA… [--most 300] [--runs 7] [--try fast=0.875,1+mirror]

Each DATA folder holds `images/` and `masks/` of equal names; only pictures that training holds
back (`data.splits.is_validation`) are scored, as `mattelier evaluate` scores them. Times are of
pictures made by code, 1 and 12 megapixels: the network, the refinement, and all from the file
read to the PNG written. Levels take turns, each warmed up first; the median is printed. `--try`
measures a level's path with other passes of the network: scales of the card's size, and
`+mirror` where the mirror image is looked at too.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

from cutout import SAMPLE, make_photo

import mattelier
from mattelier.data.pairs import Pair, find_pairs
from mattelier.data.splits import split_pairs
from mattelier.matting import matte
from mattelier.media import stills
from mattelier.metrics.measures import MEASURES, Case, Scores
from mattelier.requests import Quality

MEGAPIXELS = (1, 12)
SCORES = ("max_f", "mae", "iou", "s_measure", "boundary_f")
STAGES = ("network", "refine", "all")


@dataclass(frozen=True)
class Level:
    """A quality, with its own passes of the network or others: (scales, mirrored)."""

    quality: Quality
    passes: tuple[tuple[float, ...], bool] | None = None

    @property
    def name(self) -> str:
        if self.passes is None:
            return f"`{self.quality}`"
        scales, mirrored = self.passes
        return f"{self.quality}={','.join(f'{s:g}' for s in scales)}{'+mirror' * mirrored}"

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """This level's passes, while the block runs."""
        passes = {} if self.passes is None else {self.quality: self.passes}
        with patch.dict(matte._PASSES, passes):
            yield


def parse_level(text: str) -> Level:
    """`fast=0.875,1+mirror` as a `Level`."""
    quality, _, passes = text.partition("=")
    scales, plus, mirror = passes.partition("+")
    if quality not in get_args(Quality) or (plus and mirror != "mirror"):
        raise argparse.ArgumentTypeError(f"{text!r} is not like fast=0.875,1+mirror")
    return Level(quality, (tuple(map(float, scales.split(","))), bool(plus)))


def validation_pairs(folders: list[Path], most: int | None) -> list[Pair]:
    """Pictures never trained on, spread evenly over all folders when there are more than `most`."""
    found = [pair for folder in folders for pair in split_pairs(find_pairs(folder))[1]]
    count = min(most or len(found), len(found))
    return [found[i * len(found) // count] for i in range(count)]


def score(levels: list[Level], pairs: list[Pair]) -> list[dict[str, float]]:
    """Mean scores of the whole path, of each level."""
    measure = MEASURES["masks"]
    measured: list[list[Scores]] = [[] for _ in levels]
    for pair in pairs:
        picture, truth = stills.read(pair.picture), stills.read_grey(pair.truth)
        for level, found in zip(levels, measured, strict=True):
            with level.active():
                result = mattelier.matte(picture, quality=level.quality, device="cpu")
            found.append(measure.score(Case(result.alpha, truth)))
    return [measure.mean(found) for found in measured]


def clock(levels: list[Level], runs: int) -> list[dict[tuple[float, str], float]]:
    """Median seconds of each stage at each size, of each level."""
    medians: list[dict[tuple[float, str], float]] = [{} for _ in levels]
    with tempfile.TemporaryDirectory() as name:
        photo, out = Path(name, "photo.jpg"), Path(name, "out.png")
        for size in MEGAPIXELS:
            make_photo(SAMPLE, photo, size, seed=size)
            times: list[dict[str, list[float]]] = [{s: [] for s in STAGES} for _ in levels]
            for run in range(runs + 1):
                for level, taken in zip(levels, times, strict=True):
                    start = time.perf_counter()
                    with level.active():
                        result = mattelier.cutout(
                            stills.read(photo), quality=level.quality, device="cpu"
                        )
                    stills.write_cutout(out, result.picture)
                    seconds = result.report.seconds | {"all": time.perf_counter() - start}
                    for stage in STAGES if run else ():  # the first run warms up
                        taken[stage].append(seconds[stage])
            for stage in STAGES:
                for median, taken in zip(medians, times, strict=True):
                    median[size, stage] = statistics.median(taken[stage])
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", type=Path, help="none: only times are measured")
    parser.add_argument("--most", type=int, help="held-back pictures to score")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--try", dest="tried", action="append", type=parse_level, default=[])
    args = parser.parse_args()
    levels = [*map(Level, get_args(Quality)), *args.tried]
    pairs = validation_pairs(args.data, args.most) if args.data else []

    rows: list[list[Any]] = [[level.name] for level in levels]
    heads = ["level"]
    if pairs:
        titles = {column.key: column.title for column in MEASURES["masks"].columns}
        heads += [titles[key] for key in SCORES]
        for row, scores in zip(rows, score(levels, pairs), strict=True):
            row += [f"{scores[key]:.3f}" for key in SCORES]
    if args.runs:
        heads += [f"{size} MP: {stage}" for size in MEGAPIXELS for stage in STAGES]
        for row, medians in zip(rows, clock(levels, args.runs), strict=True):
            row += [f"{seconds:.3f} s" for seconds in medians.values()]
    print(f"{len(pairs)} held-back pictures, on the processor.\n")
    for line in (heads, ["---"] * len(heads), *rows):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
