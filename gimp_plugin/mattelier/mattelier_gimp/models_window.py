"""The window of Models: a list, and what can be done to what is chosen in it."""

from __future__ import annotations

import threading

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402

from . import models  # noqa: E402
from .failure import error_message, runnable  # noqa: E402
from .i18n import N_, _  # noqa: E402

_ROLE = "mattelier-models"
_HEADS = (N_("Model"), N_("What for"), N_("Size"), N_("Licence"), N_("State"))
_SIZE = 860, 480
_BRINGING = N_(
    "Models that are not in this list, as those for objects, erasing and style, are brought in "
    "with “mattelier models import FILE”, once you have them."
)


def show(settings) -> list:
    """Show the window until it is closed; gives the models as they are then."""
    return _Window(settings).run()


class _Window:
    def __init__(self, settings) -> None:
        GimpUi.init(_ROLE)
        self._settings = settings
        self._models: list = []
        self._busy = False
        self._dialog = GimpUi.Dialog(title=_("Models"), role=_ROLE)
        self._dialog.add_button(_("_Close"), Gtk.ResponseType.CLOSE)
        self._dialog.set_default_size(*_SIZE)
        self._store = Gtk.ListStore(*[str] * len(_HEADS))
        self._view = Gtk.TreeView(model=self._store)
        for number, head in enumerate(_HEADS):
            renderer = Gtk.CellRendererText(xalign=1.0 if head == _HEADS[2] else 0.0)
            column = Gtk.TreeViewColumn(_(head), renderer, text=number)
            column.set_resizable(True)
            column.set_alignment(renderer.get_property("xalign"))
            self._view.append_column(column)
        self._view.get_selection().connect("changed", lambda *_about: self._describe())
        scrolled = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN)
        scrolled.add(self._view)
        self._details = Gtk.Label(xalign=0, yalign=0, wrap=True, selectable=True, can_focus=False)
        self._details.set_lines(4)
        self._bar = Gtk.ProgressBar(show_text=True)
        buttons = Gtk.Box(spacing=6)
        self._get = Gtk.Button.new_with_mnemonic(_("_Get"))
        self._remove = Gtk.Button.new_with_mnemonic(_("_Remove"))
        self._get.connect("clicked", lambda _button: self._start_get())
        self._remove.connect("clicked", lambda _button: self._start("remove"))
        for button in (self._get, self._remove):
            buttons.pack_start(button, False, False, 0)
        buttons.pack_start(self._bar, True, True, 6)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, margin=12)
        box.pack_start(scrolled, True, True, 0)
        box.pack_start(self._details, False, False, 0)
        box.pack_start(buttons, False, False, 0)
        self._dialog.get_content_area().pack_start(box, True, True, 0)
        self._dialog.show_all()
        self._bar.set_no_show_all(True)
        self._start("list")

    def run(self) -> list:
        self._dialog.run()
        self._dialog.destroy()
        return self._models

    def _chosen(self) -> dict | None:
        store, place = self._view.get_selection().get_selected()
        if place is None:
            return None
        name = store[place][0]
        return next((model for model in self._models if model["name"] == name), None)

    def _describe(self) -> None:
        model = self._chosen()
        text = runnable(_(_BRINGING))
        if model is not None:
            lines = [str(model.get("title", "")), str(model.get("source", ""))]
            if model.get("commercial") == "no":
                lines.append(_("Its licence does not allow commercial use."))
            if model["state"] == "absent" and not model.get("bytes"):
                lines.append(_("How large it is, is not known."))
            text = "\n".join(filter(None, lines))
        self._details.set_text(text)
        state = model["state"] if model is not None else ""
        self._get.set_sensitive(not self._busy and state in ("absent", "missing", "damaged"))
        removable = model is not None and state != "absent" and not model.get("comes_along")
        self._remove.set_sensitive(not self._busy and removable)

    def _start_get(self) -> None:
        model = self._chosen()
        accepted = True
        if model.get("needs_acceptance"):
            question = Gtk.MessageDialog(
                transient_for=self._dialog, modal=True, message_type=Gtk.MessageType.QUESTION,
                buttons=Gtk.ButtonsType.NONE,
                text=_("The licence of {name} is {licence}.").format(
                    name=model["name"], licence=model["licence"]
                ),
                secondary_text=_("Read it at {source}. Do you accept it?").format(
                    source=model["source"]
                ),
            )  # fmt: skip
            question.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
            question.add_button(_("_Accept"), Gtk.ResponseType.ACCEPT)
            accepted = question.run() == Gtk.ResponseType.ACCEPT
            question.destroy()
        if accepted:
            self._start("get", accept_licence=True)

    def _start(self, action: str, **further) -> None:
        options = {"action": action, **further}
        if action != "list":
            options["name"] = self._chosen()["name"]
        self._busy = True
        self._bar.set_text(_("Working…"))
        self._bar.set_fraction(0)
        self._bar.show()
        self._describe()
        threading.Thread(target=self._work, args=(options,), daemon=True).start()

    def _work(self, options: dict) -> None:
        def progress(share, stage):
            GLib.idle_add(self._bar.set_fraction, share)
            if stage:
                GLib.idle_add(self._bar.set_text, _(stage))

        try:
            found = models.ask(self._settings, progress, **options)
        except Exception as error:
            GLib.idle_add(self._done, None, error)
        else:
            GLib.idle_add(self._done, found, None)

    def _done(self, found, error) -> bool:
        self._busy = False
        self._bar.hide()
        if found is not None:
            chosen = self._chosen()
            self._models = found
            self._store.clear()
            for model in found:
                place = self._store.append(models.columns(model))
                if chosen is not None and model["name"] == chosen["name"]:
                    self._view.get_selection().select_iter(place)
        self._describe()
        if error is not None:
            self._details.set_text(error_message(error))
        return GLib.SOURCE_REMOVE
