"""Picture-to-picture tasks on shots: frames like the pictures, resumable, and without flicker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO
import pytest
from PIL import Image
from tiny_model import make_model
from worker_session import connect, start_worker

from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.media.movies import MoviePlate
from mattelier.media.provenance import read_provenance
from mattelier.requests import (
    BokehRequest,
    DepthRequest,
    EnhanceRequest,
    FramesRequest,
    UpscaleRequest,
    from_json,
    to_json,
)
from mattelier.shot import filter_shot
from mattelier.types.progress import Cancelled, heard_by

HEIGHT, WIDTH, COUNT = 48, 72, 6
NUMBERS = range(1001, 1001 + COUNT)
ENHANCE = ["enhance", "--white-balance", "1", "--tone", "0.6"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    make_model(root)
    return root


@pytest.fixture(autouse=True)
def tiny(models, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(models))


def disc(frame, size=(HEIGHT, WIDTH)):
    mask = np.zeros(size, np.uint8)
    cv2.circle(mask, (size[1] // 3 + 3 * (frame - 1001), size[0] // 2), size[0] // 4, 255, -1)
    return mask


def picture(frame, size=(HEIGHT, WIDTH)):
    ground = np.random.default_rng(5).integers(20, 140, (*size, 3), np.uint8)
    return np.where(disc(frame, size)[..., None] > 0, np.uint8([250, 120, 60]), ground)


def save(path, samples, sample_type="half", **attributes):
    """An EXR of these samples (H, W, channels), with these attributes."""
    path.parent.mkdir(exist_ok=True)
    height, width, channels = samples.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, sample_type)
    for name, (type_, value) in attributes.items():
        spec.attribute(name.replace("__", ":"), OpenImageIO.TypeDesc(type_), value)
    file = OpenImageIO.ImageOutput.create("a.exr")
    assert file.open(str(path), spec)
    assert file.write_image(np.ascontiguousarray(samples, np.float32))
    file.close()


@pytest.fixture
def shot(tmp_path):
    """A folder with a plate, its subject's mattes, and depth maps in which the subject trembles."""
    (tmp_path / "plate").mkdir()
    (tmp_path / "matte").mkdir()
    tremble = np.random.default_rng(3)
    for frame in NUMBERS:
        Image.fromarray(picture(frame)).save(tmp_path / f"plate/hero.{frame}.png")
        os.utime(tmp_path / f"plate/hero.{frame}.png", (1e9, 1e9))
        Image.fromarray(disc(frame)).save(tmp_path / f"matte/hero.{frame}.png")
        near = 2 * (1 + 0.2 * tremble.uniform(-1, 1))
        depth = np.where(disc(frame)[..., None] > 0, near, 8)
        save(tmp_path / f"z/z.{frame}.exr", depth, "float")
    return tmp_path


def arguments(shot, output, *more, task=("upscale",), plate="plate/hero.####.png"):
    return [*task, str(shot / plate), "-o", str(shot / output), *more]


def bokeh(shot, output, *more, radius=4):
    beside = ["--depth", str(shot / "z/z.####.exr"), "--mattes", str(shot / "matte/hero.####.png")]
    return arguments(shot, output, *beside, "--radius", str(radius), *more, task=["bokeh"])


