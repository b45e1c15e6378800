"""The picture with its matte, to be pointed at: zoom, pan, clicks, boxes and brushes.

cairo composes; there is no numpy in GIMP.
"""

from __future__ import annotations

from collections.abc import Callable

import cairo
import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

from .gestures import BRUSHES, Box, Click, Stroke  # noqa: E402
from .i18n import N_  # noqa: E402
from .surfaces import alpha_surface, picture_surface  # noqa: E402

# Name, key (as in Select and Mask), label.
VIEWS = (
    ("film", "v", N_("On red film")),
    ("black", "a", N_("On black")),
    ("white", "t", N_("On white")),
    ("matte", "k", N_("Matte alone")),
    ("picture", "x", N_("Picture alone")),
)
TOOLS = (
    ("point", "p", N_("Point")),
    ("hair", "h", N_("Hair")),
    ("sure", "s", N_("Sure")),
    ("not", "n", N_("Not")),
)
_FILM = 0.9, 0.05, 0.1, 0.55
_DRAG_PX = 5  # of the screen, from which a click is a box
_ZOOM_STEP, _MAX_ZOOM = 1.25, 16.0
_DOT_PX = 5
_TOOL_COLOURS = {"hair": (1.0, 0.75, 0.0), "sure": (0.2, 0.9, 0.3), "not": (1.0, 0.2, 0.2)}


