"""Fine-tuning on a user's own pictures: the ordinary run, short, and judged as it goes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattelier.data.pairs import find_pairs
from mattelier.data.splits import split_pairs
from mattelier.learning.param_groups import param_groups
from mattelier.media import thumbnails
from mattelier.metrics.measures import MEASURES, Case
from mattelier.networks.cutout import input_multiple, make_network
from mattelier.networks.cutout.network import CutoutNet
from mattelier.train.custom_dataset import PAIRS_FOLDER, SCENES_FOLDER
from mattelier.train.cutout import FROZEN_BLOCKS, CutoutRun
from mattelier.train.cutout_samples import Samples
from mattelier.train.init_weights import init_weights
from mattelier.train.recipe import Recipe, Stage
from mattelier.types.atomic import replacing
from mattelier.types.colour import to_float

_SHARPNESS = 3.0  # of the shipped recipes: trained as sharp as it is given, a matte grows hazy
_JUDGEMENTS = 8  # of the pictures held back, in the course of a run
_VARIATIONS = 24  # that a one-shot run is judged by
_INTERPOLATION_SHARES = (1.0, 0.75, 0.5, 0.25)  # of the way from the start to what was trained
_PREVIEW_ROWS, _PREVIEW_ROW_PX = 8, 160  # and their height
_UNLIMITED_SAMPLES = 10_000_000  # a time box ends the run


def custom_recipe(
    size: int, *, detail: bool = False, one_shot: bool, bfloat16: bool = False
) -> Recipe:
    """How own pictures are trained on at an input of about `size` pixels a side.

    `detail` says whether it is a network that looks twice, whose samples cost twice as much.

    Rates are a third of the first training's: the network knows subjects already, and is to
    learn these without forgetting the others. Hints keep their meaning by being given.
    """
    multiple = input_multiple(detail)
    return Recipe(
        seed=1,
        detail=detail,
        samples=_UNLIMITED_SAMPLES,
        stages=(Stage(1.0, multiple * max(1, round(size / multiple)), 4 if detail else 8),),
        sets={PAIRS_FOLDER: 1.0},
        scenes=(SCENES_FOLDER,),
        mix={"photo": 0.5, "paste": 0.4, "shape": 0.1}
        if one_shot
        else {"photo": 0.65, "paste": 0.25, "shape": 0.1},
        hints={"none": 0.6, "mask": 0.14, "clicks": 0.12, "box": 0.08, "trimap": 0.06},
        encoder_rate=1e-4,
        decoder_rate=3e-4,
        warm_up=160,
        ema=0.99,
        sharpness=_SHARPNESS,
        norm=False,
        bfloat16=bfloat16,
    )


class ValidationPicture(NamedTuple):
    """What a run is judged by: (h, w, 3) RGB uint8 at the network's size, and (h, w) truth 0…1."""

    picture: NDArray[np.uint8]
    truth: NDArray[np.float32]


@dataclass(frozen=True)
class Judgement:
    """Scores on what was held back, of the start and of the run at `progress` (0…1)."""

    progress: float
    elapsed: float
    before: Mapping[str, float]
    now: Mapping[str, float]

    @property
    def helps(self) -> bool:
        """Whether the network is better than the start was."""
        return self.now["iou"] > self.before["iou"]


