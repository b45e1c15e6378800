"""The training of the network that tracking remembers with: to find again what a key frame shows.

A sample is a made clip (`train.clips`) with a subject, others of its kind, and things that pass in
front of it. Each place of the later views asks the places of one view whose truth is known
(space-time memory, Oh et al. 2019, arXiv:1904.00607), and the loss is how far what it reads there
is from the truth: the very question that tracking puts to the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from mattelier.data.pairs import find_pairs, list_pictures
from mattelier.data.splits import is_validation, split_pairs
from mattelier.learning.augment import augment_photometry
from mattelier.learning.export import EMBEDDING_GRAPH, export_graph
from mattelier.networks.track import MIN_SHARE, TEMPERATURE
from mattelier.networks.track.network import EmbeddingNet
from mattelier.train.clips import MIN_KEY_SHARE, Clips
from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.train.restoring import load_start, read_safetensors
from mattelier.train.sample_loader import load_samples, single_threaded_opencv
from mattelier.train.training_run import Report, TrainingRun
from mattelier.types.errors import UsageError

_FROZEN_BLOCKS = 3  # as the cut-out network's: edges and textures are everybody's
_MAX_GRADIENT_NORM = 1.0
_LOGGED_STEPS = 50
_MULTIPLE = 32  # of both sides of a view


@dataclass(frozen=True)
class TrackRecipe:
    """One training run of an embedding network.

    Attributes
    ----------
    seed : int
        Clip i of a run is a pure function of the seed and i.
    clips : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    batch : int
        Clips at once.
    sets, scenes : tuple
        Folders of picture pairs, one kind of thing each; of pictures to set their subjects in.
    views : int
        Of each clip: one to remember, the others to ask.
    step : int
        At most so many frames lie between two views.
    size : tuple of int
        Width and height of a view in pixels.
    relit : float
        Share of the clips whose views each are changed in light, colour and sharpness.
    rate, weight_decay, warm_up, ema : AdamW's, and the decay of the weights' moving average
    bfloat16 : bool
        Multiply in bfloat16; likenesses and the loss stay float32.
    """

    seed: int
    clips: int
    sets: tuple[str, ...]
    scenes: tuple[str, ...]
    batch: int = 2
    views: int = 4
    step: int = 8
    size: tuple[int, int] = (448, 256)
    relit: float = 0.3
    rate: float = 2e-4
    weight_decay: float = 0.01
    warm_up: int = 100
    ema: float = 0.998
    bfloat16: bool = False


class Sample(NamedTuple):
    """views (V, 3, H, W) uint8, the first to be remembered; truths (V, H/8, W/8) float32 0…1."""

    views: NDArray[np.uint8]
    truths: NDArray[np.float32]


class Samples:
    """All samples of a recipe; `make(i)` builds the i-th."""

    def __init__(self, recipe: TrackRecipe, data: Path) -> None:
        kinds = [split_pairs(find_pairs(data / folder))[0] for folder in recipe.sets]
        scenes = [
            path
            for folder in recipe.scenes
            for path in list_pictures(data / folder)
            if not is_validation(path.name)
        ]
        if not all(kinds) or not scenes:
            raise UsageError("A set or the scenes hold only pictures that are held back.")
        self.recipe, self._clips = recipe, Clips(kinds, scenes, recipe.seed)

    def make(self, index: int) -> Sample:
        rng = np.random.default_rng([self.recipe.seed, index, 1])
        size = self.recipe.size[::-1]
        step = int(rng.integers(1, self.recipe.step + 1))
        clip = self._clips.make(index, self.recipe.views, size, step=step)
        subject = clip.alphas[:, 0].astype(np.float32) / 255
        areas = subject.mean((1, 2))
        order = rng.permutation(len(areas))
        seen = [i for i in order if areas[i] >= MIN_KEY_SHARE]
        key = seen[0] if seen else int(areas.argmax())
        order = np.array([key, *(i for i in order if i != key)])
        views = [clip.frames[i] for i in order]
        if rng.random() < self.recipe.relit:
            views = [augment_photometry(view, rng) for view in views]
        height, width = size[0] // 8, size[1] // 8
        truths = subject[order].reshape(-1, height, 8, width, 8).mean((2, 4))
        return Sample(np.ascontiguousarray(np.stack(views).transpose(0, 3, 1, 2)), truths)


class TrackRun(TrainingRun[EmbeddingNet]):
    """One training run; see `TrainingRun`.

    Parameters
    ----------
    recipe : TrackRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `TrainingRun`
    """

    def __init__(
        self,
        recipe: TrackRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            EmbeddingNet, folder, seed=recipe.seed, length=recipe.clips, hours=hours, device=device
        )
        self.recipe, self.samples = recipe, Samples(recipe, data)
        for part in (self.network.stem, self.network.blocks[:_FROZEN_BLOCKS]):
            part.requires_grad_(False)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, recipe.rate, weight_decay=recipe.weight_decay)

    @staticmethod
    def load_recipe(path: Path) -> TrackRecipe:
        """See `TrainingRun.load_recipe`."""
        recipe = load_flat_recipe(TrackRecipe, path)
        if any(side % _MULTIPLE for side in recipe.size):
            raise UsageError(f"The recipe {path} needs a size of multiples of {_MULTIPLE}.")
        if recipe.views < 2 or recipe.step < 1:
            raise UsageError(f"The recipe {path} needs two views or more, and a step of 1 or more.")
        return recipe

    def init_weights(self, network: EmbeddingNet, path: Path) -> None:
        """See `TrainingRun.init_weights`; the blocks may be those of a cut-out network."""
        names = network.state_dict().keys()

        def read(file: Path) -> dict[str, Tensor]:
            state = read_safetensors(file)
            return {name: state[name] for name in names}

        load_start(network, path, read)

    def train(self, report: Report) -> bool:
        """See `TrainingRun.train`."""
        with single_threaded_opencv():
            return super().train(report)

    def result(self) -> EmbeddingNet:
        """The averaged network."""
        return self.average.cpu()

    def export(self, folder: Path) -> None:
        """See `TrainingRun.export`."""
        export_graph(self.result(), EMBEDDING_GRAPH, folder, folder.name)

    def _steps(self, report: Report) -> None:
        losses: list[float] = []
        batch = self.recipe.batch
        for views, truths in load_samples(self.samples.make, self.index, self.recipe.clips, batch):
            losses.append(self._step(views, truths))
            self.index += batch
            self._tick()
            if len(losses) == _LOGGED_STEPS:
                self._log(report, size=self.recipe.size[0], loss=round(float(np.mean(losses)), 4))
                losses.clear()
            if self.over:
                return
        self.index = self.recipe.clips

    def _step(self, views: Tensor, truths: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(self.recipe.rate, self.recipe.warm_up)
        picture = views.to(self.device).flatten(0, 1).float() / 255
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            features = self.network(picture.contiguous(memory_format=torch.channels_last))
        clips = zip(features.float().unflatten(0, views.shape[:2]), truths, strict=True)
        loss = torch.stack([memory_loss(f, t.to(self.device)) for f, t in clips]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        self.optimizer.step()
        self._update_average(self.recipe.ema, self.index / self.recipe.batch)
        return float(loss.detach())


def memory_loss(features: Tensor, truths: Tensor) -> Tensor:
    """Cross-entropy of what places read in a remembered view, against what is there.

    Parameters
    ----------
    features : (V, C, h, w) float32
        Unit vectors over C; those of the first view are remembered.
    truths : (V, h, w) float32 0…1
    """
    vectors = features.flatten(2)
    likeness = torch.einsum("vcq,ck->vqk", vectors[1:], vectors[0]) / TEMPERATURE
    share = likeness.softmax(2) @ truths[0].flatten()
    # Squeezed, not clipped: what is surely wrong has a gradient, too.
    share = MIN_SHARE + (1 - 2 * MIN_SHARE) * share
    return F.binary_cross_entropy(share, truths[1:].flatten(1))
