"""A filter: the worker makes a picture of a layer's picture, and it becomes a new layer above.

`entry` is all that a new one needs. Where a filter differs, its own module builds the request.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from gi.repository import Gimp

from . import pixels, results
from .arguments import ReferenceLayer, ReturnValue
from .entry import Entry
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, Job, LayerRequest, LayerResult, always


def entry(
    label: str,
    blurb: str,
    help: str,
    *,
    task: str,
    title: str,
    layer_name: str,
    arguments: tuple,
    build_request: Callable | None = None,
    limited: Callable = always,
    before_dialog: Callable | None = None,
    **further,
) -> Entry:
    """The procedure of a filter; what is not named here is as in `Entry`.

    Parameters
    ----------
    task : str
        The worker's task, and the request whose fields the arguments fill.
    title : str
        For the progress bar, marked with `N_`.
    layer_name : str
        Of a new layer, marked with `N_`; {name} is the old one's.
    build_request : callable of (Call, layer), gives a LayerRequest
        By default the layer, its references, and what the arguments say.
    limited : callable of (Call), gives bool
        Whether the selection limits the result.
    """

    def add_layers(call: Call, layer_results: list[LayerResult]) -> list:
        """New layers above the old ones, which stay; gives the first."""
        new_layers = [
            results.add_filtered(
                call.image, layer, request.context, pictures["picture"],
                _(layer_name).format(name=layer.get_name()), limited=limited(call),
            )
            for layer, request, pictures in layer_results
        ]  # fmt: skip
        call.image.set_selected_layers(new_layers)
        return [new_layers[0]]

    return Entry(
        label,
        blurb,
        help,
        Job(title, build_request or functools.partial(build_default_request, task), add_layers),
        arguments,
        (ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer")),),
        before_dialog,
        **further,
    )


def build_default_request(task: str, call: Call, layer: Gimp.Layer) -> LayerRequest:
    """A request for the layer's picture, with what the arguments say.

    Raises
    ------
    PluginError
        The selection lies beside the layer, or a reference is missing or the layer itself.
    """
    results.check_touched(call.image, layer)
    references = {}
    for argument in call.arguments:
        if isinstance(argument, ReferenceLayer) and _is_named(argument, call, layer):
            references["reference"] = _reference(call[argument.name], layer)
    return build_picture_request(task, call.request_fields(task), layer, **references)


def build_picture_request(task: str, options: dict, layer: Gimp.Layer, **pictures) -> LayerRequest:
    """A request for the layer's picture; `pictures` are the task's others, by name."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=True)
    return LayerRequest(task, options, {"picture": picture, **pictures}, encoding.depth, encoding)


def _is_named(argument: ReferenceLayer, call: Call, layer: Gimp.Layer) -> bool:
    """Whether a reference is chosen; refuses a missing one that is required, and `layer` itself."""
    if call[argument.name] is None and argument.required:
        raise PluginError(_(argument.required))
    if call[argument.name] == layer:
        raise PluginError(
            _("“{name}” looks like itself already; choose another layer.").format(
                name=layer.get_name()
            )
        )
    return call[argument.name] is not None


def _reference(other: Gimp.Layer, layer: Gimp.Layer):
    """The picture of the layer that `layer` is to look like, in the colour space of `layer`."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    return pixels.picture(other, encoding, pixels.whole(other), alpha=True, space_of=layer)
