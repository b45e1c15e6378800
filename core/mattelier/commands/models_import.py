"""`mattelier models import`: own weights taken in, told from their content, and tried at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.catalogue import Card, FileEntry, Licence, Store
from mattelier.commands.import_graph import Kind, graph_kind
from mattelier.commands.import_trial import try_out
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.engines.weights_file import State

_GRAPHS = (".onnx", ".xml")
_README_HEAD_CHARACTERS = 4000


@click.command(
    "import",
    epilog="""\b
Examples:
  mattelier models import isnet.onnx
  mattelier models import segmentation.xml     (OpenVINO, its .bin beside it)
  mattelier models import 4x-UltraSharp.pth --licence CC-BY-NC-SA-4.0 --commercial no
  mattelier models import mine.onnx --size 1024 --mean 0.485,0.456,0.406 \\
      --std 0.229,0.224,0.225 --activation sigmoid
  mattelier models import ~/Downloads/sam2.1-hiera-tiny     (a folder with config.json)
  mattelier models import decoder.pth --name adain --style-encoder vgg_normalised.pth""",
)
@click.argument("file", metavar="FILE|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="What to call it (a-z, 0-9, '.', '_', '-'); the file's by default.")
@click.option("--title", help="One line for the list.")
@click.option("--licence", help="Of the weights; a folder's README may say it.")
@click.option("--commercial", type=click.Choice(["yes", "no", "unknown"]))
@click.option("--source", default="imported by the user", help="Where the weights are from.")
@click.option("--accept-licence", is_flag=True, help="You accept a restrictive licence.")
@click.option("--architecture", help="Network of weights that do not tell, as cutout.CutoutNet.")
@click.option("--size", type=click.IntRange(1), help="In pixels (default: as the graph says).")
@click.option("--resize", type=click.Choice(["fit", "stretch"]))
@click.option("--multiple", type=click.IntRange(1), help="Of sides, with fit.")
@click.option("--mean", help="R,G,B of 0…1, or one number, taken off the picture.")
@click.option("--std", help="The same, that it is then divided by: 1/255 gives 0…255.")
@click.option("--bgr", is_flag=True, help="It takes blue first; --mean and --std stay R,G,B.")
@click.option("--input", "picture", help="The picture's input (default: the only one).")
@click.option("--hint-input", help="The hint's input, (1, 2, h, w).")
@click.option("--output", help="The matte's output, name or number (default: the first map).")
@click.option("--activation", type=click.Choice(["none", "sigmoid", "softmax"]))
@click.option(
    "--labels",
    metavar="A,B,…|SET",
    help="Names of the classes that a graph tells apart; SET: voc, coco, cityscapes, ade20k.",
)
@click.option("--min-max/--no-min-max", default=None, help="Stretch the network's answer to 0…1.")
@click.option(
    "--style-encoder",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="AdaIN's encoder; FILE is its decoder, and both become one style model.",
)
def import_model(file: Path, name: str | None, style_encoder: Path | None, **flags: Any) -> None:
    """Take your own network in: a graph, plain weights, or a folder.

    A graph is ONNX, OpenVINO's .xml with its .bin beside it, or TensorFlow's frozen .pb; weights
    are safetensors, a .pth, or ncnn's .param and .bin of a compact enlarger. A folder holds what
    transformers publishes, or a graph in pieces, as JavaScript packages carry it.

    What the network is, its file tells; a network of a family that is known here needs no flag.
    It is opened and shown a picture before it is kept. Weights are read as plain numbers: a file
    that could run code is refused.
    """
    from mattelier.catalogue.importing import (
        detect_suffix,
        import_weights,
        published_file,
        take_published,
        weights_beside,
    )
    from mattelier.catalogue.pieces import is_in_pieces, join_pieces
    from mattelier.engines.machine_memory import refuse_too_large
    from mattelier.hosts.gimp import announce_models

    licence = _licence(file, flags)
    if file.is_dir() and is_in_pieces(file):
        name = name or _name_of(file)
        file = click.get_current_context().with_resource(join_pieces(file))
    if licence.needs_acceptance and not flags["accept_licence"]:
        raise UsageError("These weights allow no commercial use; add --accept-licence.")
    store = Store()
    if file.is_dir() and (weights := _own_weights(file)) is not None:
        name, file = name or _name_of(file), weights
    if file.is_dir():
        _import_folder(store, file, name or _name_of(file), licence, flags)
        return
    refuse_too_large(file)  # before its checksum, which takes as long as it is large
    published = published_file(store, file)
    if published is not None and name in (None, published[0].name):
        known = published[0]
        paths = take_published(store, *published, file, accept_licence=flags["accept_licence"])
        announce_models()
        click.echo(f"This is {known.title}, as published.", err=True)
        click.echo(f"{known.name} is ready in {next(iter(paths.values())).parent}.", err=True)
        return
    name = name or _name_of(file)

    def describe(copy: Path) -> Card:
        card = _card(store, copy, name, file.name, licence, flags)
        return try_out(store, replace(card, folder=copy.parent), flags)

    suffix = detect_suffix(file)
    if suffix == ".pth" and file.suffix == ".bin" and file.with_suffix(".xml").is_file():
        network = file.with_suffix(".xml")
        raise UsageError(f"{file.name} holds weights alone; name {network}, and it comes along.")
    if suffix == ".xml":
        refuse_too_large(weights_beside(file))
    with contextlib.ExitStack() as stack:
        kept = file
        if style_encoder:
            kept = stack.enter_context(_merge_style_files(file, style_encoder))
        elif suffix in (".pth", ".safetensors", ".param"):
            kept = stack.enter_context(_used_weights(file, suffix))
        elif suffix in (".xml", ".pb"):
            kept = stack.enter_context(_channels_first(file, suffix))
        card = import_weights(store, kept, name, describe, file)
    announce_models()
    _say_ready(card)


def _import_folder(
    store: Store, folder: Path, name: str, licence: Licence, flags: dict[str, Any]
) -> None:
    """A folder as transformers writes it, taken in; its pickled weights as plain numbers."""
    from mattelier.catalogue.importing import import_folder
    from mattelier.catalogue.store import sha256
    from mattelier.hosts.gimp import announce_models
    from mattelier.networks import transformers

    if not transformers.is_folder(folder):
        raise UsageError(f"{folder} is no network's folder: it holds no {transformers.CONFIG}.")

    def describe(copy: Path) -> Card:
        weights, pickled = copy / transformers.WEIGHTS, folder / "pytorch_model.bin"
        if not weights.exists() and pickled.is_file():
            with _used_weights(pickled, ".pth") as plain:
                weights.write_bytes(plain.read_bytes())
        told = transformers.describe_folder(copy)
        click.echo(f"{folder.name} holds a network of the kind {told.title}.", err=True)
        files = sorted(one for one in copy.iterdir() if one.name in transformers.FILES)
        card = Card(
            name=name,
            task=told.task,
            title=flags["title"] or f"{told.title} (imported as {name})",
            version="1",
            source=flags["source"],
            licence=licence,
            training_data=(),
            files=tuple(FileEntry(one.name, sha256(one), one.stat().st_size) for one in files),
            input=told.input,
            output=told.output,
            labels=told.labels,
            proof="equal" if told.proven else "runs",
            folder=copy,
        )
        return try_out(store, card, flags)

    card = import_folder(store, folder, name, transformers.FILES, describe)
    announce_models()
    _say_ready(card)


def _own_weights(folder: Path) -> Path | None:
    """The weights in a folder whose network is one of ours, and would else need its own code."""
    from mattelier.engines.weights_file import read_state
    from mattelier.networks import registry, transformers

    weights = folder / transformers.WEIGHTS
    if not weights.is_file() or (transformers.is_folder(folder) and transformers.knows(folder)):
        return None
    family = registry.find(read_state(weights))
    return None if family is None or family.fallback else weights


def _say_ready(card: Card) -> None:
    if card.licence.weights == "unknown":
        click.echo(
            "No file tells its licence; --licence and --commercial say it, for the list.", err=True
        )
    click.echo(f"{card.name} is ready in {card.folder}; {_use(card)}.", err=True)


def _use(card: Card) -> str:
    """How to use a model, as the end of a sentence."""
    if card.task == "fill":
        return f"use it with `mattelier erase --model {card.name}`"
    if card.task == "find":
        return f'use it with --text "words" --text-model {card.name}'
    if card.task == "classify":
        return f"use it with `mattelier evaluate --report FILE.html --cam {card.name}`"
    if card.task == "objects":
        return f"use it with `mattelier objects --objects-model {card.name}`"
    if card.task == "track":
        return f"use it with `mattelier roto --tracker {card.name}`"
    return f"use it with --model {card.name}"


def _licence(file: Path, flags: dict[str, Any]) -> Licence:
    """As the flags say, else as the head of a folder's README does."""
    name = flags["licence"]
    if name is None and file.is_dir():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            head = (file / "README.md").read_text("utf-8")[:_README_HEAD_CHARACTERS]
            if told := re.search(r"^licen[sc]e: *['\"]?([\w.+-]+)", head, re.MULTILINE):
                name = told[1]
    commercial = flags["commercial"]
    if commercial is None:
        restricted = name is not None and re.search(r"(^|[-_.])nc([-_.]|$)", name.lower())
        commercial = "no" if restricted else "unknown"
    return Licence(name or "unknown", commercial)


