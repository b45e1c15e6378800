"""A network that was fine-tuned from a model, written as a model folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mattelier.catalogue import Card, FileEntry
from mattelier.catalogue.card import to_toml
from mattelier.learning.export import cutout_graph, export_graph, file_entry, save_weights
from mattelier.learning.param_groups import is_idle
from mattelier.networks.cutout.network import CutoutNet
from mattelier.types.errors import OutputError


def write_model(network: CutoutNet, card: Card, start: Mapping[str, Path], target: Path) -> None:
    """Write weights, graph and card into `target`, which appears whole or not at all.

    Parameters
    ----------
    network : without norms
        Its weights become half precision, in the files and in itself.
    card : Card
        What to say of it; `files` are still those of the model it started from, and are replaced.
    start : paths of those files, from `Store.locate`
    target : Path
        The model's folder, named as the card; one that is there is replaced.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    entry, graph = card.file(".safetensors"), card.file(".onnx")
    assert entry is not None
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        # Idle weights would keep the graph from being copied, and be optimised out of a new one.
        idle = "context." if is_idle(network) else None
        weights = save_weights(network, part, Path(entry.path).stem, without=idle)
        if graph is not None and _same_layout(weights, start[entry.path]):
            # The graph names byte ranges of the weights' file, and those are where they were.
            shutil.copyfile(start[graph.path], part / graph.path)
        else:
            export_graph(network, cutout_graph(network), part, weights.stem)
        files = tuple(FileEntry(**file_entry(path)) for path in sorted(part.iterdir()))
        (part / "card.toml").write_text(to_toml(replace(card, files=files)), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)
    except OSError as error:
        raise OutputError(
            f"The model could not be written to {target} ({error.strerror}); "
            "make room or choose another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _same_layout(one: Path, other: Path) -> bool:
    """Whether two .safetensors files hold the same tensors at the same places."""

    def header(path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(int.from_bytes(file.read(8), "little"))

    return header(one) == header(other)