def contents(folder):
    """Every result, by name, to the byte; without the work folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".mattelier" not in file.parts
    }


def pixels(path):
    return stills.read(path).colour


def test_frames_are_what_the_task_makes_of_pictures(shot, capsys):
    assert main(arguments(shot, "big.####.png", "--frames", "1001-1002")) == 0
    assert "2 of 2 frames written" in capsys.readouterr().err
    for frame in (1001, 1002):
        alone = ["upscale", str(shot / f"plate/hero.{frame}.png"), "-o", str(shot / "alone.png")]
        assert main([*alone, "--overwrite"]) == 0
        assert (pixels(shot / f"big.{frame}.png") == pixels(shot / "alone.png")).all()
    assert pixels(shot / "big.1001.png").shape == (2 * HEIGHT, 2 * WIDTH, 3)


def test_a_shot_is_enhanced_as_one(shot):
    """What is the same in all frames stays so, although every frame alone would look different."""
    for index, frame in enumerate(NUMBERS):
        bright = picture(frame)
        bright[: HEIGHT // 2, : WIDTH // 2] = 40 * index + 20
        bright[-8:] = (90, 120, 150)
        Image.fromarray(bright).save(shot / f"plate/hero.{frame}.png")
    flat = ["enhance", "--white-balance", "1", "--saturation", "0.4"]
    assert main(arguments(shot, "even.####.png", task=flat)) == 0
    strips = [pixels(shot / f"even.{frame}.png")[-6:] for frame in NUMBERS]
    assert np.ptp(strips, axis=0).max() == 0
    alone = []
    for frame in NUMBERS:
        plate = [str(shot / f"plate/hero.{frame}.png"), "-o", str(shot / "alone.png")]
        assert main([*flat, *plate, "--overwrite"]) == 0
        alone.append(pixels(shot / "alone.png")[-6:])
    assert np.ptp(alone, axis=0).max() > 4


@pytest.mark.parametrize("suffix", ["png", "exr", "tif", "jpg"])
def test_what_is_done_is_kept_and_what_is_broken_made_again(shot, capsys, suffix):
    command = arguments(shot, f"out/a.####.{suffix}", task=ENHANCE)
    assert main(command) == 0
    whole = contents(shot / "out")
    assert len(whole) == COUNT
    assert main(command) == 0
    assert f"0 of {COUNT} frames written; {COUNT} were done already" in capsys.readouterr().err
    victim = shot / f"out/a.1003.{suffix}"
    victim.write_bytes(victim.read_bytes()[:-20])
    (shot / f"out/a.1005.{suffix}").unlink()
    assert main(command) == 0
    assert "2 of 6 frames written" in capsys.readouterr().err
    assert contents(shot / "out") == whole


@pytest.mark.parametrize("task", ["enhance", "bokeh"])
def test_parts_in_any_order_are_the_whole_to_the_byte(shot, task):
    def command(output, *more):
        if task == "bokeh":
            return bokeh(shot, output, *more)
        return arguments(shot, output, *more, task=ENHANCE)

    assert main(command("whole/a.####.png")) == 0
    for part in ("1005-1006", "1001", "1002-1004"):
        assert main(command("parts/a.####.png", "--frames", part)) == 0
    assert contents(shot / "parts") == contents(shot / "whole")


def test_other_settings_and_other_files_make_it_again(shot, capsys):
    def written(*command):
        assert main(list(command)) == 0
        return capsys.readouterr().err.split(" of ")[0].splitlines()[-1]

    assert written(*bokeh(shot, "a.####.png")) == str(COUNT)
    first = contents(shot)
    assert written(*bokeh(shot, "a.####.png", radius=5)) == str(COUNT)
    assert written(*bokeh(shot, "a.####.png")) == str(COUNT)
    assert contents(shot) == first
    Image.fromarray(disc(1004)).save(shot / "matte/hero.1002.png")
    assert int(written(*bokeh(shot, "a.####.png"))) >= 1
    assert pixels(shot / "a.1002.png").tobytes() != first["a.1002.png"]
    assert written(*bokeh(shot, "a.####.png")) == "0"


def test_a_broken_frame_fails_alone(shot, capsys):
    plate = shot / "plate"
    (plate / "hero.1003.png").write_bytes((plate / "hero.1003.png").read_bytes()[:300])
    Image.fromarray(picture(1005)[:20]).save(plate / "hero.1005.png")
    assert main(arguments(shot, "out/a.####.png", "--json", task=ENHANCE)) == 3
    captured = capsys.readouterr()
    last = json.loads(captured.out.splitlines()[-1])
    assert (last["failed"], last["written"]) == ("1003,1005", "1001-1002,1004,1006")
    assert last["exit_code"] == 3
    assert "hero.1003.png" in captured.err
    assert len(contents(shot / "out")) == COUNT - 2


def test_a_missing_matte_or_depth_fails_its_frame_alone(shot, capsys):
    (shot / "matte/hero.1002.png").unlink()
    (shot / "z/z.1004.exr").write_bytes(b"broken")
    assert main(bokeh(shot, "out/a.####.png")) == 3
    captured = capsys.readouterr().err
    assert "hero.1002.png does not exist" in captured
    assert "z.1004.exr" in captured
    assert "4 of 6 frames written; failed: 1002,1004" in captured


def test_foreign_files_are_not_replaced(shot, capsys):
    (shot / "a.1003.png").write_bytes((shot / "plate/hero.1003.png").read_bytes())
    assert main(arguments(shot, "a.####.png", task=ENHANCE)) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert not (shot / "a.1001.png").exists()
    assert main(arguments(shot, "a.####.png", "--overwrite", task=ENHANCE)) == 0


def test_a_folder_gets_sequences_named_by_the_task(shot):
    assert main(arguments(shot, "out", "--frames", "1001", task=ENHANCE)) == 0
    assert main(bokeh(shot, "out", "--frames", "1001", "--format", "exr")) == 0
    assert sorted(contents(shot / "out")) == [
        "bokeh/hero_bokeh.1001.exr",
        "enhance/hero_enhance.1001.png",
    ]
    for task in ("bokeh", "enhance"):
        manifest = json.loads((shot / f"out/.mattelier/hero_{task}/manifest.json").read_text())
        assert manifest["done"] == "1001"
        assert manifest["request"]["task"] == task


def test_scene_linear_plates_stay_in_their_space(shot):
    light = picture(1001).astype(np.float32) / 255 * 20 - 0.01
    code = {"smpte__TimeCode": ("timecode", (0x01020304, 0)), "show": ("string", "ours")}
    for frame in (1001, 1002):
        save(shot / f"exr/p.{frame}.exr", light, **code)
    for name, task in {
        "up": ["upscale"],
        "cg": ["enhance", "--saturation", "0.2", "--colorspace", "ACEScg"],
    }.items():
        place = {"plate": "exr/p.####.exr", "task": task}
        assert main(arguments(shot, f"{name}.####.exr", "--fps", "23.976", **place)) == 0
        source = OpenImageIO.ImageInput.open(str(shot / f"{name}.1002.exr")).spec()
        header = {entry.name: entry.value for entry in source.extra_attribs}
        assert str(source.format) == "half"
        assert header["show"] == "ours"
        assert header["smpte:TimeCode"][0] == 0x01020304
        assert header["FramesPerSecond"] == (24000, 1001)
        assert len(header["mattelier:settings"]) == 16
        assert pixels(shot / f"{name}.1002.exr").max() > 15
    assert header["mattelier:colorspace"] == "ACEScg"
    grey = light.mean(axis=2)
    assert pixels(shot / "cg.1001.exr").mean(axis=2) == pytest.approx(grey, abs=0.5)


def test_an_encoded_plate_is_blurred_as_light_and_comes_back_encoded(shot):
    code = np.float32(0.2) + 0.6 * picture(1001).astype(np.float32) / 255
    save(shot / "log/p.1001.exr", code, "float")
    lens = ["bokeh", "--depth", str(shot / "z/z.1001.exr"), "--focus", "8", "--colorspace", "sRGB"]
    place = {"plate": "log/p.####.exr", "task": lens}
    assert main(arguments(shot, "same.####.exr", "--radius", "0", **place)) == 0
    assert pixels(shot / "same.1001.exr") == pytest.approx(code, abs=1e-4)
    assert (
        main(arguments(shot, "soft.####.exr", "--radius", "3", "--foreground-blur", **place)) == 0
    )
    blurred = disc(1001) > 0
    assert pixels(shot / "soft.1001.exr")[blurred].std() < code[blurred].std() + 0.05


def test_transparency_is_kept_as_compositors_have_it(shot):
    alpha = np.linspace(0, 1, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 1))
    premultiplied = np.concatenate([0.5 * alpha * [1, 0.5, 0.25], alpha], 2)
    premultiplied[:8, 0] = [0.3, 0.3, 0.3, 0]  # a glow
    save(shot / "exr/p.1001.exr", premultiplied)
    task = ["enhance", "--saturation", "0.001"]
    assert main(arguments(shot, "a.####.exr", plate="exr/p.####.exr", task=task)) == 0
    source = OpenImageIO.ImageBuf(str(shot / "a.1001.exr"))
    assert source.get_pixels(OpenImageIO.FLOAT) == pytest.approx(premultiplied, abs=2e-3)
    assert "mattelier:alpha" not in [entry.name for entry in source.spec().extra_attribs]


def make_movie(path, rate=Fraction(25)):
    with av.open(str(path), "w") as movie:
        video = movie.add_stream("png", rate)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "rgb24"
        video.metadata["timecode"] = "09:59:59:23"
        audio = movie.add_stream("pcm_s16le", 48000, layout="mono")
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(1001 + number), "rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            movie.mux(video.encode(frame))
        movie.mux(video.encode(None))
        piece = av.AudioFrame.from_ndarray(
            np.full((1, 48000 * COUNT // 25), 1000, np.int16), "s16", "mono"
        )
        piece.sample_rate = 48000
        movie.mux(audio.encode(piece))
        movie.mux(audio.encode(None))


def test_a_movie_becomes_a_larger_movie_with_its_sound_and_timecode(shot):
    make_movie(shot / "clip.mov")
    command = arguments(shot, "big.mov", "--codec", "png", plate="clip.mov")
    assert main(command) == 0
    result = MoviePlate(shot / "big.mov")
    assert (result.width, result.height) == (2 * WIDTH, 2 * HEIGHT)
    assert (len(result.frames), result.timecode(3)) == (COUNT, "10:00:00:00")
    with av.open(str(shot / "big.mov")) as movie:
        heard = sum(f.samples for f in movie.decode(movie.streams.audio[0]))
    assert heard == pytest.approx(48000 * COUNT // 25, rel=0.2)
    shrunk = cv2.resize(result.read(1).colour, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - picture(1001)).mean() < 12
    before = (shot / "big.mov").stat().st_mtime_ns
    assert main(command) == 0
    assert (shot / "big.mov").stat().st_mtime_ns == before


def blur(shot, name):
    """How much is left of the background's texture far from the subject, by frame."""
    return [pixels(shot / f"{name}.{frame}.png")[:, -16:].std() for frame in NUMBERS]


