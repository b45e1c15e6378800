"""Shots on several workers and as Open Job Description: same files as one run, workers may die."""

import dataclasses
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_model import make_model

from mattelier.commands.main import main
from mattelier.requests import Box, KeyRequest, MatteRequest, Point, RotoRequest, to_json
from mattelier.shot import farm
from mattelier.shot.openjd import template
from mattelier.types.errors import UsageError
from mattelier.types.frame_range import FrameRange

HEIGHT, WIDTH, FRAMES = 90, 160, range(1001, 1025)
BIN = Path(sys.executable).parent


def needs(package):
    """Absent packages are a reason to skip, but not where everything is meant to be tested."""
    absent = importlib.util.find_spec(package) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(absent, reason=f"{package} is not installed")


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    """A plate of 24 frames, a key mask, and the mattes of one undisturbed run."""
    root = tmp_path_factory.mktemp("farm")
    make_model(root / "models")
    (root / "plate").mkdir()
    ground = np.random.default_rng(5).integers(20, 90, (HEIGHT, WIDTH, 3), np.uint8)
    for frame in FRAMES:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(mask, (30 + 4 * (frame - 1001), HEIGHT // 2), 20, 255, -1)
        colour = np.where(mask[..., None] > 0, np.uint8([250, 120, 60]), ground)
        Image.fromarray(colour).save(root / "plate" / f"hero.{frame}.png")
        if frame == 1001:
            Image.fromarray(mask).save(root / "mask.png")
    os.environ["MATTELIER_MODELS"] = str(root / "models")
    assert main(["roto", *arguments(root, "whole")]) == 0
    yield root
    del os.environ["MATTELIER_MODELS"]


def arguments(root, output, *more):
    place = [str(root / "plate"), "-o", str(root / output / "a.####.png")]
    return [*place, "--model", "tiny", "--key", f"1001={root / 'mask.png'}", *more]


def mattes(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.png"))}


@pytest.fixture
def scheduler(tmp_path):
    """A real scheduler and three worker processes: its address, and the workers."""
    scheduler_file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(scheduler_file)]
    processes = [subprocess.Popen([*command, *where], stderr=subprocess.DEVNULL)]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        "--scheduler-file",
        str(scheduler_file),
    ]
    worker += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
    worker += ["--local-directory", str(tmp_path)]
    processes += [subprocess.Popen(worker, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        wait_for(scheduler_file.exists)
        time.sleep(0.2)
        yield json.loads(scheduler_file.read_text())["address"], processes[1:]
    finally:
        for process in processes[::-1]:
            process.kill()
            process.wait()


def wait_for(condition, seconds=40):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@needs("distributed")
def test_a_worker_killed_in_mid_shot_costs_nothing(shot, scheduler):
    from distributed import Client

    address, workers = scheduler
    with Client(address) as client:
        client.wait_for_workers(3, timeout=40)
        pids = client.run(os.getpid)
        command = arguments(shot, "farmed", "--scheduler", address, "--chunk", "3")
        submitted = subprocess.Popen(
            [sys.executable, "-m", "mattelier", "farm", "submit", "--openjd", *command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

        def at_work():
            """Who makes frames while some are there and others are not."""
            busy = [pids[a] for a, tasks in client.processing().items() if tasks and a in pids]
            mattes_made = len(mattes(shot / "farmed"))
            assert submitted.poll() is None or mattes_made
            return busy if 1 <= mattes_made < len(FRAMES) else []

        wait_for(at_work)
        victim = next((p for p in workers if p.pid in at_work()), workers[0])
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        out, err = submitted.communicate(timeout=60)
    assert submitted.returncode == 0, err
    assert "openjd_progress: 100" in out.splitlines()
    assert mattes(shot / "farmed") == mattes(shot / "whole")
    manifest = json.loads(next((shot / "farmed").glob(".mattelier/*/manifest.json")).read_text())
    assert (manifest["done"], manifest["failed"]) == ("1001-1024", "")


@needs("distributed")
def test_a_movie_is_put_together_by_the_last_task(shot, capsys):
    """Of frames that several workers made; it is what one machine writes."""
    place = [str(shot / "plate"), "--model", "tiny", "--key", f"1001={shot / 'mask.png'}"]
    more = ["--frames", "1001-1009", "--fps", "24"]
    assert main(["roto", *place, "-o", str(shot / "alone" / "a.mov"), *more]) == 0
    farmed = [*place, "-o", str(shot / "many" / "a.mov"), *more]
    assert main(["farm", "submit", *farmed, "--local", "2", "--chunk", "3"]) == 0
    assert "9 of 9 frames written" in capsys.readouterr().err
    alone, many = (_movie(shot / name / "a.mov") for name in ("alone", "many"))
    assert len(alone) == 9
    assert np.array_equal(alone, many)


@needs("distributed")
def test_between_keys_it_is_tracked_side_by_side(shot):
    """With keys in mid-chunk the files are those of one run; a box is a key like a mask."""
    more = ["--box", "1012=50,20,100,70", "--box", "1019=80,20,125,70"]
    assert main(["roto", *arguments(shot, "keyed", *more)]) == 0
    farmed = arguments(shot, "keyed-many", *more, "--local", "2", "--chunk", "5")
    assert main(["farm", "submit", *farmed]) == 0
    assert mattes(shot / "keyed-many") == mattes(shot / "keyed")


@needs("openjd")
def test_an_open_job_tracks_between_keys_side_by_side(shot, tmp_path, capsys):
    more = ["--box", "1012=50,20,100,70", "--box", "1019=80,20,125,70"]
    assert main(["roto", *arguments(shot, "keyed-alone", *more)]) == 0
    command = arguments(shot, tmp_path / "out", *more, "--chunk", "7")
    capsys.readouterr()
    assert main(["farm", "openjd", *command]) == 0
    job = tmp_path / "job.yaml"
    job.write_text(capsys.readouterr().out, "utf-8")
    steps = {step["name"]: step for step in json.loads(job.read_text("utf-8"))["steps"]}
    (parts,) = steps["TrackOn"]["parameterSpace"]["taskParameterDefinitions"]
    assert parts["range"] == ["1013-1019", "1020-1024"]
    _openjd("check", job)
    _openjd("run", job)
    assert mattes(tmp_path / "out") == mattes(shot / "keyed-alone")


def test_stretches_end_at_keys_of_every_object():
    frames = FrameRange.parse("1-20x2")
    assert _stretches(frames, "3 9") == ["1,3", "5-9x2", "11-19x2"]
    assert _stretches(frames, "") == ["1-19x2"]
    assert _stretches(frames, "3 9", "9 11") == ["1-9x2", "11-19x2"]
    assert _stretches(frames, "1 19") == ["1", "3-19x2"]
    assert _stretches(frames, "1 3 5 7 9 11 13 17", least=3) == ["1-5x2", "7-11x2", "13-17x2", "19"]


def _stretches(frames, *keys_of_objects, least=1):
    keys = tuple(
        KeyRequest(int(frame), mask="m.png", object=f"object-{number}")
        for number, keys in enumerate(keys_of_objects)
        for frame in keys.split()
    )
    request = RotoRequest("plate", "out", keys=keys)
    return [str(part) for part in farm.between_keys(request, frames, least)]


def test_a_part_writes_frames_and_no_movie(shot):
    """Parts run side by side, so none may hold the movie."""
    file = shot / "parts" / "a.mov"
    place = [str(shot / "plate"), "-o", str(file), "--model", "tiny", "--fps", "24"]
    command = [*place, "--key", f"1001={shot / 'mask.png'}"]
    for frames in ("1004-1006", "1001-1003"):
        assert main(["farm", "part", *command, "--frames", frames]) == 0
        assert not file.exists()
    made = {frame: frame.stat().st_mtime_ns for frame in file.parent.rglob("*.png")}
    assert main(["roto", *command, "--frames", "1001-1006"]) == 0
    assert len(_movie(file)) == 6
    assert {frame: frame.stat().st_mtime_ns for frame in made} == made


def _movie(file):
    """Its frames (T, h, w, 3)."""
    reader, frames = cv2.VideoCapture(str(file)), []
    while (answer := reader.read())[0]:
        frames.append(answer[1])
    return np.stack(frames)


@needs("distributed")
def test_broken_frames_are_named_and_the_rest_is_done(shot, capsys):
    broken = shot / "plate" / "hero.1004.png"
    whole, date = broken.read_bytes(), broken.stat().st_mtime_ns
    broken.write_bytes(whole[:200])
    try:
        more = ["--local", "1", "--chunk", "3", "--frames", "1001-1006"]
        assert main(["farm", "submit", *arguments(shot, "broken", *more)]) == 3
    finally:
        broken.write_bytes(whole)
        os.utime(broken, ns=(date, date))
    assert "5 of 6 frames written; failed: 1004" in capsys.readouterr().err
    assert len(mattes(shot / "broken")) == 5


@needs("openjd")
@pytest.mark.parametrize(
    ("frames", "tasks", "count"), [("1001-1009", 3, 9), ("1001-1009x2,1020", 2, 6)]
)
def test_open_job_description_runs_as_it_says(shot, tmp_path, capsys, frames, tasks, count):
    output = tmp_path / "out"
    command = arguments(shot, output, "--frames", frames, "--chunk", "3")
    assert main(["farm", "openjd", *command]) == 0
    job = tmp_path / "job.yaml"
    job.write_text(capsys.readouterr().out, "utf-8")
    _openjd("check", job)
    log = _openjd("run", job)
    assert log.count("frames written; ") == tasks + 1  # the last looks over all of them
    written = mattes(output)
    assert written == {name: mattes(shot / "whole")[name] for name in written}
    assert len(written) == count


def _openjd(*words):
    """What the specification's own runner says."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.run(
        [BIN / "openjd", *words, "--extensions", "TASK_CHUNKING"],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


SHOT = RotoRequest(
    "/p", "/o", "1-9", outputs=("foreground", "matte"), objects=("woman", "dog"), bits=16,
    keys=(KeyRequest(1, mask="/m.png"), KeyRequest(2, box=Box(1, 2, 3.5, 4), object="dog"),
          KeyRequest(3, points=(Point(5, 6), Point(7, 8, False)))),
    matte=MatteRequest(model="tiny", quality="best", refine=False, edge_shift=-1.5, feather=2),
    format="exr", colorspace="ACEScg", fps=23.976, preroll=9, overwrite=True, resume=False,
)  # fmt: skip


@pytest.fixture
def roto_requests(monkeypatch):
    """The requests that `mattelier roto` makes, instead of running them."""
    from mattelier.commands import roto

    requests = []
    monkeypatch.setattr(roto, "_run", lambda request, *how: requests.append(request) or 0)
    return requests


def test_a_request_file_says_the_whole_request(tmp_path, roto_requests):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(to_json(SHOT)), "utf-8")
    assert main(["roto", "--request", str(file)]) == 0
    assert main(["roto", "--request", str(file), "--frames", "3-5", "--json"]) == 0
    assert roto_requests == [SHOT, dataclasses.replace(SHOT, frames="3-5")]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["plate.####.exr"], "leave PLATE out"),
        (["-o", "out"], "leave -o out"),
        (["--feather", "0"], "leave --feather out"),
        (["--key", "1=m.png"], "leave --key out"),
        (["--no-refine"], "leave --refine out"),
    ],
)
def test_a_request_file_stands_alone(tmp_path, capsys, roto_requests, more, words):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(to_json(SHOT)), "utf-8")
    assert main(["roto", "--request", str(file), *more]) == 2
    assert words in capsys.readouterr().err
    assert not roto_requests


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "is an object"),
        ('{"plate": "p", "output": "o", "plates": 1}', "unknown key 'plates'"),
        ('{"plate": "p", "output": "o", "fps": NaN}', "between 0 and 1000, not at nan"),
        ('{"plate": "p"}', "lacks 'output'"),
    ],
)
def test_a_wrong_request_file_is_one_sentence(tmp_path, capsys, roto_requests, text, words):
    file = tmp_path / "request.json"
    if text is not None:
        file.write_text(text, "utf-8")
    assert main(["roto", "--request", str(file)]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert str(file) in message
    assert message.count("\n") == 1


def test_a_template_holds_the_request_and_no_braces():
    steps = template(SHOT, 3)["steps"]
    for step in steps:
        (file,) = step["script"]["embeddedFiles"]
        assert json.loads(file["data"]) == to_json(SHOT)
    with pytest.raises(UsageError, match=r"/p\{\{x\}\}: a farm would read \{\{"):
        template(dataclasses.replace(SHOT, plate="/p{{x}}"), 3)


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ([], 2, "either --scheduler"),
        (["--local", "2", "--scheduler", "tcp://127.0.0.1:1"], 2, "either --scheduler"),
        (["--local", "1", "--frames", "1-5"], 2, "has no frame"),
    ],
)
def test_wrong_usage_is_said_before_anything_starts(shot, capsys, more, code, words):
    assert main(["farm", "submit", *arguments(shot, "wrong", *more)]) == code
    assert words in capsys.readouterr().err
    assert not (shot / "wrong").exists()


def test_without_dask_one_sentence_says_what_to_install(shot, capsys, monkeypatch):
    monkeypatch.setattr(farm, "installed", lambda package: None)
    assert main(["farm", "submit", *arguments(shot, "wrong", "--local", "1")]) == 3
    assert "mattelier[farm]" in capsys.readouterr().err
