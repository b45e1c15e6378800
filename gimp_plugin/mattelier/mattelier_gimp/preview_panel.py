"""The preview beside a procedure's arguments: before and after, with a line between to be moved."""

from __future__ import annotations

import contextlib

import cairo
import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

from . import preview  # noqa: E402
from .failure import PluginError, error_message  # noqa: E402
from .i18n import N_, _  # noqa: E402
from .jobs import Call  # noqa: E402
from .surfaces import picture_surface  # noqa: E402

_SIZE_PX = 460, 400
_REST_MS = 250  # without a change of the arguments, after which they are tried
_LINE_REACH_PX = 12
_WORKING = N_("Working…")
_HELP = {
    False: N_("Left of the line: before. Right of it: after. Drag the line."),
    True: N_("A part at full size: drag the line, or drag the picture to see another part."),
}


class PreviewPanel(Gtk.Box):
    """Shows what an entry would do; `stop` ends it.

    Parameters
    ----------
    call : Call
    entry : entry.Entry
        Its `preview` says how.
    """

    def __init__(self, call: Call, entry) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._call, self._entry = call, entry
        self._copy: preview.Copy | None = None
        self._centre = _middle(call)
        self._trials: list[preview.Trial] = []  # whose answers are waited for
        self._timer = None
        self._stopped = False
        self._asker = preview.Asker(call.settings, self._answered)
        self._view = SplitView(self._moved if entry.preview.part else None)
        self._status = Gtk.Label(label=_(_WORKING), xalign=0, wrap=True, max_width_chars=50)
        self.pack_start(self._view, True, True, 0)
        self.pack_start(self._status, False, False, 0)
        self.show_all()
        self._watch = call.config.connect("notify", lambda *_about: self._later())
        self._asker.start()
        GLib.idle_add(self._begin)

    def stop(self) -> None:
        """Let go of all copies; the widget is of no use afterwards."""
        self._call.config.disconnect(self._watch)
        if self._timer is not None:
            GLib.source_remove(self._timer)
        self._asker.stop()
        for trial in self._trials:
            trial.close()
        if self._copy is not None:
            self._copy.image.delete()
        self._copy = None
        self._stopped = True

    def _begin(self) -> bool:
        if not self._stopped:
            self._take_copy()
            self._try()
        return GLib.SOURCE_REMOVE

    def _take_copy(self) -> None:
        if self._copy is not None:
            self._copy.image.delete()
        part = self._entry.preview.part
        self._copy = (
            preview.part_copy(self._call, self._centre, part)
            if part
            else preview.whole_copy(self._call)
        )
        before = self._copy.image.duplicate()
        self._view.show_before(preview.look(before))
        before.delete()

    def _moved(self, x: float, y: float) -> None:
        """Another part is looked at: moved by shares of what is shown."""
        width = self._call.image.get_width()
        height = self._call.image.get_height()
        shown = self._copy.image
        self._centre = (
            min(max(self._centre[0] + x * shown.get_width() / width, 0.0), 1.0),
            min(max(self._centre[1] + y * shown.get_height() / height, 0.0), 1.0),
        )
        self._take_copy()
        self._later()

    def _later(self) -> None:
        if self._timer is not None:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(_REST_MS, self._try)

    def _try(self) -> bool:
        self._timer = None
        if self._stopped or self._copy is None:
            return GLib.SOURCE_REMOVE
        self._status.set_text(_(_WORKING))
        stack = contextlib.ExitStack()
        try:
            trial = preview.Trial(self._call, self._entry, self._copy, stack)
            requests = trial.requests()
            if not requests:
                raise PluginError(_("No selected layer is in this part."))
        except Exception as error:
            stack.close()
            self._say(error)
            return GLib.SOURCE_REMOVE
        self._trials.append(trial)
        self._asker.ask(trial, requests)
        return GLib.SOURCE_REMOVE

    def _answered(self, trial, answers) -> bool:
        if self._stopped:
            return GLib.SOURCE_REMOVE
        self._trials.remove(trial)
        if answers is None:
            trial.close()
            return GLib.SOURCE_REMOVE
        try:
            if isinstance(answers, Exception):
                raise answers
            self._view.show_after(trial.result(answers))
            self._status.set_text(_(_HELP[self._entry.preview.part > 0]))
        except Exception as error:
            self._say(error)
        finally:
            trial.close()
        return GLib.SOURCE_REMOVE

    def _say(self, error: Exception) -> None:
        self._view.show_after(None)
        self._status.set_text(error_message(error))


