"""Weights with the code that runs them: which family they are of, and the network they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Card
from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.engines.failures import one_line
from mattelier.engines.weights_file import read_state
from mattelier.networks import registry
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State
from mattelier.networks.transformers import FOLDERS, describe_folder
from mattelier.types.errors import ModelError, UsageError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A network that can be built.

    Attributes
    ----------
    family : whose code it runs by
    descriptor : what its weights tell of it
    path : its file
    """

    family: Architecture
    descriptor: Descriptor
    path: Path

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The ways to call it."""
        return self.descriptor.entries or self.family.entries

    def module(self) -> nn.Module:
        """The torch module with its weights.

        Raises
        ------
        ModelError
            The weights do not fit.
        """
        try:
            return self.descriptor.build()
        except RuntimeError as error:
            raise _misfit(self.path, self.family, error) from error


def used_state(state: State) -> State:
    """What of a state its network is built from: files may hold more than that."""
    family = registry.find(state)
    return state if family is None or family.used is None else family.used(state)


def read_network(path: Path, task: str | None = None) -> NetworkFile:
    """The network in a weights file, told from its weights.

    Parameters
    ----------
    task : what it has to be for; None: anything

    Raises
    ------
    ModelError
        The file is damaged, refused, or of no network that is known for this.
    EngineError
        A package that reads it is missing.
    """
    if path.is_dir():
        return _check_task(NetworkFile(FOLDERS, describe_folder(path), path), task)
    family, state = _read(path, task)
    return describe_network(family, state, path, task)


def describe_weights(path: Path, architecture: str | None = None) -> NetworkFile:
    """As `read_network`, of the class that is named as cards do; None: told from the weights.

    Raises
    ------
    UsageError
        There is no such class.
    """
    if architecture is None:
        return read_network(path)
    family = registry.named(architecture)
    if family is None:
        known = ", ".join(f"{f.id}.{name}" for f in registry.families() for name in f.classes)
        raise UsageError(
            "There is no network {architecture} here; there are {known}.",
            architecture=repr(architecture),
            known=known,
        )
    return describe_network(family, read_state(path), path)


def read_blended(
    name: str, path: Path, share: float, task: str | None = None, partner: Path | None = None
) -> NetworkFile:
    """As `read_network`: so much (0…1) of the network, the rest of the partner it comes with.

    Parameters
    ----------
    name : what people call the model
    partner : the partner's file; None: the one beside it whose name tells so

    Raises
    ------
    UsageError
        It has no partner.
    """
    family, state = _read(path, task)
    if family.blend is None or family.partner is None:
        raise no_partner(name)
    partner = partner or family.partner(path)
    if partner is None:
        raise UsageError(
            "The model {name} has no partner that keeps noise, so leave --denoise out; "
            'the partner\'s file has the same name with a "wdn" in it.',
            name=name,
        )
    return describe_network(family, family.blend(state, read_state(partner), share), path, task)


def card_network(card: Card, paths: Mapping[str, Path]) -> NetworkFile:
    """The network of the class that a card names.

    Raises
    ------
    ModelError
        There is no such class here, or the weights are not its own.
    """
    architecture = card.architecture or ""
    family = registry.named(architecture)
    if family is None:
        raise ModelError(
            "The model {name} needs the network {architecture}, which this version of "
            "Mattelier does not have; install a newer one.",
            name=card.name,
            architecture=repr(architecture),
        )
    name = weights_file_name(card)
    assert name is not None
    return describe_network(family, read_state(paths[name]), paths[name], card.task)


def describe_network(
    family: Architecture, state: State, path: Path, task: str | None = None
) -> NetworkFile:
    """The network that weights make of a family.

    Parameters
    ----------
    path : the weights' file, for messages and to find what lies beside it
    task : what it has to be for; None: anything

    Raises
    ------
    ModelError
        The weights do not fit the family, or are for another task.
    """
    if family.complete is not None:
        state = family.complete(state, path, read_state)
    try:
        descriptor = family.describe(state, path)
    except (KeyError, ValueError, IndexError) as error:
        raise _misfit(path, family, error) from error
    return _check_task(NetworkFile(family, descriptor, path), task)


def weights_file_name(card: Card) -> str | None:
    """The card's file that holds weights alone; None: it has none."""
    graphs = (".onnx", ".xml", ".bin")
    return next((file.path for file in card.files if not file.path.endswith(graphs)), None)


def weights_and_partner(card: Card, paths: Mapping[str, Path]) -> tuple[Path, Path | None]:
    """Of a card whose network its weights tell: their file, and its partner's if there is one."""
    files = [paths[file.path] for file in card.files]
    for family in registry.families():
        for path in files:
            partner = family.partner(path) if family.partner is not None else None
            if partner in files:
                return path, partner
    return files[0], None


def no_partner(name: str) -> UsageError:
    """The error for a network that has no partner to mix it with."""
    return UsageError("The model {name} has no --denoise; leave it out.", name=name)


def _read(path: Path, task: str | None) -> tuple[Architecture, State]:
    state = read_state(path)
    family = registry.find(state, task)
    if family is None:
        titles = [f.title for f in registry.families() if task is None or task in f.tasks]
        raise ModelError(
            "{path} is not of a layout that is known: {titles}.",
            path=path,
            titles=" or ".join(titles),
        )
    return family, state


def _check_task(network: NetworkFile, task: str | None) -> NetworkFile:
    descriptor = network.descriptor
    if task is not None and descriptor.task != task:
        title = descriptor.title or network.family.title
        raise ModelError(
            "{path} is a {title} that {other_task}.",
            path=network.path,
            title=title,
            other_task=TASK_MODELS[task].other_task,
        )
    return network


def _misfit(path: Path, family: Architecture, error: Exception) -> ModelError:
    return ModelError(
        "The weights {path} do not fit the network {title}: {reason}.",
        path=path,
        title=family.title,
        reason=one_line(error),
    )
