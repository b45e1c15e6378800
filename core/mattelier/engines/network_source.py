"""What a network can be opened from: a graph in a file, weights with code of `networks`, both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mattelier.engines.bindings import Ports
from mattelier.engines.network_file import NetworkFile


@dataclass(frozen=True, eq=False)
class NetworkSource:
    """A network's files, not opened yet.

    Attributes
    ----------
    name : what people call it
    ports : its inputs and its answer
    graph : an ONNX graph or OpenVINO network (.xml), its weights in it or beside it; None: there
        is none
    cache : folder of its own for what is compiled of the graph
    network : reads its weights; None: no code of `networks` runs it
    bytes : of all its files
    size : pixels of a side of the squares that all its pictures are made to; 0: their sizes differ
    """

    name: str
    ports: Ports
    graph: Path | None = None
    cache: Path = Path()
    network: Callable[[], NetworkFile] | None = None
    bytes: int = 0
    size: int = 0
