"""Opening a network, from a card or from a weights file: one door for all tasks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from mattelier.catalogue import Card, Input, Output, Store
from mattelier.catalogue.store import sha256
from mattelier.engines.backend import open_on_cpu, open_on_gpu
from mattelier.engines.bindings import Ports
from mattelier.engines.devices import open_on_device
from mattelier.engines.machine_memory import refuse_too_large
from mattelier.engines.network_file import (
    NetworkFile,
    card_network,
    no_partner,
    read_blended,
    read_network,
    weights_and_partner,
    weights_file_name,
)
from mattelier.engines.network_source import NetworkSource
from mattelier.engines.open_model import OpenModel
from mattelier.networks.transformers import WEIGHTS
from mattelier.requests import Device

# Graphs smaller than this are done on the processor before PyTorch has even loaded, so "auto"
# leaves them there: on two cores the default network opens and runs in 0.4 s, PyTorch opens in 2.
MIN_GPU_BYTES = 64_000_000

# Of a network's answer; other tasks': a picture.
_ROLES = {
    "matte": "alpha", "trimap": "alpha", "depth": "depth", "track": "features",
    "objects": "classes",
}  # fmt: skip


def open_model(
    source: Card | Path,
    store: Store,
    device: Device = "auto",
    *,
    task: str | None = None,
    blend: float | None = None,
    send_to: str | None = None,
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
    send_to : the host that pictures may be sent to; None: none may be

    Raises
    ------
    UsageError
        It has no partner to mix it with, or works elsewhere and nobody agreed to that.
    ModelError
        Its files are missing, damaged, refused, of no network that is known, or have more bytes
        than the computer has memory.
    EngineError
        The device that was asked for cannot be had, or no engine is installed.
    """
    if isinstance(source, Card) and source.cloud is not None:
        from mattelier.engines.cloud import CloudSession, agreed_address

        if blend is not None:
            raise no_partner(source.name)
        asked = CloudSession(source.name, source.cloud, agreed_address(source, send_to))
        return OpenModel(
            source.name, source.task, source.input, source.output, asked, "", source,
            source.cloud.url,
        )  # fmt: skip
    if isinstance(source, Path):
        refuse_too_large(source)
        spec, files = _from_file(source, task, blend)
    else:
        spec, files = _from_card(source, store, blend)
    session, note = open_on_device(
        device,
        on_cpu=partial(open_on_cpu, files),
        on_gpu=partial(open_on_gpu, files),
        is_small=files.graph is not None and files.bytes < MIN_GPU_BYTES,
    )
    card = None if isinstance(source, Path) else source
    return OpenModel(
        files.name,
        spec.task,
        spec.input,
        spec.output,
        session,
        note,
        card,
        _fingerprint(source),
        spec.labels,
    )


class _Spec(NamedTuple):
    task: str
    input: Input
    output: Output
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return self.input.size if self.input.resize == "stretch" else 0

    @property
    def ports(self) -> Ports:
        return Ports(
            self.input.tensor,
            self.input.hint,
            self.output.tensor,
            _ROLES.get(self.task, "picture"),
            torch_sigmoid=self.output.torch_activation == "sigmoid",
            hint_role="mask" if self.task == "fill" else "hint",
        )


def _from_file(path: Path, task: str | None, blend: float | None) -> tuple[_Spec, NetworkSource]:
    if blend is None:
        network = read_network(path, task)
    else:
        network = read_blended(path.stem, path, blend, task)
    spec = _described(network)
    return spec, _built(path.name if path.is_dir() else path.stem, network, spec)


def _from_card(card: Card, store: Store, blend: float | None) -> tuple[_Spec, NetworkSource]:
    paths = store.locate(card)
    for path in paths.values():
        refuse_too_large(path)
    if card.is_folder:
        network = read_network(next(iter(paths.values())).parent, card.task)
        spec = _described(network)
        source = _built(card.name, network, spec)
        return spec, replace(source, cache=store.compiled(card), size=spec.size)
    spec = _Spec(card.task, card.input, card.output, card.labels)
    graph = card.graph
    if card.architecture is None and graph is None:
        path, partner = weights_and_partner(card, paths)
        if blend is None:
            network = read_network(path, card.task)
        else:
            network = read_blended(card.name, path, blend, card.task, partner)
        if card.input.resize == "tile":  # how far it looks, the network knows
            spec = _described(network)
        return spec, _built(card.name, network, spec)
    if blend is not None:
        raise no_partner(card.name)
    has_network = card.architecture is not None and weights_file_name(card) is not None
    return spec, NetworkSource(
        card.name,
        spec.ports,
        graph=paths[graph.path] if graph else None,
        cache=store.compiled(card),
        network=cache(partial(card_network, card, paths)) if has_network else None,
        bytes=sum(path.stat().st_size for path in paths.values()),
        size=spec.size,
    )


def _described(network: NetworkFile) -> _Spec:
    told = network.descriptor
    return _Spec(told.task, told.input, told.output, told.labels)


def _built(name: str, network: NetworkFile, spec: _Spec) -> NetworkSource:
    return NetworkSource(name, spec.ports, network=lambda: network)


def _fingerprint(source: Card | Path) -> str:
    if isinstance(source, Path):
        if source.is_dir():
            return sha256(source / WEIGHTS)
        return sha256(source.with_suffix(".bin") if source.suffix == ".param" else source)
    return " ".join(file.sha256 for file in source.files)
