"""What a folder of `networks` says of its family: whose weights are its own, and how to run them.

Nothing here, nor in any family's `__init__`, imports torch before a network is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Input, Output
from mattelier.catalogue.card import NetworkTask

if TYPE_CHECKING:
    from torch import nn

State = Mapping[str, NDArray[Any]]
"""The weights of a network: name → array, as its file holds them."""

Module = TypeVar("Module", bound="nn.Module")

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB 0…1, display-encoded: what networks that began on ImageNet have their pictures in."""


@dataclass(frozen=True)
class Entry:
    """One way to call a network.

    Attributes
    ----------
    inputs : roles of its arguments, in their order: "picture", "hint" …
    outputs : roles of its answers, in their order: "alpha", "picture", "depth" …
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """A network that its authors publish, as `models list` names it.

    Attributes
    ----------
    title : what people call it
    task : what it is for, as a card's `task`
    source : address of its authors' files or code
    proven : a test holds its answers to be those of its authors' code
    """

    title: str
    task: NetworkTask
    source: str
    proven: bool = False


@dataclass(frozen=True, eq=False)
class Descriptor:
    """One network, told from its weights; nothing is built yet.

    Attributes
    ----------
    task : what it is for, as a card's `task`
    input, output : as a card would say them
    build : gives the torch module in eval mode, with its weights; imports torch, and raises
        RuntimeError where the weights do not fit
    graph : gives an `openvino.Model` of the same function, with one input and one output, for
        machines without torch; None: there is none
    published : which one it is of those that are published; None: one of this project's own
    entries : the ways to call it, where one family has several; None: its family's
    labels : names of the classes that it tells apart
    """

    task: NetworkTask
    input: Input
    output: Output
    build: Callable[[], nn.Module]
    graph: Callable[[], Any] | None = None
    published: Published | None = None
    entries: Mapping[str, Entry] | None = None
    labels: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people call it; "" of one of this project's own."""
        return "" if self.published is None else self.published.title

    @property
    def proven(self) -> bool:
        """Whether a test holds its answers to be those of its authors' code."""
        return self.published is not None and self.published.proven


@dataclass(frozen=True, eq=False)
class Architecture:
    """A family of networks that share their code.

    Attributes
    ----------
    id : the folder's name
    title : what people call the family
    tasks : what its networks are for
    classes : the names by which cards call it: `architecture = "<id>.<class>"`
    detect : whether a state dict is of this family, by its names and shapes alone
    describe : the network in a state dict, and its file for messages; it raises EngineError where
        a package is missing, ModelError or KeyError where the weights do not fit
    entries : the ways to call it; "forward" calls the module itself, others its method of that name
    published : its networks that are published, for people to choose from
    channels_last : whether torch is to keep its samples in that order
    complete : the whole state dict, of one that is spread over files which lie beside each other;
        takes the state, its file, and a reader of files
    partner : the file beside another that holds the partner to mix it with; None: there is none
    blend : so much (0…1) of one state, the rest of its partner's
    used : what of a state its network is built from, where files hold more; None: all of it
    fallback : asked last, because it may know what others know too
    """

    id: str
    title: str
    tasks: tuple[NetworkTask, ...]
    classes: tuple[str, ...]
    detect: Callable[[State], bool]
    describe: Callable[[State, Path], Descriptor]
    entries: Mapping[str, Entry]
    published: tuple[Published, ...] = ()
    channels_last: bool = True
    complete: Callable[[State, Path, Callable[[Path], State]], State] | None = None
    partner: Callable[[Path], Path | None] | None = None
    blend: Callable[[State, State, float], State] | None = None
    used: Callable[[State], State] | None = None
    fallback: bool = False


def with_weights(module: Module, state: State) -> Module:
    """The module in eval mode with these weights, widened to float32.

    Raises
    ------
    RuntimeError
        They are not its own: names or shapes differ.
    """
    import torch

    # "W": safetensors' arrays are read-only, which torch does not know of.
    tensors = {
        name: torch.from_numpy(np.require(values, np.float32, ("C", "W")))
        for name, values in state.items()
    }
    module.load_state_dict(tensors, strict=True)
    return module.eval()
