"""A shot at Blender's window, from the plate to a composite that is rendered without the add-on.

    python benchmarks/blender_window.py FOLDER [--frames 100] [--quality balanced] [--step 1]

Draws a 1080p shot of half-float EXR by code, of which the matte is known: somebody walks with a
board over ground that moves. In Debian's Blender, with the real engine, the mouse points at the
subject, the shot is baked, strokes correct the worst frame, it is baked again, and once more where
anything still looks wrong. The saved file is then rendered by a Blender as it comes from its
makers, and each pixel of the composite is compared with foreground × matte + background ×
(1 − matte) of the files. Screenshots stay in the folder. Needs what the tests in `tests/blender`
need, and half an hour.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / "blender"), str(HERE.parent / "tests")]

WIDTH, HEIGHT, FIRST = 1920, 1080, 1001
MOST = 100  # frames: then the subject has crossed the picture
PAN = 3  # pixels that the ground moves from frame to frame
LAMP_Y = 120
SECONDS = 3600
_FINE = 2  # times as fine is the subject drawn
_SHUTTER = (-0.25, 0.0, 0.25)  # of a frame
_AROUND = (-340, -520, 460, 520)  # pixels about the subject's middle that it is drawn in

Map = NDArray[np.float32]
Place = tuple[float, float]


def noise(random: np.random.RandomState, height: int, width: int, coarse: int) -> Map:
    """0…1, of several sizes from `coarse` pixels downwards."""
    total = np.zeros((height, width), np.float32)
    weight, size = 0.5, coarse
    while size >= 4:
        grid = random.rand(height // size + 2, width // size + 2).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight, size = weight / 1.6, size // 2
    low, high = np.percentile(total, (1, 99))
    return np.clip((total - low) / (high - low), 0, 1)


class Shot:
    """Frames of the shot, linear light: `plate` and `matte` by number from 0."""

    def __init__(self, frames: int) -> None:
        random = np.random.RandomState(7)
        wide = WIDTH + PAN * frames
        near, far = noise(random, HEIGHT, wide, 96), noise(random, HEIGHT, wide, 400)
        shades = np.float32([[0.05, 0.09, 0.12], [0.20, 0.26, 0.22], [0.42, 0.36, 0.26]])
        ground = shades[0] + near[..., None] * (shades[1] - shades[0])
        self._ground = ground + (far[..., None] ** 2) * (shades[2] - shades[0])
        self._lamps = range(150, wide, 420)  # brighter than white
        for x in self._lamps:
            cv2.circle(self._ground, (x, LAMP_Y), 26, (6.0, 5.2, 3.4), -1, cv2.LINE_AA)
        x0, y0, x1, y1 = _AROUND
        self._cloth = noise(random, y1 - y0, x1 - x0, 48)[..., None]
        self._strands = random.uniform(-1, 1, (16, 3))
        self._grain = random.standard_normal((HEIGHT + 97, WIDTH + 97, 3)).astype(np.float32)

    def joints(self, moment: float) -> dict[str, tuple[Place, Place]]:
        """The lines along the subject's parts, in pixels."""
        u = moment / (MOST - 1)
        step = math.sin(2 * math.pi * moment / 24)
        x = WIDTH * (0.28 + 0.40 * u)
        y = HEIGHT * 0.50 + 14 * math.cos(4 * math.pi * moment / 24)
        lean = 0.16 * math.sin(2 * math.pi * moment / 48) + 0.1
        board = x + 210, y - 20
        along = 190 * math.sin(lean), -190 * math.cos(lean)
        return {
            "head": ((x - 40, y - 300), (x + 40, y - 300)),
            "body": ((x, y - 150), (x, y + 130)),
            "left leg": ((x - 55, y + 190), (x - 55 + 90 * step, HEIGHT * 0.93)),
            "right leg": ((x + 55, y + 190), (x + 55 - 90 * step, HEIGHT * 0.93)),
            "arm": ((x + 80, y - 90), (board[0] - 30, board[1])),
            "board": (
                (board[0] + along[0], board[1] + along[1]),
                (board[0] - along[0], board[1] - along[1]),
            ),
        }

    def lamps(self, number: int) -> list[tuple[Place, Place]]:
        """A line through each lamp of a frame that the subject does not hide."""
        (left, y), (right, _) = self.joints(number)["head"]
        shown = [x - PAN * number for x in self._lamps if 40 <= x - PAN * number < WIDTH - 40]
        away = [x for x in shown if math.hypot(x - (left + right) / 2, LAMP_Y - y) > 130]
        return [((x - 14, LAMP_Y), (x + 14, LAMP_Y)) for x in away]

    def _shapes(self, moment: float, corner: tuple[int, int]) -> tuple[Map, Map]:
        """The board's share of each pixel about the subject, and that of all else of it."""
        width, height = _AROUND[2] - _AROUND[0], _AROUND[3] - _AROUND[1]
        big = height * _FINE, width * _FINE
        board, body = np.zeros(big, np.uint8), np.zeros(big, np.uint8)
        parts = self.joints(moment)

        def at(place: Place) -> tuple[int, int]:
            return round((place[0] - corner[0]) * _FINE), round((place[1] - corner[1]) * _FINE)

        cv2.fillPoly(board, [_slab(parts["board"], 62, at)], 255, cv2.LINE_AA)
        for name, thick in (("body", 210), ("left leg", 84), ("right leg", 84), ("arm", 54)):
            start, end = map(at, parts[name])
            cv2.line(body, start, end, 255, thick * _FINE, cv2.LINE_AA)
        (x0, y0), (x1, _) = parts["head"]
        head = (x0 + x1) / 2, y0
        cv2.circle(body, at(head), 98 * _FINE, 255, -1, cv2.LINE_AA)
        for start, bend, length in self._strands:
            turn = -math.pi / 2 + 1.2 * start
            ends = ((90, turn), (118 + 50 * length, turn + 0.25 * bend))
            places = [(head[0] + r * math.cos(t), head[1] + r * math.sin(t)) for r, t in ends]
            cv2.line(body, *map(at, places), 255, 2 * _FINE, cv2.LINE_AA)
        found = [cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA)
                 for one in (board, body)]  # fmt: skip
        return found[0][..., None] / np.float32(255), found[1][..., None] / np.float32(255)

    def frame(self, number: int) -> tuple[Map, Map]:
        """Plate (H, W, 3) and matte (H, W, 1)."""
        plate = self._ground[:, PAN * number : PAN * number + WIDTH].copy()
        matte = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        (x, y), _ = self.joints(number)["body"]
        corner = round(x) + _AROUND[0], round(y) + 150 + _AROUND[1]
        wood = np.float32([0.16, 0.15, 0.11]) * (0.5 + self._cloth)
        wool = np.float32([0.55, 0.16, 0.05]) * (0.35 + 1.1 * self._cloth)
        there, behind = [], np.float32(0)
        for moment in _SHUTTER:
            board, body = self._shapes(number + moment, corner)
            behind = behind + (1 - board) * (1 - body)
            there.append(wood * board * (1 - body) + wool * body)
        behind, light = behind / len(_SHUTTER), sum(there) / len(_SHUTTER)
        place = np.s_[corner[1] :, corner[0] :]
        part = plate[place][: len(behind), : behind.shape[1]]
        part *= behind
        part += light
        matte[place][: len(behind), : behind.shape[1]] -= behind - 1
        shift = 37 * number % 97, 61 * number % 97
        grain = self._grain[shift[0] : shift[0] + HEIGHT, shift[1] : shift[1] + WIDTH]
        return np.maximum(plate + 0.006 * np.sqrt(plate / 0.18 + 0.02) * grain, 0), matte