def _name_of(file: Path) -> str:
    stem = file.resolve().name if file.is_dir() else file.stem
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")
    if not name:
        raise UsageError("Say with --name what to call it.")
    return name


def _card(
    store: Store, copy: Path, name: str, given: str, licence: Licence, flags: dict[str, Any]
) -> Card:
    """The card that a file and the flags make; what the file is, goes to stderr."""
    from mattelier.catalogue.store import sha256

    kind = (
        graph_kind(store, copy, flags) if copy.suffix in _GRAPHS else _weights(copy, given, flags)
    )
    files = sorted(copy.parent.iterdir())
    return Card(
        name=name,
        task=kind.task,
        title=flags["title"] or f"{kind.title} (imported as {name})",
        version="1",
        source=flags["source"],
        licence=licence,
        training_data=(),
        files=tuple(FileEntry(one.name, sha256(one), one.stat().st_size) for one in files),
        input=kind.input,
        output=kind.output,
        architecture=kind.architecture,
        kernel_values=kind.kernel_values,
        labels=kind.labels,
        proof="equal" if kind.proven else "runs",
    )


def _weights(copy: Path, given: str, flags: dict[str, Any]) -> Kind:
    from mattelier.engines.network_file import describe_weights

    network = describe_weights(copy, flags["architecture"])
    family, descriptor = network.family, network.descriptor
    title = descriptor.title or family.title
    click.echo(f"{given} holds the weights of {title}.", err=True)
    architecture = f"{family.id}.{family.classes[0]}" if descriptor.task == "matte" else None
    seen = descriptor.input
    if flags["size"] and seen.resize != "tile":
        seen = replace(seen, size=flags["size"], resize=flags["resize"] or seen.resize)
    return Kind(
        descriptor.task,
        title,
        seen,
        descriptor.output,
        architecture,
        labels=descriptor.labels,
        proven=descriptor.proven,
    )