def test_the_blur_of_a_shot_does_not_flicker(shot):
    more = ["--aperture", "0.3", "--focal-length", "60"]
    command = [part for part in bokeh(shot, "even.####.png") if part not in ("--radius", "4")]
    assert main([*command, *more]) == 0
    for frame in NUMBERS:
        beside = ["--depth", str(shot / f"z/z.{frame}.exr"), "--hint",
                  str(shot / f"matte/hero.{frame}.png"), "--model", "tiny"]  # fmt: skip
        plate = ["bokeh", str(shot / f"plate/hero.{frame}.png"), "-o"]
        assert main([*plate, str(shot / f"alone.{frame}.png"), *beside, *more]) == 0
    trembling, even = np.ptp(blur(shot, "alone")), np.ptp(blur(shot, "even"))
    assert even < 0.3 * trembling
    records = json.loads((shot / ".mattelier/even/manifest.json").read_text())["records"]
    focal = np.array([record["focal"] for record in records])
    assert np.abs(np.diff(focal)).max() < 0.02 * focal.mean()
    for frame in NUMBERS:
        subject = np.median(pixels(shot / f"even.{frame}.png")[disc(frame) > 0], axis=0)
        assert np.abs(subject - (250, 120, 60)).max() < 8


def test_the_most_blurred_part_has_the_radius_that_was_asked_for(shot):
    """A shot is as blurred as one of its pictures with the same depth alone."""
    for frame in NUMBERS:
        still = shot / f"z/z.{frame}.exr"
        still.write_bytes((shot / "z/z.1001.exr").read_bytes())
        for folder in ("plate", "matte"):
            target = shot / f"{folder}/hero.{frame}.png"
            target.write_bytes((shot / f"{folder}/hero.1001.png").read_bytes())
    assert main(bokeh(shot, "a.####.png")) == 0
    alone = ["bokeh", str(shot / "plate/hero.1001.png"), "-o", str(shot / "alone.png")]
    beside = ["--depth", str(shot / "z/z.1001.exr"), "--focus", f"{WIDTH // 3},{HEIGHT // 2}"]
    assert main([*alone, *beside, "--radius", "4"]) == 0
    together = pixels(shot / "a.1001.png")[:, -16:].std()
    assert together == pytest.approx(pixels(shot / "alone.png")[:, -16:].std(), rel=0.05)


