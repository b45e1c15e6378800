"""What key frames looked like, place by place: a space-time memory.

Each place of a view asks all places of the key frames how alike they are, and takes over what was
subject there (Oh et al. 2019, arXiv:1904.00607; affinities of unit vectors as in Jabri et al. 2020,
arXiv:2006.14613). Where in the picture a place lies does not count, so what was lost is found
again; colours, which are finer than places, have a smaller say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.networks.track import MIN_SHARE, TEMPERATURE
from mattelier.shot.tracking.appearance import MAX_LOG_ODDS, ColourModel
from mattelier.types.colour import View
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

_KEPT_VIEWS = 4
_COLOUR_SHARE = 0.5  # of the colours' log-odds, beside those of places


class Embeddings:
    """Vectors of a view's places.

    Parameters
    ----------
    model : OpenModel
        For the task "track": picture → features.
    """

    def __init__(self, model: OpenModel) -> None:
        self._model = model
        self._kept: list[tuple[Map, Map]] = []

    def of(self, view: Map) -> Map:
        """(C, h', w') float32, unit vectors over C; those of the last four views are kept.

        Parameters
        ----------
        view : (h, w, 3) float32 0…1, display-encoded RGB
        """
        for place, (seen, features) in enumerate(self._kept):
            if seen is view:
                self._kept.append(self._kept.pop(place))
                return features
        spec = self._model.input
        height, width = network_size(spec, *view.shape[:2])
        picture = preprocess(spec, View(Picture(view)), height, width)
        features = self._model.run({"picture": picture})["features"]
        features = features.reshape(features.shape[-3:])
        self._kept = [*self._kept[1 - _KEPT_VIEWS :], (view, features)]
        return features


class Memory:
    """Tells the subject from its surroundings by how key frames looked.

    Parameters
    ----------
    embeddings : Embeddings
    examples : pairs of view (h, w, 3) float32 0…1 and matte (h, w) float32 0…1
    """

    def __init__(self, embeddings: Embeddings, examples: Sequence[tuple[Map, Map]]) -> None:
        import cv2

        self._embeddings, self._colours = embeddings, ColourModel(examples)
        keys, values = [], []
        for view, matte in examples:
            features = embeddings.of(view)
            channels, height, width = features.shape
            keys.append(features.reshape(channels, -1))
            shrunk = cv2.resize(matte, (width, height), interpolation=cv2.INTER_AREA)
            values.append(shrunk.ravel())
        self._keys, self._values = np.concatenate(keys, 1), np.concatenate(values)

    def odds(self, view: Map) -> Map:
        """Log-odds −3…3 of each pixel's being the subject by what it looks like: (h, w)."""
        import cv2

        features = self._embeddings.of(view)
        channels, height, width = features.shape
        likeness = features.reshape(channels, -1).T @ self._keys
        weights = cv2.exp((likeness - likeness.max(1, keepdims=True)) / np.float32(TEMPERATURE))
        share = (weights @ self._values) / weights.sum(1)
        share = np.clip(share, MIN_SHARE, 1 - MIN_SHARE).reshape(height, width)
        places = cv2.resize(
            np.log(share / (1 - share)), view.shape[1::-1], interpolation=cv2.INTER_CUBIC
        )
        odds = places + np.float32(_COLOUR_SHARE) * self._colours.odds(view)
        return np.asarray(np.clip(odds, -MAX_LOG_ODDS, MAX_LOG_ODDS), np.float32)
