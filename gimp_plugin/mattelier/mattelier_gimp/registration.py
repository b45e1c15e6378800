"""How an entry of `PROCEDURES` becomes a procedure of GIMP, and what surrounds its calls."""

from __future__ import annotations

import contextlib

from gi.repository import Gimp, GLib, GObject

from . import jobs, settings
from .failure import error_message
from .i18n import _

_MENU = "<Image>/Filters/AI"
_STATUS = Gimp.PDBStatusType


def create(plugin: Gimp.PlugIn, name: str, place: int, entry) -> Gimp.Procedure:
    """Register one entry.

    Parameters
    ----------
    plugin : Gimp.PlugIn
    name : str
        In the PDB.
    place : int
        In the menu.
    entry : entry.Entry
    """
    if entry.on_layers:
        procedure = Gimp.ImageProcedure.new(
            plugin, name, Gimp.PDBProcType.PLUGIN, _run_on_layers, entry
        )
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(
            Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
        )
    else:
        procedure = Gimp.Procedure.new(plugin, name, Gimp.PDBProcType.PLUGIN, _run_alone, entry)
        procedure.add_enum_argument(
            "run-mode", _("Run mode"), _("The run mode"), Gimp.RunMode,
            Gimp.RunMode.NONINTERACTIVE, GObject.ParamFlags.READWRITE,
        )  # fmt: skip
    procedure.set_menu_label(_(entry.label))
    if entry.in_menu():
        # GIMP sorts a menu by path and label, and drops a section's name that does not exist.
        procedure.add_menu_path(f"{_MENU}/[{place:02}]")
    procedure.set_documentation(_(entry.blurb), _(entry.help), None)
    procedure.set_attribution("Mattelier", "Mattelier", "2026")
    for argument in entry.arguments:
        argument.add(procedure)
    for value in entry.returns:
        value.add(procedure)
    return procedure


def _run_on_layers(procedure, run_mode, image, drawables, config, entry):
    return _call(procedure, entry, run_mode, config, image, drawables)


def _run_alone(procedure, config, entry):
    return _call(procedure, entry, config.get_property("run-mode"), config)


def _call(procedure, entry, run_mode, config, image=None, drawables=()):
    """Run, and turn whatever happens into GIMP's return values."""
    try:
        layers = jobs.chosen_layers(image, drawables) if entry.on_layers else []
        with contextlib.ExitStack() as exit_stack:
            call = jobs.Call(
                procedure, run_mode, image, layers, config, entry.arguments, settings.load(),
                exit_stack,
            )  # fmt: skip
            if call.interactive and entry.has_dialog and not _ask(entry, call):
                return procedure.new_return_values(_STATUS.CANCEL, GLib.Error())
            return _success(procedure, entry.run(call))
    except jobs.Cancelled:
        return procedure.new_return_values(_STATUS.CANCEL, GLib.Error())
    except Exception as error:
        return procedure.new_return_values(
            _STATUS.EXECUTION_ERROR,
            GLib.Error.new_literal(Gimp.PlugIn.error_quark(), error_message(error), 0),
        )


def _ask(entry, call) -> bool:
    """Let the user change the arguments; False is Cancel."""
    if entry.before_dialog is not None:
        entry.before_dialog(call)
    from . import dialogs  # GIMP's interface library is slow to load

    return dialogs.ask(call, entry)


def _success(procedure: Gimp.Procedure, values: list) -> Gimp.ValueArray:
    returned = procedure.new_return_values(_STATUS.SUCCESS, GLib.Error())
    for number, (spec, value) in enumerate(zip(procedure.get_return_values(), values), start=1):
        returned.remove(number)
        returned.insert(number, GObject.Value(spec.value_type, value))
    return returned
