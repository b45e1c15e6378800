"""A watched folder: what is put in is done once it is whole, and again when it changes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")

_PATIENCE_SECONDS = 30


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def photo(path: Path, colour: str = "red", size: int = 64) -> Path:
    picture = Image.new("RGB", (size, size), "green")
    picture.paste(colour, (size // 4, size // 4, size * 3 // 4, size * 3 // 4))
    picture.save(path)
    return path


@pytest.fixture
def watching(tmp_path: Path, colours: None) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "in").mkdir()
    photo(tmp_path / "in" / "old.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.png").write_text("mine")
    arguments = ["watch", "in", "out", "matte", "--model", "colours", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mattelier", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and would here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_pictures_are_done_as_they_come_and_ctrl_c_ends_it(
    watching: subprocess.Popen[str], tmp_path: Path
) -> None:
    whole = photo(tmp_path / "whole.png", size=256).read_bytes()
    arriving = tmp_path / "in" / "arriving.png"
    with arriving.open("wb") as file:  # a slow copy, which rests shorter than it takes to settle
        for part in range(6):
            file.write(whole[part * len(whole) // 6 : (part + 1) * len(whole) // 6])
            file.flush()
            time.sleep(0.7)
            assert not (tmp_path / "out" / "arriving.png").exists()
    (tmp_path / "in" / "broken.png").write_bytes(whole[:60])
    result = tmp_path / "out" / "arriving.png"
    until(result.exists)
    assert Image.open(result).getpixel((128, 128)) > 128
    photo(arriving, colour="green", size=256)  # changed: its result is made again
    until(lambda: Image.open(result).getpixel((128, 128)) < 128)
    shutil.copy(tmp_path / "whole.png", tmp_path / "in" / "broken.png")  # mended
    until((tmp_path / "out" / "broken.png").exists)
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=_PATIENCE_SECONDS)
    assert watching.returncode == 0, err
    assert "Traceback" not in err
    assert (tmp_path / "out" / "old.png").read_text() == "mine"
    lines = [json.loads(line) for line in out.splitlines()]
    told = [(Path(line["input"]).name, line["ok"]) for line in lines if "skipped" not in line]
    assert [one for one in told if one[0] == "arriving.png"] == [("arriving.png", True)] * 2
    assert [ok for name, ok in told if name == "broken.png"] == [False, True]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
