# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings of all kinds of nodes are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from .settings import Result, Settings


def rewire(owner: Settings | Result, context: object = None) -> None:
    """Make the nodes inside the group say what the settings say now."""
    from . import tree

    tree.wire(owner.id_data)


def held(attribute: str, collection: str) -> dict[str, Callable]:
    """Getter and setter of the name of what a node holds, for a property that is a name."""

    def get(owner: Settings | Result) -> str:
        found = getattr(owner, attribute)
        return found.name if found else ""

    def put(owner: Settings | Result, name: str) -> None:
        setattr(owner, attribute, getattr(bpy.data, collection).get(name))

    return {"get": get, "set": put}
