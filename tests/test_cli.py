"""The command line's promises: flags, pipes, JSON, messages and exit codes.

The network is replaced: its stand-in finds the left half of every picture.
"""

import dataclasses
import io
import json
import logging
import os
import random
import re
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import ClassVar

import click
import numpy as np
import pytest
from faults.corpus import write_seeds
from faults.mutations import mutate
from PIL import Image

from mattelier import log
from mattelier.commands.main import cli, main
from mattelier.matting.hint import load_hint
from mattelier.requests import Box, CutoutRequest, HintRequest, MatteRequest, Point
from mattelier.types.errors import ModelError
from mattelier.types.result import Report, Result


class LeftHalf:
    """Stands in for an open task; remembers what it was asked."""

    note = ""
    opened: ClassVar[list[MatteRequest]] = []
    calls: ClassVar[list[tuple[HintRequest, CutoutRequest | None]]] = []

    def __init__(self, request, send_to=None):
        self.request = request
        matte_request = request if isinstance(request, MatteRequest) else request.matte
        if matte_request.model == "unknown":
            raise ModelError("There is no model named unknown; see: mattelier models list")
        self.opened.append(matte_request)

    def __call__(self, picture, *, hint):
        result = self.matte(picture, hint)
        if isinstance(self.request, MatteRequest):
            return result
        self.calls[-1] = (hint, self.request)
        alpha = None if self.request.background else (result.alpha * 255).astype(np.uint8)
        return dataclasses.replace(result, picture=dataclasses.replace(picture, alpha=alpha))

    def matte(self, picture, hint):
        self.calls.append((hint, None))
        if np.all(picture.colour == 13):
            raise RuntimeError("inner trouble")
        alpha = np.zeros((picture.height, picture.width), np.float32)
        alpha[:, : picture.width // 2] = 1
        report = Report("left-half", "none", "cpu", note=self.note, coverage=0.5)
        return Result(report, alpha=alpha)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch, tmp_path):
    LeftHalf.opened, LeftHalf.calls = [], []
    monkeypatch.setattr("mattelier.commands.task_run.open_task", LeftHalf)
    monkeypatch.setattr("mattelier.matting.hint.load_hint", lambda hint, _: hint)
    monkeypatch.setattr("mattelier.log.log_path", lambda: tmp_path / "log" / "mattelier.log")
    monkeypatch.setattr(logging.getLogger("mattelier"), "handlers", [])
    monkeypatch.setattr("mattelier.log.logger", cache(log.logger.__wrapped__))
    monkeypatch.chdir(tmp_path)


def photo(name: str, value: int = 100, size: tuple[int, int] = (8, 6)) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(name)
    return name


def files(folder: str = ".") -> list[str]:
    found = (path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] != "log")


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_photo_gives_a_cutout_beside_it(capsys):
    assert main(["cutout", photo("a.jpg")]) == 0
    with Image.open("a-cutout.png") as result:
        assert (result.mode, result.size) == ("RGBA", (8, 6))
        assert list(result.getchannel("A").tobytes()[:8]) == [255] * 4 + [0] * 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "a-cutout.png" in err


def test_a_picture_alone_is_cut_out(capsys):
    assert main([photo("a.jpg")]) == 0
    assert Path("a-cutout.png").is_file()
    assert main(["--nonsense"]) == 2
    assert main(["absent.jpg"]) == 2


def test_matte_writes_the_alpha_alone_at_the_asked_depth():
    assert main(["matte", photo("a.jpg"), "-o", "m.png", "--bits", "16"]) == 0
    with Image.open("m.png") as result:
        assert np.asarray(result)[0].tolist() == [65535] * 4 + [0] * 4


def test_flags_become_the_request():
    arguments = (
        "--box 1,2,3,4.5 --point 5,6 --point 7,8,- --point 1,1,+ --model other --device cpu "
        "--quality best --no-refine --no-foreground --background blur --crop --padding 3"
    )
    assert main(["cutout", photo("a.jpg"), "-o", "b.jpg", *arguments.split()]) == 0
    hint = HintRequest(box=Box(1, 2, 3, 4.5), points=(Point(5, 6), Point(7, 8, False), Point(1, 1)))
    matte = MatteRequest(hint, "other", "cpu", "best", refine=False)
    assert LeftHalf.opened == [matte]
    assert LeftHalf.calls == [(hint, CutoutRequest(matte, False, "blur", True, 3))]


