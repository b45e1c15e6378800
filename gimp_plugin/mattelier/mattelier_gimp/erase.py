"""Erase, and Fill What Was Behind: a part of a layer filled from what lies around it."""

from __future__ import annotations

from gi.repository import Gimp

from . import picture_filter, results, subject
from .arguments import Integer, Model, ReturnValue
from .entry import Entry, Preview
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, Job, LayerRequest, LayerResult

_ARGUMENTS = (
    Integer(
        "grow",
        N_("_Grow"),
        N_("Pixels by which more is filled: edges, glow and shadows reach beyond what is selected"),
        of="erase.grow",
    ),
    Model(
        "erase",
        N_("Which model fills; without one the colours around are continued"),
        networks="fill",
        automatic=N_("The first that is here"),
        without=N_("None is here: colours are continued"),
    ),
)


def _build_erase(call: Call, layer: Gimp.Layer) -> LayerRequest:
    if Gimp.Selection.is_empty(call.image):
        raise PluginError(_("Select what is to be erased first."))
    return _build(call, layer, subject.selection_mask(call.image, layer))


def _build_fill(call: Call, layer: Gimp.Layer) -> LayerRequest:
    found = subject.known(call, layer, mask=subject.KEEP, selection=False)
    if not found.pictures:
        raise PluginError(
            _("The layer “{name}” has no mask that hides something; make one first.").format(
                name=layer.get_name()
            )
        )
    return _build(call, layer, found.pictures["mask"])


def _build(call: Call, layer: Gimp.Layer, mask) -> LayerRequest:
    return picture_filter.build_picture_request(
        "erase", call.request_fields("erase"), layer, mask=mask
    )


def _fill_behind(call: Call, layer_results: list[LayerResult]) -> list:
    """New layers below the old ones, without their masks; gives the first."""
    new_layers = [
        results.add_behind(
            call.image, layer, request.context, pictures["picture"],
            _("{name} background").format(name=layer.get_name()),
        )
        for layer, request, pictures in layer_results
    ]  # fmt: skip
    return [new_layers[0]]


def _check_selected(call: Call) -> None:
    for layer in call.layers:
        _build_erase(call, layer)


def _check_masked(call: Call) -> None:
    for layer in call.layers:
        _build_fill(call, layer)


PROCEDURES = {
    "plug-in-mattelier-erase": picture_filter.entry(
        N_("Er_ase…"),
        N_("Take out what is selected, and fill where it was"),
        N_(
            "Makes a new layer in which what is selected is filled from its surroundings; all "
            "else stays as it is. A model for filling does it best; without one the colours around "
            "are continued, which suits small things on plain ground."
        ),
        task="erase",
        title=N_("Erasing"),
        layer_name=N_("{name} erased"),
        arguments=_ARGUMENTS,
        build_request=_build_erase,
        limited=lambda _call: False,  # what is filled reaches beyond the selection
        before_dialog=_check_selected,
        preview=Preview(),
    ),
    "plug-in-mattelier-fill-what-was-behind": Entry(
        N_("_Fill What Was Behind…"),
        N_("Fill the place of what a layer's mask shows, in a layer below"),
        N_(
            "After Remove Background: the subject's place in its old background is filled from "
            "what lies around it, in a new layer below, so that the subject can be moved, or the "
            "two can be moved apart."
        ),
        Job(N_("Filling what was behind"), _build_fill, _fill_behind),
        _ARGUMENTS,
        (ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer")),),
        _check_masked,
        preview=Preview(),
    ),
}
