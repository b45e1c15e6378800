"""Which families of networks a file of weights may be of: every folder with an `ARCHITECTURE`."""

from __future__ import annotations

import importlib
import pkgutil

from mattelier import networks
from mattelier.networks.architecture import Architecture, Published, State
from mattelier.networks.transformers import FOLDERS


def families() -> tuple[Architecture, ...]:
    """All families, in the order in which they are asked whose a file's weights are."""
    folders = sorted(module.name for module in pkgutil.iter_modules(networks.__path__)
                     if module.ispkg)  # fmt: skip
    found = [one for one in map(_architecture, folders) if one is not None]
    return tuple(sorted(found, key=lambda family: family.fallback))


def published() -> tuple[Published, ...]:
    """The networks of all families, and of folders, that their authors publish."""
    return tuple(one for family in (*families(), FOLDERS) for one in family.published)


def find(state: State, task: str | None = None) -> Architecture | None:
    """The family whose weights these are; of those for a task, where one is named."""
    for family in families():
        if (task is None or task in family.tasks) and family.detect(state):
            return family
    return None


def named(architecture: str) -> Architecture | None:
    """The family that a card names: "cutout.CutoutNet"; None: there is no such here."""
    folder, _, name = architecture.partition(".")
    for family in families():
        if family.id == folder and name in family.classes:
            return family
    return None


def _architecture(folder: str) -> Architecture | None:
    module = importlib.import_module(f"{networks.__name__}.{folder}")
    architecture: Architecture | None = getattr(module, "ARCHITECTURE", None)
    return architecture