def test_a_folder_keeps_its_structure_and_a_bad_file_does_not_stop_it(capsys):
    for name in ("in/a.jpg", "in/a.png", "in/sub/b.png"):
        photo(name)
    Path("in/sub/bad.jpg").write_bytes(b"not a picture")
    photo("in/trouble.png", value=13)
    assert main(["cutout", "in", "-o", "out", "--jobs", "2"]) == 3
    assert files("out") == ["a-jpg.png", "a-png.png", "sub/b.png"]
    err = capsys.readouterr().err
    assert "3 of 5 pictures done, 2 failed" in err
    assert str(Path("in/sub/bad.jpg")) in err
    assert "mattelier.log" in err
    assert "Traceback" not in err
    assert "inner trouble" in Path("log/mattelier.log").read_text()


def test_json_gives_one_object_for_every_input_also_the_failed(capsys):
    photo("a.jpg")
    photo("b.jpg")
    photo("b-cutout.png")
    Path("c.jpg").touch()
    assert main(["cutout", "a.jpg", "b.jpg", "c.jpg", "gone.jpg", "--json"]) == 3
    by_input = {line["input"]: line for line in lines(capsys.readouterr().out)}
    assert [by_input[f"{name}.jpg"]["ok"] for name in ("a", "b", "c", "gone")] == [True] + [
        False
    ] * 3
    good = by_input["a.jpg"]
    assert (good["output"], good["error"]) == ("a-cutout.png", None)
    assert (good["width"], good["height"], good["coverage"]) == (8, 6, 0.5)
    assert (good["model"], good["device"], good["engine"]) == ("left-half", "cpu", "none")
    assert good["seconds"] >= 0
    assert good["stages"] == {}
    assert "--overwrite" in by_input["b.jpg"]["error"]
    assert by_input["c.jpg"]["output"] is None


def test_existing_results_stay_unless_overwrite_is_said():
    photo("a.jpg")
    Path("a.png").write_text("mine")
    assert main(["cutout", "a.jpg", "-o", "a.png"]) == 3
    assert Path("a.png").read_text() == "mine"
    assert LeftHalf.opened == []
    assert main(["cutout", "a.jpg", "-o", "a.png", "--overwrite"]) == 0
    assert Path("a.png").read_bytes()[1:4] == b"PNG"


def test_existing_results_are_passed_over_where_that_is_said(capsys):
    photo("in/a.jpg")
    assert main(["cutout", "in", "-o", "out"]) == 0
    first = Path("out/a.png").stat().st_mtime_ns
    photo("in/b.jpg")
    capsys.readouterr()
    assert main(["cutout", "in", "-o", "out", "--skip-existing", "--json"]) == 0
    out, err = capsys.readouterr()
    assert Path("out/a.png").stat().st_mtime_ns == first
    assert files("out") == ["a.png", "b.png"]
    assert "Passed over 1 of 2" in err
    by_input = {Path(line["input"]).name: line for line in lines(out)}
    assert by_input["a.jpg"]["skipped"]
    assert by_input["a.jpg"]["output"] == str(Path("out/a.png"))
    assert "skipped" not in by_input["b.jpg"]
    LeftHalf.opened.clear()
    assert main(["cutout", "in", "-o", "out", "--skip-existing"]) == 0  # nothing is left to do
    assert LeftHalf.opened == []
    # A result without the map that is asked for now is not done.
    assert main(["cutout", "in", "-o", "out", "--skip-existing", "--confidence"]) == 3


def test_our_warnings_belong_to_the_picture_and_those_of_libraries_to_the_log(capsys, monkeypatch):
    OpenImageIO = pytest.importorskip("OpenImageIO")  # noqa: N806
    spec = OpenImageIO.ImageSpec(4, 4, 3, "half")
    file = OpenImageIO.ImageOutput.create("a.exr")
    assert file.open("a.exr", spec)
    assert file.write_image(np.full((4, 4, 3), np.nan, np.float32))
    file.close()
    ask = LeftHalf.matte

    def chatty(self, picture, hint):
        warnings.warn_explicit("theirs", UserWarning, "/lib/other.py", 1)
        return ask(self, picture, hint)

    monkeypatch.setattr(LeftHalf, "matte", chatty)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with warnings.catch_warnings():
        assert main(["matte", "a.exr", "--json"]) == 0
    out, err = capsys.readouterr()
    (note,) = lines(out)[0]["notes"]
    assert "NaN" in note
    assert note in err
    assert "theirs" not in err
    assert "theirs" in Path("log/mattelier.log").read_text()


