"""What a procedure takes: each argument adds itself to a GIMP procedure and fills request fields.

An argument `of` a field has the field's limits and default; a procedure may state narrower limits
and a default of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gi.repository import Gegl, Gimp, GObject

from . import schema
from .i18n import N_, _

_FLAGS = GObject.ParamFlags.READWRITE


class Argument:
    """One argument of a procedure; each type of it can `add` itself to a procedure.

    Parameters
    ----------
    name : str
        In the PDB.
    label, help : str
        In the dialog; marked with `N_`, and translated when they are shown.
    of : str, optional
        The request's field that it fills, as "denoise.grain".
    when : (str, tuple of str), optional
        A choice, and the values of it at which this argument counts; at others it is greyed out
        in the dialog, and its field is what makes a picture good, or null.
    shown : callable of (jobs.Call), gives bool, optional
        Whether the dialog asks for it, where it does not always.
    """

    def __init__(
        self,
        name: str,
        label: str,
        help: str,
        *,
        of: str = "",
        when: tuple[str, tuple[str, ...]] | None = None,
        shown: Callable | None = None,
    ) -> None:
        self.name = name
        self.label = label
        self.help = help
        self.of = of
        self.when = when
        self.shown = shown

    @property
    def field(self) -> str:
        """The field's name in its request."""
        return self.of.rpartition(".")[2]

    def fills(self, request: str) -> bool:
        """Whether it fills a field of this request."""
        return self.of.startswith(f"{request}.")

    def field_value(self, call):
        """What the field gets in a call; where it does not count, what suits by itself."""
        if self.when is not None and call[self.when[0]] not in self.when[1]:
            return schema.field(self.of).get("auto")
        return call[self.name]


class Choice(Argument):
    """One of several names, which scripts use; `options` are (name, label)."""

    def __init__(
        self, name, label, help, options, *, default="", of="", when=None, shown=None
    ) -> None:
        super().__init__(name, label, help, of=of, when=when, shown=shown)
        self.options = options
        self.default = default or str(schema.field(of)["default"])

    def field_value(self, call):
        value = super().field_value(call)
        return int(value) if schema.field(self.of)["type"] == "integer" else value

    def add(self, procedure: Gimp.Procedure) -> None:
        choice = Gimp.Choice.new()
        for number, (name, label) in enumerate(self.options):
            choice.add(name, number, _(label), "")
        procedure.add_choice_argument(
            self.name, _(self.label), _(self.help), choice, self.default, _FLAGS
        )


class _Number(Argument):
    """A number, both limits included; `null` is the value that leaves the field empty."""

    def __init__(
        self, name, label, help, *, of="", minimum=None, maximum=None, default=None, null=None,
        when=None,
    ) -> None:  # fmt: skip
        super().__init__(name, label, help, of=of, when=when)
        field = schema.field(of) if of else {}
        self.minimum = field["minimum"] if minimum is None else minimum
        self.maximum = field["maximum"] if maximum is None else maximum
        self.default = field.get("auto", field.get("default")) if default is None else default
        self.null = null
        if self.default is None:
            self.default = null

    def field_value(self, call):
        value = super().field_value(call)
        return None if value == self.null else value


class Integer(_Number):
    """A whole number."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_int_argument(
            self.name, _(self.label), _(self.help),
            self.minimum, self.maximum, self.default, _FLAGS,
        )  # fmt: skip


class Real(_Number):
    """Any number."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_double_argument(
            self.name, _(self.label), _(self.help),
            self.minimum, self.maximum, self.default, _FLAGS,
        )  # fmt: skip


class Flag(Argument):
    """Yes or no."""

    def __init__(self, name, label, help, *, default=None, of="", when=None, shown=None) -> None:
        super().__init__(name, label, help, of=of, when=when, shown=shown)
        self.default = schema.field(of)["default"] if default is None else default

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_boolean_argument(self.name, _(self.label), _(self.help), self.default, _FLAGS)


class Model(Argument):
    """Which of a task's models does the work; the dialog offers those that are here.

    Parameters
    ----------
    task : str
        The request's; on the models' cards it is `networks`, where that is another.
    of : str, optional
        The field, where it is not the request's "model".
    automatic, without : str, optional
        What the dialog calls the default, and what where no such model is here.
    """

    def __init__(
        self,
        task: str,
        help: str = N_("Name of the model; “default” comes with Mattelier"),
        *,
        networks: str = "",
        of: str = "",
        automatic: str = "",
        without: str = "",
    ) -> None:
        super().__init__("model", N_("_Model"), help, of=of or f"{task}.model")
        self.task = networks or task
        self.automatic, self.without = automatic, without
        self.default = schema.field(self.of)["default"]

    def field_value(self, call):
        return call[self.name] or self.default

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_string_argument(self.name, _(self.label), _(self.help), self.default, _FLAGS)


class Text(Argument):
    """Words, or none."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_string_argument(self.name, _(self.label), _(self.help), "", _FLAGS)


class Colour(Argument):
    """An opaque colour; `default` is what `Gegl.Color` reads."""

    def __init__(self, name, label, help, *, default, when=None) -> None:
        super().__init__(name, label, help, when=when)
        self.default = default

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_color_argument(
            self.name, _(self.label), _(self.help), False, Gegl.Color.new(self.default), _FLAGS
        )


class File(Argument):
    """A file that exists, or none."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_file_argument(
            self.name, _(self.label), _(self.help), Gimp.FileChooserAction.OPEN, True, None, _FLAGS
        )


class Folder(Argument):
    """A folder that exists, or none."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_file_argument(
            self.name, _(self.label), _(self.help),
            Gimp.FileChooserAction.SELECT_FOLDER, True, None, _FLAGS,
        )  # fmt: skip


class Layer(Argument):
    """A layer, or none."""

    def add(self, procedure: Gimp.Procedure) -> None:
        procedure.add_layer_argument(self.name, _(self.label), _(self.help), True, _FLAGS)


class ReferenceLayer(Layer):
    """A layer that others are to look like: the request's picture "reference".

    `required` is the sentence, marked with `N_`, for a call that names none; where it is empty,
    the request does without.
    """

    def __init__(self, name, label, help, *, required="") -> None:
        super().__init__(name, label, help)
        self.required = required


class ReturnValue(NamedTuple):
    """A value that comes back: `type` is "string", or what may be none: "image", "layer" …"""

    type: str
    name: str
    label: str
    help: str

    def add(self, procedure: Gimp.Procedure) -> None:
        add = getattr(procedure, f"add_{self.type}_return_value")
        missing = "" if self.type == "string" else True
        add(self.name, _(self.label), _(self.help), missing, _FLAGS)
