"""One AI task on the chosen layers: request all results, then change the image in one undo step.

GIMP cancels by ending this process without a word, so the image is touched, and an undo group
open, only when every result is there in full. The worker notices that the connection closed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gi.repository import Gimp

from . import engine, pixels, schema
from .engine_sentences import translated_notes
from .failure import PluginError, runnable
from .i18n import _
from .settings import Settings

_SENDING, _COMPUTING = 0.1, 0.95  # where these stages end on a layer's share of the bar
_EMPTY_COVERAGE = 1e-4  # of the layer's area, below which a matte holds nothing
_SURE = 0.9  # of a matte's confidence; see the README's "How sure is it?"
_MIN_STEP = 0.02  # share of the bar; a progress call costs GIMP a millisecond


class Cancelled(Exception):  # noqa: N818 - not an error: somebody changed their mind
    """The user closed a procedure's own window."""


class Call:
    """One call of a procedure, on an image's layers or (None and no layers) on nothing.

    `call["result"]` is the argument of that name. What a request enters into `exit_stack` is
    closed when the call ends.
    """

    def __init__(
        self,
        procedure: Gimp.Procedure,
        run_mode: Gimp.RunMode,
        image: Gimp.Image | None,
        layers: list,
        config: Gimp.ProcedureConfig,
        arguments: tuple,
        settings: Settings,
        exit_stack: contextlib.ExitStack,
    ) -> None:
        self.procedure = procedure
        self.run_mode = run_mode
        self.image = image
        self.layers = layers
        self.config = config
        self.arguments = arguments
        self.settings = settings
        self.exit_stack = exit_stack

    @property
    def interactive(self) -> bool:
        return self.run_mode == Gimp.RunMode.INTERACTIVE

    def __getitem__(self, name):
        """An argument's value."""
        return self.config.get_property(name)

    def request_fields(self, request: str) -> dict:
        """What the arguments say in a request, and the settings' device where it has one."""
        values = {
            argument.field: argument.field_value(self)
            for argument in self.arguments
            if argument.fills(request)
        }
        values["device"] = self.settings.device
        return {name: values[name] for name in schema.fields(request) if name in values}


class LayerRequest(NamedTuple):
    """What the worker is to do with one layer.

    Attributes
    ----------
    task : str
    options : dict
        The task's request.
    pictures : dict of str to Pixels
    depth : "u8", "u16" or "f32"
        Of the result's pictures.
    context : object
        What is needed again where the result is applied.
    """

    task: str
    options: dict
    pictures: dict
    depth: str
    context: Any = None


class LayerResult(NamedTuple):
    """A layer, what was requested for it, and the pictures that came back."""

    layer: Gimp.Layer
    request: LayerRequest
    pictures: dict


def _chosen(call: Call) -> list:
    return call.layers


def always(call: Call) -> bool:
    """True, whatever the arguments."""
    return True


class Job(NamedTuple):
    """A procedure that has the worker do something; call it with a `Call`.

    Attributes
    ----------
    title : str
        For the progress bar, marked with `N_`.
    build_request : callable of (Call, layer), gives a LayerRequest
        Or None, when this layer has no part in it.
    apply_results : callable of (Call, list of LayerResult), gives the procedure's return values
        Runs inside one undo group.
    layers : callable of (Call), gives layers
        What is worked on; by default the chosen layers.
    changes_image : callable of (Call), gives bool
        False where the result is elsewhere: even an empty undo group makes an image unsaved.
    """

    title: str
    build_request: Callable
    apply_results: Callable
    layers: Callable = _chosen
    changes_image: Callable = always

    def __call__(self, call: Call) -> list:
        requests = [(layer, self.build_request(call, layer)) for layer in self.layers(call)]
        requests = [(layer, request) for layer, request in requests if request is not None]
        names = {layer: layer.get_name() for layer, _request in requests}
        progress = Progress(_(self.title), len(requests))
        layer_results = []
        notes = []
        with engine.connect(call.settings) as worker:
            for layer, request in requests:
                answer = worker.run(
                    request.task,
                    request.options,
                    progress.counted(request.pictures),
                    depth=request.depth,
                    progress=progress.computing,
                )
                progress.finished()
                check_found(answer.report, names[layer])
                layer_results.append(LayerResult(layer, request, answer.pictures))
                notes += map(runnable, translated_notes(answer.report))
                notes.append(_doubt(answer.report, names[layer]))
        check_there(names)
        step = one_undo_step(call.image) if self.changes_image(call) else contextlib.nullcontext()
        with step:
            values = self.apply_results(call, layer_results)
        if call.run_mode != Gimp.RunMode.NONINTERACTIVE:
            Gimp.displays_flush()  # draws the whole image: a script has nobody to look at it
            for note in dict.fromkeys(filter(None, notes)):
                Gimp.message(note)
        return values


