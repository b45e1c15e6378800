"""Consent: pictures leave this computer only where the command line says so, each time anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mattelier.types.errors import MattelierError, UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Job
    from mattelier.catalogue import Card


class Spoken(click.Option):
    """A flag that counts on the command line alone: not in a file, not in the environment."""


def send_to_option(command: Callable[..., int]) -> Callable[..., int]:
    """Add `--send-to` to a command."""
    return click.option(
        "--send-to",
        cls=Spoken,
        metavar="HOST",
        allow_from_autoenv=False,
        help="You agree that this run sends its pictures to HOST, whose model you named.",
    )(command)


@dataclass
class Consent:
    """To which host one run may send its pictures.

    Attributes
    ----------
    model : what the run is asked to use
    host : what was agreed to; None: nothing was yet
    """

    model: str
    host: str | None

    def ask(self, jobs: Sequence[Job]) -> None:
        """Have it agreed, where the model is run by others, before anything is read.

        Raises
        ------
        UsageError
            It was not, or the flag was said of a model that works here.
        """
        card = _card(self.model)
        if card is None or card.cloud is None:
            if self.host is not None:
                raise UsageError(
                    "--send-to belongs to a model that is run by others; this one works here."
                )
            return
        from mattelier.engines.cloud import agreed_address

        host = card.cloud.host(card.name)
        ready = [job for job in jobs if job.problem is None]
        if self.host is None and ready and sys.stdin.isatty() and sys.stderr.isatty():
            size = sum(os.path.getsize(job.source) for job in ready if job.source.exists())
            count = "1 picture" if len(ready) == 1 else f"{len(ready)} pictures"
            question = (
                f"{card.name} is run by others. Send {count} ({size / 1e6:.1f} MB) to {host}?"
            )
            if not click.confirm(question, err=True):
                raise UsageError("Nothing was sent, and nothing was done.")
            self.host = host
        if self.host is None:
            raise UsageError(
                f"{card.name} is run by others: pictures would leave this computer. Add --send-to "
                f"{host} if that is what you want; it is asked anew each time."
            )
        agreed_address(card, self.host)


def _card(model: str) -> Card | None:
    from mattelier.catalogue import Store

    try:
        return Store().card(model)
    except MattelierError:  # a file, or none at all: whoever opens it says so
        return None
