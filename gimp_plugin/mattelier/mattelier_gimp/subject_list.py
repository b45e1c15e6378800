"""What is pointed at in one go: a list of subjects, with an eye each."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk  # noqa: E402

from .i18n import _  # noqa: E402

_MAX_SUBJECTS = 20  # that the worker keeps of one picture
_HEIGHT_PX = 120


class Subject:
    """One of the list.

    Attributes
    ----------
    number : int
        Its own, also when others before it are removed.
    gestures : tuple
    visible : bool
    matte, colours : the worker's pictures, or None
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = _("Subject {number}").format(number=number + 1)
        self.gestures: tuple = ()
        self.visible = True
        self.matte = self.colours = None


class SubjectList(Gtk.Box):
    """The list and its buttons; there is always one subject, and one is chosen.

    Parameters
    ----------
    chosen : callable of (Subject)
        Another is pointed at from now on.
    changed : callable of (list of Subject)
        Some came or went, or their eyes opened or closed.
    """

    def __init__(self, chosen: Callable, changed: Callable) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._chosen, self._changed = chosen, changed
        self.subjects: list[Subject] = []
        self._rows = Gtk.ListBox(selection_mode=Gtk.SelectionMode.BROWSE)
        self._rows.connect("row-selected", self._selected)
        scrolled = Gtk.ScrolledWindow(
            min_content_height=_HEIGHT_PX, hscrollbar_policy=Gtk.PolicyType.NEVER,
            shadow_type=Gtk.ShadowType.IN,
        )  # fmt: skip
        scrolled.add(self._rows)
        buttons = Gtk.Box(spacing=6, homogeneous=True)
        self._new = Gtk.Button(
            label=_("New Subject"), tooltip_text=_("Point at another thing as well (Ctrl+N)")
        )
        self._new.connect("clicked", lambda _button: self.add_subject())
        self._remove = Gtk.Button(label=_("Remove"), tooltip_text=_("Forget the chosen subject"))
        self._remove.connect("clicked", lambda _button: self._remove_chosen())
        for button in (self._new, self._remove):
            button.set_can_focus(False)
            buttons.pack_start(button, True, True, 0)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(buttons, False, False, 0)
        self.add_subject()
        self.show_all()

    @property
    def active(self) -> Subject:
        """The one that gestures mean."""
        row = self._rows.get_selected_row()
        return self.subjects[row.get_index() if row else 0]

    def shown(self) -> list[Subject]:
        """Those with an open eye that were pointed at, or that it began with."""
        return [one for one in self.subjects if one.visible and (one.gestures or not one.number)]

    def add_subject(self) -> None:
        """Another one, which is chosen."""
        # The first has what the layer said already; no later one begins with it.
        free = set(range(1 if self.subjects else 0, _MAX_SUBJECTS))
        free -= {one.number for one in self.subjects}
        if not free:
            return
        subject = Subject(min(free))
        self.subjects.append(subject)
        self._rows.add(self._row(subject))
        self._rows.show_all()
        self._rows.select_row(self._rows.get_row_at_index(len(self.subjects) - 1))
        self._count()

    def _row(self, subject: Subject) -> Gtk.ListBoxRow:
        line = Gtk.Box(spacing=6, margin=3)
        eye = Gtk.ToggleButton(
            active=True, can_focus=False, relief=Gtk.ReliefStyle.NONE,
            tooltip_text=_("Whether it counts"),
        )  # fmt: skip
        icon = Gtk.Image.new_from_icon_name("gimp-visible", Gtk.IconSize.MENU)
        eye.add(icon)

        def toggled(_button) -> None:
            subject.visible = eye.get_active()
            icon.set_opacity(1.0 if subject.visible else 0.15)
            self._changed(self.subjects)

        eye.connect("toggled", toggled)
        line.pack_start(eye, False, False, 0)
        line.pack_start(Gtk.Label(label=subject.name, xalign=0), True, True, 0)
        row = Gtk.ListBoxRow(can_focus=False)
        row.add(line)
        return row

    def _remove_chosen(self) -> None:
        place = self.subjects.index(self.active)
        del self.subjects[place]
        self._rows.remove(self._rows.get_row_at_index(place))
        self._rows.select_row(self._rows.get_row_at_index(max(0, place - 1)))
        self._count()
        self._changed(self.subjects)

    def _selected(self, _rows, row) -> None:
        if row is not None:
            self._chosen(self.active)

    def _count(self) -> None:
        self._remove.set_sensitive(len(self.subjects) > 1)
        self._new.set_sensitive(len(self.subjects) < _MAX_SUBJECTS)
