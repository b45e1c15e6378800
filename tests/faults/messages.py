"""What a worker hears from clients that are broken, hostile, many, or gone."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.child import Findings
from mattelier.worker import protocol

_ANSWER_SECONDS = 60
_DAY_SECONDS = 86_400
_CLIENTS = 6

# A worker whose clocks a signal moves on by a day.
_WORKER = f"""
import signal, sys, time
real, ahead = (time.monotonic, time.time), [0]
time.monotonic, time.time = (lambda: real[0]() + ahead[0]), (lambda: real[1]() + ahead[0])
signal.signal(signal.SIGUSR1, lambda *_: ahead.__setitem__(0, ahead[0] + {_DAY_SECONDS}))
from mattelier.commands.main import main
sys.exit(main(["worker", "--idle", sys.argv[1]]))
"""

_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, 4.0, 1e308, 2**63, 2**200, "", "x", "../../etc/passwd", "\ud800",
    "é", "\0", "a" * 5000, [], {}, [[]], {"a": {}}, "NaN",
)  # fmt: skip
_ODD_TEXTS = (b"NaN", b"1e999", b"[" * 50_000, b'{"task":' * 20_000, b"9" * 5000, b"\xff", b"[1]")
_BOX = {"x": 1, "y": 1, "width": 9, "height": 9}
_OPTIONS: dict[str, dict[str, Any]] = {
    "matte": {"quality": "fast", "model": "default", "hint": {"box": _BOX}, "feather": 0},
    "cutout": {"matte": {"quality": "fast"}, "background": None, "crop": False, "padding": 0},
    "refine": {"width": 12, "feather": 2},
    "point": {
        "stage": "settle",
        "matte": {"quality": "fast", "hint": {"points": [{"x": 3, "y": 3}]}},
        "strokes": [{"kind": "hair", "points": [{"x": 2, "y": 2}], "radius": 2}],
    },
    "correct": {
        "plate": "/nowhere/a.####.png",
        "frame": 1,
        "matte": "/nowhere/m.exr",
        "strokes": [{"kind": "sure", "points": [{"x": 2, "y": 2}], "radius": 2}],
    },
    "upscale": {"scale": 2, "model": "default"},
    "bokeh": {"radius": 3, "blades": 0, "focus": {"x": 3, "y": 3}},
    "denoise": {"strength": 0.5},
    "enhance": {"tone": 0.5},
    "depth": {"kind": "auto"},
    "roto": {"plate": "/nowhere/a.####.png", "output": "/nowhere/out"},
    "frames": {"plate": "/nowhere/a.####.png", "output": "/nowhere/out", "task": "denoise"},
    "qc": {"manifest": "/nowhere"},
    "cryptomatte": {
        "mattes": {"a": "/nowhere/a.####.exr"},
        "frames": "1",
        "output": "/nowhere/c.####.exr",
    },
    "status": {},
}
_EXTRA = {"refine": {"name": "mask", "channels": 1}}
_SHOTS = ("correct", "roto", "frames", "qc", "cryptomatte", "status")


class Worker:
    """A worker process in a runtime folder of its own."""

    def __init__(self, folder: Path, idle: float) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(idle)],
            env={**os.environ, "MATTELIER_RUNTIME": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=(folder / "stderr.txt").open("wb"),
        )
        while not protocol.address(folder).exists():
            assert self.process.poll() is None, (folder / "stderr.txt").read_text()
            time.sleep(0.05)
        self.ask("status", {})

    def connect(self) -> socket.socket:
        """A connection that has said nothing yet."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(str(protocol.address(self.folder)))
        return connection

    def greet(self) -> socket.socket:
        """A connection that may ask."""
        connection = self.connect()
        protocol.send(connection, {"protocol": protocol.VERSION, "client": "faults", "token": ""})
        assert "pid" in protocol.receive(connection)
        return connection

    def ask(self, task: str, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request without pictures."""
        with self.greet() as connection:
            protocol.send(connection, {"task": task, "options": options})
            return protocol.receive(connection)

    def open_files(self) -> int:
        """How many it has; 0 where the system does not tell."""
        listed = Path(f"/proc/{self.process.pid}/fd")
        return len(list(listed.iterdir())) if listed.exists() else 0

    def pass_a_day(self) -> None:
        """Move its clocks on."""
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(1)


@contextlib.contextmanager
def running(idle: float = 0) -> Iterator[Worker]:
    """A worker for the block; with `idle` 0 it ends by itself never."""
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        worker = Worker(Path(folder), idle)
        try:
            yield worker
        finally:
            worker.process.kill()
            worker.process.wait()


def attack(worker: Worker, seed: int, first: int, last: int) -> Findings:
    """Send malformed messages; each that came whole must be answered, and the worker live on."""
    findings = Findings()
    for number in range(first, last):
        case = f"messages {seed} {number}"
        findings.add(_send_one(worker, random.Random(f"{seed}-{number}")), case)
        if worker.process.poll() is not None:
            findings.add(f"died: with {worker.process.returncode}", case)
            break
    return findings


def _send_one(worker: Worker, rng: random.Random) -> str:
    kind = rng.choice(("noise", "length", "text", "greeting", *("request",) * 6))
    with worker.connect() as connection:
        try:
            if kind == "noise":
                connection.sendall(rng.randbytes(rng.randrange(1, 200)))
                connection.shutdown(socket.SHUT_WR)
                return _hear(connection, owed=False)
            if kind == "length":
                length = rng.choice((0, 1, 1 << 20, (1 << 20) + 1, 2**31, 2**32 - 1))
                connection.sendall(struct.pack(">I", length) + b"{}")
                connection.shutdown(socket.SHUT_WR)
                return _hear(connection, owed=False)
            if kind == "text":
                _send(connection, rng.choice(_ODD_TEXTS))
                return _hear(connection)
            if kind == "greeting":
                names = ("protocol", "client", "token")
                _send(connection, json.dumps({name: rng.choice(_ODD) for name in names}).encode())
                return _hear(connection)
            protocol.send(connection, {"protocol": protocol.VERSION, "token": ""})
            protocol.receive(connection)
            message, pixels = _malformed_request(rng)
            _send(connection, message)
            with contextlib.suppress(OSError):  # refused already
                connection.sendall(bytes(pixels))
            return _hear(connection)
        except (EOFError, OSError) as error:
            return f"unanswered: {kind} {type(error).__name__}"


def _malformed_request(rng: random.Random) -> tuple[bytes, int]:
    """A request with one to three oddities, and the bytes of pixels that it announces."""
    task = rng.choice(list(_OPTIONS))
    options, pictures = copy.deepcopy(_OPTIONS[task]), []
    if task not in _SHOTS:
        picture = {"name": "picture", "width": 64, "height": 48, "channels": 3, "depth": "u8"}
        pictures = [picture] + ([{**picture, **_EXTRA[task]}] if task in _EXTRA else [])
    message = {"task": task, "options": options, "pictures": pictures, "depth": "u8"}
    for _ in range(rng.choice((1, 1, 2, 3))):
        inner = [value for value in options.values() if isinstance(value, dict)]
        place = rng.choice([message, options, *pictures, *inner])
        key = rng.choice([*place, "extra"])
        if rng.random() < 0.2:
            place.pop(key, None)
        else:
            place[key] = copy.deepcopy(rng.choice(_ODD))
    return json.dumps(message).encode(), 64 * 48 * 3 * max(len(pictures), 1)


def _send(connection: socket.socket, body: bytes) -> None:
    connection.sendall(struct.pack(">I", len(body)) + body)


def _hear(connection: socket.socket, *, owed: bool = True) -> str:
    """`refused`, `answered`, or `unanswered`, which is wrong where an answer is owed."""
    try:
        while True:
            answer = protocol.receive(connection)
            if "error" in answer:
                unexpected = answer.get("kind") == "Unexpected"
                return f"unexpected: {answer['error']}" if unexpected else "refused"
            if "report" in answer or "pid" in answer:
                return "answered"
    except (EOFError, OSError) as error:
        return f"unanswered: {type(error).__name__}" if owed else "closed"


def work(worker: Worker, jobs: int) -> Findings:
    """So many small jobs from six clients at once."""
    findings, lock = Findings(), threading.Lock()
    pixels = random.Random(1).randbytes(160 * 120 * 3)
    picture = {"name": "picture", "width": 160, "height": 120, "channels": 3, "depth": "u8"}

    def ask(connection: socket.socket, number: int) -> str:
        task = ("enhance", "matte", "refused")[number % 3]
        options = {"matte": {"quality": "fast"}, "enhance": {"tone": 0.5}}.get(task, {"no": 1})
        name = "matte" if task == "refused" else task
        protocol.send(connection, {"task": name, "options": options, "pictures": [picture]})
        connection.sendall(pixels)
        while True:
            answer = protocol.receive(connection)
            if "error" in answer:
                return "refused" if task == "refused" else f"failed: {answer['error']}"
            if "report" in answer:
                for sent in answer["pictures"]:
                    size = sent["width"] * sent["height"] * sent["channels"]
                    protocol.receive_bytes(connection, size)
                return "done"

    def client(first: int) -> None:
        for number in range(first, jobs, _CLIENTS):
            try:
                with worker.greet() as connection:
                    verdict = ask(connection, number)
            except (EOFError, OSError, AssertionError) as error:
                verdict = f"lost: {type(error).__name__} {error}"
            with lock:
                findings.add(verdict, f"job {number}")

    threads = [threading.Thread(target=client, args=(first,)) for first in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return findings
