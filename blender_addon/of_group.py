# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators on our groups share."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import StringProperty

from . import tree
from .failure import Failure


class OfGroup:
    """An operator on one of our groups, which its panel names; `act` is what it does."""

    group: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def named(self) -> bpy.types.NodeTree:
        found = bpy.data.node_groups.get(self.group)
        if not tree.is_ours(found):
            raise Failure(f"There is no Mattelier node “{self.group}”.")
        return found

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.tried(self.act, context)

    def tried(
        self, act: Callable[[bpy.types.Context], set[str]], context: bpy.types.Context
    ) -> set[str]:
        """What `act` gives; its failure is told to the artist."""
        try:
            return act(context)
        except Failure as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
