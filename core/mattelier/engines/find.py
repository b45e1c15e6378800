"""Things found by words; see `networks.contracts`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.types.colour import View
from mattelier.types.errors import ModelError


@dataclass(frozen=True)
class FoundBox:
    """A rectangle in pixels of the picture, and how sure the network is of it, 0…1."""

    x: float
    y: float
    width: float
    height: float
    score: float


def find_boxes(model: OpenModel, view: View, text: str) -> list[FoundBox]:
    """Where words are, the surest first; those that hold no pixel are left out.

    Raises
    ------
    ModelError
        It gave values that are not numbers.
    """
    size = network_size(model.input, view.height, view.width)
    answer = model.run(
        {
            "picture": preprocess(model.input, view, *size),
            "text": np.frombuffer(text.encode(), np.uint8).copy(),
        }
    )
    scores = answer["scores"].max(1, initial=0)
    if not (np.isfinite(scores).all() and np.isfinite(answer["boxes"]).all()):
        raise ModelError("The model {name} gave values that are not numbers.", name=model.name)
    sides = np.array([view.width, view.height] * 2, np.float32)
    corners = np.clip(answer["boxes"], 0, 1) * sides
    found = [
        FoundBox(left, top, right - left, bottom - top, score)
        for (left, top, right, bottom), score in zip(corners.tolist(), scores.tolist(), strict=True)
        if right - left >= 1 and bottom - top >= 1
    ]
    return sorted(found, key=lambda one: one.score, reverse=True)
