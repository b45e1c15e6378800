"""Runs of a shot killed at any moment, begun again, and compared with one that was let be."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from synthetic_clips import disc_clip
from tiny_model import make_model

from faults.child import Findings
from mattelier.media import stills
from mattelier.types.errors import MattelierError

_FRAMES = 8
_LIMIT_SECONDS = 300
_COMMAND = [sys.executable, "-m", "mattelier"]


class Shot:
    """A plate, a key and a small network in a folder; knows what an undisturbed run gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "plate").mkdir(parents=True)
        make_model(folder / "models")
        views, alphas = disc_clip([(40 + 5 * number, 40) for number in range(_FRAMES)])
        for number, view in enumerate(views):
            path = folder / "plate" / f"disc.{number:04d}.png"
            Image.fromarray(np.rint(view * 255).astype(np.uint8)).save(path)
        Image.fromarray(np.rint(alphas[0] * 255).astype(np.uint8)).save(folder / "key.png")
        started = time.monotonic()
        self.run("whole")
        self.seconds = time.monotonic() - started
        self.expected = contents(folder / "whole")
        self.frames_done = self.manifest("whole")["done"]

    def start(self, output: str, *more: str) -> subprocess.Popen[bytes]:
        """Begin `mattelier roto` into a folder."""
        folder = self.folder
        arguments = [
            "roto", str(folder / "plate"), "-o", str(folder / output), "--model", "tiny",
            "--key", f"0={folder / 'key.png'}", "--outputs", "matte,foreground", *more,
        ]  # fmt: skip
        environment = {**os.environ, "MATTELIER_MODELS": str(folder / "models")}
        return subprocess.Popen(
            [*_COMMAND, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, output: str) -> tuple[int, str]:
        """Exit code and what it said."""
        process = self.start(output)
        _, said = process.communicate(timeout=_LIMIT_SECONDS)
        return process.returncode, said.decode("utf-8", "replace")

    def manifest(self, output: str) -> dict[str, Any]:
        (path,) = (self.folder / output).glob(".mattelier/*/manifest.json")
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return values


def contents(folder: Path) -> dict[str, bytes]:
    """Every result by name, to the byte; without the work folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".mattelier" not in file.parts
    }


def attack(shot: Shot, seed: int, chains: int, kills: int = 4) -> Findings:
    """Kill so often, let it end, compare; what differs is kept in the shot's folder."""
    findings, rng = Findings(), random.Random(seed)
    for chain in range(chains):
        output = f"kills-{seed}-{chain}"
        for number in range(kills):
            process = shot.start(output)
            time.sleep(rng.uniform(0.2, 1.05) * shot.seconds)
            ended = process.poll() is not None
            process.kill()
            process.communicate()
            if ended:
                break
            verdict = _torn_file(shot.folder / output)
            findings.add(f"torn: {verdict}" if verdict else "killed", f"{output} {number}")
        wrong = _end(shot, output)
        findings.add(f"harmed: {wrong}" if wrong else "resumed", output)
        if not wrong:
            shutil.rmtree(shot.folder / output)
    return findings


def _torn_file(folder: Path) -> str:
    """The first result under its own name that is not whole."""
    for path in sorted(folder.rglob("*.png")):
        if path.name.startswith(".") or ".mattelier" in path.parts:
            continue
        try:
            stills.read(path)
        except MattelierError as error:
            return str(error)
    return ""


def _end(shot: Shot, output: str) -> str:
    """What a run that is let be makes wrong of what the killed ones left; "" where nothing."""
    code, said = shot.run(output)
    if code:
        return f"exit code {code}: {said[-200:]}"
    found = contents(shot.folder / output)
    if found != shot.expected:
        names = found.keys() | shot.expected.keys()
        differing = sorted(n for n in names if found.get(n) != shot.expected.get(n))
        return f"other bytes in {differing[:5]}"
    if (done := shot.manifest(output)["done"]) != shot.frames_done:
        return f"the manifest knows the frames {done} only"
    work = shot.folder / output / ".mattelier"
    left = [path.name for path in work.rglob(".*") if path.is_file()]
    return f"left behind: {left[:5]}" if left else ""
