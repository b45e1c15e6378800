"""Opening a network, from a card or from a weights file: one door for all tasks."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mattelier.catalogue import Card, Input, Output, Store
from mattelier.catalogue.store import sha256
from mattelier.engines.bindings import Ports
from mattelier.engines.devices import open_on_device
from mattelier.engines.network_file import (
    NetworkFile,
    card_network,
    no_partner,
    read_blended,
    read_network,
    weights_and_partner,
)
from mattelier.engines.open_model import OpenModel, Session
from mattelier.engines.signature import NO_ONNX_ENGINE
from mattelier.requests import Device
from mattelier.types.errors import EngineError

# Graphs smaller than this are done on the processor before PyTorch has even loaded, so "auto"
# leaves them there: on two cores the default network opens and runs in 0.4 s, PyTorch opens in 2.
MIN_GPU_BYTES = 64_000_000

_ROLES = {"matte": "alpha", "depth": "depth"}  # of a graph's answer, by task; others: a picture


def open_model(
    source: Card | Path,
    store: Store,
    device: Device = "auto",
    *,
    task: str | None = None,
    blend: float | None = None,
) -> OpenModel:
    """Open a network on a device.

    Parameters
    ----------
    source : a card, or a weights file (.safetensors, .pth and .pt read as plain weights and never
        executed, or ncnn's .param and .bin), whose network is told from its weights
    store : where a card's files lie, and where compiled graphs are kept
    device : see `devices.open_on_device`
    task : what the network of a weights file has to be for; None: anything
    blend : 0…1, for networks that come with a partner to mix them with: how much of the network,
        the rest of the partner; None: the network as it is

    Raises
    ------
    UsageError
        It has no partner to mix it with.
    ModelError
        Its files are missing, damaged, refused, or of no network that is known.
    EngineError
        The device that was asked for cannot be had, or no engine is installed.
    """
    if isinstance(source, Path):
        parts = _file_parts(source, task, blend)
        fingerprint = sha256(source.with_suffix(".bin") if source.suffix == ".param" else source)
        card = None
    else:
        parts = _card_parts(source, store, blend)
        fingerprint = " ".join(file.sha256 for file in source.files)
        card = source
    session, note = open_on_device(
        device,
        on_cpu=partial(_open_on_cpu, parts),
        on_gpu=partial(_open_on_gpu, parts),
        is_small=parts.graph is not None and parts.bytes < MIN_GPU_BYTES,
    )
    return OpenModel(
        parts.name, parts.task, parts.input, parts.output, session, note, card, fingerprint
    )


@dataclass(frozen=True)
class _Parts:
    """What a model can be opened from: a graph in a file, a network of `networks`, or both.

    Attributes
    ----------
    bytes : of all its files
    cache : folder for what is compiled of the graph
    network : reads it; None: there is none
    """

    name: str
    task: str
    input: Input
    output: Output
    bytes: int = 0
    graph: Path | None = None
    cache: Path = Path()
    network: Callable[[], NetworkFile] | None = None

    @property
    def ports(self) -> Ports:
        role = _ROLES.get(self.task, "picture")
        return Ports(self.input.tensor, self.input.hint, self.output.tensor, role)


def _file_parts(path: Path, task: str | None, blend: float | None) -> _Parts:
    if blend is None:
        network = read_network(path, task)
    else:
        network = read_blended(path.stem, path, blend, task)
    told = network.descriptor
    return _Parts(path.stem, told.task, told.input, told.output, network=lambda: network)


def _card_parts(card: Card, store: Store, blend: float | None) -> _Parts:
    paths = store.locate(card)
    graph = card.file(".onnx")
    if card.architecture is None and graph is None:
        path, partner = weights_and_partner(card, paths)
        if blend is None:
            network = read_network(path, card.task)
        else:
            network = read_blended(card.name, path, blend, card.task, partner)
        ports = card.input, card.output
        if card.input.resize == "tile":  # how far it looks, the network knows
            ports = network.descriptor.input, network.descriptor.output
        return _Parts(card.name, card.task, *ports, network=lambda: network)
    if blend is not None:
        raise no_partner(card.name)
    has_network = card.architecture is not None and card.file(".safetensors") is not None
    return _Parts(
        card.name,
        card.task,
        card.input,
        card.output,
        bytes=sum(path.stat().st_size for path in paths.values()),
        graph=paths[graph.path] if graph else None,
        cache=store.cache / "openvino" / _cache_name(card),
        network=partial(card_network, card, paths) if has_network else None,
    )


def _open_on_cpu(parts: _Parts) -> Session:
    failures = []
    for package, opener in _cpu_openers(parts):
        if importlib.util.find_spec(package):
            try:
                return opener()
            except ImportError as error:
                failures.append(f"{package} is installed but cannot be loaded ({error})")
    if failures:
        raise EngineError(f"{'; '.join(failures)}; install it again.")
    if parts.graph is not None:
        raise EngineError(NO_ONNX_ENGINE)
    raise EngineError(f"{parts.name} needs PyTorch, which is missing; run `pip install torch`.")


def _cpu_openers(parts: _Parts) -> list[tuple[str, Callable[[], Session]]]:
    """Package and opener of all that can run it on the processor, the best first."""
    openers: list[tuple[str, Callable[[], Session]]] = []
    if parts.graph is not None:
        openers += [
            ("openvino", partial(_openvino, parts, parts.graph)),
            ("onnxruntime", partial(_onnxruntime, parts, parts.graph, "cpu")),
        ]
    elif parts.network is not None and parts.network().descriptor.graph is not None:
        openers.append(("openvino", partial(_openvino_built, parts, parts.network())))
    if parts.network is not None:
        openers.append(("torch", partial(_torch, parts, parts.network, "cpu")))
    return openers


def _open_on_gpu(parts: _Parts, device: str) -> Session:
    """Through torch where there is a network, else ONNX Runtime's CUDA; or say why not."""
    if parts.network is not None:
        if not importlib.util.find_spec("torch"):
            raise EngineError(f"{device} needs PyTorch, which is missing; run `pip install torch`.")
        return _torch(parts, parts.network, device)
    if device == "cuda" and parts.graph is not None and importlib.util.find_spec("onnxruntime"):
        return _onnxruntime(parts, parts.graph, device)
    if device == "cuda":
        raise EngineError(
            f"{parts.name} exists as ONNX only, which needs onnxruntime-gpu to run on cuda; "
            "run `pip install onnxruntime-gpu` or use --device cpu."
        )
    raise EngineError(f"{parts.name} exists as ONNX only, which {device} cannot run here.")


def _openvino(parts: _Parts, graph: Path) -> Session:
    from mattelier.engines.backends.openvino import open_file

    return open_file(parts.name, graph, parts.ports, parts.cache)


def _openvino_built(parts: _Parts, network: NetworkFile) -> Session:
    from mattelier.engines.backends.openvino import open_graph

    assert network.descriptor.graph is not None
    return open_graph(parts.name, network.descriptor.graph, parts.ports.role)


def _onnxruntime(parts: _Parts, graph: Path, device: str) -> Session:
    from mattelier.engines.backends.onnxruntime import ONNXSession

    return ONNXSession(parts.name, graph, parts.ports, device)


def _torch(parts: _Parts, network: Callable[[], NetworkFile], device: str) -> Session:
    from mattelier.engines.backends.torch import TorchSession, require_device

    require_device(device)  # before the work of building it
    source, output = network(), parts.output
    return TorchSession(
        parts.name,
        source.module(),
        device,
        source.family.entries,
        channels_last=source.family.channels_last,
        position=output.tensor if isinstance(output.tensor, int) else 0,
        sigmoid=output.torch_activation == "sigmoid",
    )


def _cache_name(card: Card) -> str:
    # OpenVINO recognises a cached network by the graph's file alone and would go on using old
    # weights when only the .safetensors beside it changed; so the checksums name the folder.
    sums = "".join(file.sha256 for file in card.files)
    return f"{card.name}-{hashlib.sha256(sums.encode()).hexdigest()[:16]}"
