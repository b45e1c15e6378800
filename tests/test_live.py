"""`mattelier live`: raw frames in, raw frames out, as other programs send and take them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattelier.engines.model_cache import ModelCache
from mattelier.metrics.masks import iou
from mattelier.shot.live import Live

SAMPLE = Path(__file__).parents[1] / "install" / "sample.jpg"
WIDTH, HEIGHT = 192, 160
GREEN = (0.0, 1.0, 0.0)


def photo(shift: int = 0, noise: float = 0, seed: int = 0) -> np.ndarray:
    with Image.open(SAMPLE) as sample:
        frame = np.asarray(sample.convert("RGB").resize((WIDTH, HEIGHT)))
    frame = np.roll(frame, shift, 1)
    grain = np.random.default_rng(seed).normal(0, noise, frame.shape)
    return np.clip(frame + grain, 0, 255).round().astype(np.uint8)


def live(data: bytes, *flags: str, size: str = f"{WIDTH}x{HEIGHT}") -> tuple[int, bytes, str]:
    run = subprocess.run(
        [sys.executable, "-m", "mattelier", "live", "-", "--size", size, *flags],
        input=data, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout, run.stderr.decode()


def cut(alpha_of: Path) -> np.ndarray:
    with Image.open(alpha_of) as matte:
        return np.asarray(matte.convert("L")) / 255


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The matte of the first frame as a still, 0…1."""
    folder = tmp_path_factory.mktemp("still")
    Image.fromarray(photo()).save(folder / "a.png")
    flags = ["matte", str(folder / "a.png"), "-o", str(folder / "m.png"), "--model", "cutout-live"]
    subprocess.run([sys.executable, "-m", "mattelier", *flags], check=True, timeout=300)
    return cut(folder / "m.png")


def test_every_frame_comes_out_in_its_place(still: np.ndarray) -> None:
    shifts = (0, 2, 4, 30)
    code, out, said = live(b"".join(photo(shift).tobytes() for shift in shifts))
    assert code == 0
    frames = np.frombuffer(out, np.uint8).reshape(len(shifts), HEIGHT, WIDTH, 4)
    for frame, shift in zip(frames, shifts, strict=True):
        place = slice(40, WIDTH)  # what was rolled round is another picture
        truth = np.roll(still, shift, 1)[:, place] > 0.5
        assert iou(frame[:, place, 3] > 127, truth) > 0.85
        inside = (frame[..., 3] == 255) & (np.arange(WIDTH) >= 40)
        np.testing.assert_array_equal(frame[inside][:, :3], photo(shift)[inside])
    assert "4 frames" in said


def test_it_is_put_over_what_is_asked_for(still: np.ndarray, tmp_path: Path) -> None:
    sky = np.zeros((90, 160, 3), np.uint8)
    sky[..., 2] = 200
    Image.fromarray(sky).save(tmp_path / "sky.png")
    nothing, her = still < 0.01, still > 0.99
    for flag, colour in (("#00ff00", (0, 255, 0)), (str(tmp_path / "sky.png"), (0, 0, 200))):
        code, out, _ = live(photo().tobytes(), "--background", flag)
        assert code == 0
        frame = np.frombuffer(out, np.uint8).reshape(HEIGHT, WIDTH, 3)
        assert np.abs(frame[nothing].astype(int) - colour).mean() < 12
        assert np.abs(frame[her].astype(int) - photo()[her]).mean() < 6
    blurred = np.frombuffer(live(photo().tobytes(), "--background", "blur")[1], np.uint8)
    blurred = blurred.reshape(HEIGHT, WIDTH, 3)
    steps = [np.abs(np.diff(f.astype(int), axis=1))[nothing[:, 1:]].mean() for f in (blurred, photo())]  # noqa: E501  # fmt: skip
    assert steps[0] < 0.5 * steps[1]


