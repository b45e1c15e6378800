"""The fine-tuning of `tune`: samples made of key frames, and the steps. Needs PyTorch."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mattelier.learning.augment import augment_photometry
from mattelier.learning.corrupt_mask import corrupt_mask
from mattelier.learning.losses import batch_loss
from mattelier.learning.param_groups import fast_bfloat16, param_groups
from mattelier.matting.hint import MASK_CONFIDENCE
from mattelier.networks.cutout import looks_twice, make_network
from mattelier.networks.cutout.network import CutoutNet
from mattelier.shot.tracking.tuning_key import TuningKey
from mattelier.types.progress import remark, tell

Map = NDArray[np.float32]
Batch = tuple[Tensor, Tensor, Tensor, Tensor]

_INPUT_SIZE_PX = 256  # pixels; at the 384 that it follows at it would learn half as fast
_BATCH_SIZE = 4
_FROZEN_BLOCKS = 7  # blocks: edges and textures, and most of the time
_LEARNING_RATES = 1e-4, 3e-4  # of the encoder and of the decoder
_WARM_UP_STEPS = 10
_UNAIDED_SHARE = 0.1  # share of samples without a hint
_HELD_OUT_PER_KEY = 8  # held-out samples of each key
_KEPT = 0.4  # of the weights before: who knows one frame by heart errs where the subject changes


class _Samples:
    """Endless variations of key frames."""

    def __init__(self, keys: Sequence[TuningKey], seed: int) -> None:
        self._keys = [
            (np.rint(key.view * 255).astype(np.uint8), key.matte, key.known)
            for key in keys
            if key.matte.max() > 0.5
        ]
        self._rng = np.random.default_rng(seed)

    def batch(self, count: int) -> Batch:
        """picture (N, 3, S, S) 0…1, hint (N, 2, S, S), alpha and known (N, 1, S, S)."""
        samples = [self._one() for _ in range(count)]
        pictures, hints, alphas, known = (
            torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True)
        )
        return pictures, hints, alphas, known

    def _one(self) -> tuple[Map, Map, Map, Map]:
        rng = self._rng
        view, matte, known = self._keys[int(rng.integers(len(self._keys)))]
        picture, alpha, known = _augment(view, matte, known, rng)
        picture = augment_photometry(picture, rng) if rng.random() < 0.7 else picture
        hint = np.zeros((2, _INPUT_SIZE_PX, _INPUT_SIZE_PX), np.float32)
        if rng.random() > _UNAIDED_SHARE:
            odds = (2 * corrupt_mask(alpha, rng) - 1) * _hint_strength(rng)
            hint[0], hint[1] = np.maximum(odds, 0), np.maximum(-odds, 0)
            hint *= np.float32(MASK_CONFIDENCE)
        colours = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / np.float32(255)
        return colours, hint, alpha[None], known[None]


def _augment(
    view: NDArray[np.uint8], mask: Map, known: Map, rng: Generator
) -> tuple[NDArray[np.uint8], Map, Map]:
    """A window around the subject, turned, flipped and bent, at the network's size."""
    ys, xs = np.nonzero(mask > 0.5)
    centre = np.array([np.ptp(xs) / 2 + xs.min(), np.ptp(ys) / 2 + ys.min()])
    sides = np.array([np.ptp(xs) + 1, np.ptp(ys) + 1], float)
    sides = np.maximum(sides, 0.6 * sides.max()) * np.exp(rng.uniform(0.1, 0.9))
    sides *= np.exp(rng.normal(0, 0.12, 2))
    centre = centre + rng.normal(0, 0.1, 2) * sides
    full = np.array(mask.shape[::-1], float)
    sides = np.minimum(sides, full)
    centre = np.clip(centre, sides / 2, full - sides / 2)
    angle = np.deg2rad(rng.normal(0, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = sides / _INPUT_SIZE_PX * np.array([rng.choice([-1, 1]), 1])
    grid = np.stack(
        np.meshgrid(*[np.arange(_INPUT_SIZE_PX) - (_INPUT_SIZE_PX - 1) / 2] * 2), axis=-1
    )
    bend = np.stack([_noise(4, rng) for _ in range(2)], axis=-1)
    places = ((grid + rng.uniform(0, 6) * bend) * scale) @ turn.T + centre
    places = places.astype(np.float32)
    # Shrunk pictures are smoothed first, or sampling them would alias.
    ratio = float(np.abs(scale).max())
    if ratio > 1.5:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), 0.4 * ratio), np.uint8)
    picture = cv2.remap(view, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    alpha, known = (
        np.asarray(
            cv2.remap(part, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
            np.float32,
        )
        for part in (mask, known)
    )
    return np.asarray(picture, np.uint8), alpha, known


def _hint_strength(rng: Generator) -> Map:
    """How far a hint speaks up, 0…1: tracking keeps silent in patches."""
    if rng.random() < 0.3:
        return np.ones((_INPUT_SIZE_PX, _INPUT_SIZE_PX), np.float32)
    size = int(rng.integers(3, 17))
    strength: Map = np.clip(rng.uniform(-0.3, 1.2) + _noise(size, rng), 0, 1).astype(np.float32)
    return strength


def _noise(size: int, rng: Generator) -> Map:
    """Smooth noise of so many humps a side, near −1…1."""
    humps = rng.normal(0, 1, (size, size)).astype(np.float32)
    return np.asarray(
        cv2.resize(humps, (_INPUT_SIZE_PX, _INPUT_SIZE_PX), interpolation=cv2.INTER_CUBIC),
        np.float32,
    )


def fine_tune(weights: Path, keys: Sequence[TuningKey], steps: int) -> CutoutNet:
    """The network of a weights file, fine-tuned on (view, mask) pairs for so many steps.

    It is mixed with the network as it was (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
    models"), and that one is returned where what was learned does not help on variations that were
    held back.
    """
    from safetensors.torch import load_file

    threads = torch.get_num_threads()
    # Half the processors: threads that share one with other work wait for each other at every step.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    try:
        return _train(load_file(weights), keys, steps)
    finally:
        torch.set_num_threads(threads)


def _train(state: Mapping[str, Tensor], keys: Sequence[TuningKey], steps: int) -> CutoutNet:
    original = make_network(looks_twice(state)).eval()
    original.load_state_dict({k: v.float() for k, v in state.items()})
    # Channels last and the way of `train` are each faster; without norms nothing else differs.
    network = copy.deepcopy(original).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups = [{"params": part} for part in param_groups(network, _FROZEN_BLOCKS)]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-3)
    bfloat16 = fast_bfloat16(torch.device("cpu"))
    samples = _Samples(keys, seed=1)
    for step in range(steps):
        tell(step / steps)
        for group, rate in zip(optimizer.param_groups, _LEARNING_RATES, strict=True):
            group["lr"] = rate * min(1, (step + 1) / _WARM_UP_STEPS) * (1 - step / steps) ** 0.5
        picture, hint, alpha, known = samples.batch(_BATCH_SIZE)
        loss = batch_loss(network, picture, alpha, known, hint, bfloat16=bfloat16)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
    network.eval()
    held_back = _Samples(keys, seed=2).batch(_HELD_OUT_PER_KEY * min(len(keys), 3))
    before, after = _agreement(original, held_back), _agreement(network, held_back)
    if not after > before:
        remark("Tuning did not help on this shot's key frames; the model is used as it was.")
        return original
    start = original.state_dict()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            value.lerp_(start[name], _KEPT)
    return network


@torch.no_grad()
def _agreement(network: CutoutNet, samples: Batch) -> float:
    """Mean soft intersection over union with the truth, where that is known."""
    picture, hint, alpha, known = samples
    prediction = torch.cat(
        [torch.sigmoid(network(p[None], h[None])) for p, h in zip(picture, hint, strict=True)]
    )
    both = (known * torch.minimum(prediction, alpha)).sum((1, 2, 3))
    either = (known * torch.maximum(prediction, alpha)).sum((1, 2, 3))
    return float((both / either.clamp_min(1)).mean())
