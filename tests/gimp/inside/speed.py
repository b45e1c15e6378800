"""What `benchmarks/gimp.py` measures inside GIMP; times in seconds, all runs of each.

The benchmark has the plug-in's copy of the client write each report to report.json.
"""

import json
import os
import subprocess
import time

from stage import MODES, PLUGIN, Gimp, Gio, call, read, rectangle, worker, worker_client


def measure(here):
    """Reads runs.json, {"picture": {"procedure", "runs", "peers"}}, and notes the times."""
    runs = json.loads((here.out / "runs.json").read_text("utf-8"))
    times = {name: _measured(here, name, **options) for name, options in runs.items()}
    times["start"] = [_start() for _ in range(5)]
    times["click"] = _clicks(here, 2 * max(options["runs"] for options in runs.values()))
    here.note(**times)


def _measured(here, name, procedure, runs, peers):
    file = Gio.File.new_for_path(str(here.out / f"{name}.png"))
    original = Gimp.file_load(MODES.NONINTERACTIVE, file)
    times = {"total": [], "engine": [], "peers": [], "export": [], "start": [], "import": []}
    report = here.out / "report.json"
    for run in range(runs + 1):
        report.unlink(missing_ok=True)
        total = _timed(original, lambda image: _called(procedure, image))
        if run:  # the first warms up
            times["total"].append(total)
            seconds = json.loads(report.read_text("utf-8"))["seconds"]
            times["engine"].append(sum(seconds.values()))
    for _ in range(peers):
        times["peers"].append(_timed(original, lambda image: _by_files(here.out, image, times)))
    original.delete()
    return times


def _timed(original, act):
    """Seconds of an act on a fresh copy of an image."""
    image = original.duplicate()
    start = time.perf_counter()
    act(image)
    seconds = time.perf_counter() - start
    image.delete()
    return seconds


def _clicks(here, count):
    """Seconds of a click's answer, picture of 2 MP: kept by the worker, and a process for each."""
    file = here.out / "2mp.png"
    image = Gimp.file_load(MODES.NONINTERACTIVE, Gio.File.new_for_path(str(file)))
    (layer,) = image.get_layers()
    width, height = layer.get_width(), layer.get_height()
    picture = worker_client().Pixels(width, height, 3, "u8", [read(layer, "R'G'B' u8")])
    image.delete()
    kept, corrected, peers = [], [], []
    with worker() as connection:
        for number in range(count + 1):
            place = {"x": (0.3 + 0.05 * (number % 8)) * width, "y": 0.6 * height}
            against = {"x": 0.8 * width, "y": (0.2 + 0.05 * (number % 8)) * height}
            clicks = [place], [place, {**against, "positive": False}]
            for points, seconds in zip(clicks, (kept, corrected), strict=True):
                options = {"stage": "glance", "matte": {"hint": {"points": points}}}
                start = time.perf_counter()
                sent = {"picture": picture} if not number and points is clicks[0] else {}
                connection.run("point", options, sent)
                if number:  # the first brings the picture
                    seconds.append(time.perf_counter() - start)
    for number in range(max(3, count // 4)):
        start = time.perf_counter()
        _engine("matte", file, "--point", f"{(0.3 + 0.1 * number) * width:.0f},{0.6 * height:.0f}",
                "--quality", "fast", "-o", here.out / "click.png", "--overwrite")  # fmt: skip
        peers.append(time.perf_counter() - start)
    return {"kept": kept, "corrected": corrected, "process": peers}


def _engine(*arguments):
    engine = json.loads((PLUGIN / "engine.json").read_text("utf-8"))["command"][:-1]
    subprocess.run(
        [*engine, *map(str, arguments)],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
        env={name: os.environ[name] for name in ("HOME", "PATH", "LANG")},
    )  # fmt: skip


def _start():
    """What GIMP takes to start a plug-in and hear from it: a call that does next to nothing."""
    start = time.perf_counter()
    assert call("settings").ok
    return time.perf_counter() - start


def _called(procedure, image):
    answer = call(procedure, image)
    assert answer.ok, answer.message
    return answer


def _by_files(folder, image, times):
    """As other plug-ins do it: export, start Python, which opens the model, import, mask."""
    picture, matte = (folder / f"peer-{name}.png" for name in ("in", "out"))
    matte.unlink(missing_ok=True)
    start = time.perf_counter()
    Gimp.file_save(MODES.NONINTERACTIVE, image, Gio.File.new_for_path(str(picture)), None)
    times["export"].append(time.perf_counter() - start)
    _engine("matte", picture, "-o", matte)
    times["start"].append(time.perf_counter() - start - times["export"][-1])
    start = time.perf_counter()
    (layer,) = image.get_layers()
    loaded = Gimp.file_load_layer(
        MODES.NONINTERACTIVE, image, Gio.File.new_for_path(str(matte))
    )  # fmt: skip
    image.insert_layer(loaded, None, 0)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    everything = rectangle(layer)
    # Perceptual grey into linear: the numbers are the matte, not colours.
    data = loaded.get_buffer().get(everything, 1.0, "Y' u8", 0)
    mask.get_buffer().set(everything, "Y u8", data)
    mask.get_buffer().flush()
    image.remove_layer(loaded)
    times["import"].append(time.perf_counter() - start)