class MatteView(Gtk.DrawingArea):
    """A picture of width × height RGB bytes; `gestures` is a tuple that grows and shrinks.

    Parameters
    ----------
    changed : callable, without arguments
        Called after each gesture that was made or taken back.
    """

    def __init__(self, width: int, height: int, rgb: bytes, changed: Callable) -> None:
        super().__init__(hexpand=True, vexpand=True, can_focus=True)
        self.gestures: tuple = ()
        self.view, self.tool, self.brush = "film", "point", 24.0
        self._size = width, height
        self._changed = changed
        self._picture = picture_surface(width, height, rgb)
        self._clean = None  # the subjects on black, with edges in their own colours
        self._inverted = None
        self._zoom, self._offset = None, (0.0, 0.0)  # None: fitted
        self._press = None
        self._path: list = []
        self._pointer = None
        self.set_size_request(480, 320)
        self.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK
            | Gdk.EventMask.BUTTON_RELEASE_MASK
            | Gdk.EventMask.POINTER_MOTION_MASK
            | Gdk.EventMask.SCROLL_MASK
            | Gdk.EventMask.LEAVE_NOTIFY_MASK
        )
        self.connect("draw", self._draw)
        self.connect("button-press-event", self._pressed)
        self.connect("button-release-event", self._released)
        self.connect("motion-notify-event", self._moved)
        self.connect("scroll-event", self._scrolled)
        self.connect("leave-notify-event", self._left)

    def show_mattes(self, mattes: list, colours: list) -> None:
        """Show what several mattes hold together.

        Parameters
        ----------
        mattes : list of the worker's pictures
            One byte a pixel, of any size.
        colours : list of the worker's pictures, or None each
            RGB of the picture's size: the subject's own, for the views without the background.
        """
        masks = [alpha_surface(one.width, one.height, one.strips[0]) for one in mattes]
        self._inverted = _outside(*self._size, masks) if masks else None
        self._clean = None
        if any(one is not None for one in colours):
            self._clean = _on_black(self._picture, *self._size, mattes, colours)
        self.queue_draw()

    def set_gestures(self, gestures: tuple) -> None:
        """Go on from another subject's gestures."""
        self.gestures = gestures
        self.queue_draw()

    def set_view(self, name: str) -> None:
        self.view = name
        self.queue_draw()

    def undo(self) -> None:
        """Take the last gesture back."""
        if self.gestures:
            self._set_gestures(self.gestures[:-1])

    def clear(self) -> None:
        """Take all gestures back."""
        if self.gestures:
            self._set_gestures(())

    def zoom(self, factor: float | None) -> None:
        """Zoom about the middle; None fits the picture, 0 shows its pixels as they are."""
        if factor is None:
            self._zoom = None
        else:
            middle = self.get_allocated_width() / 2, self.get_allocated_height() / 2
            self._zoom_about(*middle, self._scale() * factor if factor else 1.0)
        self.queue_draw()

    def resize_brush(self, factor: float) -> None:
        self.brush = min(max(self.brush * factor, 1.0), 400.0)
        self.queue_draw()

    def _set_gestures(self, gestures: tuple) -> None:
        self.gestures = gestures
        self.queue_draw()
        self._changed()

    # Where things are: picture pixel p is seen at place(p).

    def _fitted(self) -> float:
        width, height = self._size
        return min(self.get_allocated_width() / width, self.get_allocated_height() / height)

    def _scale(self) -> float:
        return self._zoom or self._fitted()

    def _origin(self) -> tuple[float, float]:
        if self._zoom:
            return self._offset
        scale = self._scale()
        room = self.get_allocated_width(), self.get_allocated_height()
        return tuple(round((side - scale * own) / 2) for side, own in zip(room, self._size))

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """The picture's pixel under a place of the window."""
        left, top = self._origin()
        return (x - left) / self._scale(), (y - top) / self._scale()

    def _zoom_about(self, x: float, y: float, scale: float) -> None:
        at = self._at(x, y)
        self._zoom = min(max(scale, 0.5 * self._fitted()), _MAX_ZOOM)
        # On whole pixels of the screen, so that 1:1 is just that.
        self._offset = round(x - at[0] * self._zoom), round(y - at[1] * self._zoom)

    # Hands.

    def _pressed(self, _widget, event) -> bool:
        self.grab_focus()
        pans = event.button == 2 or (event.button == 1 and event.state & Gdk.ModifierType.MOD1_MASK)
        self._press = (event.x, event.y, event.button, bool(pans), self._origin())
        if not pans and self.tool in BRUSHES and event.button == 1:
            self._path = [self._at(event.x, event.y)]
            self.queue_draw()
        return True

    def _moved(self, _widget, event) -> bool:
        self._pointer = event.x, event.y
        if self._press is not None:
            x, y, _button, pans, origin = self._press
            if pans:
                self._zoom = self._scale()
                self._offset = origin[0] + event.x - x, origin[1] + event.y - y
            elif self._path:
                self._path.append(self._at(event.x, event.y))
        if self._press is not None or self.tool in BRUSHES:
            self.queue_draw()
        return True

    def _left(self, _widget, _event) -> bool:
        self._pointer = None
        self.queue_draw()
        return False

    def _released(self, _widget, event) -> bool:
        press, self._press = self._press, None
        path, self._path = self._path, []
        if press is None or press[3] or event.button != press[2]:
            return True
        if path:
            self._set_gestures(
                (*self.gestures, Stroke(self.tool, tuple(path), self.brush / self._scale()))
            )
            return True
        gesture = self._gesture(press, event)
        if gesture is not None:
            self._set_gestures((*self.gestures, gesture))
        self.queue_draw()
        return True

    def _gesture(self, press, event):
        """The click or box that a press and release stand for; None beside the picture."""
        width, height = self._size
        start, end = self._at(press[0], press[1]), self._at(event.x, event.y)
        against = press[2] == 3 or bool(event.state & Gdk.ModifierType.SHIFT_MASK)
        dragged = max(abs(event.x - press[0]), abs(event.y - press[1])) > _DRAG_PX
        if dragged and press[2] == 1 and not against:
            left, right = sorted(min(max(x, 0), width) for x in (start[0], end[0]))
            top, bottom = sorted(min(max(y, 0), height) for y in (start[1], end[1]))
            if right - left >= 1 and bottom - top >= 1:
                return Box(left, top, right - left, bottom - top)
        elif 0 <= end[0] < width and 0 <= end[1] < height:
            return Click(*end, not against)
        return None

    def _scrolled(self, _widget, event) -> bool:
        steps = {Gdk.ScrollDirection.UP: _ZOOM_STEP, Gdk.ScrollDirection.DOWN: 1 / _ZOOM_STEP}
        if event.direction in steps:
            self._zoom_about(event.x, event.y, self._scale() * steps[event.direction])
            self.queue_draw()
        return True

    # Eyes.

    def _draw(self, _widget, context) -> bool:
        context.set_source_rgb(0.18, 0.18, 0.18)
        context.paint()
        scale = self._scale()
        context.save()
        context.translate(*self._origin())
        context.scale(scale, scale)
        context.rectangle(0, 0, *self._size)
        context.clip()
        cut = self.view in ("black", "white") and self._clean is not None
        if self.view == "matte" and self._inverted is not None:
            context.set_source_rgb(1, 1, 1)
            context.paint()
        else:
            context.set_source_surface(self._clean if cut else self._picture)
            if scale >= 2:
                context.get_source().set_filter(cairo.FILTER_NEAREST)
            context.paint()
        if self.view != "picture" and self._inverted is not None:
            colours = {"film": _FILM, "white": (1, 1, 1, 1)}
            if cut:  # black lies under the subjects already, and white comes to it
                context.set_operator(cairo.OPERATOR_ADD)
            context.set_source_rgba(*colours.get(self.view, (0, 0, 0, 1)))
            context.mask_surface(self._inverted, 0, 0)
        context.restore()
        self._draw_gestures(context)
        return False

    def _draw_gestures(self, context) -> None:
        for gesture in self.gestures:
            if isinstance(gesture, Click):
                colour = _TOOL_COLOURS["sure" if gesture.positive else "not"]
                self._dot(context, *self._seen(gesture.x, gesture.y), colour)
            elif isinstance(gesture, Box):
                corners = (
                    self._seen(gesture.x, gesture.y),
                    self._seen(gesture.x + gesture.width, gesture.y + gesture.height),
                )
                self._frame(context, *corners)
        if self._path:
            context.set_source_rgba(*_TOOL_COLOURS[self.tool], 0.6)
            context.set_line_width(2 * self.brush)
            context.set_line_cap(cairo.LINE_CAP_ROUND)
            context.set_line_join(cairo.LINE_JOIN_ROUND)
            context.move_to(*self._seen(*self._path[0]))
            for point in self._path:
                context.line_to(*self._seen(*point))
            context.stroke()
        elif self._press is not None and not self._press[3] and self._pointer is not None:
            self._frame(context, self._press[:2], self._pointer)
        if self.tool in BRUSHES and self._pointer is not None:
            context.arc(*self._pointer, self.brush, 0, 6.2832)
            context.set_source_rgb(*_TOOL_COLOURS[self.tool])
            context.set_line_width(1.5)
            context.stroke()

    def _seen(self, x: float, y: float) -> tuple[float, float]:
        left, top = self._origin()
        return left + x * self._scale(), top + y * self._scale()

    @staticmethod
    def _dot(context, x, y, colour) -> None:
        context.arc(x, y, _DOT_PX, 0, 6.2832)
        context.set_source_rgb(*colour)
        context.fill_preserve()
        context.set_source_rgb(1, 1, 1)
        context.set_line_width(1.5)
        context.stroke()

    @staticmethod
    def _frame(context, start, end) -> None:
        context.rectangle(*start, end[0] - start[0], end[1] - start[1])
        context.set_line_width(1.5)
        context.set_source_rgb(1, 1, 1)
        context.set_dash([6, 4])
        context.stroke()
        context.set_dash([])


