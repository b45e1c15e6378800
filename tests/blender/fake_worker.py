"""A worker that speaks the protocol and makes shots without a network: fast, known to the pixel.

Its files are written by the engine itself, so that they have the channels, sizes and headers that
an artist's have; only what they show is made up.

`matte(number)` and `nearness(…)` are what it writes for a frame, `UPSCALED` and `blurred(…)`
the colours of the pictures that it makes. Beside its socket lie `requests.jsonl`, all that it was
asked, and `orders.json`, how it shall behave: {"delay": seconds per frame, "fail_at": number,
"die_at": number, "skip": [numbers that fail], "keep": [numbers left as they are], "network": the
name of who makes mattes, "mattes" and "pictures": patterns of files to be given instead}.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mattelier.engines.model_cache import ModelCache
from mattelier.media import stills
from mattelier.media.depth_maps import read_depth, write_depth
from mattelier.requests import FramesRequest, RotoRequest, from_json, to_json
from mattelier.shot import filter_shot, frame_mattes, roto
from mattelier.shot.frame_mattes import FrameMattes, frame_writers
from mattelier.shot.outputs import Target
from mattelier.shot.plan import Shot, prepare
from mattelier.shot.shot_run import VERSION, FrameOutput
from mattelier.types.colour import linear_to_srgb, to_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.digest import digest
from mattelier.types.errors import MattelierError, OutputError, PictureError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.progress import Cancelled, heard_by
from mattelier.worker import jobs, protocol, server
from mattelier.worker.pointing import Kept

FOREGROUND = (0.75, 0.5, 0.25)  # its colour, to tell it from the plate
UPSCALED = (0.5, 0.25, 3, 0.5)  # premultiplied
MOVIE = (16, 32)  # height and width of the one in the tests

_models = ModelCache()
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
    def tell(fraction: float, stage: str) -> None:
        try:
            protocol.send(connection, {"progress": fraction, "stage": stage})
        except OSError:
            raise Cancelled from None

    if task == "frames":
        make_pictures(connection, options, orders)
        return
    request = from_json(RotoRequest, options)  # which refuses what is no request
    shot = prepare(request)
    try:
        with heard_by(tell):
            result = MadeUpRoto(shot, orders).run()
    finally:
        shot.plate.close()
    if result.problems:
        error = {"error": " ".join(result.problems), "kind": "EngineError"}
        protocol.send(connection, {**error, "log": ""})
        return
    errors = [f"{frame.frame}: {frame.error}" for frame in result.results if frame.error]
    report = {"errors": errors, "failed": str(result.failed), "note": ""}
    protocol.send(connection, {"report": report, "pictures": []})


class MadeUpRoto(roto._RotoRun):
    """The engine's own way from plates to files, with mattes and colours that are made up."""

    def __init__(self, shot: Shot, orders: dict) -> None:
        super().__init__(shot, ModelCache(), lambda result: None)
        self._orders = orders

    def open(self) -> None:
        """No network."""

    def prepare(self, window: FrameRange) -> None:
        """Nothing is tracked."""

    def cache_key(self, frame: int, target: Target) -> str:
        drawn = [
            (key.object, key.frame, Path(key.mask or "").name, key.points)
            for key in self.request.keys
        ]
        matte = to_json(self.request.matte)
        proxy = self.request.proxy
        return digest(self.plate.identity(frame), target.output, repr(drawn), matte, proxy)

    def _is_current(self, frame: int, target: Target, key: str) -> bool:
        kept = frame in self._orders.get("keep", ())
        return kept or super()._is_current(frame, target, key)

    def weights(self, target: Target) -> dict[str, str]:
        return {self._orders.get("network", "made up"): 64 * "0"}

    def make(self, frame: int, picture: Picture, targets: list[Target]) -> FrameOutput:
        orders = self._orders
        if frame == orders.get("die_at"):
            os._exit(9)
        if frame == orders.get("fail_at"):
            raise OutputError("The engine has had enough.")
        time.sleep(orders.get("delay", 0))
        if frame in orders.get("skip", ()):
            raise PictureError("it is damaged")
        (name,) = self.request.written_objects
        given = orders.get("mattes")
        alpha = matte(frame, picture.height, picture.width)
        if given:
            alpha = stills.read_grey(plate_file(given, frame))
        if picture.alpha is not None:
            alpha = alpha * to_float(picture.alpha)
        colour = to_float(picture.colour)
        if not given:
            colour = np.broadcast_to(np.float32(FOREGROUND), colour.shape)
            colour = linear_to_srgb(colour) if picture.transfer == "display" else colour
        frame_mattes.estimate_foreground = lambda *_: colour
        mattes = FrameMattes(picture, self.space.view(picture, self.exposure), {name: alpha})
        writes = frame_writers(mattes, targets, self.space, self.request.bits)
        return FrameOutput(picture, writes, {"coverage": {name: float(alpha.mean())}})


