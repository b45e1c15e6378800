"""`mattelier models import`: own weights taken in, told from their content, and tried at once."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.catalogue import Card, FileEntry, Input, Licence, Output, Store
from mattelier.types.errors import ModelError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.engines.graph_ports import Signature
    from mattelier.engines.open_model import OpenModel
    from mattelier.engines.weights_file import State
    from mattelier.types.picture import Picture

_GRAPHS = (".onnx", ".xml")
_TRIAL_SIZE_PX = 512
_TRIAL_VIEWS, _TRIAL_STEP_PX = 4, 8  # of a ball that moves
_TRIAL_BAND_PX = 33  # of its edge that a trimap leaves open, to both sides together
_FILL_SIZE_PX, _FILL_MULTIPLE_PX = 768, 8  # where a graph takes any size
_MAX_UNIT_WHITE = 2.0  # an answer that exceeds it has white at 255
_README_HEAD_CHARACTERS = 4000
_LOGIT_MARGIN = 0.05  # a network whose answer leaves 0…1 by more than this gives logits
_FLAT_SPREAD = 1e-3  # of an answer that is the same everywhere


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
@click.option("--mean", help="R,G,B of 0…1, taken off the picture.")
@click.option("--std", help="R,G,B of 0…1, that it is then divided by.")
@click.option("--bgr", is_flag=True, help="It takes blue first; --mean and --std stay R,G,B.")
@click.option("--input", "picture", help="The picture's input (default: the only one).")
@click.option("--hint-input", help="The hint's input, (1, 2, h, w).")
@click.option("--output", help="The matte's output, name or number (default: the first map).")
@click.option("--activation", type=click.Choice(["none", "sigmoid"]))
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
    are safetensors or a .pth.

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
    from mattelier.engines.machine_memory import refuse_too_large
    from mattelier.hosts.gimp import announce_models

    licence = _licence(file, flags)
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
        return _try_out(store, replace(card, folder=copy.parent), flags)

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
        elif suffix in (".pth", ".safetensors"):
            kept = stack.enter_context(_used_weights(file, suffix))
        elif suffix in (".xml", ".pb"):
            kept = stack.enter_context(_channels_first(file, suffix))
        card = import_weights(store, kept, name, describe, file)
    announce_models()
    click.echo(f"{name} is ready in {card.folder}; {_use(card)}.", err=True)


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
        return _try_out(store, card, flags)

    card = import_folder(store, folder, name, transformers.FILES, describe)
    announce_models()
    click.echo(f"{name} is ready in {card.folder}; {_use(card)}.", err=True)


def _own_weights(folder: Path) -> Path | None:
    """The weights in a folder whose network is one of ours, and would else need its own code."""
    from mattelier.engines.weights_file import read_state
    from mattelier.networks import registry, transformers

    weights = folder / transformers.WEIGHTS
    if not weights.is_file() or (transformers.is_folder(folder) and transformers.knows(folder)):
        return None
    family = registry.find(read_state(weights))
    return None if family is None or family.fallback else weights


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

    kind = _graph(store, copy, flags) if copy.suffix in _GRAPHS else _weights(copy, given, flags)
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


@dataclass(frozen=True)
class _Kind:
    task: Any
    title: str
    input: Input
    output: Output
    architecture: str | None = None
    kernel_values: int | None = None
    labels: tuple[str, ...] = ()
    proven: bool = False


def _weights(copy: Path, given: str, flags: dict[str, Any]) -> _Kind:
    from mattelier.engines.network_file import describe_weights

    network = describe_weights(copy, flags["architecture"])
    family, descriptor = network.family, network.descriptor
    title = descriptor.title or family.title
    click.echo(f"{given} holds the weights of {title}.", err=True)
    architecture = f"{family.id}.{family.classes[0]}" if descriptor.task == "matte" else None
    seen = descriptor.input
    if flags["size"] and seen.resize != "tile":
        seen = replace(seen, size=flags["size"], resize=flags["resize"] or seen.resize)
    return _Kind(
        descriptor.task,
        title,
        seen,
        descriptor.output,
        architecture,
        labels=descriptor.labels,
        proven=descriptor.proven,
    )


def _graph(store: Store, copy: Path, flags: dict[str, Any]) -> _Kind:
    from mattelier.engines.recognise import fixed_sides, graph_family, nearest_families
    from mattelier.engines.signature import signature

    if flags["architecture"]:
        raise UsageError("--architecture is for weights alone; a graph holds its own network.")
    graph = signature(copy)
    if (filling := _filling(graph)) is not None:
        return filling
    _check_ports(graph, flags)
    cards = [card for card in store.cards() if card.folder.parent == store.shipped]
    like = graph_family(graph, cards)
    sides = fixed_sides(graph)
    if like is not None:
        click.echo(f"It is built as {like.title} is, and is used in the same way.", err=True)
        given, output = like.input, like.output
    else:
        nearest = "; ".join(card.title for card in nearest_families(graph, cards))
        nearest = f" Nearest in size come {nearest}." if nearest else ""
        click.echo(f"It is of no family that is known here.{nearest}", err=True)
        given = Input(max(sides) if sides else 1024, "stretch")
        output = Output(tensor=_first_map(graph))
        if flags["mean"] is None and flags["std"] is None:
            click.echo(
                "How its pictures were prepared, no file tells: 0…1 is assumed; --mean and --std "
                "say otherwise.",
                err=True,
            )
    changes: dict[str, Any] = {
        "size": flags["size"],
        "resize": flags["resize"],
        "multiple": flags["multiple"],
        "mean": flags["mean"] and _parse_triple(flags["mean"]),
        "std": flags["std"] and _parse_triple(flags["std"]),
        "order": "bgr" if flags["bgr"] else None,
    }
    given = replace(
        given,
        **{key: value for key, value in changes.items() if value},
        tensor=flags["picture"] or graph.inputs[0].name,
        hint=flags["hint_input"],
    )
    if sides is not None and given.resize == "stretch" and sides != (given.size, given.size):
        raise UsageError(
            f"The graph takes pictures of {sides[1]}×{sides[0]} pixels alone, and would be given "
            f"{given.size}×{given.size}."
        )
    tensor, activation = flags["output"], flags["activation"]
    if tensor is not None:
        output = replace(output, tensor=_output(graph, tensor))
    if activation is not None:
        output = replace(output, activation=activation)
    if flags["min_max"] is not None:
        output = replace(output, min_max=flags["min_max"])
    title = like.title if like is not None else "A network of unknown family"
    return _Kind("matte", title, given, output, None, graph.kernel_values or None)


def _filling(graph: Signature) -> _Kind | None:
    """A network that takes a picture and a mask, and gives a picture; None: it is none."""
    channels = {port.shape[1]: port for port in graph.inputs if len(port.shape) == 4}
    answers = [n for n, port in enumerate(graph.outputs) if port.shape[1:2] == (3,)]
    if len(graph.inputs) != 2 or set(channels) != {1, 3} or not answers:
        return None
    height, width = channels[3].shape[2:]
    if height != width:
        return None
    seen = Input(height, "stretch") if height else Input(_FILL_SIZE_PX, "fit", _FILL_MULTIPLE_PX)
    seen = replace(seen, tensor=channels[3].name, hint=channels[1].name)
    title = "A network that fills holes"
    click.echo("It takes a picture and a mask, and gives a picture: it fills holes.", err=True)
    return _Kind("fill", title, seen, Output(tensor=answers[0]), None, graph.kernel_values or None)


def _check_ports(graph: Signature, flags: dict[str, Any]) -> None:
    ports = ", ".join(map(str, graph.inputs))
    named = [port for port in (flags["picture"], flags["hint_input"]) if port]
    if len(graph.inputs) != max(len(named), 1):
        raise UsageError(
            f"Say with --input and --hint-input what goes where: its inputs are {ports}."
        )
    if unknown := [port for port in named if port not in {one.name for one in graph.inputs}]:
        raise UsageError(f"There is no input {unknown[0]!r}: its inputs are {ports}.")


def _output(graph: Signature, wanted: str) -> str | int:
    if wanted.lstrip("-").isdigit():
        return int(wanted)
    if wanted not in {one.name for one in graph.outputs}:
        outputs = ", ".join(map(str, graph.outputs))
        raise UsageError(f"There is no output {wanted!r}: its outputs are {outputs}.")
    return wanted


def _first_map(graph: Signature) -> int:
    """The first output that may be one map of the picture."""
    for number, port in enumerate(graph.outputs):
        if len(port.shape) in (2, 3, 4) and all(n in (1, None) for n in port.shape[:-2]):
            return number
    raise UsageError(
        "None of its outputs is a matte: they are " + ", ".join(map(str, graph.outputs)) + "."
    )


def _try_out(store: Store, card: Card, flags: dict[str, Any]) -> Card:
    """The card, once its network has been opened and shown a picture; what it saw, on stderr.

    Raises
    ------
    ModelError
        It cannot be opened or run, or its answer is the same everywhere.
    """
    if card.task == "matte" and not card.input.needs:
        return _try_matte(store, card, flags)
    from mattelier.engines.open import open_model

    if card.input.needs == "prompt":
        click.echo("It is made ready for this processor, which takes a minute, once.", err=True)
    model = open_model(card, store, "cpu", task=card.task)
    if card.task == "matte":
        _try_hinted(model)
    elif card.task == "objects":
        _try_objects(model)
    elif card.task == "find":
        _try_find(model)
    elif card.task == "classify":
        _try_classifier(model)
    elif card.task == "fill":
        return _try_fill(card, model)
    elif card.input.follows:
        _try_follow(model)
    else:
        click.echo(f"It was opened, and is for `mattelier {card.task}`.", err=True)
    return card


def _try_hinted(model: OpenModel) -> None:
    """A network that has to be told where the subject is, told of the drawn ball."""
    import cv2
    import numpy as np

    from mattelier.matting.hint import make_hint
    from mattelier.matting.matte import estimate
    from mattelier.types.colour import View

    picture, truth = _drawn_ball()
    band = np.ones((_TRIAL_BAND_PX, _TRIAL_BAND_PX), np.uint8)
    trimap = (cv2.erode(truth, band) + cv2.dilate(truth, band)) / 2
    hint = make_hint(*truth.shape, trimap=np.asarray(trimap, np.float32))
    start = time.perf_counter()
    alpha = estimate(View(picture), hint, model, "fast")
    _say_overlap(alpha, truth, time.perf_counter() - start)


def _try_follow(model: OpenModel) -> None:
    """The drawn ball, followed as it moves."""
    import numpy as np

    from mattelier.engines.follow import follow
    from mattelier.types.colour import View

    picture, truth = _drawn_ball()
    view = View(picture).resize(*truth.shape)
    moves = [_TRIAL_STEP_PX * number for number in range(1, _TRIAL_VIEWS)]
    start = time.perf_counter()
    others = (np.roll(view, move, 1) for move in moves)
    *_, [alpha] = follow(model, view, np.asarray(truth[None], np.float32), others)
    seconds = time.perf_counter() - start
    _say_overlap(alpha, np.roll(truth, moves[-1], 1), seconds / len(moves))


def _try_objects(model: OpenModel) -> None:
    from mattelier.engines.objects import find_objects
    from mattelier.types.colour import View

    start = time.perf_counter()
    found = find_objects(model, View(_drawn_ball()[0]), 0)
    seconds = time.perf_counter() - start
    names = ", ".join(dict.fromkeys(one.label for one in found[:3])) or "nothing"
    click.echo(
        f"It tells {len(model.labels)} kinds of things apart; shown a drawn ball, it saw {names} "
        f"in {seconds:.1f} s.",
        err=True,
    )


def _try_classifier(model: OpenModel) -> None:
    from mattelier.engines.activation import activate
    from mattelier.types.colour import View

    start = time.perf_counter()
    seen = activate(model, View(_drawn_ball()[0]))
    seconds = time.perf_counter() - start
    click.echo(
        f"It tells {len(model.labels)} kinds of pictures apart; shown a drawn ball, it was "
        f"{seen.score:.0%} sure of {seen.label} in {seconds:.1f} s.",
        err=True,
    )


def _try_fill(card: Card, model: OpenModel) -> Card:
    """The card, once its network has filled a hole in the drawn ball."""
    import numpy as np

    from mattelier.engines.preprocess import network_size, preprocess
    from mattelier.types.colour import View

    view = View(_drawn_ball()[0])
    height, width = network_size(card.input, view.height, view.width)
    hole = np.zeros((1, 1, height, width), np.float32)
    middle = slice(height * 7 // 16, height * 9 // 16), slice(width * 7 // 16, width * 9 // 16)
    hole[0, 0, *middle] = 1
    start = time.perf_counter()
    inputs = {"picture": preprocess(card.input, view, height, width), "mask": hole}
    answer = model.run(inputs)["picture"]
    seconds = time.perf_counter() - start
    if answer.shape != (1, 3, height, width) or np.ptp(answer) < _FLAT_SPREAD:
        raise ModelError(f"{card.name} fills nothing: its answer is no picture.")
    if answer.max() > _MAX_UNIT_WHITE:
        click.echo("White is 255 in its answer.", err=True)
        card = replace(card, output=replace(card.output, white=255.0))
    shown = view.resize(height, width)[*middle]
    filled = answer[0].transpose(1, 2, 0)[*middle] / card.output.white
    error = float(np.abs(filled - shown).mean())
    click.echo(
        f"It filled a hole in a drawn ball to within {error:.0%} in {seconds:.1f} s.", err=True
    )
    return card


def _try_find(model: OpenModel) -> None:
    from mattelier.engines.find import find_boxes
    from mattelier.types.colour import View

    start = time.perf_counter()
    found = find_boxes(model, View(_drawn_ball()[0]), "an orange ball")
    sure = f"{found[0].score:.0%} sure" if found else "blind"
    seconds = time.perf_counter() - start
    click.echo(f"Asked for a drawn ball, it was {sure} of it in {seconds:.1f} s.", err=True)


def _try_matte(store: Store, card: Card, flags: dict[str, Any]) -> Card:
    import numpy as np

    from mattelier.engines.open import open_model
    from mattelier.engines.preprocess import network_size, postprocess, preprocess
    from mattelier.types.colour import View

    model = open_model(card, store, "cpu")
    picture, truth = _drawn_ball()
    view = View(picture)
    height, width = network_size(card.input, *truth.shape)
    inputs = {"picture": preprocess(card.input, view, height, width)}
    if card.input.hint is not None:
        inputs["hint"] = np.zeros((1, 2, height, width), np.float32)
    start = time.perf_counter()
    answer = model.run(inputs)["alpha"]
    seconds = time.perf_counter() - start
    guessing = card.output == Output(tensor=card.output.tensor) and flags["activation"] is None
    if guessing and not (answer.min() >= -_LOGIT_MARGIN and answer.max() <= 1 + _LOGIT_MARGIN):
        click.echo("Its answer leaves 0…1, so it is taken for logits (--activation).", err=True)
        card = replace(card, output=replace(card.output, activation="sigmoid"))
    if float(np.ptp(answer)) < _FLAT_SPREAD:
        alpha = postprocess(replace(card.output, min_max=False), answer)
        raise ModelError(
            f"{card.name} sees nothing: its answer to a drawn picture is {alpha.mean():.2f} "
            "everywhere, so the file holds no trained network, or is given its pictures wrongly."
        )
    _say_overlap(postprocess(card.output, answer), truth, seconds)
    return card


def _say_overlap(alpha: NDArray[np.float32], truth: NDArray[np.float32], seconds: float) -> None:
    """How much of the drawn ball a matte of it holds, on stderr."""
    import cv2
    import numpy as np

    truth = np.asarray(cv2.resize(truth, alpha.shape[::-1], interpolation=cv2.INTER_AREA))
    overlap = float(np.minimum(alpha, truth).sum() / max(np.maximum(alpha, truth).sum(), 1e-6))
    click.echo(
        f"Shown a drawn ball, it saw {overlap:.0%} of it aright in {seconds:.1f} s"
        + (
            "."
            if overlap > 0.5
            else "; if photographs come out no better, --mean, --std or --activation are wrong."
        ),
        err=True,
    )


def _drawn_ball() -> tuple[Picture, Any]:
    """A shaded ball before a plain wall: a picture, and its matte (H, W) float32 0…1."""
    import cv2
    import numpy as np

    from mattelier.types.picture import Picture

    size = _TRIAL_SIZE_PX
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    radius = np.hypot(x - 0.5, y - 0.52) / 0.27
    matte = cv2.GaussianBlur((radius < 1).astype(np.float32), (0, 0), 1)
    wall = np.stack([0.62 - 0.15 * y, 0.66 - 0.12 * y, 0.7 - 0.1 * y], -1)
    shadow = 1 - 0.35 * np.exp(-(((x - 0.56) / 0.22) ** 2) - ((y - 0.8) / 0.05) ** 2)
    light = np.clip(0.25 + np.sqrt(np.maximum(1 - radius**2, 0)) - 0.7 * (x - 0.4 + y - 0.4), 0, 1)
    ball = light[..., None] * np.array([0.95, 0.35, 0.12], np.float32)
    colour = wall * shadow[..., None] + matte[..., None] * (ball - wall * shadow[..., None])
    return Picture(np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)), matte


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


def _parse_triple(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"Three numbers with commas are wanted, not {text!r}.") from None
    return red, green, blue
