"""Networks that look once and are then asked with clicks; see `networks.contracts.prompt`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.looks import once
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.types.colour import View
from mattelier.types.errors import ModelError

_Features = Mapping[str, NDArray[np.float32]]


def ask(
    model: OpenModel,
    view: View,
    *,
    points: NDArray[np.float32],
    signs: NDArray[np.float32],
    box: NDArray[np.float32],
    known: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What is meant by clicks, a box and a mask: (h, w) float32 0…1 at the network's size.

    The first question about a view takes a look at it. Of several readings that which the network
    rates best is taken.

    Parameters
    ----------
    points, signs, box, known : see `networks.contracts`; in pixels of `network_size`

    Raises
    ------
    ModelError
        It gave values that are not numbers.
    """
    import cv2

    height, width = network_size(model.input, view.height, view.width)
    asked = {"points": points, "signs": signs, "box": box, "known": known}
    answer = model.run({**_look(model, view, height, width), **asked}, "ask")
    mask = answer["masks"][int(answer["ratings"].argmax())]
    if not np.isfinite(mask).all():
        raise ModelError("The model {name} gave values that are not numbers.", name=model.name)
    # The answer is for a square of the network's size; what lies beyond the picture is nothing.
    scale = mask.shape[0] / model.input.size
    seen = np.ascontiguousarray(
        mask[: max(1, round(height * scale)), : max(1, round(width * scale))]
    )
    return np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR))


def _look(model: OpenModel, view: View, height: int, width: int) -> _Features:
    """A look takes a hundred times as long as a question, so it is kept."""
    return once(
        view,
        model,
        lambda: model.run({"picture": preprocess(model.input, view, height, width)}, "look"),
    )