def _slab(ends: tuple[Place, Place], half: float, at: Any) -> NDArray[np.int32]:
    """The corners of a rectangle along a line."""
    (x0, y0), (x1, y1) = ends
    length = math.hypot(x1 - x0, y1 - y0)
    over = half * (y0 - y1) / length, half * (x1 - x0) / length
    corners = [(x0 + over[0], y0 + over[1]), (x1 + over[0], y1 + over[1])]
    corners += [(x1 - over[0], y1 - over[1]), (x0 - over[0], y0 - over[1])]
    return np.array([at(corner) for corner in corners], np.int32)


def make_shot(stage: Path, frames: int) -> Shot:
    """plates/walk.1001.exr …, ground.exr to lay it over, and truth/walk.1001.exr …."""
    from pictures import write

    shot = Shot(frames)
    for name in ("plates", "truth"):
        (stage / name).mkdir(parents=True)
    for number in range(frames):
        plate, matte = shot.frame(number)
        write(stage / "plates" / f"walk.{FIRST + number}.exr", plate, "half")
        write(stage / "truth" / f"walk.{FIRST + number}.exr", matte, "half")
    far = noise(np.random.RandomState(3), HEIGHT, WIDTH, 512)[..., None]
    write(stage / "ground.exr", np.float32([0.5, 0.7, 1.6]) * far, "half")
    return shot


