"""What the engine says, for the catalogue: its sentences are English, and told apart by these.

A sentence is its own key; where it names something, {…} stands for that in the key.
"""

from __future__ import annotations

import functools
import re

from .i18n import N_, _

_SENTENCES = (
    N_("The Mattelier worker ended in the middle of the work; please try again."),
    N_("No Mattelier worker is running: start one with `mattelier worker` in a terminal."),
    N_(
        "The Mattelier engine ended as it started (exit code {code}); `mattelier doctor` finds "
        "the cause."
    ),
    N_("The Mattelier engine did not answer within {seconds} seconds."),
    N_(
        "The Mattelier worker that runs is of another version; run `mattelier worker --stop` and "
        "try again."
    ),
    N_("There is no model {name}; choose one of {names} (`mattelier models list`)."),
    N_("There is no model {name}."),
    N_("The model {name} comes with Mattelier and stays."),
    N_("Nothing of the model {name} is on this computer."),
    N_("The model {name} could not be removed ({reason})."),
    N_(
        "The model {name} could not be fetched ({reason}); mend that and run `mattelier models "
        "get {again}` again."
    ),
    N_("The mask has no edge to refine: it is all one value."),
    N_("The depth is the same everywhere, so it says nothing; choose another."),
    N_(
        "The folder {folder} cannot be used ({reason}); make it writable, or set MATTELIER_RUNTIME "
        "to another folder."
    ),
    N_("The mask covers the picture, so nothing is left to fill it from."),
    N_(
        "No network that fills holes is on this computer, so the colours around were continued, "
        "which suits small things on plain ground; see `mattelier models import`."
    ),
)


def translated(sentence: str) -> str:
    """A sentence of the engine in the user's language, where the catalogue has it."""
    for key, pattern in _patterns():
        found = pattern.fullmatch(sentence)
        if found is not None:
            return _(key).format(**found.groupdict())
    return _(sentence) if sentence else ""


@functools.cache
def _patterns() -> list:
    names = re.compile(r"\\\{(\w+)\\\}")
    return [
        (key, re.compile(names.sub(r"(?P<\1>.+)", re.escape(key)), re.DOTALL)) for key in _SENTENCES
    ]
