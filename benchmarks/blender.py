"""What the Blender add-on costs around the engine, in Blender's own Python module.

    python benchmarks/blender.py [--json] [--runs 3] [--frames 12] [--version 5.0.1] [--photo PHOTO]

Medians: adding a node, opening a file with ten of them with and without the add-on, and baking a
1080p plate with a mask keyed on three frames with the shipped network, of which all but the
engine's own time is the add-on's. Needs what the tests in `tests/blender` need.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / "blender"), str(HERE.parent / "tests")]

SAMPLE = HERE.parent / "install" / "sample.jpg"
SECONDS = 1500
WIDTH, HEIGHT = 1920, 1080
STEP = 4  # pixels that the picture moves from frame to frame


def make_plate(photo: Path, folder: Path, frames: int) -> None:
    """plate.1001.png …, the photograph panned."""
    from PIL import Image, ImageOps

    room = WIDTH + STEP * frames
    with Image.open(photo) as source:
        wide = ImageOps.fit(source.convert("RGB"), (room, HEIGHT), Image.Resampling.BICUBIC)
    for number in range(frames):
        x = STEP * number
        frame = wide.crop((x, 0, x + WIDTH, HEIGHT))
        frame.save(folder / f"plate.{1001 + number}.png", compress_level=1)


def measure(photo: Path, version: str, runs: int, frames: int) -> dict[str, Any]:
    """All times: {"adding": [s …], "opening": {…}, "bakes": {…}}."""
    from in_blender import make_stage
    from real_blender import INSIDE, home_with_addon, modules

    from mattelier.hosts.engine import engine_command

    blender = modules([version])[version]
    with home_with_addon(engine_command()) as home, tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch)
        make_stage(stage)
        make_plate(photo, stage / "plates", frames)
        (stage / "wishes.json").write_text(json.dumps({"runs": runs, "frames": frames}), "utf-8")
        log = stage / "log"
        case = "speed.case_measure"
        blender.run(home, INSIDE / "runner.py", stage, case, timeout=SECONDS, log=log)
        try:
            return json.loads((stage / "times.json").read_text("utf-8"))
        except OSError:
            results = stage / "results.jsonl"
            output = results.read_text("utf-8") if results.exists() else log.read_text("utf-8")
            raise SystemExit(f"Blender gave no times:\n{output}") from None


def summary(times: dict[str, Any]) -> dict[str, float]:
    """Medians in seconds, and the add-on's share of a bake in percent."""
    bakes, opening = times["bakes"], times["opening"]
    shares = [100 * (1 - e / t) for t, e in zip(bakes["total"], bakes["engine"], strict=True)]
    return {
        "adding a node": statistics.median(times["adding"]),
        "opening ten nodes": statistics.median(opening["with"]),
        "opening ten nodes, the add-on's part": statistics.median(opening["with"])
        - statistics.median(opening["without"]),
        "1080p bake, per frame": statistics.median(bakes["total"]) / bakes["frames"],
        "1080p bake, the add-on's part": statistics.median(shares),
    }


GOALS = {
    "adding a node": 0.3,
    "opening ten nodes, the add-on's part": 0.2,
    "1080p bake, the add-on's part": 8,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--version", default="5.0.1", help="of the bpy module")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print all times as JSON")
    args = parser.parse_args()
    times = measure(args.photo, args.version, args.runs, args.frames)
    medians = summary(times)
    if args.json:
        print(json.dumps({"medians": medians, "times": times}))
        return
    print(f"| in Blender {args.version} | median | goal |")
    print("|---|---|---|")
    for name, value in medians.items():
        percent = "bake, the" in name
        text = f"{value:.1f} %" if percent else f"{value:.3f} s"
        goal = f"≤ {GOALS[name]:g} {'%' if percent else 's'}" if name in GOALS else ""
        print(f"| {name} | {text} | {goal} |")


if __name__ == "__main__":
    main()