def _middle(call: Call) -> tuple[float, float]:
    """The middle of the first layer, in shares of the image."""
    layer = call.layers[0]
    _found, x, y = layer.get_offsets()
    places = (
        (x + layer.get_width() / 2) / call.image.get_width(),
        (y + layer.get_height() / 2) / call.image.get_height(),
    )
    return tuple(min(max(place, 0.0), 1.0) for place in places)


class SplitView(Gtk.DrawingArea):
    """Two pictures of one thing, the left part of one and the right part of the other.

    Parameters
    ----------
    moved : callable of (x, y), or None
        The picture was dragged by so much of its size.
    """

    def __init__(self, moved) -> None:
        super().__init__(hexpand=True, vexpand=True)
        self._pictures: dict = {"before": None, "after": None}
        self._split = 0.5
        self._moved = moved
        self._drag = None
        self.set_size_request(*_SIZE_PX)
        self.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK
            | Gdk.EventMask.BUTTON_RELEASE_MASK
            | Gdk.EventMask.POINTER_MOTION_MASK
        )
        self.connect("draw", self._draw)
        self.connect("button-press-event", self._pressed)
        self.connect("button-release-event", self._released)
        self.connect("motion-notify-event", self._motion)

    def show_before(self, seen: preview.Seen) -> None:
        """Another picture; what came of the last one goes."""
        self._pictures = {"before": _surface(seen), "after": None}
        self.queue_draw()

    def show_after(self, seen) -> None:
        """What came of it, or None."""
        self._pictures["after"] = seen and _surface(seen)
        self.queue_draw()

    def _place(self) -> tuple[float, float, float, float]:
        """Where the picture is seen: left, top, width, height."""
        before = self._pictures["before"]
        room = self.get_allocated_width(), self.get_allocated_height()
        size = before.get_width(), before.get_height()
        scale = min(room[0] / size[0], room[1] / size[1])
        width, height = (side * scale for side in size)
        return (room[0] - width) / 2, (room[1] - height) / 2, width, height

    def _draw(self, _widget, context) -> bool:
        context.set_source_rgb(0.18, 0.18, 0.18)
        context.paint()
        if self._pictures["before"] is None:
            return False
        left, top, width, height = self._place()
        line = left + self._split * width
        for name, start, end in (("before", left, line), ("after", line, left + width)):
            surface = self._pictures[name] or self._pictures["before"]
            context.save()
            context.rectangle(start, top, end - start, height)
            context.clip()
            context.translate(left, top)
            context.scale(width / surface.get_width(), height / surface.get_height())
            context.set_source_surface(surface)
            context.get_source().set_filter(cairo.FILTER_GOOD)
            context.paint()
            context.restore()
        for colour, thickness in (((0, 0, 0, 0.6), 3), ((1, 1, 1, 1), 1)):
            context.set_source_rgba(*colour)
            context.set_line_width(thickness)
            context.move_to(line, top)
            context.line_to(line, top + height)
            context.stroke()
        return False

    def _pressed(self, _widget, event) -> bool:
        if self._pictures["before"] is not None and event.button == 1:
            left, _top, width, _height = self._place()
            near = abs(event.x - left - self._split * width) < _LINE_REACH_PX
            self._drag = "line" if near or self._moved is None else (event.x, event.y)
            self._motion(None, event)
        return True

    def _motion(self, _widget, event) -> bool:
        if self._drag == "line":
            left, _top, width, _height = self._place()
            self._split = min(max((event.x - left) / width, 0.0), 1.0)
            self.queue_draw()
        return True

    def _released(self, _widget, event) -> bool:
        drag, self._drag = self._drag, None
        if isinstance(drag, tuple):
            _left, _top, width, height = self._place()
            self._moved((drag[0] - event.x) / width, (drag[1] - event.y) / height)
        return True


def _surface(seen: preview.Seen) -> cairo.ImageSurface:
    return picture_surface(seen.width, seen.height, seen.rgb)
