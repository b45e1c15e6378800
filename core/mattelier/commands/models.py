"""`mattelier models …`: data on stdout (`--json`: one object a line), messages on stderr."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mattelier.catalogue import Card, FileEntry, Input, Licence, Output, Store
from mattelier.types.errors import ModelError, UsageError

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")

_STATES = {"ready": "ready", "absent": "not fetched", "missing": "MISSING", "damaged": "DAMAGED"}


@click.group()
def models() -> None:
    """List, get, verify and import models."""


@models.command("list")
@_json
def list_models(as_json: bool) -> None:
    """All models: whether they are here, how large, under what licence."""
    store = Store()
    for name in store.names():
        try:
            card = store.card(name)
        except ModelError as error:  # one bad card must not hide the others
            click.echo(f"mattelier: {error}", err=True)
            continue
        state, _ = store.state(card)
        if as_json:
            click.echo(json.dumps(_summary(card, state)))
        else:
            size = f"{card.bytes / 1e6:.0f} MB" if card.bytes else "? MB"
            terms = card.licence.weights + (", accept first" * card.licence.needs_acceptance)
            click.echo(f"{name:20} {_STATES[state]:12} {size:>8}  {card.title} ({terms})")


@models.command()
@click.argument("name")
@_json
def show(name: str, as_json: bool) -> None:
    """Everything a model's card says."""
    from mattelier.catalogue.card import to_toml

    store = Store()
    card = store.card(name)
    state, why = store.state(card)
    if as_json:
        click.echo(json.dumps(_full(card) | {"state": state}))
    else:
        click.echo(to_toml(card).strip())
        click.echo(why or f"{card.name} is ready to use.", err=True)


@models.command(
    epilog="""\b
Examples:
  mattelier models card cutout
  mattelier models card ./my-model --json"""
)
@click.argument("name")
@_json
def card(name: str, as_json: bool) -> None:
    """What a model is: origin, licence, training data, quality, speed, known failures.

    NAME is that of a model, or the path of its folder.
    """
    import shutil

    from mattelier.catalogue.card_text import card_text

    store = Store()
    details = store.card(name)
    state, why = store.state(details)
    if as_json:
        click.echo(json.dumps(_full(details) | {"state": state}))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        click.echo(card_text(details, why or "ready to use", width))


@models.command(
    epilog="""\b
Examples:
  mattelier models get birefnet-lite
  mattelier models get rmbg-1.4 --accept-licence"""
)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--accept-licence", is_flag=True, help="You accept a restrictive licence.")
def get(names: tuple[str, ...], accept_licence: bool) -> int:
    """Fetch models from where their authors publish them, and check them.

    This and nothing else in Mattelier uses the network. Proxies are taken from the environment
    (HTTPS_PROXY); MATTELIER_MODELS moves the folder.
    """
    store = Store()
    failed = False
    for name in names:
        try:
            paths = store.get(name, accept_licence=accept_licence)
        except ModelError as error:
            failed = True
            click.echo(f"mattelier: {error}", err=True)
        else:
            click.echo(f"{name} is ready in {next(iter(paths.values())).parent}.", err=True)
    return 3 if failed else 0


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@_json
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Compute every checksum anew; exit code 3 when something is missing or damaged.

    Without names: all models; those never fetched are listed but are no failure.
    """
    store = Store()
    failed = False
    for name in names or store.names():
        try:
            card = store.card(name)
        except ModelError as error:
            name, state, why = name, "damaged", str(error)
        else:
            name = card.name
            state, why = store.state(card, rehash=True)
        failed |= state != "ready" and (state != "absent" or bool(names))
        if as_json:
            click.echo(json.dumps({"name": name, "state": state, "reason": why}))
        else:
            click.echo(f"{name:20} {_STATES[state]:12} {why if state != 'absent' else ''}".rstrip())
    return 3 if failed else 0


@models.command(
    "import",
    epilog="""\b
Examples:
  mattelier models import mine.onnx --name mine --size 1024 --resize stretch \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --activation sigmoid
  mattelier models import tuned.safetensors --name tuned --architecture cutout.CutoutNet
  mattelier models import decoder.pth --name adain --style-encoder vgg_normalised.pth""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What to call it (a-z, 0-9, '.', '_', '-').")
