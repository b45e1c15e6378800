"""The objects in a picture, by networks that tell them apart; see `networks.contracts`.

Of what such a network proposes, each pixel goes to the one that is surest of it, as in panoptic
segmentation (Kirillov et al., CVPR 2019; its merging as in Cheng et al., "MaskFormer", NeurIPS
2021): what is mostly another's is none of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.types.colour import View
from mattelier.types.errors import ModelError
from mattelier.types.found import Found

_MIN_OWN_SHARE = 0.8  # of what it claims, that must be left of an object
_MIN_CLASS_SHARE = 1e-3  # of the picture, below which a class is noise


def find_objects(model: OpenModel, view: View, min_score: float) -> list[Found]:
    """What a network tells apart, the surest first; masks are of the size that it sees.

    Parameters
    ----------
    min_score : 0…1, of objects that count

    Raises
    ------
    ModelError
        It gave values that are not numbers.
    """
    size = network_size(model.input, view.height, view.width)
    answer = model.run({"picture": preprocess(model.input, view, *size)})
    if not all(np.isfinite(values).all() for values in answer.values()):
        raise ModelError("The model {name} gave values that are not numbers.", name=model.name)
    if "classes" in answer:
        found = _classes(class_shares(model, answer["classes"]), model.labels)
    else:
        found = _instances(answer["scores"], answer["masks"], model.labels)
    kept = [one for one in found if one.score >= min_score]
    return sorted(kept, key=lambda one: (one.score, one.share), reverse=True)


def class_shares(model: OpenModel, answer: NDArray[np.float32]) -> NDArray[np.float32]:
    """The classes' shares of each pixel, (C, h, w) 0…1, as a network's answer tells them.

    Raises
    ------
    ModelError
        The answer is no map of classes.
    """
    activation = model.output.activation
    wanted = 2 if activation == "number" else 3
    if answer.size != np.prod(answer.shape[-wanted:]):
        raise ModelError(
            "The answer of the model {name} is no map of classes: its shape is {shape}.",
            name=model.name,
            shape=answer.shape,
        )
    values = answer.reshape(answer.shape[-wanted:])
    if activation == "number":
        count = max(len(model.labels), int(values.max(initial=0)) + 1)
        return np.asarray(np.arange(count)[:, None, None] == np.rint(values), np.float32)
    if activation == "softmax":
        odds = np.exp(values - values.max(0))
        return np.asarray(odds / odds.sum(0), np.float32)
    return values


def _instances(
    scores: NDArray[np.float32], masks: NDArray[np.float32], labels: Sequence[str]
) -> list[Found]:
    """Objects of scores (N, C) and masks (N, h, w)."""
    best = scores.argmax(1) if scores.size else np.zeros(len(scores), int)
    sure = scores.max(1, initial=0)
    # No object is as likely as an object is unsure of itself, or of its mask there.
    claims = sure[:, None, None] * masks
    winner = claims.argmax(0) if len(claims) else np.zeros(masks.shape[1:], int)
    found = []
    for number in np.flatnonzero(sure > 0):
        claimed = masks[number] >= 0.5
        own = claimed & (winner == number)
        if own.any() and own.sum() >= _MIN_OWN_SHARE * claimed.sum():
            mask = np.where(winner == number, masks[number], np.float32(0))
            found.append(Found(mask, _name(labels, int(best[number])), float(sure[number])))
    return found


def _classes(shares: NDArray[np.float32], labels: Sequence[str]) -> list[Found]:
    """One object of each class there is, of shares (C, h, w); softer where two classes meet."""
    winner = shares.argmax(0)
    found = []
    for number in np.unique(winner):
        place = winner == number
        if place.mean() < _MIN_CLASS_SHARE:
            continue
        others = np.delete(shares, number, 0).max(0, initial=0)
        mask = shares[number] / np.maximum(shares[number] + others, 1e-6)
        score = float(shares[number][place].mean())
        found.append(Found(mask, _name(labels, int(number)), score))
    return found


def _name(labels: Sequence[str], number: int) -> str:
    return labels[number] if number < len(labels) else str(number)