def make_pictures(connection: socket.socket, options: dict, orders: dict) -> None:
    request = from_json(FramesRequest, options)  # which refuses what is no request
    if request.task in ("key", "enhance"):  # need no network
        failed = filter_shot.run(request, models=_models).failed
        protocol.send(connection, {"report": {"errors": [], "failed": str(failed), "note": ""},
                                   "pictures": []})  # fmt: skip
        return
    numbers = frames_of(options["frames"])
    errors, failed = [], []
    for index, number in enumerate(numbers):
        if number == orders.get("fail_at"):
            error = {"error": "The engine has had enough.", "kind": "EngineError"}
            protocol.send(connection, {**error, "log": ""})
            return
        time.sleep(orders.get("delay", 0))
        if number in orders.get("skip", ()):
            errors.append(f"{number}: it is damaged")
            failed.append(number)
        elif number not in orders.get("keep", ()):
            write_picture(options, number, orders.get("pictures"))
        protocol.send(
            connection, {"progress": (index + 1) / len(numbers), "stage": f"frame {number}"}
        )
    report = {"errors": errors, "failed": str(FrameRange.of(failed)), "note": ""}
    protocol.send(connection, {"report": report, "pictures": []})


def size_of(options: dict, plate: Path) -> tuple[int, int]:
    """Height and width of a frame."""
    return stills.read(plate).colour.shape[:2] if "#" in options["plate"] else MOVIE


def blurred(options: dict, number: int) -> tuple[float, ...]:
    """The frame's distance / 16, the largest alpha of its matte, the lens's radius / 100, 1."""
    depth, mattes = options["options"]["depth"]["file"], options["mattes"]
    red = 1 / read_depth(plate_file(depth, number)).disparity[0, 0] / 16 if depth else 0
    green = stills.read_grey(plate_file(mattes, number)).max() if mattes else 0
    return red, green, (options["options"]["radius"] or 0) / 100, 1


def nearness(number: int, height: int, width: int, model: str) -> np.ndarray:
    """The frame's number / 16, and ever nearer to the right; a named network sees half of that."""
    near = np.tile(np.linspace(0, 0.25, width, dtype=np.float32), (height, 1))
    return (near + number % 100 / 16) * np.float32(1 if model == "auto" else 0.5)


def write_picture(options: dict, number: int, files: str | None) -> None:
    plate = plate_file(options["plate"], number)
    if not plate.is_file():
        return
    height, width = size_of(options, plate)
    if options["task"] == "depth":
        near = nearness(number, height, width, options["options"]["model"])
        target = plate_file(options["output"], number)
        target.parent.mkdir(exist_ok=True)
        facts = {"mattelier:version": VERSION, "mattelier:output": options["task"]}
        write_depth(target, DepthMap(near, False, "made up"), ends=(0, 1), facts=facts)
        return
    if options["task"] == "upscale":
        height, width = (round(side * options["options"]["scale"]) for side in (height, width))
        colour = UPSCALED
    else:
        colour = blurred(options, number)
    target = plate_file(options["output"], number)
    target.parent.mkdir(exist_ok=True)
    samples = np.full((height, width, 4), colour, np.float32)
    samples[..., :3] /= colour[3]  # written premultiplied, as the engine writes them
    if files:
        samples[..., :3] = (stills.read(plate_file(files, number)).colour / np.float32(255)) ** 2.2
    like = stills.read(plate) if "#" in options["plate"] else Picture(samples[..., :3])
    result = replace(
        like, colour=samples[..., :3], alpha=samples[..., 3], transfer="linear", window=None
    )
    facts = {"mattelier:version": VERSION, "mattelier:output": options["task"]}
    stills.write_cutout(target, result, facts=facts, premultiplied=True, emission=True)


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
        except (EOFError, OSError, protocol.ProtocolError):
            continue


def attend(connection: socket.socket, folder: Path) -> None:
    protocol.receive(connection)
    hello = {"protocol": protocol.VERSION, "engine": "0", "pid": os.getpid(), "log": ""}
    protocol.send(connection, hello)
    kept = Kept()
    while True:
        request = protocol.receive(connection)
        with (folder / "requests.jsonl").open("a") as log:
            log.write(json.dumps(request) + "\n")
        orders = folder / "orders.json"
        order = json.loads(orders.read_text()) if orders.is_file() else {}
        if request["task"] in ("roto", "frames"):
            make(connection, request["task"], request["options"], order)
            continue
        pictures = {}
        if request.get("pictures"):
            announced = {entry["name"]: entry for entry in request["pictures"]}
            pictures = server._receive_pictures(connection, announced)
        try:
            outcome = outcome_of(request, pictures, kept)
        except MattelierError as error:  # as the engine's: it is told, and the worker goes on
            told = {"error": str(error), "kind": type(error).__name__, "log": ""}
            protocol.send(connection, told)
        else:
            server._send_outcome(connection, outcome, server._dtype(request.get("depth", "f32")))


def outcome_of(request: dict, pictures: dict, kept: Kept) -> jobs.Outcome:
    """By the engine and its networks; but for what the worker is."""
    job = jobs.jobs(list).get(request["task"])
    if job is None or request["task"] == "status":
        return jobs.Outcome({"version": "0", "models": [{"name": "default", "state": "ready"}]})
    return job.run(_models, request["options"], pictures, *([kept] if job.keeps else []))


if __name__ == "__main__":
    sys.exit(serve())
