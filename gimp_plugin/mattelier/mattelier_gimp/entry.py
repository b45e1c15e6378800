"""What one procedure of Filters → AI is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .arguments import Text
from .i18n import N_


class Entry(NamedTuple):
    """One procedure.

    Attributes
    ----------
    place : int
        In the menu.
    label : str
        In the menu; like all texts here it is translated when it is shown.
    blurb, help : str
        One line, and what the procedure browser shows below.
    run : callable of (jobs.Call), gives the return values
    dialog : callable of (Gimp.Procedure, jobs.Call), optional
        Lets the user change the arguments; False is Cancel.
    arguments, returns : tuple
    on_layers : bool
        Whether it works on an image's layers; else it can be called with no image open.
    """

    place: int
    label: str
    blurb: str
    help: str
    run: Callable
    dialog: Callable | None = None
    arguments: tuple = ()
    returns: tuple = ()
    on_layers: bool = True


def dialog(*needs, models: str = "", before: Callable | None = None) -> Callable:
    """A dialog of all arguments.

    Parameters
    ----------
    needs, models
        As in `dialogs.ask`.
    before : callable of (jobs.Call), optional
        Refuses, or completes the arguments, before it opens.
    """

    def ask(procedure, call) -> bool:
        from . import dialogs

        if before is not None:
            before(call)
        return dialogs.ask(procedure, call.config, needs=needs, models=models)

    return ask


MODEL = Text(
    "model",
    N_("_Model"),
    N_("Name of the model; “default” comes with Mattelier"),
    "default",
)
