"""Mattelier against rembg with a U²-Netp-sized network: files on disk to files on disk.

    python benchmarks/cutout.py --rembg PYTHON [--photo PHOTO] [--runs 5]

PYTHON is an interpreter that has `rembg[cpu,cli]`; Mattelier runs in the interpreter of this
script, which also needs torch and onnx once, to write the network of random weights. Both sides
alternate in one run on the same pictures; the median of each and of the pairs' ratios is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "install" / "sample.jpg"
FOLDER_MEGAPIXELS = (0.3, 0.5, 0.8, 1, 1, 1.5, 2, 2, 2, 3, 3, 4, 5, 6, 6, 8, 8, 10, 12, 12)
WARM_REPEATS = 3


def make_photo(source: Path, path: Path, megapixels: float, seed: int) -> None:
    """A photo-like JPEG of that size: the source enlarged, with grain so that it codes like one."""
    from PIL import Image

    image = Image.open(source).convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    image = image.resize((round(image.width * scale), round(image.height * scale)), 3)
    tile = np.random.default_rng(seed).normal(0, 2.5, (509, 499, 1)).astype(np.int16)
    array = np.asarray(image)
    grainy = np.empty_like(array)
    for y in range(0, array.shape[0], 509):
        for x in range(0, array.shape[1], 499):
            part = array[y : y + 509, x : x + 499]
            grain = tile[: part.shape[0], : part.shape[1]]
            grainy[y : y + 509, x : x + 499] = np.clip(part + grain, 0, 255)
    Image.fromarray(grainy).save(path, quality=92)


def warm_mattelier(photo: Path, out: Path) -> list[float]:
    """Seconds of each pass after the first: read, cut out, write."""
    import mattelier
    from mattelier.media import stills

    def once() -> None:
        stills.write_cutout(out, mattelier.cutout(photo).picture)

    return _repeat(once)


def warm_rembg(photo: Path, out: Path, model: Path) -> list[float]:
    """The same with rembg's Python door, as its documentation shows it."""
    from PIL import Image
    from rembg import new_session, remove

    session = new_session("u2net_custom", model_path=str(model))

    def once() -> None:
        with Image.open(photo) as image:
            remove(image, session=session).save(out)

    return _repeat(once)


def large(photo: Path, out: Path) -> dict[str, float]:
    """One large picture: seconds without file coding, and the process's peak memory with it."""
    import numpy as np

    import mattelier
    from mattelier.media import stills

    mattelier.matte(np.zeros((64, 64, 3), np.uint8))  # opens the network
    picture = stills.read(photo)
    start = time.perf_counter()
    result = mattelier.cutout(picture)
    seconds = time.perf_counter() - start
    stills.write_cutout(out, result.picture)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mb": peak, **result.report.seconds}


def _repeat(once) -> list[float]:
    once()
    times = []
    for _ in range(WARM_REPEATS):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    return times


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _child(python: str, what: str, *arguments: Path) -> list[float] | dict[str, float]:
    command = [python, str(Path(__file__)), "--child", what, *map(str, arguments)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(answer.splitlines()[-1])


def _row(name: str, ours: list[float], theirs: list[float]) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"| {name} | {statistics.median(ours):.2f} s | {statistics.median(theirs):.2f} s "
        f"| {ratio:.2f} |",
        flush=True,
    )


def compare(rembg: str, sample: Path, runs: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["U2NET_HOME"] = name  # the only folder rembg takes custom networks from
        model = work / "u2netp.onnx"
        subprocess.run(
            [sys.executable, str(HERE / "u2netp.py"), str(model)], check=True, capture_output=True
        )
        small, large_photo, folder = work / "1mp.jpg", work / "12mp.jpg", work / "photos"
        make_photo(sample, small, 1, 1)
        make_photo(sample, large_photo, 12, 2)
        make_photo(sample, work / "50mp.jpg", 50, 3)
        folder.mkdir()
        for i, size in enumerate(FOLDER_MEGAPIXELS):
            make_photo(sample, folder / f"{i:02}.jpg", size, 10 + i)
        ours = [sys.executable, "-m", "mattelier", "cutout"]
        extra = json.dumps({"model_path": str(model)})
        rembg_cli = [rembg, "-c", "from rembg.cli import main; main()"]
        flags = ["-m", "u2net_custom", "-x", extra]
        out = work / "out.png"

        print("| files to files | Mattelier | rembg (U²-Netp size) | ratio |")
        print("|---|---|---|---|")
        a, b = [], []
        for i in range(runs + 1):
            one = _timed([*ours, str(small), "-o", str(out), "--overwrite"])
            two = _timed([*rembg_cli, "i", *flags, str(small), str(out)])
            if i:  # the first fills the disk cache and both sides' own caches
                a.append(one)
                b.append(two)
        _row("cold start, 1 MP photo", a, b)
        a, b = [], []
        for _ in range(runs):
            a.append(statistics.median(_child(sys.executable, "mattelier", large_photo, out)))
            b.append(statistics.median(_child(rembg, "rembg", large_photo, out, model)))
        _row("warm, 12 MP photo", a, b)
        a, b = [], []
        for _ in range(max(1, runs // 2)):
            for target in (work / "a", work / "b"):
                shutil.rmtree(target, ignore_errors=True)
            a.append(_timed([*ours, str(folder), "-o", str(work / "a")]))
            b.append(_timed([*rembg_cli, "p", *flags, str(folder), str(work / "b")]))
        _row("20 mixed photos in a folder", a, b)
        results_written = len(list((work / "a").iterdir())), len(list((work / "b").iterdir()))
        many = [_child(sys.executable, "large", work / "50mp.jpg", out) for _ in range(runs)]
        seconds = statistics.median(x["seconds"] for x in many)
        peak = max(x["peak_mb"] for x in many)
        print(f"\n50 MP: {seconds:.2f} s without file coding; peak memory with it {peak:.0f} MB.")
        print(f"Last: {many[-1]}. Files made in the folder test: {results_written}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rembg", help="a Python that has rembg[cpu,cli]")
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        what, *paths = args.child
        work = {"mattelier": warm_mattelier, "rembg": warm_rembg, "large": large}[what]
        print(json.dumps(work(*map(Path, paths))))
    elif args.rembg:
        compare(args.rembg, args.photo, args.runs)
    else:
        parser.error("--rembg is needed")


if __name__ == "__main__":
    main()