@contextlib.contextmanager
def _merge_style_files(decoder: Path, encoder: Path) -> Iterator[Path]:
    """A style network's two files as one, whose layout is checked."""
    from mattelier.engines.network_file import describe_network
    from mattelier.engines.weights_file import read_state
    from mattelier.networks import adain

    state = adain.join_published(read_state(decoder), decoder, read_state(encoder), encoder)
    describe_network(adain.ARCHITECTURE, state, decoder).module()  # refuses what does not fit
    with _as_safetensors(state) as path:
        yield path


@contextlib.contextmanager
def _used_weights(file: Path, suffix: str) -> Iterator[Path]:
    """As plain numbers, those that the network is built from; what is left out, on stderr."""
    from mattelier.engines.network_file import used_state
    from mattelier.engines.weights_file import read_state

    state = read_state(file, suffix)
    used = used_state(state)
    if left_out := state.keys() - used.keys():
        size = sum(state[name].nbytes for name in left_out) / 1e6
        click.echo(
            f"{len(left_out)} of its {len(state)} arrays, {size:.1f} MB, are of no use here and "
            "left out.",
            err=True,
        )
    elif suffix == ".safetensors":
        yield file
        return
    with _as_safetensors(used) as path:
        yield path


@contextlib.contextmanager
def _channels_first(file: Path, kind: str) -> Iterator[Path]:
    """A graph of OpenVINO's or TensorFlow's as it is kept; what is changed of it, on stderr."""
    import tempfile

    from mattelier.engines.graph_import import channels_first

    with tempfile.TemporaryDirectory(prefix="mattelier-") as scratch:
        path = channels_first(file, kind, Path(scratch))
        if path != file:
            click.echo("It is kept as an OpenVINO network whose channels come first.", err=True)
        yield path


@contextlib.contextmanager
def _as_safetensors(state: State) -> Iterator[Path]:
    import tempfile

    import numpy as np
    from safetensors.numpy import save_file

    with tempfile.TemporaryDirectory(prefix="mattelier-") as scratch:
        path = Path(scratch, "weights.safetensors")
        save_file({name: np.ascontiguousarray(values) for name, values in state.items()}, path)
        yield path
