"""`mattelier models …`: data on stdout (`--json`: one object a line), messages on stderr."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import click

from mattelier.catalogue import Card, Store
from mattelier.catalogue.card_text import summary
from mattelier.catalogue.store import restriction
from mattelier.commands.models_import import import_model
from mattelier.types.errors import MattelierError, ModelError

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")

_PROOFS = {
    "equal": "proven equal", "runs": "runs", "none": "not yet tried", "shipped": "shipped",
    "cloud": "not tried against the real one",
}  # fmt: skip
_STATES = {
    "ready": "ready", "absent": "not fetched", "missing": "MISSING", "damaged": "DAMAGED",
    "cloud": "by others",
}  # fmt: skip

_USES = {
    "matte": "mattes", "trimap": "trimaps", "objects": "things and classes", "track": "following",
    "find": "words", "depth": "depth", "upscale": "enlarging", "denoise": "mending",
    "fill": "erasing", "style": "painting", "classify": "explanations",
}  # fmt: skip
"""What networks of a task are for, in a word."""

_QUIET = ("absent", "cloud")  # states that are no fault


@click.group()
def models() -> None:
    """List, get, remove, verify and import models."""


@models.command("list")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["cutout"]),
    help="Rank those that are here by quality, speed on this machine, and licence.",
)
@_json
def list_models(purpose: str | None, as_json: bool) -> None:
    """All models: whether they are here, how large, how far proven, under what licence.

    After them the published networks that `models import` knows once you have their files.

    "proven equal": it answers as its authors' code does; "runs": it was shown a picture here;
    "by others": it has no files, and pictures are sent to it, where --send-to allows that.
    With --for each is tried once on pictures drawn by code, and the answer remembered.
    """
    store = Store()
    if purpose:
        _list_ranked(store, as_json)
        return
    names = store.names()
    width = max(map(len, names), default=0)
    for name in names:
        try:
            card = store.card(name)
        except ModelError as error:  # one bad card must not hide the others
            click.echo(f"mattelier: {error}", err=True)
            continue
        state, _ = store.state(card)
        if as_json:
            click.echo(json.dumps(summary(card, state) | {"proof": _proof(store, card)}))
        else:
            size = f"{card.bytes / 1e6:.0f} MB" if card.bytes else "–" if card.cloud else "? MB"
            proof = _PROOFS[_proof(store, card)]
            click.echo(
                f"{name:{width}} {_STATES[state]:12} {size:>8}  {proof:13}  "
                f"{card.title} ({_terms(card, state)})"
            )
    _list_families(as_json)


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

    Proxies are taken from the environment (HTTPS_PROXY); MATTELIER_MODELS moves the folder.
    """
    from mattelier.hosts.gimp import announce_models

    store = Store()
    failed = False
    for name in names:
        waiting = partial(click.echo, f"Another run is fetching {name}; waiting for it.", err=True)
        try:
            paths = store.get(name, accept_licence=accept_licence, waiting=waiting)
        except ModelError as error:
            failed = True
            click.echo(f"mattelier: {error}", err=True)
        else:
            click.echo(f"{name} is ready in {next(iter(paths.values())).parent}.", err=True)
    announce_models()
    return 3 if failed else 0


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def remove(names: tuple[str, ...]) -> int:
    """Delete models that were fetched or imported; those that come with Mattelier stay."""
    from mattelier.hosts.gimp import announce_models

    store = Store()
    for name in names:
        store.remove(name)
        click.echo(f"{name} is gone.", err=True)
    announce_models()
    return 0


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@_json
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Compute every checksum anew; exit code 3 when something is missing or damaged.

    Without names: all models; those never fetched, or run by others, are listed but no failure.
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
        expected = ("ready", "cloud") if names else ("ready", "cloud", "absent")
        failed |= state not in expected
        if as_json:
            click.echo(json.dumps({"name": name, "state": state, "reason": why}))
        else:
            click.echo(
                f"{name:20} {_STATES[state]:12} {why if state not in _QUIET else ''}".rstrip()
            )
    return 3 if failed else 0


models.add_command(import_model)


def _list_families(as_json: bool) -> None:
    """The published networks that can be brought in, and where their authors have them."""
    from mattelier.networks import registry

    if not as_json:
        click.echo("\nKnown to `mattelier models import`, once you have their files:", err=True)
    uses = list(_USES)
    for one in sorted(registry.published(), key=lambda one: uses.index(one.task)):
        proof = "equal" if one.proven else "none"
        if as_json:
            row = {"family": one.title, "task": one.task, "proof": proof, "source": one.source}
            click.echo(json.dumps(row))
        else:
            click.echo(f"{one.title:32} {_USES[one.task]:18}  {_PROOFS[proof]:13}  {one.source}")


def _list_ranked(store: Store, as_json: bool) -> None:
    """The models that cut out, best first; those that could not be measured are told on stderr."""
    from mattelier.evaluate.ranking import TASK, can_be_measured, measure, rank, remembered

    standings, absent = [], []
    for card in store.cards():
        if card.task != TASK:
            continue
        if store.state(card)[0] != "ready":
            absent += [card.name] if card.cloud is None else []
            continue
        if not can_be_measured(card):
            click.echo(f"{card.name} is told where the subject is, and is not ranked.", err=True)
            continue
        standing = remembered(card, store)
        if standing is None:
            click.echo(f"Measuring {card.name}, once …", err=True)
            try:
                standing = measure(card, store)
            except MattelierError as error:
                click.echo(f"mattelier: {error}", err=True)
                continue
        standings.append((card, standing))
    if not as_json:
        click.echo("Overlap with drawn subjects, and seconds for 640×480 pixels:", err=True)
    width = max((len(card.name) for card, _ in standings), default=0)
    for place, (card, standing) in enumerate(rank(standings), 1):
        if as_json:
            measured = {"rank": place, "quality": standing.quality, "seconds": standing.seconds}
            click.echo(json.dumps(summary(card, "ready") | measured))
        else:
            click.echo(
                f"{place:2}  {standing.quality:.3f}  {standing.seconds:6.2f} s  "
                f"{card.name:{width}} {card.title} ({_terms(card, 'ready')})"
            )
    if absent:
        click.echo(f"Not here, so not measured: {', '.join(absent)}.", err=True)


def _terms(card: Card, state: str) -> str:
    """The weights' licence, and what it wants or forbids; one that is here was accepted."""
    if not card.licence.needs_acceptance:
        return card.licence.weights
    forbids = restriction(card) if state == "ready" else "accept first"
    return f"{card.licence.weights}, {forbids}"


def _proof(store: Store, card: Card) -> str:
    """What is known of how a model runs; "shipped" of one that comes with Mattelier."""
    if card.cloud is not None:
        return "cloud"
    shipped = card.folder.parent == store.shipped and not card.fetchable
    return "shipped" if shipped else card.proof


def _full(card: Card) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(card) | {"folder": str(card.folder)}
