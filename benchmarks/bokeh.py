"""Lens blur: how long, how much memory, and how near to a real lens.

    python benchmarks/bokeh.py [--photo PHOTO] [--megapixels 12] [--radius 40] [--runs 5]

The blur alone is timed, from samples and depth in memory to samples: once of a portrait on falling
ground, once of a slope through the whole picture, once from a matte. Each in a process of its own,
whose peak of memory beyond picture, depth and result is told. Then PSNR against Cycles' own depth
of field on the tests' scenes, beside that of a Gaussian of the same radius at every pixel.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "install" / "sample.jpg"
SCENES = HERE.parent / "tests" / "bokeh_scenes"
CASES = ("portrait", "slope", "matte")


def measure(case: str, photo: Path, megapixels: float, radius: float, runs: int) -> dict[str, Any]:
    """Seconds of each run, processor seconds, and MB beyond the pictures."""
    import cv2

    from mattelier.filters.bokeh.bokeh import bokeh
    from mattelier.filters.depth.depth import Sight
    from mattelier.matting.matte import Matte, Report
    from mattelier.media import stills
    from mattelier.requests import BokehRequest, Point
    from mattelier.types.depth_map import DepthMap
    from mattelier.types.picture import Picture

    height, width = round((megapixels * 0.75e6) ** 0.5), round((megapixels / 0.75e-6) ** 0.5)
    colour = cv2.resize(stills.read(photo).colour, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[: height // 4, : width // 4].astype(np.float32) / np.float32(height // 4)
    subject = np.hypot((x - 0.67) / 0.27, (y - 0.6) / 0.45) < 1
    disparity = np.clip((y - 0.4) / 0.6, 0, 1) if case != "slope" else x / x.max()
    if case != "slope":
        disparity = np.where(subject, np.float32(0.7), disparity)
    matte = None
    if case == "matte":
        alpha = cv2.resize(subject.astype(np.float32), (width, height))
        disparity, matte = alpha, Matte(alpha, Report("", "", ""))
    sight = Sight(DepthMap(disparity.astype(np.float32), False, case), matte)
    request = BokehRequest(
        focus=None if matte else Point(0.67 * height, 0.6 * height),
        radius=radius,
        foreground_blur=True,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, busy = [], []
    for _ in range(runs):
        start, start_busy = time.perf_counter(), time.process_time()
        bokeh(Picture(colour), sight, request)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "busy": busy, "mb": peak / 1024 - colour.nbytes / 2**20}


def truth() -> None:
    """PSNR on the tests' scenes."""
    sys.path[:0] = [str(SCENES), str(SCENES.parent)]
    import make_scenes
    from test_bokeh import gaussian, psnr

    from mattelier.filters.bokeh.bokeh import bokeh
    from mattelier.filters.bokeh.iris import blur_per_disparity
    from mattelier.filters.depth.depth import Sight
    from mattelier.media import stills
    from mattelier.media.depth_maps import read_depth
    from mattelier.requests import BokehRequest

    scores = []
    print(f"\n{'scene':10} {'radius':>7} {'pinhole':>8} {'gaussian':>9} {'ours':>7}   PSNR, dB")
    for name, (fstop, focus, blades) in make_scenes.CAMERAS.items():
        pinhole = stills.read(SCENES / f"{name}-pinhole.exr")
        lens = stills.read(SCENES / f"{name}-lens.exr").colour
        depth = read_depth(SCENES / f"{name}-pinhole.exr")
        request = BokehRequest(distance=focus, aperture=fstop, blades=blades, foreground_blur=True)
        scale = blur_per_disparity(
            focal_length=make_scenes.FOCAL,
            aperture=fstop,
            sensor=make_scenes.SENSOR,
            width=make_scenes.WIDTH,
        )
        radius = scale * np.abs(1 / focus - depth.disparity)
        results = (
            pinhole.colour,
            gaussian(pinhole.colour, radius),
            bokeh(pinhole, Sight(depth, None), request).colour,
        )
        scores.append([psnr(result, lens) for result in results])
        before, plain, ours = scores[-1]
        print(f"{name:10} {radius.max():7.1f} {before:8.2f} {plain:9.2f} {ours:7.2f}")
    before, plain, ours = np.mean(scores, 0)
    print(f"{'mean':10} {'':7} {before:8.2f} {plain:9.2f} {ours:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--radius", type=float, default=40)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        report = measure(args.case, args.photo, args.megapixels, args.radius, args.runs)
        print(json.dumps(report))
        return
    print(f"{args.megapixels:g} MP, radius {args.radius:g} px")
    for case in CASES:
        command = [sys.executable, __file__, *sys.argv[1:], "--case", case]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"{case:10} {statistics.median(report['seconds']):6.2f} s, "
            f"{statistics.median(report['busy']):6.2f} s of processor, {report['mb']:5.0f} MB"
        )
    truth()


if __name__ == "__main__":
    main()
