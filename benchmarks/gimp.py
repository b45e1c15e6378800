"""The GIMP plug-in's speed in a real GIMP, against the way by files that other plug-ins take.

    python benchmarks/gimp.py [--json] [--runs 5] [--photo PHOTO]

From the call in the PDB to the finished mask or selection, with a warm worker, on a fresh copy of
the image each time; medians. The way by files is the same engine: GIMP exports a PNG, a new Python
opens the model and writes the matte, GIMP loads it and makes it the mask. A click of Select by
Pointing is answered from the picture that the worker keeps; others start a process for each click.
Needs what the tests in `tests/gimp` need: a GIMP 3 on PATH, or root rights on a Debian system.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / "gimp"), str(HERE.parent / "tests")]

SAMPLE = HERE.parent / "install" / "sample.jpg"
SECONDS = 1500
GRAIN = 3.0  # standard deviation in 8-bit steps, so that the picture codes like a photograph
# Appended to the client that the plug-in under test uses: how long did the engine compute?
TAP = """
_silent = Worker._answer

def _noted(self, progress):
    answer = _silent(self, progress)
    with open({path!r}, "w") as file:
        json.dump(answer.report, file)
    return answer

Worker._answer = _noted
"""


def make_picture(source: Path, path: Path, megapixels: float) -> None:
    """A PNG of that size, 8-bit RGB: the source enlarged, with grain."""
    import numpy as np
    from PIL import Image

    image = Image.open(source).convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    image = image.resize((round(image.width * scale), round(image.height * scale)), 3)
    rng, array = np.random.default_rng(1), np.array(image)
    for row in array:
        grain = rng.standard_normal(row.shape, np.float32) * GRAIN
        row[:] = np.clip(row + grain, 0, 255).round()
    Image.fromarray(array).save(path, compress_level=1)


def measure(photo: Path, runs: int) -> dict[str, Any]:
    """All times: {"12mp": {"total": [s …], "engine": [s …], "peers": [s …] …} …}."""
    from real_gimp import real_gimp

    wishes = {
        "2mp": {"procedure": "select-subject", "runs": runs, "peers": 0},
        "12mp": {"procedure": "remove-background", "runs": runs, "peers": max(3, runs // 2)},
        "50mp": {"procedure": "remove-background", "runs": max(3, runs // 2), "peers": 0},
    }
    with real_gimp() as gimp:
        stage = gimp.home / "stage"
        stage.mkdir()
        for name in wishes:
            make_picture(photo, stage / f"{name}.png", float(name.removesuffix("mp")))
        with (gimp.plugin / "mattelier_worker" / "client.py").open("a", encoding="utf-8") as file:
            file.write(TAP.format(path=str(stage / "report.json")))
        (stage / "runs.json").write_text(json.dumps(wishes), "utf-8")
        log = stage / "gimp.log"
        gimp.run(stage, "speed.measure", timeout=SECONDS, log=log)
        try:
            return json.loads((stage / "speed.measure.json").read_text("utf-8"))
        except OSError:
            results = stage / "results.jsonl"
            output = results.read_text("utf-8") if results.exists() else log.read_text("utf-8")
            raise SystemExit(f"GIMP gave no times:\n{output}") from None


def summary(times: dict[str, Any]) -> dict[str, float]:
    """Medians in seconds, and how many times faster than by files."""

    def median(name: str, part: str) -> float:
        return statistics.median(times[name][part])

    large = times["12mp"]
    others = [a - b for a, b in zip(large["total"], large["engine"], strict=True)]
    return {
        "12 MP mask": median("12mp", "total"),
        "12 MP engine": median("12mp", "engine"),
        "12 MP everything else": statistics.median(others),
        "of that, starting the plug-in": statistics.median(times["start"]),
        "50 MP mask": median("50mp", "total"),
        "50 MP engine": median("50mp", "engine"),
        "2 MP select subject": median("2mp", "total"),
        "2 MP engine": median("2mp", "engine"),
        "12 MP by files": median("12mp", "peers"),
        "12 MP by files, export": median("12mp", "export"),
        "12 MP by files, engine": median("12mp", "start"),
        "12 MP by files, import": median("12mp", "import"),
        "12 MP ratio": median("12mp", "peers") / median("12mp", "total"),
        "2 MP click": median("click", "kept"),
        "2 MP click against, after it": median("click", "corrected"),
        "2 MP click, a process each": median("click", "process"),
        "2 MP click ratio": median("click", "process") / median("click", "kept"),
    }


GOALS = {
    "12 MP mask": 1.0,
    "12 MP everything else": 0.35,
    "50 MP mask": 4.0,
    "2 MP select subject": 0.5,
    "12 MP ratio": 8.0,
    "2 MP click": 0.15,
    "2 MP click against, after it": 0.15,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print all times as JSON")
    args = parser.parse_args()
    times = measure(args.photo, args.runs)
    medians = summary(times)
    if args.json:
        print(json.dumps({"medians": medians, "times": times}))
        return
    print("| in GIMP, warm worker | median | goal |")
    print("|---|---|---|")
    for name, value in medians.items():
        unit, sign = ("×", "≥") if name.endswith("ratio") else (" s", "≤")
        goal = f"{sign} {GOALS[name]:g}{unit}" if name in GOALS else ""
        print(f"| {name} | {value:.2f}{unit} | {goal} |")


if __name__ == "__main__":
    main()
