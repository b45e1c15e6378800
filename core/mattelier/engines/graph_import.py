"""Graphs of OpenVINO and TensorFlow, brought into the form that is kept and run here."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, BinaryIO

from mattelier.engines.backends.openvino import (
    import_openvino,
    port_shape,
    read_graph,
    settle_channels,
)
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.sentence import Sentence

_FRONT_ENDS = {".xml": "ir", ".pb": "tf"}
_TITLES = {".xml": "OpenVINO network", ".pb": "frozen TensorFlow graph"}
_CHANNELS = (1, 2, 3)  # of a mask, a hint, a picture


def channels_first(source: Path, kind: str, folder: Path) -> Path:
    """A graph as an OpenVINO network whose ports are (n, c, h, w).

    TensorFlow's are (n, h, w, c), and so are those of networks made from them; the turning becomes
    part of the graph.

    Parameters
    ----------
    source : the graph; an .xml has its .bin beside it
    kind : ".xml" or ".pb", what it is by its content
    folder : where a changed one is written

    Returns
    -------
    `source` where there is nothing to change, else an .xml in `folder`, its .bin beside it

    Raises
    ------
    ModelError
        It is damaged, or holds operations that cannot be run here.
    EngineError
        OpenVINO is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        raise EngineError("{name} needs OpenVINO; run `pip install openvino`.", name=source.name)
    openvino = import_openvino()
    refusal = Sentence(
        "{name} is not a whole {kind} that can be run here.", name=source.name, kind=_TITLES[kind]
    )
    if kind == ".pb" and not _is_whole(source):  # its reader would complain at length, on stderr
        raise ModelError(refusal)
    try:
        graph = read_graph(source, _FRONT_ENDS[kind])
        settle_channels(graph)
        turned = [port for port in graph.inputs if _is_channels_last(port)]
        if kind == ".xml" and not turned:
            return source
        changed = folder / "graph.xml"
        if turned:
            graph = _turn(openvino, graph)
        openvino.save_model(graph, changed, compress_to_fp16=False)
    except Exception as error:  # the front ends' exceptions share no base of their own
        raise ModelError(refusal) from error
    return changed


def _is_whole(frozen: Path) -> bool:
    """Whether a protobuf's outermost fields end where its file does."""
    size = frozen.stat().st_size
    with frozen.open("rb") as stream:
        while stream.tell() < size:
            wire_type = _varint(stream) & 7
            if wire_type not in (0, 2):  # GraphDef has numbers and messages alone
                return False
            value = _varint(stream)
            if wire_type == 2:
                stream.seek(value, os.SEEK_CUR)
        return stream.tell() == size


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = (stream.read(1) or b"\0")[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value & (1 << 62) - 1


def _is_channels_last(port: Any) -> bool:
    shape = port_shape(port)
    return len(shape) == 4 and shape[3] in _CHANNELS and shape[1] not in _CHANNELS


def _turn(openvino: Any, graph: Any) -> Any:
    """The graph with all its channels-last ports turned."""
    from openvino.preprocess import PrePostProcessor

    last, first = openvino.Layout("NHWC"), openvino.Layout("NCHW")
    names = [port.names for port in graph.outputs]
    steps = PrePostProcessor(graph)
    for number, port in enumerate(graph.inputs):
        if _is_channels_last(port):
            steps.input(number).model().set_layout(last)
            steps.input(number).tensor().set_layout(first)
    for number, port in enumerate(graph.outputs):
        # Of a class map the axes do not tell; a graph keeps to one order, that of its input.
        shape = port_shape(port)
        if len(shape) == 4 and shape[1] not in _CHANNELS:
            steps.output(number).model().set_layout(last)
            steps.output(number).tensor().set_layout(first)
    graph = steps.build()
    for port, own in zip(graph.outputs, names, strict=True):  # turning drops them
        port.get_tensor().set_names(own)
    return graph