@click.option("--title", help="One line for the list.")
@click.option("--licence", default="unknown", show_default=True, help="Of the weights.")
@click.option("--commercial", type=click.Choice(["yes", "no", "unknown"]), default="unknown")
@click.option("--source", default="imported by the user", help="Where the weights are from.")
@click.option("--accept-licence", is_flag=True, help="You accept a restrictive licence.")
@click.option("--architecture", help="Network of safetensors weights, such as cutout.CutoutNet.")
@click.option("--size", type=click.IntRange(1), default=1024, show_default=True)
@click.option("--resize", type=click.Choice(["fit", "stretch"]), default="stretch")
@click.option("--multiple", type=click.IntRange(1), default=32, help="Of sides, with fit.")
@click.option("--mean", default="0,0,0", help="R,G,B of 0…1.")
@click.option("--std", default="1,1,1", help="R,G,B of 0…1.")
@click.option("--input", "picture", help="The picture's input (default: the only one).")
@click.option("--hint-input", help="The hint's input, (1, 2, h, w).")
@click.option("--output", help="The matte's output, name or number (default: the first).")
@click.option("--activation", type=click.Choice(["none", "sigmoid"]), default="none")
@click.option("--min-max", is_flag=True, help="Stretch the network's answer to 0…1.")
@click.option(
    "--style-encoder",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="AdaIN's encoder; FILE is its decoder, and both become one style model.",
)
def import_model(file: Path, name: str, style_encoder: Path | None, **flags: Any) -> None:
    """Take your own ONNX or safetensors weights in; a pickle (.pth, .pt, .ckpt) is refused.

    AdaIN's published pair alone is taken as .pth too, read as plain numbers and never executed.
    """
    from mattelier.catalogue.importing import import_weights

    licence = Licence(flags["licence"], flags["commercial"])
    if licence.needs_acceptance and not flags["accept_licence"]:
        raise UsageError("These weights allow no commercial use; add --accept-licence.")
    store = Store()

    def describe(copy: Path) -> Card:
        from mattelier.catalogue.store import sha256

        spec = _style_ports() if style_encoder else _ports(store, copy, flags)
        return Card(
            name=name,
            task="style" if style_encoder else "matte",
            title=flags["title"] or f"{name} (imported)",
            version="1",
            source=flags["source"],
            licence=licence,
            training_data=(),
            files=(FileEntry(copy.name, sha256(copy), copy.stat().st_size),),
            input=spec[0],
            output=spec[1],
            architecture="adain.AdaIN" if style_encoder else flags["architecture"],
        )

    with contextlib.ExitStack() as stack:
        if style_encoder:
            file = stack.enter_context(_merge_style_files(file, style_encoder))
        card = import_weights(store, file, name, describe)
    click.echo(f"{name} is ready in {card.folder}; use it with --model {name}.", err=True)


def _style_ports() -> tuple[Input, Output]:
    from mattelier.networks.adain import INPUT, OUTPUT

    return INPUT, OUTPUT


@contextlib.contextmanager
def _merge_style_files(decoder: Path, encoder: Path) -> Iterator[Path]:
    """A style network's two files as one, whose layout is checked."""
    import tempfile

    from safetensors.numpy import save_file

    from mattelier.engines.network_file import describe_network
    from mattelier.engines.weights_file import read_state
    from mattelier.networks import adain

    state = adain.join_published(read_state(decoder), decoder, read_state(encoder), encoder)
    describe_network(adain.ARCHITECTURE, state, decoder).module()  # refuses what does not fit
    with tempfile.TemporaryDirectory(prefix="mattelier-") as scratch:
        path = Path(scratch, "style.safetensors")
        save_file(dict(state), path)
        yield path


def _ports(store: Store, copy: Path, flags: dict[str, Any]) -> tuple[Input, Output]:
    """Input and output as the flags and the file say, or as the same network's own card does."""
    if copy.suffix == ".safetensors":
        return _same_network(store, copy, flags["architecture"])
    from mattelier.engines.signature import signature

    if flags["architecture"]:
        raise UsageError("--architecture is for safetensors; an ONNX file holds its own network.")
    inputs, outputs = signature(copy)
    named = f"its inputs are {_named_shapes(inputs)}"
    named_inputs = [port for port in (flags["picture"], flags["hint_input"]) if port]
    if len(inputs) != max(len(named_inputs), 1):
        raise UsageError(f"Say with --input and --hint-input what goes where: {named}.")
    if unknown := [port for port in named_inputs if port not in dict(inputs)]:
        raise UsageError(f"There is no input {unknown[0]!r}: {named}.")
    output = flags["output"]
    tensor = int(output) if output and output.lstrip("-").isdigit() else output
    if isinstance(tensor, str) and tensor not in dict(outputs):
        raise UsageError(
            f"There is no output {tensor!r}: its outputs are {_named_shapes(outputs)}."
        )
    return (
        Input(
            size=flags["size"],
            resize=flags["resize"],
            multiple=flags["multiple"],
            mean=_parse_triple(flags["mean"]),
            std=_parse_triple(flags["std"]),
            tensor=flags["picture"] or inputs[0][0],
            hint=flags["hint_input"],
        ),
        Output(tensor=tensor, activation=flags["activation"], min_max=flags["min_max"]),
    )


def _same_network(store: Store, copy: Path, architecture: str | None) -> tuple[Input, Output]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(copy, "numpy") as weights:
            list(weights.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{copy.name} is not a sound safetensors file ({error}).") from error
    cards = {
        card.architecture: card for card in map(store.card, store.names()) if card.architecture
    }
    if architecture not in cards:
        raise UsageError(
            "A safetensors file holds weights only; say whose they are with --architecture "
            f"({', '.join(cards) or 'none is known here'})."
        )
    return cards[architecture].input, cards[architecture].output


def _parse_triple(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"Three numbers with commas are wanted, not {text!r}.") from None
    return red, green, blue


def _named_shapes(ports: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in ports)


def _summary(card: Card, state: str) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "task": card.task,
        "state": state,
        "bytes": card.bytes,
        "licence": card.licence.weights,
        "commercial": card.licence.commercial,
        "needs_acceptance": card.licence.needs_acceptance,
    }


def _full(card: Card) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(card) | {"folder": str(card.folder)}
