"""Before and after, in a procedure's own dialog: what it would do to a reduced copy, or to a part.

What is seen is the procedure's own work: its request is built for a small copy of the image,
answered by the worker, and applied to the copy. Nothing is said twice, and nothing is guessed.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gi.repository import Gimp, GLib

from . import engine, pixels, schema
from .jobs import Call, LayerResult, check_found

_WHOLE_PIXELS = 400_000  # of the copy that stands for the whole image
_LIGHT, _DARK, _SQUARE_PX = 0x99, 0x66, 8  # of what shows through


class PreviewCall(Call):
    """A call on a copy of the image: layers are their twins there, lengths are as much shorter.

    Parameters
    ----------
    call : Call
    image : Gimp.Image
        The copy.
    twins : dict
        Its layers, by the ids of the image's own.
    scale : float
        Of the copy's pixels to the image's.
    share : float
        Of the image's width that the copy shows, at full size.
    preview : entry.Preview
    """

    def __init__(
        self, call: Call, image, twins: dict, scale: float, share: float, preview, exit_stack
    ) -> None:
        super().__init__(
            call.procedure, Gimp.RunMode.NONINTERACTIVE, image, [], call.config, call.arguments,
            call.settings, exit_stack,
        )  # fmt: skip
        self._scale, self._share, self._preview = scale, share, preview
        self._original = call.image
        self._twins = twins
        self.layers = [twin for one in call.layers if (twin := self._twin(one)) is not None]

    def __getitem__(self, name):
        value = super().__getitem__(name)
        if name in self._preview.instead:
            return self._preview.instead[name].get(value, value)
        if name in self._preview.lengths:
            return max(1, round(value * self._share * self._scale))
        if isinstance(value, Gimp.Layer) and value.get_image() == self._original:
            return self._twin(value)
        argument = next(one for one in self.arguments if one.name == name)
        if value and argument.of and schema.field(argument.of).get("unit") == "px":
            return value * self._scale
        return value

    def request_fields(self, request: str) -> dict:
        values = super().request_fields(request)
        if "quality" in values:
            values["quality"] = "fast"
        return values

    def _twin(self, layer: Gimp.Layer):
        return self._twins.get(layer.get_id())


class Copy(NamedTuple):
    """A small copy of the image; `twins`, `scale` and `share` as in `PreviewCall`."""

    image: Gimp.Image
    twins: dict
    scale: float
    share: float


def whole_copy(call: Call) -> Copy:
    """The whole image, reduced."""
    image = call.image.duplicate()
    image.undo_disable()
    twins = _twins(call.image, image)
    width, height = image.get_width(), image.get_height()
    scale = min(1.0, math.sqrt(_WHOLE_PIXELS / (width * height)))
    if scale < 1:
        Gimp.context_push()
        Gimp.context_set_interpolation(Gimp.InterpolationType.LINEAR)
        image.scale(max(1, round(width * scale)), max(1, round(height * scale)))
        Gimp.context_pop()
    return Copy(image, twins, image.get_width() / width, 1.0)


def part_copy(call: Call, centre: tuple[float, float], side: int) -> Copy:
    """A part of the image at its full size; `centre` in shares of the image, `side` in pixels."""
    width, height = call.image.get_width(), call.image.get_height()
    wide, tall = min(width, side), min(height, side)
    x = min(max(round(centre[0] * width - wide / 2), 0), width - wide)
    y = min(max(round(centre[1] * height - tall / 2), 0), height - tall)
    image = call.image.duplicate()
    image.undo_disable()
    twins = _twins(call.image, image)
    image.crop(wide, tall, x, y)  # layers beside it are gone
    return Copy(image, twins, 1.0, wide / width)


def _twins(image: Gimp.Image, copy: Gimp.Image) -> dict:
    """The layers of a fresh duplicate, by the ids of the image's own.

    By their places: a layer with a mask has another tattoo in the duplicate (GIMP 3.0.4).
    """
    pairs = zip(_all_layers(image.get_layers()), _all_layers(copy.get_layers()))
    return {own.get_id(): twin for own, twin in pairs}


def _all_layers(layers: list) -> Iterator:
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from _all_layers(layer.get_children())


class Seen(NamedTuple):
    """What an image looks like: RGB bytes, what is transparent over squares."""

    width: int
    height: int
    rgb: bytes


def look(image: Gimp.Image) -> Seen:
    """The image as it is seen; it is spoilt by this."""
    width, height = image.get_width(), image.get_height()
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    image_type = Gimp.ImageType.GRAY_IMAGE if grey else Gimp.ImageType.RGB_IMAGE
    below = Gimp.Layer.new(
        image, "", width, height, image_type, 100.0, Gimp.LayerMode.NORMAL
    )  # fmt: skip
    area = pixels.whole(below)
    pixels.write(below, "Y' u8" if grey else "R'G'B' u8", area, _squares(area, 1 if grey else 3))
    image.insert_layer(below, None, len(image.get_layers()))
    flat = Gimp.Layer.new_from_visible(image, image, "")
    rgb = b"".join(pixels.read(flat, "R'G'B' u8", pixels.whole(flat)))
    flat.delete()
    return Seen(width, height, rgb)


def _squares(area: pixels.Area, channels: int):
    period = 2 * _SQUARE_PX
    rows = []
    for shades in ((_LIGHT, _DARK), (_DARK, _LIGHT)):
        one = b"".join(bytes([shade] * channels * _SQUARE_PX) for shade in shades)
        rows.append((one * (area.width // period + 1))[: area.width * channels])
    for strip in area.strips():
        lines = range(strip.y, strip.y + strip.height)
        yield b"".join(rows[y // _SQUARE_PX % 2] for y in lines)


class Asker(threading.Thread):
    """Has the worker answer the newest requests; GIMP's own library is not called here.

    Parameters
    ----------
    settings : settings.Settings
    answered : callable of (token, list of answers or an error)
        Called in the main loop.
    """

    def __init__(self, settings, answered: Callable) -> None:
        super().__init__(daemon=True)
        self._settings, self._answered = settings, answered
        self._change = threading.Condition()
        self._wanted = None
        self._stopped = False

    def ask(self, token, requests: list) -> None:
        """Ask; what was not asked yet is dropped, and answered with None."""
        with self._change:
            dropped, self._wanted = self._wanted, (token, requests)
            self._change.notify()
        if dropped is not None:
            self._answered(dropped[0], None)

    def stop(self) -> None:
        """End; what is being asked is given up."""
        with self._change:
            self._stopped = True
            self._change.notify()

    def run(self) -> None:
        worker = None
        while True:
            with self._change:
                while self._wanted is None and not self._stopped:
                    self._change.wait()
                if self._stopped:
                    break
                (token, requests), self._wanted = self._wanted, None
            try:
                worker = worker or engine.connect(self._settings)
                answers = [self._answer(worker, one) for one in requests]
            except Exception as error:
                answers = error
                worker = worker if hasattr(error, "log") else None
            GLib.idle_add(self._answered, token, answers)
        if worker is not None:
            worker.close()

    @staticmethod
    def _answer(worker, request):
        answer = worker.run(request.task, request.options, request.pictures, depth=request.depth)
        read = {
            name: picture._replace(strips=list(picture.strips))
            for name, picture in answer.pictures.items()
        }
        return answer.report, read


class Trial:
    """One look at what the procedure would do: a copy, its requests, and their results.

    Raises
    ------
    PluginError
        As the procedure would refuse.
    """

    def __init__(self, call: Call, entry, copy: Copy, exit_stack) -> None:
        image = copy.image.duplicate()
        image.undo_disable()
        exit_stack.callback(image.delete)
        self._job = entry.run
        self._stack = exit_stack
        again = _twins(copy.image, image)
        twins = {
            own: again[twin.get_id()] for own, twin in copy.twins.items() if twin.get_id() in again
        }
        self._call = PreviewCall(
            call, image, twins, copy.scale, copy.share, entry.preview, exit_stack
        )
        requests = [(one, self._job.build_request(self._call, one)) for one in self._layers()]
        self._requests = [(one, request) for one, request in requests if request is not None]

    def _layers(self) -> list:
        return self._job.layers(self._call)

    def requests(self) -> list:
        """What to ask, with all its pixels."""
        return [
            request._replace(
                pictures={
                    name: picture._replace(strips=list(picture.strips))
                    for name, picture in request.pictures.items()
                }
            )
            for _layer, request in self._requests
        ]

    def result(self, answers: list) -> Seen:
        """What comes of the answers."""
        found = []
        for (layer, request), (report, pictures) in zip(self._requests, answers):
            check_found(report, layer.get_name())
            found.append(LayerResult(layer, request, pictures))
        values = self._job.apply_results(self._call, found)
        new = next((one for one in values if isinstance(one, Gimp.Image)), None)
        if new is not None:
            self._stack.callback(new.delete)
        return look(new or self._call.image)

    def close(self) -> None:
        """Let go of the copy."""
        self._stack.close()