def test_a_second_run_over_a_folder_does_not_take_its_own_results(capsys):
    photo("in/a.jpg")
    assert main(["cutout", "in"]) == 0
    assert main(["cutout", "in", "--overwrite"]) == 0
    assert files("in") == ["a-cutout.png", "a.jpg"]
    assert "earlier result" in capsys.readouterr().err


class Pipe(io.TextIOWrapper):
    def __init__(self, content: bytes = b""):
        super().__init__(io.BytesIO(content))


def test_a_picture_goes_through_a_pipe(monkeypatch, capsys):
    photo("a.jpg")
    out = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(Path("a.jpg").read_bytes()))
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["cutout", "-"]) == 0
    with Image.open(io.BytesIO(out.buffer.getvalue())) as result:
        assert (result.format, result.mode) == ("PNG", "RGBA")
    assert files() == ["a.jpg"]


def test_an_empty_pipe_is_told_by_its_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Pipe(b""))
    assert main(["cutout", "-", "-o", "x.png"]) == 3
    assert "standard input" in capsys.readouterr().err
    assert files() == []


def test_hints_of_a_folder_go_to_the_pictures_of_the_same_name():
    for name in ("in/a.jpg", "in/sub/b.jpg", "masks/a.png", "masks/sub/b.tif", "masks/b.png"):
        photo(name)
    assert main(["matte", "in", "-o", "out", "--hint", "masks", "--jobs", "1"]) == 0
    assert [Path(hint.mask).as_posix() for hint, _ in LeftHalf.calls] == [
        "masks/a.png",
        "masks/sub/b.tif",
    ]


def test_a_picture_without_its_hint_fails_and_the_others_do_not(capsys):
    for name in ("in/a.jpg", "in/b.jpg", "masks/a.png"):
        photo(name)
    assert main(["matte", "in", "-o", "out", "--trimap", "masks"]) == 3
    assert files("out") == ["a.png"]
    assert "b.jpg" in capsys.readouterr().err


