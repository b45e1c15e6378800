"""What one procedure of Filters → AI is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


def _always() -> bool:
    return True


class Preview(NamedTuple):
    """How the dialog shows what will come of it.

    Attributes
    ----------
    part : int
        Pixels of a side of the part that is shown at full size, where each pixel matters; 0 is the
        whole, reduced.
    instead : dict of str to {value: value}
        Arguments whose values are taken to be others, so that there is something to see soon.
    lengths : tuple of str
        Arguments that are pixels of the image, and no request's field.
    """

    part: int = 0
    instead: dict = {}  # noqa: RUF012 - never changed
    lengths: tuple = ()


class Entry(NamedTuple):
    """One procedure.

    Attributes
    ----------
    label : str
        In the menu; like all texts here it is translated when it is shown. One that ends with
        dots promises a dialog of the arguments, and gets it.
    blurb, help : str
        One line, and what the procedure browser shows below.
    run : callable of (jobs.Call), gives the return values
    arguments, returns : tuple
    before_dialog : callable of (jobs.Call), optional
        Refuses, or completes the arguments, before the dialog opens.
    in_menu : callable, gives bool
        Whether the menu has it; scripts can always call it. GIMP asks when it starts and the
        plug-in's file is newer than its record.
    own_window : bool
        Whether `run` itself shows the window that the dots promise.
    preview : Preview, optional
        Where `run` is a `jobs.Job`: before and after in its dialog.
    on_layers : bool
        Whether it works on an image's layers; else it can be called with no image open.
    """

    label: str
    blurb: str
    help: str
    run: Callable
    arguments: tuple = ()
    returns: tuple = ()
    before_dialog: Callable | None = None
    in_menu: Callable = _always
    own_window: bool = False
    preview: Preview | None = None
    on_layers: bool = True

    @property
    def has_dialog(self) -> bool:
        """Whether the user can change the arguments before the work."""
        return self.label.endswith("…") and not self.own_window
