"""The worker of the tests writes what the real engine writes, but for what it shows."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import fake_worker
import OpenImageIO
import pictures
import pytest
from tiny_model import make_model

from mattelier.requests import (
    FramesRequest,
    MatteRequest,
    RotoRequest,
    UpscaleRequest,
    to_json,
)
from mattelier.shot import filter_shot, frame_mattes, roto
from mattelier.worker import protocol


@pytest.fixture
def plates(tmp_path, monkeypatch) -> Path:
    make_model(tmp_path / "models")
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    # The made-up worker puts its own here, and lives no longer than that in other tests.
    monkeypatch.setattr(frame_mattes, "estimate_foreground", frame_mattes.estimate_foreground)
    pictures.make_plates(tmp_path)
    return tmp_path


@pytest.mark.parametrize("plate", ["plate.####.exr", "veil.####.exr"])
def test_its_mattes_and_foregrounds_are_the_engines(plates, plate):
    def request(output: str) -> RotoRequest:
        return RotoRequest(
            str(plates / plate),
            str(plates / output),
            outputs=("matte", "foreground"),
            format="exr",
            matte=MatteRequest(model="tiny"),
        )

    result = roto.run(request("real"))
    assert result.exit_code == 0
    ask_the_fake("roto", to_json(request("made up")))
    assert told(plates / "real") == told(plates / "made up")
    assert len(told(plates / "real")) == 20


def test_its_pictures_are_the_engines(plates, monkeypatch):
    """Of a plate with alpha, as the made-up ones have it."""

    def request(output: str) -> FramesRequest:
        return FramesRequest(
            str(plates / "veil.####.exr"),
            str(plates / output / "big.####.exr"),
            "upscale",
            UpscaleRequest(scale=2),
            frames="101-102",
        )

    monkeypatch.delenv("MATTELIER_MODELS")
    result = filter_shot.run(request("real"))
    assert result.exit_code == 0
    (plates / "made up").mkdir()
    ask_the_fake("frames", to_json(request("made up")))
    real, made_up = told(plates / "real"), told(plates / "made up")
    assert {name: facts[:4] for name, facts in real.items()} == {
        name: facts[:4] for name, facts in made_up.items()
    }


def ask_the_fake(task: str, options: dict) -> None:
    here, there = socket.socketpair()
    frames = "101-102" if task == "frames" else ""
    work = threading.Thread(
        target=fake_worker.make, args=(there, task, {**options, "frames": frames}, {})
    )
    work.start()
    while "report" not in (answer := protocol.receive(here)):
        assert "error" not in answer, answer
    work.join()


def told(folder: Path) -> dict[str, tuple]:
    """Size, channels, sample type, compression and names in the header, of each file."""
    found = {}
    for file in sorted(folder.rglob("*.exr")):
        spec = OpenImageIO.ImageInput.open(str(file)).spec()
        facts = {attribute.name: attribute.value for attribute in spec.extra_attribs}
        found[str(file.relative_to(folder))] = (
            (spec.width, spec.height),
            tuple(spec.channelnames),
            str(spec.format),
            facts.get("compression"),
            tuple(sorted(facts)),
            facts.get("mattelier:alpha"),
        )
    return found
