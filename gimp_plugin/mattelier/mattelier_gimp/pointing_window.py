"""The window of Select by Pointing: the picture with its matte, tools above it, subjects and
arguments beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

from . import dialogs  # noqa: E402
from .failure import error_message  # noqa: E402
from .i18n import N_, _  # noqa: E402
from .jobs import Call  # noqa: E402
from .matte_view import TOOLS, VIEWS, MatteView  # noqa: E402
from .questions import Questions, State  # noqa: E402
from .subject_list import Subject, SubjectList  # noqa: E402

_SIZE = 1080, 720
_BRUSH_STEP = 1.25
_STARTING = N_("The engine is starting…")
_LOOKING = N_("Looking…")
_READY = N_(
    "Click on what you mean. Shift or right click: not this. Drag: a box around it. "
    "Wheel: zoom. Middle button: move."
)


class Shown(tuple):
    """A picture as it is shown: width, height, RGB bytes."""

    width = property(lambda self: self[0])
    height = property(lambda self: self[1])
    rgb = property(lambda self: self[2])


def point(
    call: Call, shown: Shown, pictures: Callable, known: dict, options: Callable
) -> tuple[Questions, list[tuple[str, State]]] | None:
    """Show the window until Apply or Cancel.

    Parameters
    ----------
    shown : Shown
    pictures : callable, gives what the first question sends
    known : dict
        Of the hint: what the mask among them is.
    options : callable, gives what the arguments say: fields of a `State`

    Returns
    -------
    The questions, stopped, with their connection open, and name and last state of each subject
    that counts; None is Cancel.
    """
    return _Window(call, shown, pictures, known, options).run()


class _Window:
    def __init__(self, call, shown, pictures, known, options) -> None:
        self._call, self._options = call, options
        self._dialog = dialogs.arguments_dialog(call)
        self._dialog.set_ok_label(_("_Apply"))
        self._view = MatteView(shown.width, shown.height, shown.rgb, self._gesture_made)
        self._status = Gtk.Label(label=_(_STARTING), xalign=0, wrap=True)
        self._questions = Questions(call.settings, pictures, known, self._answered, self._failed)
        self._failure: Exception | None = None
        self._subjects = SubjectList(self._subject_chosen, self._subjects_changed)
        self._arrange()
        self._dialog.set_default_size(*_SIZE)
        self._dialog.connect("key-press-event", self._key)
        call.config.connect("notify", lambda *_about: self._ask())
        self._brush_widgets()

    def run(self):
        self._questions.start()
        self._ask()
        accepted = self._dialog.run()
        states = [(one.name, self._state(one)) for one in self._subjects.shown()]
        self._dialog.destroy()
        self._questions.stop()
        if self._failure is not None:
            raise self._failure
        if not accepted:
            if self._questions.worker is not None:
                self._questions.worker.close()
            return None
        return self._questions, states

    def _state(self, subject: Subject) -> State:
        options = self._options()
        seen = options["foreground"] and self._view.view in ("black", "white")
        return State(subject.number, subject.gestures, **{**options, "foreground": seen})

    def _ask(self) -> None:
        """Have all that counts answered as the arguments are now, the chosen subject first."""
        active = self._subjects.active
        for subject in sorted(self._subjects.shown(), key=lambda one: one is active):
            self._questions.ask(self._state(subject))
        if self._questions.worker is not None and not self._questions.rests():
            self._status.set_text(_(_LOOKING))

    def _gesture_made(self) -> None:
        subject = self._subjects.active
        subject.gestures = self._view.gestures
        if subject.number and not subject.gestures:
            subject.matte = subject.colours = None
            self._questions.forget(subject.number)
            self._show()
        self._ask()

    def _subject_chosen(self, subject: Subject) -> None:
        self._view.set_gestures(subject.gestures)

    def _subjects_changed(self, subjects: list) -> None:
        for number in set(self._questions.settled) - {one.number for one in subjects}:
            self._questions.forget(number)
        self._view.set_gestures(self._subjects.active.gestures)
        self._show()
        self._ask()

    def _set_view(self, name: str) -> None:
        self._view.set_view(name)
        self._ask()  # clean colours are asked for where they are seen

    def _answered(self, state: State, stage: str, pictures: dict) -> bool:
        for subject in self._subjects.subjects:
            if subject.number == state.subject and subject.gestures == state.gestures:
                subject.matte, subject.colours = pictures["alpha"], pictures.get("foreground")
        self._show()
        if self._questions.rests():
            self._status.set_text(_(_READY))
        return GLib.SOURCE_REMOVE

    def _show(self) -> None:
        seen = [one for one in self._subjects.shown() if one.matte is not None]
        self._view.show_mattes([one.matte for one in seen], [one.colours for one in seen])

    def _failed(self, error: Exception) -> bool:
        self._failure = error
        self._status.set_text(error_message(error))
        self._dialog.response(Gtk.ResponseType.CANCEL)
        return GLib.SOURCE_REMOVE

    def _arrange(self) -> None:
        """Tools above, the picture left, subjects and arguments right of it."""
        content = self._dialog.get_content_area()
        tools = self._tools()
        side = dialogs.put_beside(self._dialog, self._view)
        side.pack_start(self._subjects, False, False, 0)
        side.reorder_child(self._subjects, 0)
        content.pack_start(tools, False, False, 6)
        content.reorder_child(tools, 0)
        content.pack_start(self._status, False, False, 6)
        self._status.show()

    def _tools(self) -> Gtk.Widget:
        row = Gtk.Box(spacing=6)
        self._tool_buttons = _radio(row, TOOLS, self._choose_tool)
        row.pack_start(Gtk.Separator(orientation=Gtk.Orientation.VERTICAL), False, False, 6)
        self._view_combo = Gtk.ComboBoxText()
        for name, key, label in VIEWS:
            self._view_combo.append(name, f"{_(label)} ({key.upper()})")
        self._view_combo.set_active_id("film")
        self._view_combo.connect("changed", lambda c: self._set_view(c.get_active_id()))
        row.pack_start(self._view_combo, False, False, 0)
        for label, tip, act in (
            (N_("Fit"), N_("The whole picture (0)"), lambda: self._view.zoom(None)),
            ("1:1", N_("Its pixels as they are (1)"), lambda: self._view.zoom(0)),
            (N_("Undo"), N_("Take the last gesture back (Ctrl+Z)"), self._view.undo),
            (N_("Clear"), N_("Take all gestures back"), self._view.clear),
        ):
            button = Gtk.Button(label=_(label), tooltip_text=_(tip), can_focus=False)
            button.connect("clicked", lambda _button, act=act: act())
            row.pack_start(button, False, False, 0)
        row.show_all()
        return row

    def _brush_widgets(self) -> None:
        for name, key, label in TOOLS:
            self._tool_buttons[name].set_tooltip_text(
                _("{tool} ({key}); brushes: [ and ] change their size").format(
                    tool=_(label), key=key.upper()
                )
            )

    def _choose_tool(self, name: str) -> None:
        self._view.tool = name
        self._view.queue_draw()

    def _key(self, _dialog, event) -> bool:
        if isinstance(self._dialog.get_focus(), Gtk.Entry):
            return False  # a number is typed
        name = (Gdk.keyval_name(event.keyval) or "").lower()
        if event.state & Gdk.ModifierType.CONTROL_MASK:
            acts = {"z": self._view.undo, "n": self._subjects.add_subject}
            if name in acts:
                acts[name]()
            return name in acts
        if event.state & Gdk.ModifierType.MOD1_MASK:
            return False
        for view, key, _label in VIEWS:
            if name == key:
                self._view_combo.set_active_id(view)
                return True
        for tool, key, _label in TOOLS:
            if name == key:
                self._tool_buttons[tool].set_active(True)
                return True
        acts = {
            "backspace": self._view.undo,
            "0": lambda: self._view.zoom(None),
            "1": lambda: self._view.zoom(0),
            "plus": lambda: self._view.zoom(1.25),
            "equal": lambda: self._view.zoom(1.25),
            "minus": lambda: self._view.zoom(0.8),
            "bracketleft": lambda: self._view.resize_brush(1 / _BRUSH_STEP),
            "bracketright": lambda: self._view.resize_brush(_BRUSH_STEP),
        }
        if name in acts:
            acts[name]()
            return True
        return False


def _radio(row: Gtk.Box, choices, chosen: Callable) -> dict:
    buttons: dict = {}
    for name, _key, label in choices:
        first = next(iter(buttons.values()), None)
        button = Gtk.RadioButton.new_with_label_from_widget(first, _(label))
        button.set_mode(False)
        button.set_can_focus(False)
        button.connect("toggled", lambda b, name=name: b.get_active() and chosen(name))
        row.pack_start(button, False, False, 0)
        buttons[name] = button
    return buttons
