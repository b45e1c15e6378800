"""A picture painted in another's style, at its own size, depth and transparency."""

from __future__ import annotations

import threading
import time
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.style_network import StyleNetwork, open_style_network
from mattelier.engines.tiling import Band, Halving, enlarged
from mattelier.requests import StyleRequest
from mattelier.types.colour import View, from_float, srgb_to_linear, to_float, unbounded
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage, tell

_TILE = 768  # sides in pixels; the encoder's first features of it take 144 MiB
_CONTENT_SIDE = 768  # pixels of the longer side at which a picture's own statistics are taken
_STYLE_SIDE, _STYLE_LONGEST = 512, 1024  # shorter and longer side of the reference, at most
_LEAST_SIDE = 32
_BRIGHTEST = 0.999  # linear light of the view above which highlights would be magnified endlessly


@dataclass
class StyleReport:
    """What was done to one picture."""

    model: str = ""
    engine: str = ""
    device: str = ""
    note: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Stylised:
    """The painted picture and the report."""

    picture: Picture
    report: StyleReport


class Stylist:
    """A network opened once, for many pictures; safe to use from several threads.

    Parameters
    ----------
    request : StyleRequest
    store : Store, optional
        Where models lie; by default the shipped and the user's own.

    Raises
    ------
    PictureError
        The file that `request.reference` names cannot be read.
    UsageError, ModelError, EngineError
        There is no style network, it is damaged, or the device cannot be used.
    """

    def __init__(self, request: StyleRequest, *, store: Store | None = None) -> None:
        self.request = request
        self._network = open_style_network(request.model, store or Store(), request.device)
        self._lock = threading.Lock()
        self._style: Any = None

    def asked(self, request: StyleRequest) -> Stylist:
        """The same opened network for another request."""
        other = copy(self)
        other.request = request
        other._lock, other._style = threading.Lock(), None
        return other

    def stylise(self, picture: Picture, reference: Picture | None = None) -> Stylised:
        """One picture in the style of the reference; strength 0 gives the picture itself.

        The network paints the picture's display view at its full size, in tiles; how strongly it
        has to change each feature is told by a copy of at most 768 pixels. So memory is bounded,
        and strokes are as large, in pixels, as in the reference at 512. What is brighter than a
        display's white is painted as white.

        Parameters
        ----------
        reference : Picture, optional
            Instead of the file that the request names.

        Raises
        ------
        UsageError
            There is no reference.
        OutOfMemory
            Not even the smallest tile fits into memory.
        """
        network = self._network
        report = StyleReport(network.model, network.name, network.device, network.note)
        if self.request.strength == 0:
            return Stylised(picture, report)
        started = time.perf_counter()
        style = self._style_of(reference)
        seen = _Seen(picture)
        content = network.statistics(
            _whole(seen.view, picture, min(1.0, _CONTENT_SIDE / max(seen.height, seen.width)))
        )
        painter = Halving(_Painter(network, content, style, self.request.strength))
        result, y = np.empty_like(picture.colour), 0
        with stage("painting", 0, 1):
            for band in enlarged(seen, painter, _TILE, tell):
                result[y : y + len(band)] = from_float(seen.as_light(band), picture.dtype)
                y += len(band)
        report.seconds["style"] = round(time.perf_counter() - started, 4)
        return Stylised(replace(picture, colour=result, grey=False), report)

    def _style_of(self, reference: Picture | None) -> Any:
        if reference is not None:
            return self._statistics(reference)
        if self.request.reference is None:
            raise UsageError("A style needs a reference: the picture that is painted so.")
        with self._lock:
            if self._style is None:
                from mattelier.media.stills import read

                self._style = self._statistics(read(self.request.reference))
            return self._style

    def _statistics(self, reference: Picture) -> Any:
        shorter, longer = sorted((reference.height, reference.width))
        scale = min(1.0, _STYLE_SIDE / shorter, _STYLE_LONGEST / longer)
        return self._network.statistics(_whole(View(reference), reference, scale))


class _Seen:
    """A picture's display view, in which colour that alpha hides is a flat one; see `Rows`."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width = picture.height, picture.width
        self._linear = picture.transfer == "linear"
        colour = picture.colour
        hidden = None if picture.alpha is None else picture.alpha == 0
        if hidden is not None and hidden.any() and not hidden.all():
            colour = colour.copy()
            colour[hidden] = from_float(
                to_float(colour[~hidden]).mean(axis=0, dtype=np.float32), colour.dtype
            )
        self.view = View(replace(picture, colour=colour))

    def read(self, y0: int, y1: int) -> Band:
        """See `Rows.read`."""
        return self.view.tile(y0, y1, 0, self.width)

    def as_light(self, band: Band) -> Band:
        """What was painted, in the picture's own encoding."""
        band = np.clip(band, 0, 1, out=band)
        if not self._linear:
            return band
        light = unbounded(np.minimum(srgb_to_linear(band), _BRIGHTEST))
        return (light / np.float32(self.view.exposure)).astype(np.float32, copy=False)


class _Painter:
    """The network with the statistics of one picture and one style; see `Enlarger`."""

    scale = 1

    def __init__(self, network: StyleNetwork, content: Any, style: Any, strength: float) -> None:
        from mattelier.networks.adain import MARGIN, MULTIPLE

        self.model, self.name = network.model, network.name
        self.device, self.note = network.device, network.note
        self.multiple, self.margin = MULTIPLE, MARGIN
        self._network, self._content, self._style = network, content, style
        self._strength = strength

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        return self._network.painted(picture, self._content, self._style, self._strength)


def _whole(view: View, picture: Picture, scale: float) -> NDArray[np.float32]:
    height, width = (
        max(_LEAST_SIDE, round(side * scale)) for side in (picture.height, picture.width)
    )
    return np.ascontiguousarray(view.resized(height, width).transpose(2, 0, 1)[None])
