"""Two runs at once: never onto the same files, and neither is harmed; a dead one is no obstacle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faults.kills import Shot, contents
from PIL import Image

from mattelier.commands.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process as POSIX can")

FOLDERS = 3  # that a run of the shot writes to: its work, mattes, foregrounds


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot(tmp_path_factory.mktemp("shot") / "disc")


def pause_when_claimed(process: subprocess.Popen[bytes], folder: Path, folders: int) -> None:
    """Stop a run once it has said in all of its folders which files are its own."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if len(list(folder.rglob(".mattelier-*.run"))) == folders:
            process.send_signal(signal.SIGSTOP)
            claims = [claim.read_bytes() for claim in folder.rglob(".mattelier-*.run")]
            if len(claims) == folders and all(b'"decided": true' in claim for claim in claims):
                return
            process.send_signal(signal.SIGCONT)
        time.sleep(0.002)
    raise AssertionError(process.communicate()[1])


@pytest.fixture
def stopped(shot: Shot, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the shot into a folder of the test's name, in its midst."""
    process = shot.start(request.node.name, "--frames", "0-5")
    pause_when_claimed(process, shot.folder / request.node.name, FOLDERS)
    yield process
    if process.returncode is None:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=120)
    return process.returncode


@pytest.mark.parametrize("more", [(), ("--edge-shift", "2")], ids=["same", "other"])
def test_a_second_run_is_refused_and_told_who_writes(
    shot: Shot, stopped: subprocess.Popen[bytes], request: pytest.FixtureRequest, more: list[str]
) -> None:
    half = shot.folder / request.node.name / "matte" / ".disc_matte.0003.0123abcd.png"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"the first run is writing this")
    second = shot.start(request.node.name, *more)
    said = second.communicate(timeout=60)[1].decode()
    assert second.returncode == 3
    assert f"process {stopped.pid} on {socket.gethostname()}" in said
    assert said.count("\n") == 1
    assert half.exists()
    assert finish(stopped) == 0


def test_chunks_of_one_shot_run_side_by_side(
    shot: Shot, stopped: subprocess.Popen[bytes], request: pytest.FixtureRequest
) -> None:
    other = shot.start(request.node.name, "--frames", "6-7")
    said = other.communicate(timeout=120)[1].decode()
    assert other.returncode == 0, said
    assert finish(stopped) == 0
    assert contents(shot.folder / request.node.name) == shot.expected


def test_other_settings_do_not_mix_into_a_shot(
    shot: Shot, stopped: subprocess.Popen[bytes], request: pytest.FixtureRequest
) -> None:
    other = shot.start(request.node.name, "--frames", "6-7", "--edge-shift", "2")
    other.communicate(timeout=60)
    assert other.returncode == 3
    assert finish(stopped) == 0


def test_a_killed_run_holds_nothing_back_and_leaves_nothing(
    shot: Shot, stopped: subprocess.Popen[bytes], request: pytest.FixtureRequest
) -> None:
    stopped.kill()
    stopped.communicate()
    out = shot.folder / request.node.name
    left = out / ".mattelier/disc/track/subject/.coarse.0004.0123abcd.npz"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    assert list(out.rglob(".mattelier-*.run"))
    code, said = shot.run(request.node.name)
    assert code == 0, said
    assert contents(out) == shot.expected
    assert not [path for path in out.rglob(".*") if path.is_file()]


def test_records_that_are_gone_are_made_from_the_files(shot: Shot) -> None:
    assert shot.run("records")[0] == 0
    before = shot.manifest("records")
    (records,) = (shot.folder / "records").glob(".mattelier/*/records")
    (records / "3.json").unlink()
    (records / "5.json").write_text('{"frame": 5, "error": "an earlier one"}')
    assert shot.run("records")[0] == 0
    after = shot.manifest("records")
    assert (after["done"], after["failed"]) == ("0-7", "")
    for old, new in zip(before["records"], after["records"], strict=True):
        assert new["settings"] == old["settings"]
        assert new["confidence"] == old["confidence"]
        assert abs(new["coverage"]["subject"] - old["coverage"]["subject"]) < 1e-3


def test_pictures_that_another_run_writes_are_left_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "out").mkdir()
    holder = (
        "import os, signal, sys\n"
        "from mattelier.batch import pool\n"
        "pool.run = lambda *_, **__: os.kill(os.getpid(), signal.SIGSTOP) or []\n"
        "from mattelier.commands.main import main\n"
        "main(['enhance', 'a.png', '-o', 'out/', '--overwrite'])\n"
    )
    with subprocess.Popen([sys.executable, "-c", holder], cwd=tmp_path) as first:
        pause_when_claimed(first, tmp_path / "out", 1)
        command = ["enhance", str(tmp_path / "a.png"), str(tmp_path / "b.png")]
        assert main([*command, "-o", f"{tmp_path / 'out'}/", "--overwrite"]) == 3
        said = capsys.readouterr().err
        assert f"being written by another run of Mattelier (process {first.pid} on" in said
        assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["b.png"]
        first.kill()
    assert main([*command, "-o", f"{tmp_path / 'out'}/", "--overwrite"]) == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.png"]


def test_a_folder_that_stays_empty_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert main(["enhance", str(tmp_path / "a.png"), "-o", f"{tmp_path / 'new/out'}/"]) == 3
    assert not (tmp_path / "new").exists()


def test_what_dead_runs_left_beside_pictures_is_swept_away(tmp_path: Path) -> None:
    """A claim file without a living owner is a dead one's, whatever it holds."""
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "a.png")
    for number, content in enumerate((b"", b"{", json.dumps({"files": ["a.png"]}).encode())):
        (tmp_path / f".mattelier-0000000{number}.run").write_bytes(content)
    (tmp_path / ".b.0123abcd.png").write_bytes(b"half of an earlier result")
    assert main(["enhance", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png")]) == 0
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]
