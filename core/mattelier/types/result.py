"""What every task gives: one result, and one report of what was done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.types.depth_map import DepthMap
    from mattelier.types.found import Found
    from mattelier.types.picture import Picture


@dataclass
class Report:
    """What was done to one picture.

    Attributes
    ----------
    model, engine, device : str
        Of the network, or the networks in their order; empty where none was used.
    note : str
        Why it is not the device one might expect; empty when there is nothing to say.
    coverage : float or None
        Mean of the alpha: 0 means that nothing was found; None where no matte was made.
    confidence : float or None
        How sure the network was of the subject, in the mean, 0…1, and 0 where it found none;
        None of a matte that was given. Those of different qualities do not compare: more passes
        have more to disagree on.
    measures : dict
        What else the task measured, by name, as plain values.
    seconds : dict
        Time of each stage.
    """

    model: str = ""
    engine: str = ""
    device: str = ""
    note: str = ""
    coverage: float | None = None
    confidence: float | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Book the time of the block under `stage`."""
        start = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - start, 4)

    def values(self) -> dict[str, Any]:
        """The report as one flat mapping of plain values, without what it does not know."""
        network = {"model": self.model, "engine": self.engine, "device": self.device}
        values: dict[str, Any] = dict(network) if self.model else {}
        values["note"] = self.note
        if self.coverage is not None:
            values["coverage"] = self.coverage
        if self.confidence is not None:
            values["confidence"] = self.confidence
        return {**values, **self.measures, "seconds": dict(self.seconds)}


class ConfidenceEstimate(Protocol):
    """What is known of how sure an alpha is, before the map is made."""

    def full_size(self) -> NDArray[np.float32]:
        """(H, W) float32 0…1, 1 where sure."""
        ...


@dataclass(frozen=True, eq=False)
class Layer:
    """A part of a result, of its size; those before it lie beneath it."""

    name: str
    picture: Picture


@dataclass(frozen=True, eq=False)
class Result:
    """What a task made of one picture; None what it does not make.

    Attributes
    ----------
    report : Report
    picture : Picture or None
        The result as asked for, ready to be written: with straight colour and alpha, or
        composited; cropped when that was asked for.
    alpha : (H, W) float32 0…1, or None
        Linear coverage at the source's size, never colour-managed, the source's own alpha
        multiplied in.
    foreground : (H, W, 3) of the source's dtype and colour space, or None
        Straight colour of the subject, without the old background (0 where alpha is 0).
    depth : DepthMap or None
    objects : tuple of Found, or None
        One by one, their masks at the source's size, the source's own alpha multiplied in.
    layers : tuple of Layer
        What `picture` is made of, from the lowest up, where it is made of several.
    estimate : ConfidenceEstimate or None
        What is known of how sure `alpha` is; None of a mask that was refined.
    """

    report: Report
    picture: Picture | None = None
    alpha: NDArray[np.float32] | None = None
    foreground: NDArray[Any] | None = None
    depth: DepthMap | None = None
    objects: tuple[Found, ...] | None = None
    layers: tuple[Layer, ...] = ()
    estimate: ConfidenceEstimate | None = None

    @property
    def confidence(self) -> NDArray[np.float32] | None:
        """How sure `alpha` is: (H, W) float32 0…1, 1 where sure; None where no alpha was made.

        Computed when it is asked for.
        """
        import numpy as np

        if self.alpha is None:
            return None
        return np.ones_like(self.alpha) if self.estimate is None else self.estimate.full_size()