def _outside(width: int, height: int, masks: list) -> cairo.ImageSurface:
    """What lies in none of several masks of any size, as a mask of this one."""
    union = cairo.ImageSurface(cairo.FORMAT_A8, width, height)
    context = cairo.Context(union)
    context.set_operator(cairo.OPERATOR_ADD)  # halves of a shared edge are a whole
    for mask in masks:
        context.save()
        context.scale(width / mask.get_width(), height / mask.get_height())
        context.set_source_surface(mask)
        context.get_source().set_extend(cairo.EXTEND_PAD)
        context.paint()
        context.restore()
    outside = cairo.ImageSurface(cairo.FORMAT_A8, width, height)
    context = cairo.Context(outside)
    context.set_source_rgba(0, 0, 0, 1)
    context.paint()
    context.set_operator(cairo.OPERATOR_DEST_OUT)
    context.set_source_surface(union)
    context.paint()
    return outside


def _on_black(picture, width: int, height: int, mattes: list, colours: list):
    """Subjects on black, each in colours of its own where they are known."""
    composed = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
    context = cairo.Context(composed)
    context.set_operator(cairo.OPERATOR_ADD)
    for matte, own in zip(mattes, colours):
        same_size = own is not None and (own.width, own.height) == (width, height)
        surface = picture_surface(width, height, own.strips[0]) if same_size else picture
        context.push_group()
        context.scale(width / matte.width, height / matte.height)
        mask = alpha_surface(matte.width, matte.height, matte.strips[0])
        context.set_source_rgb(1, 1, 1)
        context.mask_surface(mask, 0, 0)
        cover = context.pop_group()
        context.set_source_surface(surface)
        context.mask(cover)
    return composed
