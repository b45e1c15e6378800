"""What tells the alpha of a pixel that a trimap leaves open: solutions, samples, colours around.

Closed form, samples and the known colours near by each know something that the others do not, and
each says in its own way how sure it is. Which to believe where is learned from pictures of exact
alpha (`train.trimap`), pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.matting.colour_samples import Samples
from mattelier.types.progress import tell

Plane = NDArray[np.float32]

_COLOUR_SCALES_PX = (64, 24, 8)  # over which the known colours around are averaged
_MATTE_SCALES_PX = (2, 4, 10, 24)  # over which the solutions are
_COARSE_SCALE_PX, _LINE_SCALE_PX = 8, 3
_TRUST_SCALES_PX = (4, 12)
_TEXTURE_SCALES_PX = (3, 8)
_DENSITY_SCALES_PX = (8, 32)
_NEIGHBOURS_PX = 5
_MIN_CONTRAST = np.float32(0.002)  # squared distance of two colours that tells nothing
_MIN_WEIGHT = np.float32(1e-3)  # of what is known further off, beside what is known near by
_CHUNK_ROWS, _CHUNK_COLUMNS = 128, 512  # pixels at once: memory stays bounded


class Solution(NamedTuple):
    """What was found in a picture: (H, W) float32 0…1 each, and the samples of its open pixels.

    Attributes
    ----------
    solved : alpha of closed form
    mixture, trust : what that was drawn to, and how strongly
    samples : of the open pixels, in raster order; None: too little is known to take any
    coarse : what a network saw; None: nothing (a selection that the trimap was drawn around tells
        nothing of open pixels)
    """

    solved: Plane
    mixture: Plane
    trust: Plane
    samples: Samples | None
    coarse: Plane | None


def weigh_cues(
    picture: Plane,
    subject: NDArray[np.bool_],
    background: NDArray[np.bool_],
    solution: Solution,
) -> Plane:
    """Alpha as the cues have it together: (H, W) float32 0…1; takes what `alpha_cues` does.

    It lies between what was found by closed form, samples and a network: in colours that it never
    saw, the network that weighs them would see subject where nothing else does.

    Raises
    ------
    ModelError
        The network that weighs them, which ships along, is missing or damaged.
    """
    if solution.samples is None:
        return solution.solved
    cues = alpha_cues(picture, subject, background, solution)
    network = _network()
    answers = []
    chunk = _CHUNK_ROWS * _CHUNK_COLUMNS
    for start in range(0, len(cues), chunk):
        tell(start / len(cues))
        part = cues[start : start + chunk]
        rows = -(-len(part) // _CHUNK_COLUMNS)
        padded = np.zeros((rows * _CHUNK_COLUMNS, cues.shape[1]), np.float32)
        padded[: len(part)] = part
        inputs = np.ascontiguousarray(padded.T.reshape(1, -1, rows, _CHUNK_COLUMNS))
        answer = network.run({"picture": inputs})["alpha"]
        answers.append(answer.reshape(-1)[: len(part)])
    alpha = solution.solved.copy()
    if answers:
        open_ = ~(subject | background)
        planes = (solution.solved, solution.mixture, solution.coarse)
        found = [plane[open_] for plane in planes if plane is not None]
        alpha[open_] = np.clip(np.concatenate(answers), np.min(found, 0), np.max(found, 0))
    return alpha


def alpha_cues(
    picture: Plane,
    subject: NDArray[np.bool_],
    background: NDArray[np.bool_],
    solution: Solution,
) -> NDArray[np.float32]:
    """(N, C) float32: C cues of each of the N open pixels, in raster order; the first is `solved`.

    Parameters
    ----------
    picture : (H, W, 3) float32 0…1, display-encoded RGB
    subject, background : (H, W) bool
        What is known, there must be some of both; what is in none of them is open.
    solution : with samples
    """
    open_ = ~(subject | background)
    columns = [plane[open_] for plane in _planes(picture, subject, background, solution)]
    samples = solution.samples
    assert samples is not None
    columns += [
        samples.alpha,
        np.minimum(samples.error, 1),
        np.linalg.norm(samples.subject - samples.background, axis=1),
    ]
    return np.stack(columns, 1).astype(np.float32, copy=False)


@cache
def _network() -> OpenModel:
    return ModelCache().open("default", "trimap", "cpu")


def _planes(
    picture: Plane,
    subject: NDArray[np.bool_],
    background: NDArray[np.bool_],
    solution: Solution,
) -> Iterator[Plane]:
    """The cues that are planes, (H, W) each."""
    import cv2

    solved, mixture, trust, _, coarse = solution
    if coarse is None:
        coarse = np.full_like(solved, 0.5)
    yield from (solved, mixture, trust, coarse, _soften(coarse, _COARSE_SCALE_PX))
    (to_subject, front), (to_background, back) = (
        _nearest(picture, known) for known in (subject, background)
    )
    yield to_subject / (to_subject + to_background + 1)
    yield from (np.log1p(to_subject), np.log1p(to_background))
    yield from _colour_line(picture, front, back)
    fronts, backs = (_known_colours(picture, known) for known in (subject, background))
    for front, back in zip(fronts, backs, strict=True):
        line = _colour_line(picture, front, back)
        yield from line
        yield _soften(line[0], _LINE_SCALE_PX)
    for scale in _DENSITY_SCALES_PX:
        for known in (subject, background):
            yield _soften(known.astype(np.float32), scale)
    for scale in _MATTE_SCALES_PX:
        yield _soften(solved, scale)
        yield _soften(mixture, scale)
    for scale in _TRUST_SCALES_PX:
        yield _soften(trust, scale)
        yield _spread(solved, scale)
    grey = picture.mean(2)
    yield grey
    for scale in _TEXTURE_SCALES_PX:
        yield _spread(grey, scale)
    near = np.ones((_NEIGHBOURS_PX, _NEIGHBOURS_PX), np.uint8)
    yield np.asarray(cv2.erode(solved, near), np.float32)
    yield np.asarray(cv2.dilate(solved, near), np.float32)


def _nearest(picture: Plane, known: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    """How far off the nearest known pixel is, (H, W) in pixels, and its colour, (H, W, 3)."""
    import cv2

    distance, labels = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(distance, np.float32), picture[known][labels - 1]


def _colour_line(picture: Plane, front: Plane, back: Plane) -> list[Plane]:
    """Where a colour lies between two others, how far these are apart, and how far it is of each.

    (H, W, 3) each; (H, W) each.
    """
    line, above, below = front - back, picture - back, picture - front
    squared = np.einsum("yxc,yxc->yx", line, line)
    share = np.einsum("yxc,yxc->yx", above, line) / (squared + _MIN_CONTRAST)
    return [
        np.clip(share, -1, 2),
        np.sqrt(squared),
        np.sqrt(np.einsum("yxc,yxc->yx", below, below)),
        np.sqrt(np.einsum("yxc,yxc->yx", above, above)),
    ]


def _known_colours(picture: Plane, known: NDArray[np.bool_]) -> Iterator[Plane]:
    """The mean of the known colours around, scale by scale; from further off where none are."""
    weight = known.astype(np.float32)
    total = picture * weight[..., None]
    mean: Plane = picture[known].mean(0)
    for scale in _COLOUR_SCALES_PX:
        near = _soften(weight, scale)[..., None]
        mean = (_soften(total, scale) + _MIN_WEIGHT * mean) / (near + _MIN_WEIGHT)
        yield mean


def _soften(plane: Plane, scale: float) -> Plane:
    """Averaged over about so many pixels: (H, W) or (H, W, 3), as it was."""
    import cv2

    height, width = plane.shape[:2]
    factor = max(1.0, scale / 4)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = plane if factor == 1 else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), scale / factor / 2)
    return np.asarray(small if factor == 1 else cv2.resize(small, (width, height)), np.float32)


def _spread(plane: Plane, scale: float) -> Plane:
    """The standard deviation over about so many pixels."""
    mean = _soften(plane, scale)
    deviation: Plane = np.sqrt(np.maximum(_soften(plane * plane, scale) - mean * mean, 0))
    return deviation
