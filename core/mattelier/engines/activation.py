"""Class activation maps: what a network takes a picture for, and which places say so.

Of a network that gives each pixel its classes (SegFormer, DeepLabV3, Segmenter …) the map is its
own answer for the class. Of one that names the whole picture (what transformers loads as an image
classifier) it is Grad-CAM, as `networks.transformers.network.Classifier.activate` says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.objects import class_shares
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.types.colour import View
from mattelier.types.errors import ModelError, UsageError


@dataclass(frozen=True, eq=False)
class Activation:
    """A class, and where it is seen.

    Attributes
    ----------
    label : the class's name, or its number
    score : 0…1, how sure the network is: of the picture, or in the mean of the place asked about
    map : (h, w) float32 0…1, how much each place says so, at the network's own detail
    method : "Grad-CAM", or "its own map"
    """

    label: str
    score: float
    map: NDArray[np.float32]
    method: str


def activate(model: OpenModel, view: View, place: NDArray[np.float32] | None = None) -> Activation:
    """What a network takes a picture, or a place in it, for.

    Parameters
    ----------
    model : of the task "classify", or of "objects" if it tells classes apart
    place : (H, W) 0…1, for networks that give each pixel its classes: the class is the one that
        most of it is taken for; None: of the whole picture

    Raises
    ------
    UsageError
        It tells single things apart, which is no class for each place.
    ModelError
        It gave values that are not numbers.
    """
    picture = preprocess(model.input, view, *network_size(model.input, view.height, view.width))
    answer = model.run({"picture": picture})
    if "masks" in answer:
        raise UsageError(
            "The model {name} tells single things apart; an explanation needs one that tells "
            "classes.",
            name=model.name,
        )
    if "classes" in answer:
        shares = class_shares(model, answer["classes"])
        weights = _shrink(place, shares.shape[1], shares.shape[2])
        scores = (shares * weights).sum((1, 2)) / max(float(weights.sum()), 1e-6)
        number = int(scores.argmax())
        seen, method = shares[number], "its own map"
    else:
        scores = answer["scores"][0]
        number = int(scores.argmax())
        asked = {"picture": picture, "label": np.asarray(number)}
        seen, method = model.run(asked, "activate")["activation"], "Grad-CAM"
    if not (np.isfinite(seen).all() and np.isfinite(scores).all()):
        raise ModelError("The model {name} gave values that are not numbers.", name=model.name)
    label = model.labels[number] if number < len(model.labels) else str(number)
    return Activation(label, float(scores[number]), seen, method)


def _shrink(place: NDArray[np.float32] | None, height: int, width: int) -> NDArray[np.float32]:
    import cv2

    if place is None or not place.any():
        return np.ones((height, width), np.float32)
    return np.asarray(cv2.resize(place, (width, height), interpolation=cv2.INTER_AREA), np.float32)
