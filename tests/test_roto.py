"""Shots from files to files: names, resuming, key frames, broken frames, chunks, exit codes.

The network is tiny and follows its hint; the clip is a bright disc that drifts over a dark ground.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import cv2
import numpy as np
import OpenImageIO
import pytest
from PIL import Image
from tiny_model import make_model

from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.media.movies import MoviePlate
from mattelier.media.provenance import read_provenance
from mattelier.requests import Box, KeyRequest, MatteRequest, Point, RotoRequest, from_json, to_json
from mattelier.shot import roto
from mattelier.shot.manifest import FrameRecords
from mattelier.types.errors import UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.progress import Cancelled, heard_by

HEIGHT, WIDTH, COUNT = 60, 96, 8


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    make_model(root)
    return root


@pytest.fixture(autouse=True)
def tiny(models, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(models))


def disc(frame, height=HEIGHT, width=WIDTH):
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (30 + 4 * (frame - 1001), height // 2), 14, 255, -1)
    return mask


def picture(frame):
    ground = np.random.default_rng(5).integers(20, 90, (HEIGHT, WIDTH, 3), np.uint8)
    return np.where(disc(frame)[..., None] > 0, np.uint8([250, 120, 60]), ground)


@pytest.fixture
def shot(tmp_path):
    """A folder with plates and two key masks."""
    (tmp_path / "plate").mkdir()
    for frame in range(1001, 1001 + COUNT):
        Image.fromarray(picture(frame)).save(tmp_path / "plate" / f"hero.{frame}.png")
        os.utime(tmp_path / "plate" / f"hero.{frame}.png", (1e9, 1e9))
    for frame in (1001, 1004, 1008):
        Image.fromarray(disc(frame)).save(tmp_path / f"mask.{frame}.png")
    return tmp_path


def arguments(shot, output, *more, key="1001"):
    keys = ["--key", f"{key}={shot / f'mask.{key}.png'}", "--exact", key] if key else []
    return ["roto", str(shot / "plate"), "-o", str(shot / output), "--model", "tiny", *keys, *more]


def contents(folder):
    """Every result, by name, to the byte; without the work folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".mattelier" not in file.parts
    }


def header(path):
    spec = OpenImageIO.ImageInput.open(str(path)).spec()
    return spec, {p.name: p.value for p in spec.extra_attribs}


def test_every_frame_is_matted_and_the_key_is_the_artists(shot, capsys):
    assert main(arguments(shot, "out/matte.####.png")) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "8 of 8 frames written" in captured.err
    for frame in range(1001, 1009):
        alpha = stills.read_grey(shot / "out" / f"matte.{frame}.png")
        truth = disc(frame) > 0
        found = alpha > 0.5
        assert (found & truth).sum() / (found | truth).sum() >= (1 if frame == 1001 else 0.6)


def write_ocio_config(path, gain):
    """A config with one space beside linear Rec.709: the same light, `gain` times as large."""
    path.write_text(
        f"""ocio_profile_version: 1
roles: {{scene_linear: lin_rec709, default: lin_rec709}}
displays:
  screen:
    - !<View> {{name: Raw, colorspace: lin_rec709}}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace> {{name: lin_rec709, isdata: false}}
  - !<ColorSpace>
    name: show
    to_reference: !<MatrixTransform> {{matrix: [{gain},0,0,0, 0,{gain},0,0, 0,0,1,0, 0,0,0,1]}}
""",
        "utf-8",
    )


