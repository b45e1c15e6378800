# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators on our groups share."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import IntProperty, StringProperty

from ..data.failure import Failure
from .groups import is_ours, linked_sentence


class GroupOperator:
    """An operator on one of our groups, which its panel names; `apply` is what it does."""

    group: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def find_group(self) -> bpy.types.NodeTree:
        """The group that the panel named; raises Failure where it is gone."""
        group = bpy.data.node_groups.get(self.group)
        if not is_ours(group):
            raise Failure(f"There is no Mattelier node “{self.group}”.")
        if group.library is not None:
            raise Failure(linked_sentence(group))
        return group

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.report_failure(self.apply, context)

    def report_failure(
        self, action: Callable[[bpy.types.Context], set[str]], context: bpy.types.Context
    ) -> set[str]:
        """What `action` gives; its failure is shown to the artist."""
        try:
            return action(context)
        except Failure as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}


class ResultOperator(GroupOperator):
    """An operator on one result of a group, which its panel counts."""

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
