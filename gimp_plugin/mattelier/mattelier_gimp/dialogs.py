"""The windows: a procedure's arguments, and a text to read and copy.

GIMP's interface library is imported here alone, so that calls without a window start fast.
"""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402

from . import engine  # noqa: E402
from .arguments import Model  # noqa: E402
from .i18n import _  # noqa: E402
from .jobs import Call  # noqa: E402

_ROLE = "mattelier"
_SIDE_PX = 380  # of arguments beside a picture: room for a slider to be dragged
_STANDARD_ARGUMENTS = ("run-mode", "image", "drawables")  # GIMP itself sets these


def ask(call: Call, entry) -> bool:
    """Show a procedure's arguments until OK, and what they would do; False is Cancel."""
    dialog = arguments_dialog(call)
    panel = None
    if entry.preview is not None:
        from .preview_panel import PreviewPanel  # needs cairo

        panel = PreviewPanel(call, entry)
        put_beside(dialog, panel)
    accepted = dialog.run()
    if panel is not None:
        panel.stop()
    dialog.destroy()
    return accepted


def put_beside(dialog: Gtk.Dialog, widget: Gtk.Widget) -> Gtk.Box:
    """Put a widget left of the arguments, which GIMP has put into a dialog; gives their box."""
    content = dialog.get_content_area()
    side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, valign=Gtk.Align.START)
    for child in content.get_children():
        if content.query_child_packing(child)[3] == Gtk.PackType.START:
            content.remove(child)
            side.pack_start(child, False, False, 0)
    middle = Gtk.Box(spacing=12)
    middle.pack_start(widget, True, True, 0)
    middle.pack_start(side, False, False, 0)
    content.pack_start(middle, True, True, 6)
    side.set_hexpand(False)  # the picture has the room
    side.set_size_request(_SIDE_PX, -1)
    for one in (side, middle, widget):
        one.show()
    return side


def arguments_dialog(call: Call) -> GimpUi.ProcedureDialog:
    """A procedure's arguments, with OK, Cancel and what else GIMP puts beside them."""
    procedure, config = call.procedure, call.config
    hidden = [one.name for one in call.arguments if one.shown is not None and not one.shown(call)]
    arguments = [one for one in call.arguments if one.name not in hidden]
    GimpUi.init(_ROLE)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, _title(procedure))
    unasked = (*_STANDARD_ARGUMENTS, *hidden)
    specs = [spec for spec in procedure.get_arguments() if spec.name not in unasked]
    for spec in specs:
        if spec.value_type == GObject.TYPE_DOUBLE:
            dialog.get_scale_entry(spec.name, 1.0)
    dialog.fill([spec.name for spec in specs])
    for argument in arguments:
        if isinstance(argument, Model):
            _offer_models(argument, dialog.get_widget(argument.name, GObject.TYPE_NONE), config)
        if argument.when is not None:
            choice, values = argument.when
            allowed = Gimp.ValueArray.new(len(values))
            for value in values:
                allowed.append(GObject.Value(str, value))
            dialog.set_sensitive_if_in(argument.name, config, choice, allowed, True)
    return dialog


def _title(procedure) -> str:
    """The menu's label without its key and without the dots that promise this dialog."""
    return procedure.get_menu_label().replace("_", "").rstrip("… ")


def _offer_models(argument: Model, labelled: Gtk.Grid, config: Gimp.ProcedureConfig) -> None:
    """Put a list of models in the place of the entry for the name."""
    label = labelled.get_child_at(0, 0)
    labelled.get_child_at(1, 0).hide()
    combo = Gtk.ComboBoxText(hexpand=True, visible=True)
    here = engine.models(argument.task)
    automatic = argument.automatic if here else argument.without
    labels = {argument.default: _(automatic)} if automatic else {}
    chosen = config.get_property(argument.name) or argument.default
    for name in dict.fromkeys([argument.default, *here, chosen]):
        combo.append(name, labels.get(name, name))
    both_ways = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
    config.bind_property(argument.name, combo, "active-id", both_ways)
    label.set_mnemonic_widget(combo)
    labelled.attach(combo, 1, 0, 1, 1)


def show_text(title: str, text: str) -> None:
    """Show a text that can be copied."""
    GimpUi.init(_ROLE)
    dialog = GimpUi.Dialog(title=title, role=_ROLE)
    dialog.add_button(_("_Close"), Gtk.ResponseType.CLOSE)
    view = Gtk.TextView(
        editable=False, cursor_visible=False, wrap_mode=Gtk.WrapMode.WORD,
        left_margin=12, right_margin=12, top_margin=12, bottom_margin=12,
    )  # fmt: skip
    view.get_buffer().set_text(text)
    scrolled = Gtk.ScrolledWindow(min_content_width=640, min_content_height=360)
    scrolled.add(view)
    dialog.get_content_area().pack_start(scrolled, True, True, 0)
    dialog.show_all()
    dialog.run()
    dialog.destroy()