def test_without_mattes_the_subject_is_followed(shot, capsys):
    box = ["--model", "tiny", "--hint", str(shot / "matte/hero.1001.png"), "--radius", "4"]
    assert main(arguments(shot, "a.####.png", *box, task=["bokeh"])) == 0
    assert "6 of 6 frames written" in capsys.readouterr().err
    for frame in (1001, 1004):
        result, plate = pixels(shot / f"a.{frame}.png"), picture(frame)
        core = cv2.erode(disc(frame), np.ones((9, 9), np.uint8)) > 0
        assert np.abs(result[core].astype(int) - plate[core]).mean() < 10
        far = slice(HEIGHT // 3), slice(-10, None)
        assert result[far].std() < 0.4 * plate[far].std()
    assert main(arguments(shot, "a.####.png", *box, task=["bokeh"])) == 0
    assert "6 were done already" in capsys.readouterr().err


def test_one_matte_and_a_movie_of_mattes_serve_too(shot):
    mattes = {"task": ["enhance", "--saturation", "0.01"], "plate": "matte/hero.####.png"}
    assert main(arguments(shot, "m.mkv", "--fps", "25", **mattes)) == 0
    make_movie(shot / "clip.mov")
    for name, text in {"one": "matte/hero.1003.png", "movie": "m.mkv"}.items():
        lens = ["bokeh", "--mattes", str(shot / text), "--radius", "4"]
        assert main(arguments(shot, f"{name}.####.png", plate="clip.mov", task=lens)) == 0
    one, movie = (pixels(shot / f"{name}.0003.png") for name in ("one", "movie"))
    inside = disc(1003) > 0
    assert np.abs(one[inside].astype(int) - movie[inside]).max() <= 1
    assert np.abs(movie[inside].astype(int) - (250, 120, 60)).mean() < 8


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["upscale", "{plate}", "{picture}", "-o", "{out}"], "give it alone"),
        (["upscale", "{plate}"], "needs -o"),
        (["upscale", "{plate}", "-o", "-"], "needs -o"),
        (["upscale", "{plate}", "-o", "{out}/a.png"], "one file for a whole shot"),
        (["upscale", "{plate}", "-o", "{out}/a.####.webp"], "written as"),
        (["upscale", "{plate}", "-o", "{out}/a.mov"], "frame rate"),
        (["upscale", "{plate}", "-o", "{out}/a.%0300d.png"], "18 digits"),
        (["upscale", "{plate}", "-o", "{out}/a.%0999999999d.png"], "18 digits"),
        (["upscale", "{plate}", "-o", "{out}/a.%0" + "9" * 5000 + "d.png"], "18 digits"),
        (["upscale", "{plate}", "-o", "{out}/a." + "#" * 300 + ".png"], "18 digits"),
        (["upscale", "a.%0999999999d.png", "-o", "{out}"], "18 digits"),
        (["upscale", "{plate}", "-o", "{out}/" + "a" * 260 + ".####.png"], "255 bytes"),
        (["upscale", "{plate}", "-o", "{out}/" + "a" * 260 + ".mov", "--fps", "24"], "255 bytes"),
        (["upscale", "{plate}", "-o", "{out}", "--to", "10x10"], "not larger"),
        (["upscale", "{plate}", "-o", "{out}", "--jobs", "2"], "--jobs"),
        (["upscale", "{plate}", "-o", "{out}", "--format", "webp"], "format"),
        (["upscale", "{plate}", "-o", "{out}", "--model", "nonesuch"], "nonesuch"),
        (["upscale", "{plate}", "-o", "{plate}", "--overwrite"], "belongs to the plate"),
        (["upscale", "{plate}", "-o", "{out}", "--frames", "5-1"], "backwards"),
        (["upscale", "{picture}", "-o", "{out}/", "--frames", "1-5"], "--frames belongs to a shot"),
        (["upscale", "{picture}", "-o", "{out}/", "--format", "mov"], "belongs to a shot"),
        (["bokeh", "{picture}", "-o", "{out}/", "--mattes", "m"], "--mattes belongs to a shot"),
        (["bokeh", "{plate}", "-o", "{out}", "--right", "r.png"], "steadies"),
        (["bokeh", "{plate}", "-o", "{out}", "--depth-model", "midas-v2.1-small"], "steadies"),
        (["bokeh", "{plate}", "-o", "{z}", "--depth", "{z}", "--overwrite"], "is read to make"),
        (["bokeh", "{plate}", "-o", "{out}", "--depth", "{matte}", "--focus", "3"], "distance"),
        (["bokeh", "{plate}", "-o", "{out}", "--mattes", "{small}"], "but the plate is"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_writes_nothing(shot, capsys, command, words):
    Image.fromarray(disc(1001)[:9]).save(shot / "small.png")
    names = {
        "plate": shot / "plate/hero.####.png",
        "matte": shot / "matte/hero.####.png",
        "picture": shot / "plate/hero.1001.png",
        "z": shot / "z/z.####.exr",
        "small": shot / "small.png",
        "out": shot / "out",
    }
    before = contents(shot)
    assert main([part.format(**names) for part in command]) == 2
    captured = capsys.readouterr().err
    assert words in captured
    assert "unexpected" not in captured
    assert contents(shot) == before


def test_files_that_are_not_there_are_one_sentence(shot, capsys):
    for command in (
        arguments(shot, "out", plate="none.####.png"),
        bokeh(shot, "out", "--mattes", str(shot / "none.####.png")),
        bokeh(shot, "out", "--depth", str(shot / "none.exr")),
    ):
        assert main(command) == 3
        assert "none" in capsys.readouterr().err
    assert not (shot / "out").exists()


def request(shot, **more):
    plate, output = str(shot / "plate"), str(shot / "out/a.####.png")
    return FramesRequest(plate, output, "enhance", EnhanceRequest(tone=0.5), **more)


def test_cancelling_finishes_files_and_says_what_is_not_done(shot):
    def cancel_late(fraction, stage):
        if stage.startswith("frame 1004"):
            raise Cancelled

    with heard_by(cancel_late):
        result = filter_shot.run(request(shot))
    assert result.exit_code == 130
    assert (str(result.written), str(result.undone)) == ("1001-1003", "1004-1006")
    assert all(read_provenance(file).is_complete for file in (shot / "out").glob("*.png"))
    assert str(filter_shot.run(request(shot)).kept) == "1001-1003"


def test_progress_rises_to_the_end(shot):
    heard = []
    with heard_by(lambda fraction, stage: heard.append(fraction)):
        assert filter_shot.run(request(shot)).exit_code == 0
    assert heard[0] == 0
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_killed_at_any_moment_and_run_again_gives_the_same_bytes(shot, models):
    assert main(bokeh(shot, "whole/a.####.exr")) == 0
    code = "import sys; from mattelier.commands.main import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *bokeh(shot, "killed/a.####.exr")],
        env={**os.environ, "MATTELIER_MODELS": str(models)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (shot / "killed/a.1002.exr").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (shot / "killed/.a.1005.0123abcd.exr").write_bytes(b"half")
    assert main(bokeh(shot, "killed/a.####.exr")) == 0
    assert contents(shot / "killed") == contents(shot / "whole")


REQUESTS = [
    FramesRequest("a.####.exr", "b", "upscale", UpscaleRequest(scale=3)),
    FramesRequest(
        "a.####.exr", "b.mov", "bokeh", BokehRequest(DepthRequest("z.####.exr"), radius=9.0),
        mattes="m.####.exr", frames="1-9", codec="png", colorspace="ACEScg", fps=24.0,
    ),
]  # fmt: skip


@pytest.mark.parametrize("frames_request", REQUESTS)
def test_a_request_travels_as_json(frames_request):
    assert (
        from_json(FramesRequest, json.loads(json.dumps(to_json(frames_request)))) == frames_request
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "upscale", "options": {"scale": 99}}, "scale"),
        ({"task": "paint", "options": {}}, "one of"),
        ({"task": ["upscale"], "options": {}}, "task cannot be"),
        ({"task": "upscale", "options": {"tone": 1}}, "unknown key 'tone'"),
        ({"task": "upscale", "options": {}, "mattes": "/m.####.png"}, "takes none"),
        ({"task": "upscale", "options": {}, "plate": "p.####.png"}, "absolute paths"),
        ({"task": "enhance", "options": {"tone": 1, "match": "a.png"}}, "absolute paths"),
        ({"task": "bokeh", "options": {"depth": {"file": "z.####.exr"}}}, "absolute paths"),
        ({"task": "upscale", "options": {"model": "./net.pth"}}, "absolute paths"),
        ({"task": "upscale"}, "lacks 'options'"),
    ],
)
def test_the_worker_refuses_in_a_sentence(worker, shot, options, words):
    from mattelier.worker.client import WorkerError

    frames_request = {"plate": str(shot / "plate"), "output": str(shot / "out"), **options}
    with connect() as client, pytest.raises(WorkerError, match=words):
        client.run("frames", frames_request)


@pytest.fixture(scope="module")
def worker():
    if sys.platform == "win32":
        pytest.skip("these speak to a Unix socket")
    with start_worker():
        yield


def test_the_worker_makes_shots(worker, shot):
    (shot / "plate/hero.1003.png").write_bytes(b"\x89PNG")
    options = {"depth": {"file": str(shot / "z/z.####.exr")}, "radius": 4}
    frames_request = {
        "plate": str(shot / "plate/hero.####.png"),
        "output": str(shot / "out/a.####.exr"),
        "task": "bokeh",
        "options": options,
        "mattes": str(shot / "matte/hero.####.png"),
        "frames": "1001-1004",
    }
    stages = []
    with connect() as client:
        report = client.run(
            "frames", frames_request, progress=lambda _, stage: stages.append(stage)
        ).report
    assert (report["written"], report["failed"]) == ("1001-1002,1004", "1003")
    assert "hero.1003.png" in report["errors"][0]
    assert report["outputs"] == [frames_request["output"]]
    assert Path(report["manifest"]).is_file()
    assert "frame 1002" in stages
    assert sorted(contents(shot / "out")) == [f"a.{frame}.exr" for frame in (1001, 1002, 1004)]
