"""A worker that speaks the protocol and mattes without a network: fast, and known to the pixel.

`matte(number)` is what it writes for a frame. Beside its socket lie `requests.jsonl`, all that it
was asked, and `orders.json`, how it shall behave: {"delay": seconds per frame, "fail_at": number,
"die_at": number, "skip": [numbers], "mattes": pattern of files to be given instead}.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pictures

from mattelier.media import stills
from mattelier.request import RotoRequest, from_json
from mattelier.worker import protocol

FOREGROUND = (0.75, 0.5, 0.25)  # its colour, to tell it from the plate
MOVIE = (64, 96)  # height and width

_IDLE_SECONDS = 300  # a test run that was killed leaves it no longer than that


def matte(number: int, height: int, width: int) -> np.ndarray:
    """Nothing on the left half, one grey of the frame on the right."""
    alpha = np.zeros((height, width), np.float32)
    alpha[:, width // 2 :] = (number % 100) / 16 % 1
    return alpha


def frames_of(text: str) -> list[int]:
    ranges = [part.partition("-") for part in text.split(",") if part]
    return [n for a, _, b in ranges for n in range(int(a), int(b or a) + 1)]


def plate_file(pattern: str, number: int) -> Path:
    digits = pattern.count("#")
    return Path(pattern.replace("#" * digits, f"{number:0{digits}d}") if digits else pattern)


def roto(connection: socket.socket, options: dict, orders: dict) -> None:
    from_json(RotoRequest, options)  # the real worker would refuse it
    numbers = frames_of(options["frames"])
    errors = []
    for index, number in enumerate(numbers):
        if number == orders.get("die_at"):
            os._exit(9)
        if number == orders.get("fail_at"):
            error = {"error": "The engine has had enough.", "kind": "EngineError"}
            protocol.send(connection, {**error, "log": ""})
            return
        time.sleep(orders.get("delay", 0))
        if number in orders.get("skip", ()):
            errors.append(f"{number}: it is damaged")
        else:
            write(options, number, orders.get("mattes"))
        protocol.send(
            connection, {"progress": (index + 1) / len(numbers), "stage": f"frame {number}"}
        )
    protocol.send(connection, {"report": {"errors": errors, "note": ""}, "pictures": []})


def write(options: dict, number: int, given: str | None) -> None:
    plate = plate_file(options["plate"], number)
    if not plate.is_file():
        return
    height, width = MOVIE
    colour = np.full((height, width, 3), FOREGROUND, np.float32)
    if "#" in options["plate"]:
        height, width = stills.read(plate).colour.shape[:2]
        colour = np.full((height, width, 3), FOREGROUND, np.float32)
    alpha = matte(number, height, width)
    if given:
        alpha = stills.read_grey(plate_file(given, number))
        colour = (stills.read(plate).colour.astype(np.float32) / 255) ** 2.2
    shot = re.sub(r"[._]?#*$", "", Path(options["plate"]).stem)
    for name in options["outputs"]:
        target = Path(options["output"], name, f"{shot}_{name}.{number:04d}.exr")
        target.parent.mkdir(exist_ok=True)
        if name == "matte":
            stills.write_matte(target, alpha)
        else:
            pictures.write(target, colour, "half")


def serve() -> None:
    folder = protocol.folders()[0]
    folder.mkdir(parents=True, exist_ok=True)
    address = protocol.address(folder)
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    listener.settimeout(_IDLE_SECONDS)
    while True:
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            return
        connection.settimeout(None)
        try:
            attend(connection, folder)
        except (EOFError, OSError):
            continue


def attend(connection: socket.socket, folder: Path) -> None:
    protocol.receive(connection)
    hello = {"protocol": protocol.VERSION, "engine": "0", "pid": os.getpid(), "log": ""}
    protocol.send(connection, hello)
    while True:
        request = protocol.receive(connection)
        with (folder / "requests.jsonl").open("a") as log:
            log.write(json.dumps(request) + "\n")
        orders = folder / "orders.json"
        told = json.loads(orders.read_text()) if orders.is_file() else {}
        if request["task"] == "roto":
            roto(connection, request["options"], told)
        else:
            report = {"version": "0", "models": [{"name": "default", "state": "ready"}]}
            protocol.send(connection, {"report": report, "pictures": []})


if __name__ == "__main__":
    sys.exit(serve())