def chosen_layers(image: Gimp.Image, drawables: list) -> list:
    """The layers that a call means: each once, a layer mask for its layer.

    Raises
    ------
    PluginError
        There is none, or one that cannot be worked on.
    """
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise PluginError(
            _("An image with indexed colours cannot hold soft edges; choose Image → Mode → RGB "
              "first.")
        )  # fmt: skip
    layers: list = []
    for drawable in drawables:
        layer = Gimp.Layer.from_mask(drawable) if drawable.is_layer_mask() else drawable
        if layer not in layers:
            layers.append(layer)
    if not layers:
        raise PluginError(_("Select a layer first."))
    for layer in layers:
        if not layer.is_layer():
            raise PluginError(
                _("“{name}” is a channel; select a layer instead.").format(name=layer.get_name())
            )
        if layer.is_floating_sel():
            raise PluginError(_("Anchor the floating selection first, or make it a layer."))
        if layer.is_group() and not layer.get_children():
            raise PluginError(_("The layer group “{name}” is empty.").format(name=layer.get_name()))
    return layers


def check_found(report: dict, name: str) -> None:
    """Refuse a matte with nothing in it, before anything is changed by it.

    Raises
    ------
    PluginError
    """
    if report.get("coverage", 1) < _EMPTY_COVERAGE:
        raise PluginError(
            _("No subject was found in “{name}”, so nothing was changed; dab a selection on what "
              "you mean, or draw one around it.").format(name=name)
        )  # fmt: skip


def _doubt(report: dict, name: str) -> str:
    """What to say of a matte that the network itself is not sure of; "" where it is."""
    if report.get("confidence", 1) >= _SURE:
        return ""
    return _(
        "The subject of “{name}” was not clear; look at the result, or point at what you mean."
    ).format(name=name)


def check_there(names: dict) -> None:
    """Refuse where a layer was deleted while the engine worked.

    Raises
    ------
    PluginError
    """
    for layer, name in names.items():
        if not layer.is_valid() or layer.get_image() is None:
            raise PluginError(
                _("The layer “{name}” was deleted meanwhile, so nothing was changed.").format(
                    name=name
                )
            )


@contextlib.contextmanager
def one_undo_step(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    Gimp.context_push()
    try:
        yield
    finally:
        Gimp.context_pop()
        image.undo_group_end()


class Progress:
    """GIMP's progress bar, with an equal share for each layer."""

    def __init__(self, title: str, layers: int) -> None:
        self._layers = layers
        self._done = 0
        self._shown = 0.0
        self._title, self._stage = title, ""
        Gimp.progress_init(f"{title}…")

    def counted(self, pictures: dict) -> dict:
        """The same pictures; the bar moves as their strips are taken."""
        total = sum(picture.height for picture in pictures.values())
        rows = 0

        def passed(picture):
            nonlocal rows
            for strip in picture.strips:
                yield strip
                rows += pixels.STRIP_ROWS
                self._show(_SENDING * min(1.0, rows / total))

        return {
            name: picture._replace(strips=passed(picture)) for name, picture in pictures.items()
        }

    def computing(self, share: float, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            text = f"{self._title}: {_(stage)}" if stage else self._title
            Gimp.progress_set_text(f"{text}…")
        self._show(_SENDING + (_COMPUTING - _SENDING) * share)

    def finished(self) -> None:
        self._done += 1
        self._show(0.0)

    def _show(self, share: float) -> None:
        total = (self._done + share) / self._layers
        if total - self._shown >= _MIN_STEP:
            self._shown = total
            Gimp.progress_update(min(total, 1.0))
