"""What a graph that a user brings in is for, told from its ports and kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.catalogue import Input, Output, Store
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.engines.graph_ports import Signature

_FILL_SIZE_PX, _FILL_MULTIPLE_PX = 768, 8  # where a graph takes any size
_CLASSES_SIZE_PX, _CLASSES_MULTIPLE_PX = 512, 32
_TILE_PX, _TILE_MARGIN_PX = 768, 32  # of networks that give pictures


@dataclass(frozen=True)
class Kind:
    """What a network is, for its card; `task` and the others are as the card has them."""

    task: Any
    title: str
    input: Input
    output: Output
    architecture: str | None = None
    kernel_values: int | None = None
    labels: tuple[str, ...] = ()
    proven: bool = False


def graph_kind(store: Store, copy: Path, flags: dict[str, Any]) -> Kind:
    """What a graph is for, and how it wants its pictures; what was told, goes to stderr.

    Raises
    ------
    UsageError
        The flags do not fit it, or it is for nothing that is done here.
    ModelError
        It cannot be read.
    """
    from mattelier.engines.recognise import fixed_sides, graph_family, nearest_families
    from mattelier.engines.signature import signature

    if flags["architecture"]:
        raise UsageError("--architecture is for weights alone; a graph holds its own network.")
    graph = signature(copy)
    if (filling := _filling(graph)) is not None:
        return filling
    _check_ports(graph, flags)
    if (classes := _classes(graph, flags)) is not None:
        return classes
    if (pictures := _pictures(graph, flags)) is not None:
        return pictures
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
        output = _matte_output(graph)
        _say_assumed(flags)
    given = _as_told(given, graph, flags)
    tensor, activation = flags["output"], flags["activation"]
    if tensor is not None:
        output = replace(output, tensor=_output(graph, tensor))
    if activation is not None:
        output = replace(output, activation=activation)
    if flags["min_max"] is not None:
        output = replace(output, min_max=flags["min_max"])
    title = like.title if like is not None else "A network of unknown family"
    return Kind("matte", title, given, output, None, graph.kernel_values or None)


def _say_assumed(flags: dict[str, Any]) -> None:
    if flags["mean"] is None and flags["std"] is None:
        click.echo(
            "How its pictures were prepared, no file tells: 0…1 is assumed; --mean and --std "
            "say otherwise.",
            err=True,
        )


def _as_told(given: Input, graph: Signature, flags: dict[str, Any]) -> Input:
    """What the network wants to see, with what the flags say of it.

    Raises
    ------
    UsageError
        That is not what the graph takes.
    """
    from mattelier.engines.recognise import fixed_sides

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
    sides = fixed_sides(graph)
    if sides is not None and given.resize == "stretch" and sides != (given.size, given.size):
        raise UsageError(
            f"The graph takes pictures of {sides[1]}×{sides[0]} pixels alone, and would be given "
            f"{given.size}×{given.size}."
        )
    return given


def _classes(graph: Signature, flags: dict[str, Any]) -> Kind | None:
    """A network that tells classes apart at each pixel; None: it is none.

    It gives each pixel the number of its class, or a score for each of them. Three scores are told
    from a picture by `--labels` alone, and where there is a matte, the rest is something else.
    """
    from mattelier.engines.recognise import fixed_sides
    from mattelier.networks.class_names import class_names, parse_labels

    wanted = None if flags["output"] is None else _output(graph, flags["output"])
    named = parse_labels(flags["labels"] or "")
    if _has_matte(graph) and not named and wanted is None:
        return None
    for number, port in enumerate(graph.outputs):
        if wanted not in (None, number, port.name):
            continue
        numbers = port.whole and _is_map(port.shape)
        scores = port.shape[-3] if len(port.shape) == 4 and port.shape[0] in (1, None) else None
        if not numbers and not (scores and (scores > 3 or scores == len(named) > 1)):
            continue
        labels = named or class_names(scores or 0)
        if scores and len(labels) != scores and not numbers:
            raise UsageError(f"It tells {scores} classes apart, and --labels names {len(labels)}.")
        sides = fixed_sides(graph)
        side = max(sides) if sides else _CLASSES_SIZE_PX
        seen = Input(side, "stretch") if sides else Input(side, "fit", _CLASSES_MULTIPLE_PX)
        activation: Any = "number" if numbers else flags["activation"] or "softmax"
        click.echo("It tells what is where: it is for `mattelier objects`.", err=True)
        _say_assumed(flags)
        if numbers and not labels:
            click.echo("It numbers its classes; --labels gives them names.", err=True)
        return Kind(
            "objects",
            "A network of classes",
            _as_told(seen, graph, flags),
            Output(tensor=number, activation=activation),
            None,
            graph.kernel_values or None,
            labels,
        )
    return None


def _pictures(graph: Signature, flags: dict[str, Any]) -> Kind | None:
    """A network that gives a picture for a picture of any size; None: it is none.

    One of a single channel sees how light a picture is.
    """
    channels, height, width = (None, None, None, *graph.inputs[0].shape)[-3:]
    given = (None, None, None, *graph.outputs[0].shape)[-3]
    lightness = (channels, given) == (1, 1)
    if not lightness and (given != 3 or channels not in (3, None) or _has_matte(graph)):
        return None
    if flags["output"] is not None or len(graph.inputs) != 1:
        return None
    if height is not None or width is not None:
        raise UsageError(
            f"It gives pictures, and takes those of {width}×{height} pixels alone; one that takes "
            "any size is wanted."
        )
    seen = _as_told(Input(_TILE_PX, "tile", 1, margin=_TILE_MARGIN_PX), graph, flags)
    title = "A network of lightness" if lightness else "A network of pictures"
    return Kind(
        "upscale",  # unless its answer is as large as its picture
        title,
        replace(seen, lightness=lightness),
        Output(tensor=0),
        None,
        graph.kernel_values or None,
    )


def _has_matte(graph: Signature) -> bool:
    """Whether an output may be a matte: one map that is no list of numbers."""
    return any(_is_map(port.shape) and not port.whole for port in graph.outputs)


def _is_map(shape: tuple[int | None, ...]) -> bool:
    return len(shape) in (2, 3, 4) and all(n in (1, None) for n in shape[:-2])


def _filling(graph: Signature) -> Kind | None:
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
    return Kind("fill", title, seen, Output(tensor=answers[0]), None, graph.kernel_values or None)


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


def _matte_output(graph: Signature) -> Output:
    """The first output that may be one map of the picture, else scores of ground and subject."""
    for number, port in enumerate(graph.outputs):
        if _is_map(port.shape):
            return Output(tensor=number)
    for number, port in enumerate(graph.outputs):
        if len(port.shape) == 4 and port.shape[0] in (1, None) and port.shape[1] == 2:
            click.echo("It scores two classes: the second is taken for the subject.", err=True)
            return Output(tensor=number, activation="softmax")
    raise UsageError(
        "None of its outputs is a matte: they are " + ", ".join(map(str, graph.outputs)) + "."
    )


def _parse_triple(text: str) -> tuple[float, float, float]:
    try:
        numbers = [_parse_number(part) for part in text.split(",")]
        red, green, blue = 3 * numbers if len(numbers) == 1 else numbers
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"One number, or three with commas, are wanted, not {text!r}.") from None
    return red, green, blue


def _parse_number(text: str) -> float:
    """A number, or one divided by another: "1/255", "123.68/255"."""
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)
