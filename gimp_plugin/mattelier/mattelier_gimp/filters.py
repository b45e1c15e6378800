"""What all filters share: a layer's picture there and back, of the same size, as a new layer."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp

from . import pixels, results
from .failure import PluginError
from .i18n import _
from .jobs import Answered, Call, Question, always


def asked(task: str, options: dict, layer: Gimp.Layer, **more) -> Question:
    """Ask for the layer's picture, changed; `more` are the task's other pictures, by name."""
    how = pixels.encoding(layer, colours_return=True)
    picture = pixels.picture(layer, how, pixels.whole(layer), alpha=True)
    return Question(task, options, {"picture": picture, **more}, how.depth, how)


def reference(other: Gimp.Layer, layer: Gimp.Layer):
    """The picture of the layer that `layer` is to look like, in the colour space of `layer`.

    Raises
    ------
    PluginError
        They are one.
    """
    if other == layer:
        raise PluginError(
            _("“{name}” looks like itself already; choose another layer.").format(
                name=layer.get_name()
            )
        )
    how = pixels.encoding(layer, colours_return=True)
    return pixels.picture(other, how, pixels.whole(other), alpha=True, space_of=layer)


def result(name: str, limited: Callable = always) -> Callable:
    """What a filter does with its answers.

    Parameters
    ----------
    name : str
        Of a new layer, marked with `N_`; {name} is the old one's.
    limited : callable of (Call), gives bool
        Whether the selection limits the result.
    """

    def add(call: Call, answers: list[Answered]) -> list:
        """New layers above the old ones, which are kept; gives the first."""
        made = [
            results.add_changed(
                call.image, layer, one.place, pictures["picture"],
                _(name).format(name=layer.get_name()), limited=limited(call),
            )
            for layer, one, pictures in answers
        ]  # fmt: skip
        call.image.set_selected_layers(made)
        return [made[0]]

    return add
