"""Progress, cancelling, and what happens when memory or a GPU gives out."""

import contextlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open import open_model
from mattelier.requests import MatteRequest, UpscaleRequest
from mattelier.tasks.registry import run
from mattelier.types.errors import EngineError
from mattelier.types.picture import Picture
from mattelier.types.progress import Cancelled, heard_by, remark, stage, tell
from mattelier.types.tiles import for_tiles


def test_stages_are_parts_of_what_surrounds_them():
    heard = []
    with heard_by(lambda fraction, name: heard.append((round(fraction, 3), name))):
        with stage("first", 0, 0.5):
            tell(0.5)
            with stage("inner", 0.5, 1):
                tell(1)
        with stage("second", 0.5, 1):
            pass
    assert heard == [
        (0, "first"),
        (0.25, "first"),
        (0.25, "inner"),
        (0.5, "inner"),
        (0.5, "second"),
    ]


def test_nobody_has_to_listen():
    with stage("alone", 0, 1):
        tell(0.5)
    assert remark("unheard") is False


def test_a_listener_can_stop_a_picture_between_its_tiles():
    done = []

    def listen(fraction: float, name: str) -> None:
        if fraction > 0.1:
            raise Cancelled

    def work(tile):
        time.sleep(0.001)
        done.append(tile)

    with pytest.raises(Cancelled), heard_by(listen):
        for_tiles(work, 20000, 20000)
    assert len(done) < 1600  # of 1600


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of its own")
def test_one_long_picture_shows_how_far_it_is(tmp_path):
    import pty
    import termios

    Image.effect_noise((800, 600), 60).convert("RGB").save(tmp_path / "a.png")
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    command = [
        sys.executable,
        "-m",
        "mattelier",
        "upscale",
        "a.png",
        "--denoise",
        "0",
        "--tile",
        "128",
    ]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=its, stdout=its)
    os.close(its)
    told = b""
    with contextlib.suppress(OSError):  # it closed the terminal
        while part := os.read(ours, 4096):
            told += part
    os.close(ours)
    assert run.wait() == 0
    shares = [int(share) for share in re.findall(rb"\r\w+ +(\d+)% \|", told)]
    assert len(set(shares)) > 2
    assert shares == sorted(shares)


def test_memory_that_runs_short_means_smaller_tiles_and_is_said():
    covered = np.zeros((900, 1300), int)
    largest = []

    def work(tile):
        if (tile.y1 - tile.y0) * (tile.x1 - tile.x0) > 130 * 130:
            raise MemoryError
        covered[tile.slices] += 1
        largest.append(tile.y1 - tile.y0)

    with heard_by(lambda *_: None) as remarks:
        for_tiles(work, *covered.shape)
    assert covered.min() >= 1
    assert max(largest) <= 128
    assert "smaller tiles" in remarks[0]


def test_memory_that_is_not_there_at_all_is_an_error():
    def work(tile):
        raise MemoryError

    with pytest.raises(MemoryError):
        for_tiles(work, 900, 900)


class FailingSession:
    """A GPU's session that runs out of memory at once."""

    name, device = "torch", "cuda"

    def run(self, inputs, entry="forward"):
        raise EngineError("cuda has too little free memory for this; use --device cpu.")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every network that is opened, and where, on a machine whose GPU fails in mid-work."""
    calls = []

    def open_failing(source, store, device="auto", **options):
        calls.append(f"{source.name} {device}")
        model = open_model(source, store, "cpu", **options)
        return model if device == "cpu" else replace(model, session=FailingSession())

    monkeypatch.setattr("mattelier.engines.model_cache.open_model", open_failing)
    return calls


def test_a_gpu_that_fails_in_mid_work_is_left_for_the_processor(opened):
    models = ModelCache()
    picture = Picture(np.full((40, 40, 3), 90, np.uint8))
    for _ in range(3):
        report = run(MatteRequest(), picture, models).report
    assert opened == ["cutout auto", "cutout cpu"]  # once for all three
    assert report.device == "cpu"
    assert report.note == "Running on the CPU: cuda has too little free memory for this."


def test_each_network_of_a_chain_that_fails_is_left_for_the_processor(opened):
    picture = Picture(np.full((24, 24, 3), 90, np.uint8))
    result = run(UpscaleRequest(scale=8), picture, ModelCache())
    assert result.picture.colour.shape == (192, 192, 3)
    assert sorted(opened) == [
        "upscale-x2 auto",
        "upscale-x2 cpu",
        "upscale-x4 auto",
        "upscale-x4 cpu",
    ]
    assert result.report.device == "cpu"


def test_a_failure_of_the_processor_is_told(monkeypatch):
    def open_broken(source, store, device="auto", **options):
        session = FailingSession()
        session.device = "cpu"
        return replace(open_model(source, store, "cpu", **options), session=session)

    monkeypatch.setattr("mattelier.engines.model_cache.open_model", open_broken)
    with pytest.raises(EngineError, match="too little free memory"):
        run(MatteRequest(), Picture(np.full((40, 40, 3), 90, np.uint8)), ModelCache())