def test_a_show_s_colours_that_change_are_looked_at_again(shot):
    config = shot / "show.ocio"
    command = [sys.executable, "-m", "mattelier"]
    command += arguments(
        shot, "out/matte.####.png", "--frames", "1001-1002", "--colorspace", "show"
    )

    def said(gain):
        write_ocio_config(config, gain)
        environment = {**os.environ, "OCIO": str(config)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stderr

    assert "2 of 2 frames written" in said(0.5)
    assert "2 were done already" in said(0.5)
    assert "2 of 2 frames written" in said(0.8)


def test_a_farm_s_runner_hears_of_progress_when_it_asks(shot, capsys):
    assert main(arguments(shot, "out/matte.####.png", "--frames", "1001-1002", "--openjd")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "openjd_status: matting" in lines
    assert lines[-1] == "openjd_progress: 100"


def tuned_or_not(shot, output, *more):
    """Names the network in the first result of two frames with a key, by the default model."""
    command = [*arguments(shot, f"{output}/matte.####.exr", "--frames", "1001-1002"), *more]
    at = command.index("--model")
    assert main([*command[:at], *command[at + 2 :]]) == 0
    return header(shot / output / "matte.1002.exr")[1]["mattelier:model"]


@pytest.mark.usefixtures("one_thread")
def test_key_frames_tune_the_network_unless_told_not_to(shot, capsys, monkeypatch):
    assert RotoRequest("plate", "out").tune > 0
    assert tuned_or_not(shot, "plain", "--tune", "0") == "cutout-shot"
    assert tuned_or_not(shot, "tuned", "--tune", "2").startswith("cutout-shot-tuned-")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert tuned_or_not(shot, "light", "--tune", "2") == "cutout-shot"
    said = capsys.readouterr().err
    assert "Tuning needs PyTorch" in said
    assert "tracked without" in said


def test_a_soft_key_is_taken_to_the_bit(shot):
    soft = cv2.GaussianBlur(disc(1001), (0, 0), 2)
    Image.fromarray(soft).save(shot / "mask.1001.png")
    assert main(arguments(shot, "out/matte.####.png", "--frames", "1001-1002")) == 0
    assert (np.asarray(Image.open(shot / "out/matte.1001.png")) == soft).all()


def test_exr_results_say_all_of_themselves(shot):
    more = ["--outputs", "matte,foreground,premult", "--format", "exr", "--frames", "1001-1002"]
    assert main(arguments(shot, "out", *more, "--fps", "23.976")) == 0
    spec, facts = header(shot / "out/matte/hero_matte.1002.exr")
    assert (str(spec.format), facts["compression"]) == ("half", "zip")
    assert facts["FramesPerSecond"] == (24000, 1001)
    assert facts["mattelier:model"] == "tiny"
    assert len(facts["mattelier:weights"]) == 64
    assert len(facts["mattelier:settings"]) == 16
    assert facts["mattelier:version"]
    straight = stills.read(shot / "out/foreground/hero_foreground.1002.exr")
    multiplied = stills.read(shot / "out/premult/hero_premult.1002.exr")
    assert header(shot / "out/foreground/hero_foreground.1002.exr")[1]["mattelier:alpha"]
    assert "mattelier:alpha" not in header(shot / "out/premult/hero_premult.1002.exr")[1]
    solid = straight.alpha > 0.5
    assert straight.colour[solid] == pytest.approx(multiplied.colour[solid], abs=2e-3)


def test_scene_linear_plates_stay_in_their_space_unclipped(shot):
    (shot / "exr").mkdir()
    for frame in (1001, 1002):
        light = picture(frame).astype(np.float32) / 255 * 20 - 0.01
        spec = OpenImageIO.ImageSpec(WIDTH, HEIGHT, 3, "half")
        spec.x, spec.y, spec.full_width, spec.full_height = 3, 2, WIDTH + 10, HEIGHT + 10
        code = ("timecode", (0x01020304 + frame - 1001, 0))
        spec.attribute("smpte:TimeCode", OpenImageIO.TypeDesc(code[0]), code[1])
        file = OpenImageIO.ImageOutput.create("a.exr")
        path = str(shot / "exr" / f"hero.{frame}.exr")
        assert file.open(path, spec)
        assert file.write_image(np.ascontiguousarray(light))
        file.close()
    command = arguments(shot, "out", "--outputs", "matte,foreground", "--colorspace", "ACEScg")
    command[1] = str(shot / "exr/hero.####.exr")
    assert main(command) == 0
    source = stills.read(shot / "exr/hero.1001.exr")
    result = stills.read(shot / "out/foreground/hero_foreground.1001.exr")
    full = result.alpha == 1
    assert full.any()
    assert source.colour[full].max() > 15
    assert (result.colour[full] == source.colour[full]).all()
    for name in ("matte/hero_matte", "foreground/hero_foreground"):
        spec, facts = header(shot / f"out/{name}.1002.exr")
        assert (spec.x, spec.y, spec.full_width) == (3, 2, WIDTH + 10)
        assert facts["smpte:TimeCode"][0] == 0x01020305
        assert facts["mattelier:colorspace"] == "ACEScg"


@pytest.mark.parametrize(
    ("output", "suffix"), [("matte", "exr"), ("preview", "jpg"), ("premult", "tif")]
)
def test_running_again_changes_nothing(shot, capsys, output, suffix):
    command = arguments(shot, f"out/a.####.{suffix}", "--outputs", output)
    assert main(command) == 0
    before = {file: file.stat().st_mtime_ns for file in (shot / "out").iterdir()}
    assert main(command) == 0
    assert "8 were done already" in capsys.readouterr().err
    for file, time_of_change in before.items():
        assert not file.is_file() or file.stat().st_mtime_ns == time_of_change


@pytest.mark.parametrize("suffix", ["exr", "png", "tif"])
def test_truncated_results_are_made_again(shot, suffix):
    command = arguments(shot, f"out/matte.####.{suffix}")
    assert main(command) == 0
    whole = contents(shot / "out")
    victim = shot / f"out/matte.1003.{suffix}"
    victim.write_bytes(victim.read_bytes()[:-20])
    (shot / f"out/matte.1005.{suffix}").unlink()
    assert main(command) == 0
    assert contents(shot / "out") == whole


def test_other_settings_make_it_again_and_back_gives_the_same_bytes(shot):
    command = arguments(shot, "out/matte.####.png")
    assert main(command) == 0
    first = contents(shot / "out")
    assert main([*command, "--edge-shift", "2"]) == 0
    assert all(first[name] != content for name, content in contents(shot / "out").items())
    assert main(command) == 0
    assert contents(shot / "out") == first


def test_a_new_key_does_again_only_what_it_reaches(shot, capsys):
    key = ["--key", f"1004={shot / 'mask.1004.png'}"]
    assert main(arguments(shot, "out/matte.####.png", *key)) == 0
    before = contents(shot / "out")
    more = ["--key", f"1008={shot / 'mask.1008.png'}"]
    assert main(arguments(shot, "out/matte.####.png", *key, *more)) == 0
    assert "4 of 8 frames written; 4 were done already" in capsys.readouterr().err
    after = contents(shot / "out")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"matte.{frame}.png" for frame in range(1005, 1009)}


def test_files_that_are_not_ours_are_not_replaced(shot, capsys):
    (shot / "out").mkdir()
    theirs = shot / "out" / "matte.1003.png"
    Image.fromarray(disc(1001)).save(theirs)
    before = theirs.read_bytes()
    assert main(arguments(shot, "out/matte.####.png")) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert [file.name for file in (shot / "out").iterdir()] == [theirs.name]
    assert theirs.read_bytes() == before
    assert main(arguments(shot, "out/matte.####.png", "--overwrite")) == 0
    assert theirs.read_bytes() != before


def test_broken_frames_are_named_and_the_rest_is_done(shot, capsys):
    plate = shot / "plate"
    (plate / "hero.1003.png").write_bytes((plate / "hero.1003.png").read_bytes()[:300])
    Image.fromarray(picture(1005)[:20]).save(plate / "hero.1005.png")
    shutil.copy(plate / "hero.1006.png", plate / "hero.01006.png")
    (plate / "hero.1007.png").unlink()
    names = str(plate / "hero.####.png")
    command = [*arguments(shot, "out/matte.####.png"), "--json"]
    command[1] = names
    assert main(command) == 3
    captured = capsys.readouterr()
    last = json.loads(captured.out.splitlines()[-1])
    assert last["failed"] == "1003,1005-1006"
    assert last["written"] == "1001-1002,1004,1008"
    assert last["exit_code"] == 3
    for words in ("hero.1003.png", "96×20", "there twice"):
        assert words in captured.err
    assert sorted(file.name for file in (shot / "out").glob("*.png")) == [
        f"matte.{frame}.png" for frame in (1001, 1002, 1004, 1008)
    ]
    assert main([*command, "--frames", "1001-1002,1007"]) == 3
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failed"] == "1007"
    assert main([*command, "--frames", "1001-1002"]) == 0


def test_gaps_stay_gaps_and_are_said(shot, capsys):
    for frame in (1003, 1005):
        (shot / f"plate/hero.{frame}.png").unlink()
    assert main(arguments(shot, "out/matte.####.png")) == 0
    assert "1003,1005" in capsys.readouterr().err
    assert len(list((shot / "out").glob("*.png"))) == COUNT - 2


@pytest.mark.parametrize("last_key", [1008, 1004, 1001])
def test_chunks_give_the_same_files_as_one_run(shot, last_key):
    """The first key is exact, the others are rough."""
    keys = [] if last_key == 1001 else ["--key", f"{last_key}={shot / f'mask.{last_key}.png'}"]
    assert main(arguments(shot, "whole/matte.####.exr", *keys)) == 0
    for chunk in ("1005-1008", "1001-1002", "1003-1004"):
        assert main(arguments(shot, "parts/matte.####.exr", *keys, "--frames", chunk)) == 0
    assert contents(shot / "parts") == contents(shot / "whole")
    assert main(arguments(shot, "windows/matte.####.exr", *keys, "--window", "3")) == 0
    assert contents(shot / "windows") == contents(shot / "whole")


def test_several_objects_are_layers_of_one_exr_or_folders(shot):
    keys = [f"--key=woman:1001={shot / 'mask.1001.png'}", "--box=dog:1001=60,5,30,50"]
    more = [*keys, "--frames", "1001-1002"]
    assert main(arguments(shot, "out/matte.####.exr", *more, key=None)) == 0
    spec, _ = header(shot / "out/matte.1002.exr")
    assert sorted(spec.channelnames) == ["dog.Y", "woman.Y"]
    assert main(arguments(shot, "each", *more, key=None)) == 0
    assert sorted(contents(shot / "each")) == [
        f"matte/{name}/hero_matte_{name}.{frame}.png"
        for name in ("dog", "woman")
        for frame in (1001, 1002)
    ]
    assert main(arguments(shot, "out/matte.####.png", *more, key=None)) == 2


def test_no_pixel_is_wholly_two_subjects(shot):
    def mattes(output, *names):
        keys = [f"--key={name}:1001={shot / 'mask.1001.png'}" for name in names]
        more = ["--frames", "1002", "--tune", "0", "--no-refine", *keys]
        assert main(arguments(shot, output, *more, key=None)) == 0
        return {path: stills.read_grey(shot / output / path) for path in contents(shot / output)}

    (alone,) = mattes("one", "woman").values()
    woman, dog = mattes("two", "woman", "dog").values()
    assert alone.max() > 0.9
    assert (woman + dog).max() <= 1.01
    assert np.abs(woman - dog).max() < 0.01  # both were said to be the same
    # What only one of them claims stays as it is.
    assert np.abs((woman + dog - alone)[alone < 0.05]).max() < 0.1


def test_a_finished_matte_is_kept_to_the_bit_and_carried_on(shot):
    """An exact key that is hard is made as soft as its edge; a finished one is what it is."""
    mattes = {}
    for edge, made in (("exact", "1004-1005"), ("matte", "1004")):  # tracked alike
        key = KeyRequest(1004, str(shot / "mask.1004.png"), edge=edge)
        request = RotoRequest(
            str(shot / "plate"),
            str(shot / "out/matte.####.exr"),
            frames="1004-1005",
            keys=(key,),
            matte=MatteRequest(model="tiny"),
            tune=0,
        )
        assert roto.run(request).written == FrameRange.parse(made)
        mattes[edge] = [stills.read_grey(shot / f"out/matte.{n}.exr") for n in (1004, 1005)]
        assert roto.run(request).written == FrameRange()
    drawn = disc(1004) / np.float32(255)
    np.testing.assert_array_equal(mattes["matte"][0], drawn)
    assert not np.array_equal(mattes["exact"][0], drawn)
    assert mattes["matte"][1].max() > 0.9


def test_what_is_written_of_one_object_is_not_the_others(shot):
    """As if all were written: only the files of the others are not there."""

    def run(output, **fields):
        keys = tuple(KeyRequest(1001, str(shot / "mask.1001.png"), object=n) for n in "ab")
        request = RotoRequest(
            str(shot / "plate"), str(shot / output), frames="1001-1003", keys=keys, tune=0,
            matte=MatteRequest(model="tiny"), track_folder=str(shot / "track"), **fields,
        )  # fmt: skip
        result = roto.run(request)
        assert not result.failed
        return result

    def greys(folder):
        return [stills.read_grey(path) for path in sorted((shot / folder).glob("*.png"))]

    run("both")
    result = run("one", written=("b",))
    assert sorted(contents(shot / "one")) == [
        f"matte/hero_matte.{frame}.png" for frame in (1001, 1002, 1003)
    ]
    np.testing.assert_array_equal(greys("one/matte"), greys("both/matte/b"))
    assert max(alpha.max() for alpha in greys("one/matte")) < 0.6  # each has half of it
    tracked = sorted(path.name for path in (shot / "track" / "track").iterdir())
    assert [name for name in tracked if not name.startswith(".")] == ["a", "b"]
    assert list(FrameRecords(result.manifest.parent).read(1002)["coverage"]) == ["b"]
    assert run("one", written=("b",)).written == FrameRange()
    with pytest.raises(UsageError, match="nothing of c can be written"):
        run("none", written=("c",))


def test_a_folder_of_masks_is_a_key_for_each(shot):
    (shot / "masks").mkdir()
    for frame in (1001, 1005):
        Image.fromarray(cv2.GaussianBlur(disc(frame), (0, 0), 2)).save(
            shot / "masks" / f"m.{frame}.png"
        )
    keys = ["--keys", str(shot / "masks"), "--exact", "all"]
    assert main(arguments(shot, "out/a.####.png", *keys, key=None)) == 0
    for frame in (1001, 1005):
        drawn = np.asarray(Image.open(shot / "masks" / f"m.{frame}.png"))
        assert (np.asarray(Image.open(shot / "out" / f"a.{frame}.png")) == drawn).all()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--frames", "5-1"], "backwards"),
        (["--frames", "1-5"], "has no frame of"),
        (["--key", "1=x.png"], "no frame in the plate"),
        (["--key", "1002=missing.png"], "no such file"),
        (["--key", "mask.png"], "FRAME=MASK"),
        (["--box", "1001=3"], "x,y,w,h"),
        (["--exact", "1002"], "no key mask at frame 1002"),
        (["--exact", "dog:all"], "no key mask of dog"),
        (["--outputs", "matte,foreground"], "name a folder"),
        (["--outputs", "shadow"], "shadow"),
        (["--colorspace", "nonsense"], "nonsense"),
        (["--object", "a/b"], "letters"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_nothing_is_written(shot, capsys, more, words):
    assert main(arguments(shot, "out/matte.####.png", *more)) == 2
    assert words in capsys.readouterr().err
    assert not list((shot / "out").glob("*.png")) if (shot / "out").exists() else True


def test_a_key_of_another_size_is_refused_with_its_name(shot, capsys):
    Image.fromarray(disc(1001, 30, 40)).save(shot / "mask.1001.png")
    assert main(arguments(shot, "out/matte.####.png")) == 2
    assert "mask.1001.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "more"),
    [
        ("plate/hero.####.png", ["--overwrite"]),
        ("out/one.png", []),
        ("out/a.####.png", ["--outputs", "premult"]),
        ("out/a.mp4", ["--outputs", "foreground", "--fps", "24"]),
        ("out/a.mov", []),
        ("out/a.mov", ["--fps", "24", "--codec", "ffv1"]),
    ],
)
def test_names_that_cannot_hold_the_result_are_refused(shot, output, more):
    before = contents(shot)
    assert main(arguments(shot, output, *more)) == 2
    assert contents(shot) == before


def test_a_dry_run_says_everything_and_writes_nothing(shot, capsys):
    before = contents(shot)
    assert main(arguments(shot, "out", "--dry-run", "--json")) == 0
    captured = json.loads(capsys.readouterr().out)
    assert captured["frames"] == "1001-1008"
    assert captured["keys"] == {"subject": [1001]}
    assert contents(shot) == before
    assert not (shot / "out").exists()


def test_a_movie_becomes_a_movie_with_its_sound_and_timecode(shot):
    clip = shot / "clip.mov"
    rate = Fraction(25)
    with av.open(str(clip), "w") as movie:
        video = movie.add_stream("png", rate)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "rgb24"
        video.metadata["timecode"] = "09:59:59:23"
        audio = movie.add_stream("pcm_s16le", 48000, layout="mono")
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(1001 + number), "rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            movie.mux(video.encode(frame))
        movie.mux(video.encode(None))
        tone = np.full((1, 48000 * COUNT // 25), 1000, np.int16)
        piece = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        piece.sample_rate = 48000
        movie.mux(audio.encode(piece))
        movie.mux(audio.encode(None))
    command = ["roto", str(clip), "-o", str(shot / "out/hero.mov"), "--model", "tiny"]
    command += ["--codec", "png", "--key", f"1={shot / 'mask.1001.png'}", "--outputs", "foreground"]
    assert main(command) == 0
    result = MoviePlate(shot / "out/hero.mov")
    assert (len(result.frames), result.fps, result.timecode(3)) == (COUNT, rate, "10:00:00:00")
    first = result.read(1)
    solid = first.alpha == 255
    assert solid.sum() > 300
    assert (first.colour[solid] == picture(1001)[solid]).all()
    with av.open(str(shot / "out/hero.mov")) as movie:
        heard = sum(f.samples for f in movie.decode(movie.streams.audio[0]))
    assert heard == pytest.approx(tone.size, rel=0.2)
    before = (shot / "out/hero.mov").stat().st_mtime_ns
    assert main(command) == 0
    assert (shot / "out/hero.mov").stat().st_mtime_ns == before


def test_a_frame_that_failed_is_empty_in_the_movie_and_keeps_the_time(shot):
    (shot / "plate/hero.1004.png").write_bytes(b"\x89PNG")
    more = ["--fps", "24", "--codec", "png", "--outputs", "foreground"]
    assert main(arguments(shot, "out/hero.mov", *more)) == 3
    movie = MoviePlate(shot / "out/hero.mov")
    assert len(movie.frames) == COUNT
    assert [movie.read(frame).alpha.any() for frame in (3, 4, 5)] == [True, False, True]


def request(shot, **more):
    return RotoRequest(
        str(shot / "plate"),
        str(shot / "out/matte.####.png"),
        keys=(KeyRequest(1001, mask=str(shot / "mask.1001.png")),),
        matte=MatteRequest(model="tiny"),
        **more,
    )


def test_cancelling_finishes_files_and_says_what_is_not_done(shot):
    done_frames = []

    def cancel_late(fraction, stage):
        if stage.startswith("frame 1004"):
            raise Cancelled

    with heard_by(cancel_late):
        result = roto.run(request(shot), done=done_frames.append)
    assert result.exit_code == 130
    assert result.interrupted
    assert str(result.written) == "1001-1003"
    assert str(result.undone) == "1004-1008"
    assert sorted(contents(shot / "out")) == [f"matte.{f}.png" for f in (1001, 1002, 1003)]
    assert roto.run(request(shot)).exit_code == 0


def test_a_disk_that_refuses_ends_the_run(shot, monkeypatch):
    from mattelier.types.errors import OutputError

    def refuse(path, *_, **__):
        raise OutputError(f"{path} was not written: the disk is full.")

    monkeypatch.setattr(stills, "write_matte", refuse)
    result = roto.run(request(shot))
    assert result.exit_code == 3
    assert any("disk is full" in problem for problem in result.problems)
    assert len(result.failed | result.undone) == COUNT


def test_progress_rises_to_the_end(shot):
    heard = []
    with heard_by(lambda fraction, stage: heard.append(fraction)):
        roto.run(request(shot))
    assert heard[0] == 0
    assert max(heard) == pytest.approx(0.95, abs=0.06)
    assert all(0 <= fraction <= 1 for fraction in heard)


def test_the_manifest_tells_the_shot(shot):
    assert main(arguments(shot, "out")) == 0
    manifest = json.loads((shot / "out/.mattelier/hero/manifest.json").read_text("utf-8"))
    assert manifest["done"] == "1001-1008"
    assert manifest["outputs"][0]["files"].endswith("hero_matte.####.png")
    assert [record["frame"] for record in manifest["records"]] == list(range(1001, 1009))
    assert manifest["records"][0]["key"] == ["subject"]
    assert 0.05 < manifest["records"][0]["coverage"]["subject"] < 0.2


def test_a_request_travels_as_json():
    whole = RotoRequest(
        "a.####.exr",
        "out",
        keys=(
            KeyRequest(7, "m.png"),
            KeyRequest(9, box=Box(1, 2, 3, 4), points=(Point(1, 2),), object="dog"),
        ),
        outputs=("matte", "premult"),
        matte=MatteRequest(edge_shift=2),
        colorspace="ACEScg",
    )
    assert from_json(RotoRequest, json.loads(json.dumps(to_json(whole)))) == whole
    assert whole.named_objects == ("subject", "dog")


def test_a_bad_request_is_refused():
    for wrong in ({"outputs": ()}, {"bits": 12}, {"preroll": -1}, {"fps": -1.0}):
        with pytest.raises(UsageError):
            RotoRequest("a.####.exr", "b.####.exr", **wrong)


def spawn(shot, output, models):
    code = "import sys; from mattelier.commands.main import main; sys.exit(main())"
    environment = {**os.environ, "MATTELIER_MODELS": str(models)}
    command = [sys.executable, "-c", code, *arguments(shot, output)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.parametrize("after", ["track/subject/coarse.1002.npz", "../../matte.1003.exr"])
def test_killed_at_any_moment_and_run_again_gives_the_same_bytes(shot, models, after):
    assert main(arguments(shot, "whole/matte.####.exr")) == 0
    process = spawn(shot, "killed/matte.####.exr", models)
    work = shot / "killed/.mattelier/matte"
    wait_for(lambda: (work / after).exists(), process)
    process.kill()
    process.wait()
    leftover = shot / "killed/.matte.1006.0123abcd.exr"
    leftover.write_bytes(b"half")
    assert main(arguments(shot, "killed/matte.####.exr")) == 0
    assert contents(shot / "killed") == contents(shot / "whole")


def test_an_interrupt_ends_with_130_and_whole_files(shot, models):
    process = spawn(shot, "out/matte.####.exr", models)
    wait_for(lambda: (shot / "out/matte.1001.exr").exists(), process)
    process.send_signal(signal.SIGINT)
    code = process.wait(60)
    files = list((shot / "out").glob("*.exr"))
    assert code == 130 or (code == 0 and len(files) == COUNT)
    assert all(read_provenance(file).is_complete for file in files)
    assert not list((shot / "out").glob(".matte.*"))


def test_settings_of_one_track_share_it(shot, monkeypatch):
    """Another edge, other outputs: nothing is tracked again, nor is another object's work lost."""
    from mattelier.shot.tracking import passes, seed_frames

    folder = ["--track-folder", str(shot / "tracks")]
    rough = ["--key", f"1001={shot / 'mask.1001.png'}"]
    assert main(arguments(shot, "a/m.####.png", *folder, *rough, key=None)) == 0
    other = ["--key", f"dog:1004={shot / 'mask.1004.png'}"]
    assert main(arguments(shot, "b/m.####.png", *folder, *other, key=None)) == 0
    assert main(arguments(shot, "alone/m.####.png", *rough, "--feather", "3", key=None)) == 0

    def refuse(*_args):
        raise AssertionError("it is tracked again")

    for module, name in ((passes, "carry"), (seed_frames, "find_edge")):
        monkeypatch.setattr(module, name, refuse)
    more = [*folder, *rough, "--feather", "3"]
    assert main(arguments(shot, "c/m.####.png", *more, key=None)) == 0
    assert contents(shot / "c") == contents(shot / "alone")
    assert contents(shot / "c") != contents(shot / "a")


def test_a_proxy_is_small_and_the_full_run_tracks_nothing_again(shot):
    """Key frame 1001 is exact, so its mask is reduced, too."""
    more = ("--track-folder", str(shot / "track"), "--exact", "1001")
    assert main(arguments(shot, shot / "small", "--proxy", "0.25", *more)) == 0
    small = sorted((shot / "small").rglob("*.png"))
    assert {Image.open(file).size for file in small} == {(round(WIDTH / 4), round(HEIGHT / 4))}
    before = contents(shot / "track")
    assert main(arguments(shot, shot / "full", *more)) == 0
    assert contents(shot / "track") == before
    alone = ("--track-folder", str(shot / "own"), "--exact", "1001")
    assert main(arguments(shot, shot / "alone", *alone)) == 0
    full = {file.name: file.read_bytes() for file in (shot / "full" / "matte").iterdir()}
    assert full == {file.name: file.read_bytes() for file in (shot / "alone" / "matte").iterdir()}
    for file in small:
        large = Image.open(shot / "full" / "matte" / file.name).resize(Image.open(file).size, 4)
        off = np.abs(np.asarray(large, float) - np.asarray(Image.open(file), float))
        assert off.mean() < 12  # of 255
    assert main(arguments(shot, shot / "none", "--proxy", "0.01")) == 2


def test_other_pictures_with_the_same_size_and_time_are_made_again(shot):
    """As when a shot's files are put into another's place with their times."""
    plate = shot / "bmp"
    plate.mkdir()
    for number, frame in enumerate(range(1001, 1003)):
        Image.fromarray(picture(frame)).save(plate / f"p.{number}.bmp")
        os.utime(plate / f"p.{number}.bmp", (1e9, 1e9))
    command = arguments(shot, "out/m.####.png", key=None)
    command[1] = str(plate)
    assert main(command) == 0
    first = contents(shot / "out")
    Image.fromarray(picture(1008)).save(plate / "p.1.bmp")
    os.utime(plate / "p.1.bmp", (1e9, 1e9))
    assert main(command) == 0
    assert contents(shot / "out")["m.0001.png"] != first["m.0001.png"]