class FineTune(CutoutRun):
    """A run on the working copies in `data`, from `weights`; see `CutoutRun`.

    Judged eight times, on the pictures held back or, where there are none, on variations that
    are not trained on; a preview of them is written each time, `preview-NNN.png` (NNN: per cent).
    `report` receives each `Judgement`.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        folder: Path,
        weights: Path,
        *,
        minutes: float,
        device: str = "cpu",
        report: Callable[[Judgement], None],
    ) -> None:
        super().__init__(recipe, data, folder, hours=minutes / 60, device=device)
        self._pictures, self._held_back = _validation_pictures(recipe, data)
        self._report = report
        self._start = make_network(recipe.detail)
        init_weights(self._start, weights)
        init_weights(self.network, weights, sharpness=recipe.sharpness)
        self.optimizer = self._make_optimizer(param_groups(self.network, FROZEN_BLOCKS))
        self.start(lambda network: None)
        self._start_alphas = self._predict(self._start)
        self._start_scores = self._scores(self._start_alphas)
        self._next_judgement = self._following_judgement()

    def judge(self, network: CutoutNet | None = None) -> Judgement:
        """Judge a network (None: what the run would give now) and write a preview."""
        now = self._predict(self.result() if network is None else network)
        judgement = Judgement(self.progress, self.elapsed, self._start_scores, self._scores(now))
        self._preview(now)
        self._report(judgement)
        return judgement

    def best(self) -> tuple[CutoutNet, Judgement, float]:
        """The finished network, its judgement, and how far it lies from the start (0…1).

        Weights between the start's and the trained ones often do better than either, and forget
        less (WiSE-FT, Wortsman et al. 2022). The share is chosen on what was held back, so of
        few pictures the gain is flattered; without any, training stands as it is.
        """
        trained = self.result()
        if not self._held_back:
            return trained, self.judge(trained), 1.0
        candidates = {}
        for share in _INTERPOLATION_SHARES:
            between = copy.deepcopy(self._start).cpu()
            with torch.no_grad():
                for ours, theirs in zip(between.parameters(), trained.parameters(), strict=True):
                    ours.lerp_(theirs, share)
            candidates[share] = between
        share = max(candidates, key=lambda s: self._scores(self._predict(candidates[s]))["iou"])
        return candidates[share], self.judge(candidates[share]), share

    def _step(self, batch: list[Tensor]) -> float:
        loss = super()._step(batch)
        if self._next_judgement <= self.progress < 1:
            self.judge()
            self._next_judgement = self._following_judgement()
        return loss

    def _following_judgement(self) -> float:
        return (int(self.progress * _JUDGEMENTS) + 1) / _JUDGEMENTS

    @torch.no_grad()
    def _predict(self, network: CutoutNet) -> list[NDArray[np.float32]]:
        network = copy.deepcopy(network).to(self.device).eval()  # the caller's stays where it is
        alphas = []
        for source in self._pictures:
            picture = torch.from_numpy(source.picture.transpose(2, 0, 1)[None].copy())
            picture = picture.to(self.device).float() / 255
            hint = picture.new_zeros((1, 2, *picture.shape[2:]))
            alphas.append(network(picture, hint).sigmoid()[0, 0].cpu().numpy())
        return alphas

    def _scores(self, alphas: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        measure = MEASURES["masks"]
        return measure.mean(
            measure.score(Case(alpha, source.truth))
            for alpha, source in zip(alphas, self._pictures, strict=True)
        )

    def _preview(self, now: Sequence[NDArray[np.float32]]) -> None:
        """Rows of picture, truth, the start's prediction, the network's own now."""
        rows = []
        step = max(1, len(self._pictures) // _PREVIEW_ROWS)
        for number in range(0, len(self._pictures), step)[:_PREVIEW_ROWS]:
            source = self._pictures[number]
            view = to_float(source.picture)
            width = round(_PREVIEW_ROW_PX * view.shape[1] / view.shape[0])
            size = (_PREVIEW_ROW_PX, max(1, width))
            alphas = (source.truth, self._start_alphas[number], now[number])
            cells = [thumbnails.colour(view, size)]
            cells += [thumbnails.on_board(view, alpha, size) for alpha in alphas]
            rows.append(thumbnails.beside(cells))
        wide = max(row.shape[1] for row in rows)
        sheet = np.concatenate(
            [np.pad(row, ((0, 2), (0, wide - row.shape[1]), (0, 0))) for row in rows]
        )
        with replacing(self.folder / f"preview-{round(100 * self.progress):03}.png") as path:
            cv2.imencode(".png", sheet[..., ::-1])[1].tofile(path)


def _validation_pictures(recipe: Recipe, data: Path) -> tuple[list[ValidationPicture], bool]:
    """What to judge by, and whether that is pictures held back."""
    size, multiple = recipe.stages[0].size, input_multiple(recipe.detail)
    pairs = [pair.read() for pair in split_pairs(find_pairs(data / PAIRS_FOLDER))[1]]
    if pairs:
        return [_fit_network(picture, truth, size, multiple) for picture, truth in pairs], True
    # Nothing is held back: variations with another seed are new to the run, the subject is not.
    mix = {"photo": 0.5, "paste": 0.5}
    samples = Samples(
        replace(recipe, seed=recipe.seed + 1, hints={"none": 1.0}, mix=mix, choose=0.0), data
    )
    variations = [samples.make(number, size) for number in range(_VARIATIONS)]
    pictures = [
        ValidationPicture(sample.picture.transpose(1, 2, 0).copy(), sample.alpha[0])
        for sample in variations
    ]
    return pictures, False


def _fit_network(
    picture: NDArray[np.uint8], truth: NDArray[np.uint8], size: int, multiple: int
) -> ValidationPicture:
    """At about size² pixels, in multiples, as the finished model will see it."""
    scale = size / (picture.shape[0] * picture.shape[1]) ** 0.5
    height, width = (multiple * max(1, round(side * scale / multiple)) for side in truth.shape)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = (cv2.resize(each, (width, height), interpolation=mode) for each in (picture, truth))
    colour, mask = (np.asarray(each, np.uint8) for each in small)
    return ValidationPicture(colour, to_float(mask))
