"""Kinds of arguments that a procedure takes: each adds itself to a GIMP procedure."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gegl, Gimp, GObject

from .i18n import _

_FLAGS = GObject.ParamFlags.READWRITE


class Choice(NamedTuple):
    """One of several names, which scripts use; `options` are (name, label)."""

    name: str
    label: str
    help: str
    options: tuple[tuple[str, str], ...]
    default: str

    def add(self, procedure: Gimp.Procedure) -> None:
        choice = Gimp.Choice.new()
        for number, (name, label) in enumerate(self.options):
            choice.add(name, number, _(label), "")
        procedure.add_choice_argument(
            self.name, _(self.label), _(self.help), choice, self.default, _FLAGS
        )


class Integer(NamedTuple):
    """A whole number, both limits included."""

    name: str
    label: str
    help: str
    least: int
    most: int
    default: int

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_int_argument(
            self.name, _(self.label), _(self.help), self.least, self.most, self.default, _FLAGS
        )


class Real(NamedTuple):
    """A number, both limits included."""

    name: str
    label: str
    help: str
    least: float
    most: float
    default: float

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_double_argument(
            self.name, _(self.label), _(self.help), self.least, self.most, self.default, _FLAGS
        )


class Flag(NamedTuple):
    """Yes or no."""

    name: str
    label: str
    help: str
    default: bool

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_boolean_argument(self.name, _(self.label), _(self.help), self.default, _FLAGS)


class Text(NamedTuple):
    """Any text."""

    name: str
    label: str
    help: str
    default: str

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_string_argument(self.name, _(self.label), _(self.help), self.default, _FLAGS)


class Colour(NamedTuple):
    """An opaque colour; `default` is what `Gegl.Color` reads."""

    name: str
    label: str
    help: str
    default: str

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_color_argument(
            self.name, _(self.label), _(self.help), False, Gegl.Color.new(self.default), _FLAGS
        )


class File(NamedTuple):
    """A file that exists, or none."""

    name: str
    label: str
    help: str

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_file_argument(
            self.name, _(self.label), _(self.help), Gimp.FileChooserAction.OPEN, True, None, _FLAGS
        )


class Layer(NamedTuple):
    """A layer, or none."""

    name: str
    label: str
    help: str

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_layer_argument(self.name, _(self.label), _(self.help), True, _FLAGS)


class Returned(NamedTuple):
    """A value that comes back: `kind` is "string", or what may be none: "image", "layer" …"""

    kind: str
    name: str
    label: str
    help: str

    def add(self, procedure: Gimp.Procedure) -> None:
        add = getattr(procedure, f"add_{self.kind}_return_value")
        missing = "" if self.kind == "string" else True
        add(self.name, _(self.label), _(self.help), missing, _FLAGS)
