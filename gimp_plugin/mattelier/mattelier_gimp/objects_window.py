"""The window of Objects: the picture, and a list of what is in it, a thumbnail and an eye each.

What counts is seen in the picture, too: all else lies under a red film.
"""

from __future__ import annotations

import cairo
import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk  # noqa: E402

from . import dialogs, objects, preview  # noqa: E402
from .failure import error_message  # noqa: E402
from .gestures import Click  # noqa: E402
from .i18n import N_, _  # noqa: E402
from .jobs import Call  # noqa: E402
from .matte_view import MatteView  # noqa: E402
from .surfaces import alpha_surface, picture_surface  # noqa: E402

_SIZE = 1000, 680
_LIST_PX = 300
_THUMBNAIL_PX = 56
_GROUND = 0.35
_LOOKING = N_("Looking…")
_FOUND = N_("Click on a thing, or on its eye, to leave it out or to take it in.")
_NONE = N_("No object was found.")


def choose(call: Call, layer: Gimp.Layer) -> list[objects.Thing] | None:
    """Show the window until Apply or Cancel; gives what counts, None is Cancel."""
    return _Window(call, layer).run()


class _Window:
    def __init__(self, call: Call, layer: Gimp.Layer) -> None:
        self._call, self._layer = call, layer
        self._scale = objects.shown_scale(layer)
        shown = objects.shown_picture(layer)
        self._size = shown.width, shown.height
        self._picture = picture_surface(*self._size, shown.strips[0])
        self._things: list = []
        self._mattes: list = []  # of the things, as they are shown
        self._eyes: list = []
        self._asked = None
        self._failure: Exception | None = None
        self._dialog = dialogs.arguments_dialog(call)
        self._dialog.set_ok_label(_("_Apply"))
        self._view = MatteView(*self._size, shown.strips[0], self._clicked)
        self._status = Gtk.Label(xalign=0, wrap=True)
        self._rows = Gtk.ListBox(selection_mode=Gtk.SelectionMode.NONE)
        self._arrange()
        self._dialog.set_default_size(*_SIZE)
        self._asker = preview.Asker(call.settings, self._answered)
        call.config.connect("notify", lambda *_about: self._ask())

    def run(self) -> list | None:
        self._asker.start()
        self._ask()
        accepted = self._dialog.run()
        self._dialog.destroy()
        self._asker.stop()
        if self._failure is not None:
            raise self._failure
        return [self._things[number] for number in self._counting()] if accepted else None

    def _ask(self) -> None:
        """Look again where what was asked is another thing now."""
        asked = objects.request(self._call, self._layer)
        picture = asked.pictures["picture"]
        key = asked.options, picture.channels
        if key == self._asked:
            return
        self._asked = key
        self._status.set_text(_(_LOOKING))
        self._show_things([])
        picture = picture._replace(strips=list(picture.strips))
        self._asker.ask(key, [asked._replace(pictures={"picture": picture})])

    def _answered(self, key, answers) -> bool:
        if key != self._asked or answers is None:
            return GLib.SOURCE_REMOVE
        if isinstance(answers, Exception):
            self._failure = answers
            self._status.set_text(error_message(answers))
            self._dialog.response(Gtk.ResponseType.CANCEL)
            return GLib.SOURCE_REMOVE
        ((report, pictures),) = answers
        self._show_things(objects.read_things(report, pictures))
        told = _FOUND if self._things else _NONE
        self._status.set_text(" ".join(filter(None, (_(told), objects.parts_note()))))
        return GLib.SOURCE_REMOVE

    def _show_things(self, things: list) -> None:
        for row in self._rows.get_children():
            self._rows.remove(row)
        self._things, self._eyes = things, []
        self._mattes = [objects.shown_matte(one.alpha, self._scale) for one in things]
        for thing, matte in zip(things, self._mattes):
            self._rows.add(self._row(thing, matte))
        self._rows.show_all()
        self._show()

    def _row(self, thing, matte) -> Gtk.ListBoxRow:
        line = Gtk.Box(spacing=8, margin=3)
        eye = Gtk.ToggleButton(
            active=True, can_focus=False, relief=Gtk.ReliefStyle.NONE,
            tooltip_text=_("Whether it counts"), valign=Gtk.Align.CENTER,
        )  # fmt: skip
        icon = Gtk.Image.new_from_icon_name("gimp-visible", Gtk.IconSize.MENU)
        eye.add(icon)

        def toggled(_button) -> None:
            icon.set_opacity(1.0 if eye.get_active() else 0.15)
            self._show()

        eye.connect("toggled", toggled)
        self._eyes.append(eye)
        line.pack_start(eye, False, False, 0)
        thumbnail = _thumbnail(self._picture, self._size, self._layer, thing, matte)
        line.pack_start(Gtk.Image.new_from_surface(thumbnail), False, False, 0)
        line.pack_start(Gtk.Label(label=thing.name, xalign=0), True, True, 0)
        sure = Gtk.Label(label=f"{thing.score:.0%}", tooltip_text=_("How sure the model is of it"))
        sure.set_opacity(0.6)
        line.pack_start(sure, False, False, 6)
        row = Gtk.ListBoxRow(can_focus=False)
        row.add(line)
        return row

    def _counting(self) -> list[int]:
        return [number for number, eye in enumerate(self._eyes) if eye.get_active()]

    def _show(self) -> None:
        if not self._things:
            self._view.show_mattes([], [])
            return
        seen = [self._mattes[number] for number in self._counting()]
        nothing = objects.Reduced(1, 1, [b"\0"])
        self._view.show_mattes(seen or [nothing], [None])

    def _clicked(self) -> None:
        """Turn the eye of what was clicked on; the view keeps no gestures here."""
        gestures = self._view.gestures
        self._view.set_gestures(())
        for gesture in gestures:
            if isinstance(gesture, Click):
                there = [self._share_at(matte, gesture) for matte in self._mattes]
                if there and max(there):
                    eye = self._eyes[there.index(max(there))]
                    eye.set_active(not eye.get_active())

    def _share_at(self, matte, click: Click) -> int:
        x = min(int(click.x * matte.width / self._size[0]), matte.width - 1)
        y = min(int(click.y * matte.height / self._size[1]), matte.height - 1)
        return matte.strips[0][y * matte.width + x]

    def _arrange(self) -> None:
        side = dialogs.put_beside(self._dialog, self._view)
        scrolled = Gtk.ScrolledWindow(
            min_content_height=_LIST_PX, hscrollbar_policy=Gtk.PolicyType.NEVER,
            shadow_type=Gtk.ShadowType.IN,
        )  # fmt: skip
        scrolled.add(self._rows)
        buttons = Gtk.Box(spacing=6, homogeneous=True)
        for label, active in ((N_("All"), True), (N_("None"), False)):
            button = Gtk.Button(label=_(label), can_focus=False)
            button.connect("clicked", lambda _button, active=active: self._set_all(active))
            buttons.pack_start(button, True, True, 0)
        for place, widget in enumerate((scrolled, buttons)):
            side.pack_start(widget, False, False, 0)
            side.reorder_child(widget, place)
            widget.show_all()
        content = self._dialog.get_content_area()
        content.pack_start(self._status, False, False, 6)
        self._status.show()

    def _set_all(self, active: bool) -> None:
        for eye in self._eyes:
            eye.set_active(active)


def _thumbnail(picture, size: tuple, layer: Gimp.Layer, thing, matte) -> cairo.ImageSurface:
    """An object alone on grey, as large as fits."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, _THUMBNAIL_PX, _THUMBNAIL_PX)
    context = cairo.Context(surface)
    context.set_source_rgb(_GROUND, _GROUND, _GROUND)
    context.paint()
    across, down = size[0] / layer.get_width(), size[1] / layer.get_height()
    x, y, width, height = (
        length * scale for length, scale in zip(thing.box, (across, down, across, down))
    )
    zoom = _THUMBNAIL_PX / max(width, height, 1)
    context.translate((_THUMBNAIL_PX - zoom * width) / 2, (_THUMBNAIL_PX - zoom * height) / 2)
    context.scale(zoom, zoom)
    context.translate(-x, -y)
    context.push_group()
    context.scale(size[0] / matte.width, size[1] / matte.height)
    context.set_source_rgb(1, 1, 1)
    context.mask_surface(alpha_surface(matte.width, matte.height, matte.strips[0]), 0, 0)
    cover = context.pop_group()
    context.set_source_surface(picture, 0, 0)
    context.mask(cover)
    return surface