def read(path: Path) -> Map:
    """(H, W, C), as it is in the file."""
    import OpenImageIO

    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise SystemExit(f"{path} cannot be read: {OpenImageIO.geterror()}")
    samples = source.read_image("float")
    source.close()
    return samples


def overlaps(stage: Path, mattes: Path, frames: int) -> list[float]:
    """J of each frame: the intersection over the union with the truth, from a half on."""
    found = []
    for number in range(FIRST, FIRST + frames):
        truth = read(stage / "truth" / f"walk.{number}.exr")[..., 0] > 0.5
        (file,) = mattes.glob(f"*.{number}.exr")
        matte = read(file)[..., 0] > 0.5
        found.append(float((truth & matte).sum() / max((truth | matte).sum(), 1)))
    return found


def composite_errors(stage: Path, bakes: Path, numbers: list[int]) -> list[float]:
    """The largest difference of each rendered frame from the formula, in linear light."""
    ground, errors = read(stage / "ground.exr")[..., :3], []
    for number in numbers:
        (matte,), (colour,) = ((bakes / name).glob(f"*.{number}.exr") for name in
                               ("matte", "foreground"))  # fmt: skip
        alpha = read(matte)[..., :1]
        wanted = read(colour)[..., :3] * alpha + ground * (1 - alpha)
        errors.append(float(np.abs(read(stage / f"out.{number}.exr")[..., :3] - wanted).max()))
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the screenshots and the log")
    parser.add_argument("--frames", type=int, default=100, help="100 at most")
    parser.add_argument("--quality", default="balanced", choices=("fast", "balanced", "best"))
    parser.add_argument("--step", type=int, default=1, help="render every so many frames")
    args = parser.parse_args()
    if not 1 <= args.frames <= MOST:
        parser.error(f"the shot has 1 to {MOST} frames")
    from real_blender import INSIDE, window

    from mattelier.hosts.engine import engine_command

    args.folder.mkdir(parents=True, exist_ok=True)
    with window() as shown:
        stage = shown.home / "shot"
        shot = make_shot(stage, args.frames)
        wishes = {
            "first": FIRST,
            "frames": args.frames,
            "quality": args.quality,
            "joints": [shot.joints(number) for number in range(args.frames)],
            "lamps": [shot.lamps(number) for number in range(args.frames)],
        }
        (stage / "wishes.json").write_text(json.dumps(wishes), "utf-8")
        shown.install()
        shown.use_engine(*engine_command(), "worker")
        script, log = INSIDE / "roto_shot.py", args.folder / "log.txt"
        shown.run_at_screen(script, stage, timeout=SECONDS, log=log)
        for picture in stage.glob("*.png"):
            shutil.copy(picture, args.folder)
        times = stage / "times.json"
        if not times.exists():
            raise SystemExit((stage / "results.jsonl").read_text("utf-8"))
        done = json.loads(times.read_text("utf-8"))
        numbers = list(range(FIRST, FIRST + args.frames, args.step))
        rendered = shown.run(
            "blender", "-b", "--factory-startup", stage / "shot.blend",
            "-f", ",".join(map(str, numbers)), timeout=SECONDS,
        )  # fmt: skip
        if rendered.returncode:
            raise SystemExit(rendered.stdout[-2000:])
        errors = composite_errors(stage, Path(done["folder"]), numbers)
        shutil.copy(stage / f"out.{numbers[len(numbers) // 2]}.exr", args.folder / "composite.exr")
        print("| | seconds | add-on's part | J, mean | J, worst |\n|---|---|---|---|---|")
        for number, bake in enumerate(done["bakes"]):
            j = overlaps(stage, stage / f"mattes-{number}", args.frames)
            after = f"after correcting {done['corrected'][number - 1]}" if number else "pointed at"
            share = 100 * (1 - bake["engine"] / bake["total"])
            print(
                f"| {after} | {bake['total']:.0f} | {share:.1f} % | {np.mean(j):.3f} "
                f"| {min(j):.3f} (frame {FIRST + int(np.argmin(j))}) |"
            )
        print(f"\nThe composite is off by {max(errors):.1e} at most, on {len(errors)} frames.")


if __name__ == "__main__":
    main()
