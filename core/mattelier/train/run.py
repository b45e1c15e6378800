"""The training loop: resumable, time-boxed, and the same again from the same seed and steps."""

from __future__ import annotations

import copy
import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mattelier.learning.losses import of_batch
from mattelier.learning.param_groups import parts
from mattelier.networks.cutout.network import CutoutNet, fold_norms
from mattelier.train.recipe import Recipe
from mattelier.train.resumable import Resumable
from mattelier.train.samples import Sample, Samples

_CHECKPOINT_SECONDS = 120
_START = "start.safetensors"  # the folded weights that a run with `kept` began with
FROZEN_BLOCKS = 3  # generic edges and textures, at the resolution where training costs most


class _Range(Dataset[Sample]):
    def __init__(self, samples: Samples, start: int, size: int) -> None:
        self.samples, self.start, self.size = samples, start, size

    def __len__(self) -> int:
        return self.samples.recipe.samples - self.start

    def __getitem__(self, index: int) -> Sample:
        return self.samples.make(self.start + index, self.size)


class Run(Resumable[CutoutNet]):
    """One training run in its own folder: `state.pt` (resumed from) and `log.jsonl`.

    Parameters
    ----------
    recipe : Recipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder : Path
        Where the run keeps its state; an unfinished run there is resumed.
    hours : float or None
        Time box of the whole run, counted over resumptions while it really runs.
    device : str
        A torch device.
    norm : bool
        Train with batch norm, as a long run needs; a short one from finished weights goes on
        better without, because a norm's statistics have to be found first.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
        norm: bool = True,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        self.samples = Samples(recipe, data)
        self.seconds = hours * 3600 if hours else float("inf")
        self.network = CutoutNet(norm=norm).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = CutoutNet(norm=norm).to(self.device).eval()
        self.index, self.elapsed, self.stopping, self._norm = 0, 0.0, False, norm
        self.optimizer = self._optimizer(parts(self.network, FROZEN_BLOCKS, new=True))

    @property
    def progress(self) -> float:
        return min(1.0, max(self.index / self.recipe.samples, self.elapsed / self.seconds))

    def train(self, report: Callable[[dict[str, Any]], None]) -> bool:
        """Train until done, out of time, or interrupted; True when the run is complete."""
        import cv2

        previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # type: ignore[attr-defined,unused-ignore]
        # A forked worker that inherits OpenCV's pool without its threads waits for them for ever.
        try:
            while self.progress < 1 and not self.stopping:
                self._stage(report)
            self.save()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            cv2.setNumThreads(threads)  # type: ignore[attr-defined,unused-ignore]
        return self.progress >= 1

    def start(self, initialise: Callable[[CutoutNet], None]) -> None:
        """See `Resumable.start`."""
        super().start(initialise)
        if self.recipe.kept and self.index == 0:
            from safetensors.torch import save_file

            save_file(self._folded().state_dict(), self.folder / _START)

    def result(self) -> CutoutNet:
        """The averaged network without norms, mixed with its start if asked to, sharpened."""
        folded = self._folded()
        with torch.no_grad():
            if self.recipe.kept:
                from safetensors.torch import load_file

                start = load_file(self.folder / _START)
                for name, value in folded.state_dict().items():
                    value.lerp_(start[name], self.recipe.kept)
            for value in folded.out[0].parameters():
                value.mul_(self.recipe.sharpness)
        return folded

    def _optimizer(
        self, parts: tuple[list[nn.Parameter], list[nn.Parameter]]
    ) -> torch.optim.Optimizer:
        """Of what is to be changed slowly, and fast."""
        rates = (self.recipe.encoder_rate, self.recipe.decoder_rate)
        return torch.optim.AdamW(
            [{"params": part, "rate": rate} for part, rate in zip(parts, rates, strict=True)],
            weight_decay=self.recipe.weight_decay,
        )

    def _folded(self) -> CutoutNet:
        """The averaged network without norms, on the processor."""
        average = copy.deepcopy(self.average).cpu()
        return fold_norms(average) if self._norm else average

    def _stage(self, report: Callable[[dict[str, Any]], None]) -> None:
        stage = self.recipe.stage(self.progress)
        loader = DataLoader(
            _Range(self.samples, self.index, stage.size),
            batch_size=stage.batch,
            num_workers=1,
            prefetch_factor=6,
            worker_init_fn=_quiet_worker,
            drop_last=True,
        )
        last, saved, losses = time.monotonic(), time.monotonic(), []
        batches: Iterator[list[Tensor]] = iter(loader)
        for batch in batches:
            losses.append(self._step(batch))
            self.index += stage.batch
            now = time.monotonic()
            self.elapsed += min(now - last, 30)  # a suspended machine does not train
            last = now
            if len(losses) == 50:
                mean = float(np.mean(losses))
                losses.clear()
                line = {
                    "index": self.index,
                    "elapsed": round(self.elapsed),
                    "size": stage.size,
                    "loss": round(mean, 4),
                }
                with (self.folder / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                report({**line, "progress": self.progress})
            if now - saved > _CHECKPOINT_SECONDS:
                self.save()
                saved = now
            if self.stopping or self.progress >= 1:
                return
            if self.recipe.stage(self.progress) != stage:
                return
        self.index = self.recipe.samples

    def _step(self, batch: list[Tensor]) -> float:
        picture, alpha, weight, hint = (t.to(self.device) for t in batch)
        warm = min(1.0, (self.index + 1) / self.recipe.warm_up)
        let_down = 0.5 * (1 + math.cos(math.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * warm * max(let_down, 0.002)
        self.network.train()
        loss = of_batch(
            self.network,
            picture.float() / 255,
            alpha,
            weight,
            hint,
            bfloat16=self.recipe.bfloat16,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self._track()
        return float(loss.detach())

    @torch.no_grad()
    def _track(self) -> None:
        """Exponential moving average; quick at first, so that it does not remember the start."""
        steps = self.index / self.recipe.stage(self.progress).batch
        keep = min(self.recipe.ema, (1 + steps) / (10 + steps))
        ours, live = self.average.state_dict(), self.network.state_dict()
        for name, value in ours.items():
            if value.dtype.is_floating_point:
                value.lerp_(live[name], 1 - keep)
            else:
                value.copy_(live[name])


def _quiet_worker(worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)  # type: ignore[attr-defined,unused-ignore]
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all; the run saves, then ends it
        signal.signal(number, signal.SIG_IGN)
