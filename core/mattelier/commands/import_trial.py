"""A network that a user brings in, opened and shown a drawn picture before it is kept."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mattelier.catalogue import Card, Output, Store
from mattelier.catalogue.card import NetworkTask
from mattelier.types.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.engines.open_model import OpenModel
    from mattelier.types.picture import Picture

_TRIAL_SIZE_PX = 512
_TRIAL_PICTURE_PX = 128  # of a side, for networks that give pictures
_MAX_PICTURE_ERROR = 0.1  # of 0…1: beyond it the answer is another picture
_TRIAL_VIEWS, _TRIAL_STEP_PX = 4, 8  # of a ball that moves
_TRIAL_BAND_PX = 33  # of its edge that a trimap leaves open, to both sides together
_MAX_UNIT_WHITE = 2.0  # an answer that exceeds it has white at 255
_LOGIT_MARGIN = 0.05  # a network whose answer leaves 0…1 by more than this gives logits
_FLAT_SPREAD = 1e-3  # of an answer that is the same everywhere
_MAX_SQUEEZE = 1.1  # of a matte's sides against its picture's


def try_out(store: Store, card: Card, flags: dict[str, Any]) -> Card:
    """The card, once its network has been opened and shown a picture; what it saw, on stderr.

    Raises
    ------
    ModelError
        It cannot be opened or run, its answer is the same everywhere, or nothing would use it.
    """
    if card.task == "matte" and not card.input.needs:
        return _try_matte(store, card, flags)
    if card.task == "trimap":
        raise ModelError(
            "The network {name} weighs a trimap's cues; Mattelier takes its own for that alone.",
            name=card.name,
        )
    from mattelier.engines.open import open_model

    if card.input.needs == "prompt":
        click.echo("It is made ready for this processor, which takes a minute, once.", err=True)
    model = open_model(card, store, "cpu", task=card.task)
    if card.task == "matte":
        _try_hinted(model)
    elif card.task == "objects":
        _try_objects(model)
    elif card.task == "find":
        _try_find(model)
    elif card.task == "classify":
        _try_classifier(model)
    elif card.task == "fill":
        return _try_fill(card, model)
    elif card.graph is not None and card.input.resize == "tile":
        return _try_picture(card, model)
    elif card.input.follows:
        _try_follow(model)
    else:
        click.echo(f"It was opened, and is for `mattelier {card.task}`.", err=True)
    return card


def _try_hinted(model: OpenModel) -> None:
    """A network that has to be told where the subject is, told of the drawn ball."""
    import cv2
    import numpy as np

    from mattelier.matting.hint import make_hint
    from mattelier.matting.matte import estimate
    from mattelier.types.colour import View

    picture, truth = _drawn_ball()
    band = np.ones((_TRIAL_BAND_PX, _TRIAL_BAND_PX), np.uint8)
    trimap = (cv2.erode(truth, band) + cv2.dilate(truth, band)) / 2
    hint = make_hint(*truth.shape, trimap=np.asarray(trimap, np.float32))
    start = time.perf_counter()
    alpha = estimate(View(picture), hint, model, "fast")
    _say_overlap(alpha, truth, time.perf_counter() - start)


def _try_follow(model: OpenModel) -> None:
    """The drawn ball, followed as it moves."""
    import numpy as np

    from mattelier.engines.follow import follow
    from mattelier.types.colour import View

    picture, truth = _drawn_ball()
    view = View(picture).resize(*truth.shape)
    moves = [_TRIAL_STEP_PX * number for number in range(1, _TRIAL_VIEWS)]
    start = time.perf_counter()
    others = (np.roll(view, move, 1) for move in moves)
    *_, [alpha] = follow(model, view, np.asarray(truth[None], np.float32), others)
    seconds = time.perf_counter() - start
    _say_overlap(alpha, np.roll(truth, moves[-1], 1), seconds / len(moves))


def _try_objects(model: OpenModel) -> None:
    from mattelier.engines.objects import find_objects
    from mattelier.types.colour import View

    start = time.perf_counter()
    found = find_objects(model, View(_drawn_ball()[0]), 0)
    seconds = time.perf_counter() - start
    names = ", ".join(dict.fromkeys(one.label for one in found[:3])) or "nothing"
    kinds = f"{len(model.labels)} kinds of " if model.labels else ""
    click.echo(
        f"It tells {kinds}things apart; shown a drawn ball, it saw {names} in {seconds:.1f} s.",
        err=True,
    )


def _try_classifier(model: OpenModel) -> None:
    from mattelier.engines.activation import activate
    from mattelier.types.colour import View

    start = time.perf_counter()
    seen = activate(model, View(_drawn_ball()[0]))
    seconds = time.perf_counter() - start
    click.echo(
        f"It tells {len(model.labels)} kinds of pictures apart; shown a drawn ball, it was "
        f"{seen.score:.0%} sure of {seen.label} in {seconds:.1f} s.",
        err=True,
    )


def _try_fill(card: Card, model: OpenModel) -> Card:
    """The card, once its network has filled a hole in the drawn ball."""
    import numpy as np

    from mattelier.engines.preprocess import network_size, preprocess
    from mattelier.types.colour import View

    view = View(_drawn_ball()[0])
    height, width = network_size(card.input, view.height, view.width)
    hole = np.zeros((1, 1, height, width), np.float32)
    middle = slice(height * 7 // 16, height * 9 // 16), slice(width * 7 // 16, width * 9 // 16)
    hole[0, 0, *middle] = 1
    start = time.perf_counter()
    inputs = {"picture": preprocess(card.input, view, height, width), "mask": hole}
    answer = model.run(inputs)["picture"]
    seconds = time.perf_counter() - start
    if answer.shape != (1, 3, height, width) or np.ptp(answer) < _FLAT_SPREAD:
        raise ModelError(f"{card.name} fills nothing: its answer is no picture.")
    if answer.max() > _MAX_UNIT_WHITE:
        click.echo("White is 255 in its answer.", err=True)
        card = replace(card, output=replace(card.output, white=255.0))
    shown = view.resize(height, width)[*middle]
    filled = answer[0].transpose(1, 2, 0)[*middle] / card.output.white
    error = float(np.abs(filled - shown).mean())
    click.echo(
        f"It filled a hole in a drawn ball to within {error:.0%} in {seconds:.1f} s.", err=True
    )
    return card


def _try_picture(card: Card, model: OpenModel) -> Card:
    """The card, once its network has made a picture of the drawn ball: as large, or enlarged."""
    import numpy as np

    from mattelier.engines.tiling import PictureNetwork
    from mattelier.types.colour import View
    from mattelier.types.resample import bicubic

    view = View(_drawn_ball()[0])
    shown = view.resize(_TRIAL_PICTURE_PX, _TRIAL_PICTURE_PX)
    given = np.ascontiguousarray(shown.transpose(2, 0, 1)[None], np.float32)
    luma = given[:, :1] if card.input.lightness else given
    start = time.perf_counter()
    answer = model.run({"picture": luma / np.float32(card.input.std[0])})["picture"]
    if answer.max() > _MAX_UNIT_WHITE:
        click.echo("White is 255 in its answer.", err=True)
        card = replace(card, output=replace(card.output, white=255.0))
        model = replace(model, output=card.output)
    scale = answer.shape[-1] / _TRIAL_PICTURE_PX
    sides = (round(scale) * _TRIAL_PICTURE_PX,) * 2
    if answer.shape != (1, luma.shape[1], *sides) or not np.isfinite(answer).all():
        raise ModelError(
            f"{card.name} gives no picture: its answer is of the shape {answer.shape}."
        )
    made = PictureNetwork(model).run(given)[0].transpose(1, 2, 0)
    seconds = time.perf_counter() - start
    error = float(np.abs(made - bicubic(shown, *sides)).mean())
    if error > _MAX_PICTURE_ERROR:
        raise ModelError(
            f"{card.name} was shown a drawn ball and gave another picture ({error:.2f} away from "
            "it in the mean), so it is given its pictures wrongly, or does something else than "
            "enlarge or mend them."
        )
    task: NetworkTask = "upscale" if sides[0] > _TRIAL_PICTURE_PX else "denoise"
    does = f"enlarges {round(scale)} times" if task == "upscale" else "mends pictures"
    what = ", by their lightness" if card.input.lightness else ""
    click.echo(
        f"It {does}{what}; a drawn ball came out within {error:.1%} in {seconds:.1f} s.", err=True
    )
    return replace(card, task=task, output=replace(card.output, scale=round(scale)))


def _try_find(model: OpenModel) -> None:
    from mattelier.engines.find import find_boxes
    from mattelier.types.colour import View

    start = time.perf_counter()
    found = find_boxes(model, View(_drawn_ball()[0]), "an orange ball")
    sure = f"{found[0].score:.0%} sure" if found else "blind"
    seconds = time.perf_counter() - start
    click.echo(f"Asked for a drawn ball, it was {sure} of it in {seconds:.1f} s.", err=True)


def _try_matte(store: Store, card: Card, flags: dict[str, Any]) -> Card:
    import numpy as np

    from mattelier.engines.open import open_model
    from mattelier.engines.preprocess import network_size, postprocess, preprocess
    from mattelier.types.colour import View

    model = open_model(card, store, "cpu")
    picture, truth = _drawn_ball()
    view = View(picture)
    height, width = network_size(card.input, *truth.shape)
    inputs = {"picture": preprocess(card.input, view, height, width)}
    if card.input.hint is not None:
        inputs["hint"] = np.zeros((1, 2, height, width), np.float32)
    start = time.perf_counter()
    answer = model.run(inputs)["alpha"]
    seconds = time.perf_counter() - start
    if not _is_shaped_as(answer, height, width):
        raise ModelError(
            f"{card.name} gives no matte: its answer to a picture of {height}×{width} pixels is of "
            f"the shape {answer.shape}."
        )
    guessing = card.output == Output(tensor=card.output.tensor) and flags["activation"] is None
    if card.output.activation == "softmax" and flags["activation"] is None and _are_shares(answer):
        card = replace(card, output=replace(card.output, activation="shares"))
    if guessing and not (answer.min() >= -_LOGIT_MARGIN and answer.max() <= 1 + _LOGIT_MARGIN):
        click.echo("Its answer leaves 0…1, so it is taken for logits (--activation).", err=True)
        card = replace(card, output=replace(card.output, activation="sigmoid"))
    if float(np.ptp(answer, axis=(-2, -1)).max()) < _FLAT_SPREAD:
        alpha = postprocess(replace(card.output, min_max=False), answer)
        raise ModelError(
            f"{card.name} sees nothing: its answer to a drawn picture is {alpha.mean():.2f} "
            "everywhere, so the file holds no trained network, or is given its pictures wrongly."
        )
    _say_overlap(postprocess(card.output, answer), truth, seconds)
    return card


def _is_shaped_as(answer: NDArray[np.float32], height: int, width: int) -> bool:
    """Whether the last two axes may be a picture of that size, smaller or larger."""
    squeeze = answer.shape[-2] * width / (answer.shape[-1] * height) if answer.ndim > 1 else 0.0
    return 1 / _MAX_SQUEEZE < squeeze < _MAX_SQUEEZE


def _are_shares(answer: NDArray[np.float32]) -> bool:
    """Whether two maps, (1, 2, h, w), are shares of one whole."""
    import numpy as np

    return bool(answer.min() >= 0 and np.allclose(answer.sum(1), 1, atol=1e-3))


def _say_overlap(alpha: NDArray[np.float32], truth: NDArray[np.float32], seconds: float) -> None:
    """How much of the drawn ball a matte of it holds, on stderr."""
    import cv2
    import numpy as np

    truth = np.asarray(cv2.resize(truth, alpha.shape[::-1], interpolation=cv2.INTER_AREA))
    overlap = float(np.minimum(alpha, truth).sum() / max(np.maximum(alpha, truth).sum(), 1e-6))
    click.echo(
        f"Shown a drawn ball, it saw {overlap:.0%} of it aright in {seconds:.1f} s"
        + (
            "."
            if overlap > 0.5
            else "; if photographs come out no better, --mean, --std or --activation are wrong."
        ),
        err=True,
    )


def _drawn_ball() -> tuple[Picture, Any]:
    """A shaded ball before a plain wall: a picture, and its matte (H, W) float32 0…1."""
    import cv2
    import numpy as np

    from mattelier.types.picture import Picture

    size = _TRIAL_SIZE_PX
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    radius = np.hypot(x - 0.5, y - 0.52) / 0.27
    matte = cv2.GaussianBlur((radius < 1).astype(np.float32), (0, 0), 1)
    wall = np.stack([0.62 - 0.15 * y, 0.66 - 0.12 * y, 0.7 - 0.1 * y], -1)
    shadow = 1 - 0.35 * np.exp(-(((x - 0.56) / 0.22) ** 2) - ((y - 0.8) / 0.05) ** 2)
    light = np.clip(0.25 + np.sqrt(np.maximum(1 - radius**2, 0)) - 0.7 * (x - 0.4 + y - 0.4), 0, 1)
    ball = light[..., None] * np.array([0.95, 0.35, 0.12], np.float32)
    colour = wall * shadow[..., None] + matte[..., None] * (ball - wall * shadow[..., None])
    return Picture(np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)), matte