def test_grain_does_not_make_the_matte_flicker() -> None:
    model = ModelCache().open("cutout-live", "matte", "cpu")
    frames = [photo(noise=14, seed=seed) for seed in range(8)]
    together = np.stack(list(Live(model, None).run(frames)))[..., 3] / 255
    alone = np.stack([next(iter(Live(model, None).run([frame]))) for frame in frames])[..., 3] / 255
    np.testing.assert_array_equal(together[0], alone[0])
    flicker = [np.abs(np.diff(alphas[2:], axis=0)).mean() for alphas in (together, alone)]
    assert flicker[0] < 0.7 * flicker[1]


def test_a_cut_brings_nothing_over() -> None:
    model = ModelCache().open("cutout-live", "matte", "cpu")
    other = photo()[:, ::-1].copy()
    after = list(Live(model, None).run([photo(), photo(), other]))[-1][..., 3] / 255
    alone = next(iter(Live(model, None).run([other])))[..., 3] / 255
    assert np.abs(after - alone).mean() < 0.02


def test_soft_edges_lose_the_old_background() -> None:
    model = ModelCache().open("cutout-live", "matte", "cpu")
    size = (256, 256)
    alpha = np.zeros(size, np.float32)
    cv2.circle(alpha, (128, 128), 70, 1, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 4)[..., None]
    subject, red = np.array([60, 90, 200]), np.array([250, 20, 20])
    frame = (alpha * subject + (1 - alpha) * red).round().astype(np.uint8)
    clean, plain = (
        next(iter(Live(model, None, foreground=way).run([frame]))) for way in (True, False)
    )
    soft = (plain[..., 3] > 60) & (plain[..., 3] < 200)
    assert soft.sum() > 200
    errors = [np.abs(each[..., :3][soft] - subject).mean() for each in (clean, plain)]
    assert errors[0] < 0.8 * errors[1]  # the rest is what the matte is off


def test_a_frame_that_is_cut_off_is_told_and_the_whole_ones_are_done() -> None:
    code, out, said = live(photo().tobytes() * 2 + b"half", "--background", "white")
    assert code == 3
    assert len(out) == 2 * WIDTH * HEIGHT * 3
    assert "Frame 3 is cut off, 4 of" in said
    assert live(b"") == (3, b"", "mattelier: No frame came on standard input.\n")


def test_frames_of_nothing_are_counted() -> None:
    code, _, said = live(bytes(WIDTH * HEIGHT * 3) * 2)
    assert code == 0
    assert "nothing was found in 2" in said


def test_a_film_stands_in_for_a_camera_and_ends(tmp_path: Path) -> None:
    film = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(film, cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for number in range(12):
        writer.write(photo(number)[..., ::-1].copy())
    writer.release()
    run = subprocess.run(
        [sys.executable, "-m", "mattelier", "live", film, "--background", "white"],
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    count, rest = divmod(len(run.stdout), WIDTH * HEIGHT * 3)
    assert rest == 0
    assert 1 <= count <= 12
    assert run.returncode == 3
    assert "gives no more frames" in run.stderr.decode()
    assert count == 12 or f"{12 - count} left out" in run.stderr.decode()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["-"], "--size"),
        (["-", "--size", "big"], "WIDTHxHEIGHT"),
        (["-", "--size", "9x9"], "64 to 8192"),
        (["-", "--size", "320x240", "--background", "no such colour"], "neither a colour"),
        (["-", "--size", "320x240", "--virtual-camera"], "no transparency"),
    ],
)
def test_what_cannot_be_is_said_at_once(flags: list[str], sentence: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mattelier", "live", *flags], capture_output=True, timeout=60,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert sentence in run.stderr.decode()
    assert run.stdout == b""


def test_a_camera_that_is_not_there_is_one_sentence() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mattelier", "live", "97"], capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert run.returncode == 3
    assert run.stderr.decode().splitlines() == [
        "mattelier: There is no camera 97 that can be opened; - reads another program's raw frames."
    ]
