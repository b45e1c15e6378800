"""An open network: an immutable value that any thread may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Input, Output
from mattelier.types.errors import EngineError, ModelError


class Session(Protocol):
    """A network on a device.

    Attributes
    ----------
    name : "openvino", "onnxruntime" or "torch"
    device : "cpu", "cuda" or "mps"
    looks_apart : whether a network with a hint can also be run in two: "look" gives from the
        "picture" what "ask" takes together with the "hint"; the answer is the same
    """

    @property
    def name(self) -> str: ...

    @property
    def looks_apart(self) -> bool: ...

    @property
    def device(self) -> str: ...

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One pass; safe to call from several threads, which then wait for each other.

        Parameters
        ----------
        inputs : array by role: "picture" (1, 3, h, w) float32 and, where the network takes one,
            "hint" (1, 2, h, w) float32; more where its architecture's `entries` say so. A
            single number is an array without axes.
        entry : which of the architecture's `entries`

        Returns
        -------
        array by role, float32, as the network gives it after the card's `torch_activation` where
        torch ran: "alpha" (1, 1, h, w) or (1, h, w), "picture" (1, 3, scale·h, scale·w), "depth"
        (1, 1, h, w), "features" (1, C, h', w'); the other conventions of the card's output are
        `preprocess.postprocess`'s

        Raises
        ------
        OutOfMemory
            The device has too little memory for inputs of this size.
        EngineError
            The inputs do not fit the network, or the device fails.
        """
        ...


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A network that is ready to run.

    Attributes
    ----------
    name : what people call it: its card's name, or its file's without suffix
    task : what it is for, as a card's `task`
    input, output : what it wants to see, and what it gives
    session : what runs it
    note : one sentence when it does not run where might be expected, else ""
    card : None of a weights file
    fingerprint : text that changes when its weights do
    labels : names of the classes that it tells apart, in the order of its answer
    """

    name: str
    task: str
    input: Input
    output: Output
    session: Session
    note: str = ""
    card: Card | None = None
    fingerprint: str = ""
    labels: tuple[str, ...] = ()

    @property
    def engine(self) -> str:
        """Of "openvino", "onnxruntime", "torch", the one that runs it."""
        return self.session.name

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda" or "mps"."""
        return self.session.device

    @property
    def looks_apart(self) -> bool:
        """See `Session`."""
        return self.session.looks_apart

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Session.run`.

        Raises
        ------
        EngineError
            As the session's, with this model as its `model`.
        ModelError
            A depth holds values that are not numbers.
        """
        try:
            answers = self.session.run(inputs, entry)
        except EngineError as error:
            error.model = self
            raise
        if "depth" in answers and not np.isfinite(answers["depth"]).all():
            raise ModelError("The model {name} gave values that are not numbers.", name=self.name)
        return answers
