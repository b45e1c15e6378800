"""Frames of made clips as tracking meets them, with the hint that it gives there.

What the guided network is told on film is no hint at random: optical flow brings the matte of the
frame before, with its errors, and a memory of a key frame says what the places look like. Both
are asked here as tracking asks them (`shot.tracking.propagate`), so that the network learns when to
believe them: what they confuse, they confuse alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.data.pairs import Pair
from mattelier.engines.model_cache import ModelCache
from mattelier.learning.augment import Image
from mattelier.learning.corrupt_mask import corrupt_mask
from mattelier.shot.tracking.flow import optical_flow, warp
from mattelier.shot.tracking.memory import Embeddings, Memory
from mattelier.shot.tracking.propagate import (
    CERTAINTY_DECAY,
    evidence_of,
    follow_certainty,
    network_certainty,
    prior_odds,
    subject_window,
)
from mattelier.train.clips import MIN_KEY_SHARE, Clips
from mattelier.train.random_hints import stray_onto

Map = NDArray[np.float32]

_LENGTH = 32  # frames of a clip, of which three are made
_SIZE = (252, 448)  # height and width of a view
_RIGHT = 0.25  # share of the frames before whose matte is right


class FollowedFrame(NamedTuple):
    """A window of a frame: picture (h, w, 3) uint8; alpha (h, w) and hint (2, h, w) 0…1."""

    picture: Image
    alpha: Map
    hint: Map


class FollowedFrames:
    """All followed frames of a seed.

    Parameters
    ----------
    kinds, scenes, seed : as of `Clips`
    """

    def __init__(self, kinds: Sequence[Sequence[Pair]], scenes: Sequence[Path], seed: int) -> None:
        self._clips = Clips(kinds, scenes, seed)

    @cached_property
    def _embeddings(self) -> Embeddings:
        # Opened where it is used first: an engine does not outlive a fork.
        return Embeddings(ModelCache().open("default", "track", "cpu"))

    def make(self, index: int, rng: Generator) -> FollowedFrame:
        """A frame of clip number `index`."""
        now = int(rng.integers(1, _LENGTH - 1))
        last = now + int(rng.choice([-1, 1]))
        key = int(rng.integers(0, _LENGTH))
        clip = self._clips.make(index, _LENGTH, _SIZE, only=(key, last, now))
        views = [np.asarray(frame, np.float32) / np.float32(255) for frame in clip.frames]
        alphas = np.asarray(clip.alphas, np.float32) / np.float32(255)
        known, before, alpha = alphas[:, 0]
        if known.mean() < MIN_KEY_SHARE:  # it is out of frame there
            views[0], known = views[1], before
        memory = Memory(self._embeddings, [(views[0], known)])
        flow, back = optical_flow(views[2], views[1]), optical_flow(views[1], views[2])
        believed, certain = _earlier(before, list(alphas[1, 1:]), rng)
        carried = warp(believed, flow, 0.0)
        certain = follow_certainty(certain, flow, back)
        odds = prior_odds(carried, certain, memory.odds(views[2]))
        window = subject_window(carried)
        hint = np.stack([side[window] for side in evidence_of(odds)])
        return FollowedFrame(clip.frames[2][window], alpha[window], hint)


def _earlier(alpha: Map, others: Sequence[Map], rng: Generator) -> tuple[Map, Map]:
    """The matte of the frame before as tracking may have it, and how certain that is there."""
    share = np.float32(CERTAINTY_DECAY ** rng.uniform(0, 16))
    if rng.random() < _RIGHT:
        return alpha, np.full_like(alpha, share)
    matte = stray_onto(corrupt_mask(alpha, rng), others, rng)
    # What is wrong was decided by the network as a rule, as is what flow could not follow.
    wrong = cv2.GaussianBlur(np.abs(matte - alpha), (0, 0), 3.0)
    patches = cv2.resize(
        rng.uniform(-0.4, 1.0, (5, 8)).astype(np.float32), alpha.shape[::-1],
        interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    doubt = np.clip(np.maximum(4 * wrong * np.float32(rng.uniform(0, 1)), patches), 0, 1)
    by_network = np.minimum(share, network_certainty(matte))
    return matte, np.asarray((1 - doubt) * share + doubt * by_network)
