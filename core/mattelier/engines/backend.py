"""What a module of `engines.backends` offers, and which of them runs a network."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Protocol, cast

from mattelier.engines import backends
from mattelier.engines.network_source import NetworkSource
from mattelier.engines.open_model import Session
from mattelier.types.errors import EngineError


class Backend(Protocol):
    """One engine.

    Attributes
    ----------
    PACKAGE : what must be installed for it
    """

    PACKAGE: str

    def runs(self, source: NetworkSource, device: str) -> bool:
        """Whether it could run this on that device, were its package installed."""
        ...

    def open_session(self, source: NetworkSource, device: str) -> Session:
        """The network, ready to run.

        Raises
        ------
        ModelError
            Its files cannot be read, or do not fit.
        EngineError
            The device cannot be used.
        ImportError
            The package is damaged.
        """
        ...

    def missing(self, source: NetworkSource, device: str) -> str:
        """The sentence where it would run this but its package is not installed."""
        ...


def open_on_cpu(source: NetworkSource) -> Session:
    """The network on the first engine that is installed.

    Raises
    ------
    EngineError
        None is, or it cannot be loaded.
    """
    able = [backend for backend in _backends(backends.ON_CPU) if backend.runs(source, "cpu")]
    failures = []
    for backend in able:
        if importlib.util.find_spec(backend.PACKAGE):
            try:
                return backend.open_session(source, "cpu")
            except ImportError as error:
                failures.append(f"{backend.PACKAGE} is installed but cannot be loaded ({error})")
    if failures:
        raise EngineError("{failures}; install it again.", failures="; ".join(failures))
    raise EngineError(able[0].missing(source, "cpu"))


def open_on_gpu(source: NetworkSource, device: str) -> Session:
    """The network on the engine that fits it best on that GPU.

    Raises
    ------
    EngineError
        That engine is not installed or cannot use the device, or no engine can.
    """
    for backend in _backends(backends.ON_GPU):
        if backend.runs(source, device):
            if importlib.util.find_spec(backend.PACKAGE) is None:
                raise EngineError(backend.missing(source, device))
            return backend.open_session(source, device)
    raise EngineError(
        "{name} exists as a graph only, which {device} cannot run here.",
        name=source.name,
        device=device,
    )


def _backends(names: Iterable[str]) -> list[Backend]:
    modules = (importlib.import_module(f"{backends.__name__}.{name}") for name in names)
    return [cast(Backend, module) for module in modules]