def test_a_hint_or_background_is_never_overwritten():
    photo("a.jpg")
    before = Path(photo("b.png")).read_bytes()
    for flags in ("--hint b.png", "--trimap b.png", "--background b.png"):
        assert main(["cutout", "a.jpg", "-o", "b.png", "--overwrite", *flags.split()]) == 2
    assert Path("b.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("cutout", "IN..."),
        ("cutout a.jpg --box 1,2,3", "x,y,w,h"),
        ("cutout a.jpg --box 1,2,0,4", "positive"),
        ("cutout a.jpg --point nan,2", "x,y"),
        ("cutout a.jpg --point 1,2,0", "x,y"),
        ("cutout a.jpg --device tpu", "tpu"),
        ("cutout a.jpg --padding 4", "--crop"),
        ("cutout a.jpg --background nocolour", "nocolour"),
        ("cutout a.jpg -o b.gif", ".png"),
        ("cutout a.jpg -o b.jpg", "--background"),
        ("cutout a.jpg --format jpg", "--background"),
        ("cutout a.jpg -o b.png --format webp", "agree"),
        ("cutout a.jpg b.jpg -o c.png", "folder"),
        ("cutout a.jpg b.jpg -o -", "one picture"),
        ("cutout a.jpg -o - --json", "--json"),
        ("cutout a.jpg --hint gone.png", "gone.png"),
        ("cutout a.jpg b.jpg --hint a.jpg", "folder"),
        ("cutout a.jpg -o a.jpg --background red", "input"),
        ("matte a.jpg -o m.webp", ".tif"),
        ("matte a.jpg --format webp", "webp"),
        ("matte a.jpg --jobs 0", "jobs"),
        ("cutout a.jpg --overwrite --skip-existing", "choose one"),
        ("upscale a.####.png -o b --skip-existing", "resumed"),
        ("watch gone out", "gone"),
        ("watch . out", "lies in"),
        ("watch . ../out frobnicate", "frobnicate"),
        ("watch . ../out b.jpg --box 1,2,3,4", "b.jpg"),
        ("watch . ../out -o elsewhere", "OUT"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_wrong_usage_says_so_does_nothing_and_exits_2(arguments, words, capsys):
    photo("a.jpg")
    photo("b.jpg")
    before = files()
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert "Traceback" not in err
    assert out == ""
    assert files() == before


def test_what_stops_every_picture_is_said_once(capsys):
    assert main(["cutout", photo("a.jpg"), photo("b.jpg"), "--model", "unknown"]) == 3
    assert capsys.readouterr().err.count("no model named unknown") == 1


def test_a_hint_of_the_wrong_size_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setattr("mattelier.matting.hint.load_hint", load_hint)
    assert main(["cutout", photo("a.jpg"), "--hint", photo("mask.png", size=(4, 4))]) == 2
    assert "4×4" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["cutout", "matte"])
def test_help_shows_examples_line_by_line(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(f"    mattelier {command} ") for line in out) >= 4


def test_an_empty_result_is_said(monkeypatch, capsys):
    def nothing(self, picture, hint):
        alpha = np.zeros((picture.height, picture.width), np.float32)
        return Result(Report("none", "none", "cpu", coverage=0.0), alpha=alpha)

    monkeypatch.setattr(LeftHalf, "matte", nothing)
    assert main(["matte", photo("a.jpg")]) == 0
    assert "No subject" in capsys.readouterr().err


def test_what_is_to_be_noted_reaches_people_and_programs(monkeypatch, capsys):
    note = "The GPU was asked for, but there is none."
    monkeypatch.setattr(LeftHalf, "note", note)
    assert main(["matte", photo("a.jpg"), photo("b.jpg"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.count(note) == 1
    assert [line["notes"] for line in lines(out)] == [
        ["The GPU was asked for, but there is none."]
    ] * 2


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from mattelier.commands.main import main\n"
        "main(['--help']); main(['cutout', '--help'])\n"
        "heavy = {'numpy', 'cv2', 'PIL', 'scipy', 'torch', 'openvino', 'OpenImageIO', 'tqdm'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("cutout", "matte", "models", "doctor", "train", "evaluate"):
        assert name in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["roto", "{long}", "-o", "out"],
        ["roto", "{long}.####.png", "-o", "out"],
        ["roto", "{long}.mov", "-o", "out"],
        ["cutout", "a.png", "-o", "{long}/x/"],
        ["cutout", "a.png", "-o", "{long}.png"],
        ["cutout", "a.png", "--hint", "{long}.png"],
        ["qc", "{long}"],
        ["qc", "{long}.####.exr"],
    ],
)
def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png")
    assert main([part.format(long="a" * 300) for part in command]) in (2, 3)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "unexpected" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_libraries_write_no_lines_of_their_own(tmp_path):
    """libpng, libtiff and numpy say on standard error what our sentence says already."""
    home = tmp_path / "home"
    rng = random.Random(1)
    seeds = write_seeds(tmp_path / "seeds")
    damaged = []
    for name in ("rgb16.png", "rgba16.png", "lzw.tif", "jpeg.tif", "deflate.tif"):
        content = next(path for path in seeds if path.name == name).read_bytes()
        for number in range(12):
            path = tmp_path / f"{number}-{name}"
            path.write_bytes(mutate(content, rng, [content]))
            damaged.append(path)
    command = [sys.executable, "-m", "mattelier", "enhance", *map(str, damaged)]
    done = subprocess.run(
        [*command, "-o", f"{tmp_path / 'out'}/"],
        env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3
    ours = ("  failed: ", "  note: ")
    lines = [line for line in done.stderr.splitlines() if not line.startswith(ours)]
    assert re.fullmatch(r"\d+ of 60 pictures done, \d+ failed; \d+\.\d s\.", lines.pop())
    assert lines == []
    (log,) = home.rglob("mattelier.log")
    assert "libpng error" in log.read_text("utf-8", "replace")


def test_an_unexpected_error_is_one_sentence_with_the_log(monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("inner")

    monkeypatch.setattr("mattelier.commands.console.run", broken)
    assert main(["cutout", "a.jpg"]) == 3
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "mattelier.log" in err


def test_ctrl_c_before_the_work_exits_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mattelier.commands.console.run", interrupted)
    assert main(["cutout", "a.jpg"]) == 130


@pytest.mark.parametrize("command", sorted(cli.list_commands(click.Context(cli))))
def test_every_listed_command_can_be_had(command, capsys):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: mattelier {command}")
