"""Modules that torch runs, by OpenVINO where that gains: found out and kept once a machine.

When such a network is first opened, its parts are traced and compiled, each beside torch: one that
answers otherwise, or gains too little, stays with torch. Parts are a prompt network's look and its
questions; of others that see pictures of one size the whole. What was found lies in the cache with
the graphs, so that later nothing is measured, and PyTorch is loaded only where a part asks for it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.backends import openvino
from mattelier.engines.backends import torch as torch_backend
from mattelier.engines.backends.torch import TorchSession
from mattelier.engines.network_file import NetworkFile
from mattelier.engines.network_source import NetworkSource
from mattelier.engines.open_model import Session
from mattelier.types.plain_files import read_json, write_json
from mattelier.types.progress import Cancelled, stage, tell

PACKAGE = "openvino"

_MIN_GAIN = 1.3  # how many times faster it must be, to be worth a further way of running
_TOLERANCE = 1e-3  # of the largest value of an answer, that it may be off
_LOOK_ROUNDS, _ASK_ROUNDS = 2, 5
_SEEING = ("look", "forward")  # parts that are given a picture
_PLAN = "plan.json"
_LAYOUT = 1  # of what is kept; another number makes it anew

Values = Mapping[str, NDArray[Any]]


class QuickSession:
    """A network, its parts by OpenVINO where that gains; see `open_model.Session`.

    Parameters
    ----------
    folder : with the parts' graphs
    parts : those that OpenVINO runs
    torch : opens the module, for all else
    role : what it answers with, where it is whole
    """

    name = "openvino"
    device = "cpu"
    looks_apart = False

    def __init__(
        self, folder: Path, parts: set[str], torch: Callable[[], Session], role: str
    ) -> None:
        self._folder, self._parts, self._open, self._role = folder, parts, torch, role
        self._requests: dict[str, Any] = {}
        self._torch: Session | None = None
        self._lock = threading.Lock()

    def run(self, inputs: Values, entry: str = "forward") -> dict[str, NDArray[np.float32]]:
        """One pass; see `Session.run`."""
        part = _part(inputs, entry)
        with self._lock:
            if part in self._parts:
                try:
                    return self._quick(part, inputs)
                except (RuntimeError, OSError) as error:
                    _note(f"{part} leaves OpenVINO: {error}")
                    self._parts.discard(part)
            if self._torch is None:
                self._torch = self._open()
        return self._torch.run(inputs, entry)

    def _quick(self, part: str, inputs: Values) -> dict[str, NDArray[np.float32]]:
        if part not in self._requests:
            self._requests[part] = _compiled(self._folder / f"{part}.xml")
        return _infer(self._requests[part], part, inputs, self._role)


def runs(source: NetworkSource, device: str) -> bool:
    """See `Backend.runs`: what sees pictures of one size, of models that have a cache."""
    if device != "cpu" or source.network is None or source.graph or source.cache == Path():
        return False
    return (
        source.size > 0
        and _first_part(source.network()) is not None
        and importlib.util.find_spec("torch") is not None
    )


def open_session(source: NetworkSource, device: str) -> Session:
    """See `Backend.open_session`."""
    openvino.import_openvino()  # before a graph's own imports, so that the converter stays out
    opened: list[TorchSession] = []

    def torch() -> TorchSession:
        if not opened:
            opened.append(torch_backend.open_session(source, device))
        return opened[0]

    folder = source.cache / f"quick-{_LAYOUT}-{openvino.import_openvino().__version__[:12]}"
    try:
        plan = _plan(folder)
        if plan is None:
            with stage("getting the network ready for this processor, once", 0, 1):
                plan = _prepare(source, folder, torch())
    except Cancelled:
        raise
    except Exception as error:  # a cache, or a network, of which nothing can be made
        _note(f"{source.name} stays with torch: {error}")
        return torch()
    return QuickSession(folder, plan, torch, source.ports.role) if plan else torch()


def missing(source: NetworkSource, device: str) -> str:
    """See `Backend.missing`."""
    return torch_backend.missing(source, device)


def _plan(folder: Path) -> set[str] | None:
    """The parts that gain, as they were found earlier; None: nothing is known yet."""
    try:
        told = read_json(folder / _PLAN)
        parts = {str(part) for part, found in told["parts"].items() if found["used"]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _note(f"{folder} is made anew: {error}")
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return {part for part in parts if (folder / f"{part}.xml").is_file()}


def _prepare(source: NetworkSource, folder: Path, torch: TorchSession) -> set[str]:
    """Trace, compare and measure each part; the folder appears whole, or not at all."""
    assert source.network is not None
    size, first = source.size, _first_part(source.network())
    assert first is not None
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    found: dict[str, Any] = {}
    try:
        shown = {"picture": _picture(size)}
        given: dict[str, list[Values]] = {first: [shown]}
        if first == "look":
            features = torch.run(shown, "look")
            given |= {part: asked(features, size) for part, asked in _ASKED.items()}
        for number, (part, samples) in enumerate(given.items()):
            tell(number / len(given))
            found[part] = _try(part, samples, torch, scratch / f"{part}.xml", source.ports.role)
            _note(f"{source.name}, {part}: {found[part]}")
        write_json(scratch / _PLAN, {"parts": found})
        os.replace(scratch, folder)
    except OSError:
        if not (folder / _PLAN).is_file():  # else another process was faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {part for part, told in found.items() if told["used"]}


def _try(
    part: str, samples: list[Values], torch: TorchSession, path: Path, role: str
) -> dict[str, Any]:
    """What comes of one part by OpenVINO: its gain and its error; its graph is kept if used."""
    entry = part if part in _SEEING else "ask"
    try:
        graph = _trace(part, torch, samples[0])
        openvino.import_openvino().save_model(graph, str(path), compress_to_fp16=False)
        request = _compiled(path)
        error = max(
            float(np.abs(ours[name] - theirs).max() / max(float(np.abs(theirs).max()), 1e-6))
            for sample in samples
            for ours, official in [(_infer(request, part, sample, role), torch.run(sample, entry))]
            for name, theirs in official.items()
        )
        quick, slow = [], []
        for _ in range(_LOOK_ROUNDS if part in _SEEING else _ASK_ROUNDS):  # taking turns
            quick.append(_seconds(lambda: _infer(request, part, samples[0], role)))
            slow.append(_seconds(lambda: torch.run(samples[0], entry)))
        gain = min(slow) / min(quick)
    except Exception as failure:  # of the tracer, the converter or the compiler, each its own
        return {"used": False, "reason": " ".join(str(failure).split())[:200]}
    used = error <= _TOLERANCE and gain >= _MIN_GAIN
    if not used:
        for file in (path, path.with_suffix(".bin")):
            file.unlink(missing_ok=True)
    return {"used": used, "gain": round(gain, 2), "error": error}


def _trace(part: str, session: TorchSession, sample: Values) -> Any:
    """An `openvino.Model` of one part, by the front end alone, which tells nobody of it."""
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    class Part(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network: Any = session.module

        def forward(self, *given: torch.Tensor) -> Any:
            if part in _SEEING:
                return session.call(part, *given)
            nothing = torch.zeros(0)
            if part == "box":
                return self.network.ask(
                    *given[:-1], torch.zeros(0, 2), nothing, given[-1], torch.zeros(0, 0)
                )
            return self.network.ask(*given, nothing, torch.zeros(0, 0))

    arguments = [np.ascontiguousarray(values) for values in _arguments(part, sample)]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of branches, which are these parts, and of tracing's age
        tensors = tuple(torch.from_numpy(values) for values in arguments)
        decoder = TorchScriptPythonDecoder(Part().eval(), example_input=tensors)
        reader = FrontEndManager().load_by_framework("pytorch")
        graph = reader.convert(reader.load(decoder))
    many = part == "clicks"
    shapes = [list(values.shape) for values in arguments]
    if many:
        shapes[-2][0] = shapes[-1][0] = -1
    graph.reshape(dict(zip(graph.inputs, shapes, strict=True)))
    return graph


def _first_part(network: NetworkFile) -> str | None:
    """What a network does first with a picture; None: it is of no kind that is tried."""
    entries = network.entries
    if {"look", "ask"} <= entries.keys():
        return "look"
    whole = entries.keys() == {"forward"} and entries["forward"].inputs == ("picture",)
    return "forward" if whole and len(entries["forward"].outputs) == 1 else None


def _part(inputs: Values, entry: str) -> str:
    """Which part is asked; "": one that only torch knows."""
    if entry != "ask":
        return entry if entry in _SEEING else ""
    points, has_box, has_mask = len(inputs["points"]), len(inputs["box"]), inputs["known"].size
    if has_mask or (has_box and points):
        return ""
    if has_box:
        return "box"
    return "" if not points else "click" if points == 1 else "clicks"


def _arguments(part: str, inputs: Values) -> list[NDArray[np.float32]]:
    """A part's arguments in their order."""
    if part in _SEEING:
        return [inputs["picture"]]
    features = [values for role, values in inputs.items() if role.startswith("features")]
    last = ("box",) if part == "box" else ("points", "signs")
    return [*features, *(np.asarray(inputs[role], np.float32) for role in last)]


