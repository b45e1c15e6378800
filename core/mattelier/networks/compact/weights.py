"""Real-ESRGAN's compact networks: their weights, from any file that holds them.

SRVGGNetCompact (Wang et al. 2021, "Real-ESRGAN"): 3×3 convolutions of one width with PReLU
between them, then a pixel shuffle, added to the picture enlarged by repeating its pixels.
Plain numbers here, so that an engine needs no torch to run them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.errors import ModelError

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Compact:
    """The weights of one compact network.

    Attributes
    ----------
    weights : of each convolution, (out, in, 3, 3) float32
    biases : of each convolution, (out,) float32
    slopes : of each PReLU, (channels,) float32; one fewer than convolutions
    """

    weights: tuple[Values, ...]
    biases: tuple[Values, ...]
    slopes: tuple[Values, ...]

    def __post_init__(self) -> None:
        widths = [3, *(len(slopes) for slopes in self.slopes)]
        last = self.weights[-1].shape[0] if self.weights else 0
        scale = math.isqrt(last // 3)
        whole = (
            len(self.weights) == len(self.biases) == len(self.slopes) + 1
            and last == 3 * scale * scale > 0
            and all(
                weights.shape == (after, before, 3, 3) and biases.shape == (after,)
                for weights, biases, before, after in zip(
                    self.weights, self.biases, widths, [*widths[1:], last], strict=True
                )
            )
        )
        if not whole:
            raise ModelError("The weights are not those of a compact Real-ESRGAN network.")

    @property
    def scale(self) -> int:
        """How many times larger the result is."""
        return math.isqrt(self.weights[-1].shape[0] // 3)

    def mixed(self, other: Compact, share: float) -> Compact:
        """Deep network interpolation (Wang et al. 2019): `share` 0…1 of this, the rest of `other`.

        Raises
        ------
        ModelError
            The two are not of one layout.
        """
        if [w.shape for w in self.weights] != [w.shape for w in other.weights]:
            raise ModelError("Two networks of different layouts cannot be mixed.")

        def mix(ours: tuple[Values, ...], theirs: tuple[Values, ...]) -> tuple[Values, ...]:
            part = np.float32(share)
            return tuple(part * a + (1 - part) * b for a, b in zip(ours, theirs, strict=True))

        return Compact(
            mix(self.weights, other.weights),
            mix(self.biases, other.biases),
            mix(self.slopes, other.slopes),
        )


def from_state(state: Mapping[str, Any]) -> Compact | None:
    """The network in a state dict of the official layout (`body.0.weight`, …), else None.

    Parameters
    ----------
    state : name → array; half precision is widened
    """
    layers = [f"body.{number}" for number in range(len(state))]
    weights, biases, slopes = [], [], []
    for layer in layers:
        if f"{layer}.weight" not in state:
            break
        values = np.asarray(state[f"{layer}.weight"], np.float32)
        if values.ndim == 1:
            slopes.append(values)
        elif values.ndim == 4 and f"{layer}.bias" in state:
            weights.append(values)
            biases.append(np.asarray(state[f"{layer}.bias"], np.float32))
        else:
            return None
    if len(weights) < 2 or len(weights) * 2 + len(slopes) != len(state):
        return None
    try:
        return Compact(tuple(weights), tuple(biases), tuple(slopes))
    except ModelError:
        return None


def to_state(network: Compact) -> dict[str, Values]:
    """The inverse of `from_state`: the official layout's names."""
    state: dict[str, Values] = {}
    for number, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        state[f"body.{2 * number}.weight"] = weights
        state[f"body.{2 * number}.bias"] = biases
    for number, slopes in enumerate(network.slopes):
        state[f"body.{2 * number + 1}.weight"] = slopes
    return state
