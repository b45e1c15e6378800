"""A worker that speaks the protocol and works without a network: fast, and known to the pixel.

`matte(number)` is what it writes for a frame, `UPSCALED` and `blurred(…)` are the colours of the
pictures that it makes. Beside its socket lie `requests.jsonl`, all that it was asked, and
`orders.json`, how it shall behave: {"delay": seconds per frame, "fail_at": number, "die_at":
number, "skip": [numbers that fail], "keep": [numbers left as they are], "mattes" and "pictures":
patterns of files to be given instead}.
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
from mattelier.media.depth_maps import read_depth
from mattelier.requests import FramesRequest, RotoRequest, from_json
from mattelier.worker import protocol

FOREGROUND = (0.75, 0.5, 0.25)  # its colour, to tell it from the plate
UPSCALED = (0.5, 0.25, 3, 0.5)  # premultiplied
MOVIE = (16, 32)  # height and width of the one in the tests

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


def make(connection: socket.socket, task: str, options: dict, orders: dict) -> None:
    # The real worker would refuse what is no request.
    from_json(RotoRequest if task == "roto" else FramesRequest, options)
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
        elif number in orders.get("keep", ()):
            pass
        elif task == "roto":
            write_matte(options, number, orders.get("mattes"))
        else:
            write_picture(options, number, orders.get("pictures"))
        protocol.send(
            connection, {"progress": (index + 1) / len(numbers), "stage": f"frame {number}"}
        )
    protocol.send(connection, {"report": {"errors": errors, "note": ""}, "pictures": []})


def size_of(options: dict, plate: Path) -> tuple[int, int]:
    """Height and width of a frame."""
    return stills.read(plate).colour.shape[:2] if "#" in options["plate"] else MOVIE


def blurred(options: dict, number: int) -> tuple[float, ...]:
    """The frame's distance / 16, the largest alpha of its matte, the lens's radius / 100, 1."""
    depth, mattes = options["options"]["depth"]["file"], options["mattes"]
    red = 1 / read_depth(plate_file(depth, number)).disparity[0, 0] / 16 if depth else 0
    green = stills.read_grey(plate_file(mattes, number)).max() if mattes else 0
    return red, green, (options["options"]["radius"] or 0) / 100, 1


def write_picture(options: dict, number: int, files: str | None) -> None:
    plate = plate_file(options["plate"], number)
    if not plate.is_file():
        return
    height, width = size_of(options, plate)
    if options["task"] == "upscale":
        height, width = (round(side * options["options"]["scale"]) for side in (height, width))
        colour = UPSCALED
    else:
        colour = blurred(options, number)
    target = plate_file(options["output"], number)
    target.parent.mkdir(exist_ok=True)
    samples = np.full((height, width, 4), colour, np.float32)
    if files:
        samples[..., :3] = (stills.read(plate_file(files, number)).colour / np.float32(255)) ** 2.2
    pictures.write(target, samples, "half")


def write_matte(options: dict, number: int, files: str | None) -> None:
    plate = plate_file(options["plate"], number)
    if not plate.is_file():
        return
    height, width = size_of(options, plate)
    colour = np.full((height, width, 3), FOREGROUND, np.float32)
    alpha = matte(number, height, width)
    if files:
        alpha = stills.read_grey(plate_file(files, number))
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
        order = json.loads(orders.read_text()) if orders.is_file() else {}
        if request["task"] in ("roto", "frames"):
            make(connection, request["task"], request["options"], order)
        else:
            report = {"version": "0", "models": [{"name": "default", "state": "ready"}]}
            protocol.send(connection, {"report": report, "pictures": []})


if __name__ == "__main__":
    sys.exit(serve())