def _infer(request: Any, part: str, inputs: Values, role: str) -> dict[str, NDArray[np.float32]]:
    arguments = [np.ascontiguousarray(values) for values in _arguments(part, inputs)]
    answers = request.infer(arguments, share_inputs=True)
    values = [np.array(answers[number], np.float32) for number in range(len(answers))]
    if part == "forward":
        return {role: values[0]}
    if part == "look":
        return {f"features{number}": one for number, one in enumerate(values)}
    return {"masks": values[0], "ratings": values[1]}


def _compiled(path: Path) -> Any:
    core = openvino.core()
    properties = openvino.PROPERTIES
    return core.compile_model(core.read_model(str(path)), "CPU", properties).create_infer_request()


def _picture(size: int) -> NDArray[np.float32]:
    """Soft shapes and some grain, about as strong as a prepared photograph."""
    rows, columns = np.mgrid[:size, :size] * (8 / size)
    random = np.random.default_rng(0)
    waves = [np.sin(rows * a + columns * b) for a, b in ((1.9, 0.6), (-0.8, 2.1), (0.4, 1.4))]
    return (np.stack(waves) + 0.1 * random.standard_normal((3, size, size)))[None].astype("f")


def _asked(features: Values, points: NDArray[Any], box: NDArray[Any]) -> Values:
    signs = (np.arange(len(points)) % 3 != 2).astype(np.float32)  # the third is against
    return {
        **features,
        "points": np.asarray(points, np.float32).reshape(-1, 2),
        "signs": signs,
        "box": np.asarray(box, np.float32),
        "known": np.zeros((0, 0), np.float32),
    }


def _clicks(features: Values, size: int, *counts: int) -> list[Values]:
    random = np.random.default_rng(1)
    return [_asked(features, random.uniform(0, size, (n, 2)), np.zeros(0)) for n in counts]


_ASKED: Mapping[str, Callable[[Values, int], list[Values]]] = {
    "click": lambda features, size: _clicks(features, size, 1, 1),
    "clicks": lambda features, size: _clicks(features, size, 3, 2, 7),
    "box": lambda features, size: [
        _asked(features, np.zeros((0, 2)), np.array(ends) * size)
        for ends in ([0.2, 0.3, 0.7, 0.8], [0.0, 0.1, 1.0, 0.5])
    ],
}


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _note(sentence: str) -> None:
    logging.getLogger("mattelier").debug(sentence)
