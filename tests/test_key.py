"""Green and blue screens, keyed: against exact truth, and as shots, through the public doors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from numpy.typing import NDArray
from run_task import run
from screens import SCENES, SCREENS, Map, Screened, screened

import mattelier
from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.requests import KeyingRequest
from mattelier.types.colour import linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.result import Result

# Colours that no keyer can tell from a screen: purple and cyan cards before blue.
AMBIGUOUS = {("letters", "blue")}


def vlahos(light: Map, screen: Map, key: int) -> Map:
    """The colour difference alone, told the screen exactly."""
    others = [i for i in range(3) if i != key]
    left = (one[..., key] - one[..., others].max(-1) for one in (light, screen))
    return np.clip(1 - np.divide(*left), 0, 1)


def keyed(frame: Screened, request: KeyingRequest | None = None, **inputs: object) -> Result:
    return run(request or KeyingRequest(), Picture(frame.samples), **inputs)


def colour_error(result: Result, frame: Screened) -> float:
    """Of straight colour as sRGB, where the subject is, by its alpha."""
    assert result.picture is not None
    apart = np.abs(to_float(result.picture.colour) - linear_to_srgb(frame.foreground)).mean(-1)
    return float((apart * frame.alpha).sum() / frame.alpha.sum())


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scene", SCENES)
def test_matte_and_colour_are_those_of_the_subject(scene: str, screen: str) -> None:
    if (scene, screen) in AMBIGUOUS:
        pytest.skip("no keyer can tell these colours from the screen")
    frame = screened(scene, screen, size=(360, 480))
    result = keyed(frame)
    assert result.alpha is not None
    error = float(np.abs(result.alpha - frame.alpha).mean())
    light = srgb_to_linear(frame.samples / np.float32(255))
    simple = vlahos(light, frame.screen, list(SCREENS).index(screen) + 1)
    assert error < 0.6 * float(np.abs(simple - frame.alpha).mean())
    assert error < 0.012
    assert result.alpha[frame.alpha == 0].mean() < 0.005
    assert colour_error(result, frame) < 0.04
    assert str(result.report.measures["screen"]).startswith("#")


def test_what_is_seen_as_it_is_keeps_its_samples() -> None:
    frame = screened("person", spill=0, size=(240, 320))
    result = keyed(frame)
    assert result.alpha is not None
    assert result.picture is not None
    red = (result.alpha == 1) & (frame.foreground[..., 0] > 3 * frame.foreground[..., 1])
    assert red.sum() > 1000
    assert np.array_equal(result.picture.colour[red], frame.samples[red])


@pytest.mark.parametrize("size", [(270, 480), (720, 960)])
def test_linear_floats_of_any_size_and_exposure(size: tuple[int, int]) -> None:
    frame = screened("blonde", size=size)
    results = []
    for gain in (1, 8):
        picture = Picture(np.float32(gain) * frame.plate, transfer="linear")
        result = run(KeyingRequest(), picture)
        assert result.alpha is not None
        assert result.picture is not None
        assert np.abs(result.alpha - frame.alpha).mean() < 0.012
        results.append(result.picture.colour[frame.alpha > 0.99] / gain)
    assert results[0].dtype == np.float32
    assert np.abs(results[0] - results[1]).mean() < 0.01


def test_garbage_is_left_out_and_holdout_is_kept() -> None:
    frame = screened("letters", "blue", size=(240, 320))
    height, width = frame.alpha.shape
    garbage, holdout = np.zeros((2, height, width), np.float32)
    garbage[:, : width // 3] = 1
    holdout[frame.alpha == 1] = 1
    result = keyed(frame, garbage=garbage, holdout=holdout)
    assert result.alpha is not None
    assert not result.alpha[garbage > 0].any()
    rest = garbage == 0
    assert result.alpha[rest & (holdout > 0)].min() == 1
    assert np.abs(result.alpha - frame.alpha)[rest].mean() < 0.01
    own = keyed(frame, KeyingRequest(keep_colour=True), holdout=holdout)
    assert own.picture is not None
    held = holdout > 0
    assert np.array_equal(own.picture.colour[held], frame.samples[held])


def test_despill_takes_the_screens_light_and_leaves_the_rest() -> None:
    frame = screened("spokes", spill=0.12, size=(240, 320))
    errors = [colour_error(keyed(frame, KeyingRequest(despill=share)), frame) for share in (0, 1)]
    assert errors[1] < 0.9 * errors[0]


def test_the_screen_may_be_named_or_given() -> None:
    frame = screened("spokes", "green", size=(240, 320))
    paint = linear_to_srgb(np.array([0.07, 0.42, 0.13]))
    name = "#" + "".join(f"{round(255 * value):02x}" for value in paint.tolist())
    clean = Picture(np.rint(255 * linear_to_srgb(frame.screen)).astype(np.uint8))
    plain = keyed(frame)
    for result in (
        keyed(frame, KeyingRequest(screen=name)),
        keyed(frame, KeyingRequest(screen="green")),
        keyed(frame, clean_plate=clean),
    ):
        assert result.alpha is not None
        assert plain.alpha is not None
        error, usual = (np.abs(alpha - frame.alpha).mean() for alpha in (result.alpha, plain.alpha))
        assert error < 1.1 * usual


def test_clip_black_and_white() -> None:
    frame = screened("veil", size=(240, 320))
    soft = keyed(frame).alpha
    hard = keyed(frame, KeyingRequest(clip_black=0.2, clip_white=0.7)).alpha
    assert soft is not None
    assert hard is not None
    assert np.allclose(hard, np.clip((soft - 0.2) / 0.5, 0, 1), atol=1e-5)


def test_what_cannot_be_keyed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    grey = Picture(np.full((60, 80, 3), 128, np.uint8))
    with pytest.raises(PictureError, match="No green or blue screen was found"):
        run(KeyingRequest(), grey)
    with pytest.raises(UsageError, match="no screen's colour"):
        run(KeyingRequest(screen="#808080"), grey)
    with pytest.raises(UsageError, match="is not a colour"):
        KeyingRequest(screen="greenish")
    with pytest.raises(UsageError, match="below clip white"):
        KeyingRequest(clip_black=0.6, clip_white=0.5)
    frame = screened("moving", size=(120, 160))
    with pytest.raises(UsageError, match="The garbage matte is 9×9 pixels"):
        keyed(frame, garbage=np.zeros((9, 9), np.float32))
    with pytest.raises(UsageError, match="leaves nothing"):
        keyed(frame, garbage=np.ones((120, 160), np.float32))
    whole = keyed(frame, KeyingRequest(screen="#402000"))
    assert whole.alpha is not None  # a screen that is not there: a note, and nothing cut


def test_python_gives_the_same() -> None:
    frame = screened("person", size=(120, 160))
    result = mattelier.key(frame.samples, screen="green")
    same = keyed(frame, KeyingRequest(screen="green"))
    assert same.alpha is not None
    assert np.array_equal(result.alpha, same.alpha)


FRAMES = 3
SMALL = (150, 200)


def write_shot(folder: Path, suffix: str) -> list[Screened]:
    frames = [screened("moving", size=SMALL, frame=8 * number) for number in range(FRAMES)]
    for number, frame in enumerate(frames, 1001):
        picture = Picture(frame.samples)
        if suffix == ".exr":
            picture = Picture(frame.plate, transfer="linear")
        stills.write_cutout(folder / f"plate.{number}{suffix}", picture)
    return frames


def read_alpha(path: Path) -> NDArray[np.float32]:
    alpha = stills.read(path).alpha
    assert alpha is not None
    return to_float(alpha)


@pytest.mark.parametrize("suffix", [".exr", ".png"])
def test_a_shot_frame_by_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = write_shot(tmp_path, suffix)
    command = ["key", f"plate.####{suffix}", "-o", f"out/keyed.####{suffix}"]
    assert main(command) == 0
    for number, frame in enumerate(frames, 1001):
        result = stills.read(tmp_path / f"out/keyed.{number}{suffix}")
        assert result.alpha is not None
        assert np.abs(to_float(result.alpha) - frame.alpha).mean() < 0.02
        if suffix == ".exr":  # premultiplied: nothing is added where nothing is
            raw = OpenImageIO.ImageBuf(str(tmp_path / f"out/keyed.{number}.exr")).get_pixels()
            assert not raw[raw[..., 3] == 0].any()
        solid = frame.alpha > 0.999
        colour = to_float(result.colour)
        light = colour if suffix == ".exr" else srgb_to_linear(colour)
        assert np.abs(light - frame.foreground)[solid].mean() < 0.03
    times = [file.stat().st_mtime_ns for file in sorted(tmp_path.glob("out/keyed.*"))]
    assert main(command) == 0  # nothing to do
    assert [file.stat().st_mtime_ns for file in sorted(tmp_path.glob("out/keyed.*"))] == times


def test_a_shots_mattes_are_numbered_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_shot(tmp_path, ".png")

    def write_garbage(number: int, columns: int) -> None:
        garbage = np.zeros(SMALL, np.float32)
        garbage[:, :columns] = 1
        stills.write_matte(tmp_path / f"garbage.{number}.png", garbage, bits=8)

    for number in range(FRAMES):
        write_garbage(1001 + number, 80 + 10 * number)
    command = ["key", "plate.####.png", "-o", "out.####.png", "--garbage", "garbage.####.png"]
    assert main(command) == 0
    for number in range(FRAMES):
        alpha = read_alpha(tmp_path / f"out.{1001 + number}.png")
        assert not alpha[:, : 80 + 10 * number].any()
        assert alpha[:, 80 + 10 * number :].any()
    before = (tmp_path / "out.1001.png").stat().st_mtime_ns
    write_garbage(1002, 20)  # what it holds decides
    assert main(command) == 0
    assert read_alpha(tmp_path / "out.1002.png")[:, 70:90].any()
    assert (tmp_path / "out.1001.png").stat().st_mtime_ns == before
    (tmp_path / "garbage.1003.png").unlink()
    write_garbage(1001, 30)
    assert main(command) == 3
    assert "1003" in capsys.readouterr().err
