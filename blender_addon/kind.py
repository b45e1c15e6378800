# SPDX-License-Identifier: GPL-3.0-or-later
"""What one kind of node has to say of itself; `kinds` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from . import baked
from .plate import Plate

if TYPE_CHECKING:
    import bpy

    from .inner import Inner
    from .settings import Result, Settings


class Asked(NamedTuple):
    """What the engine is asked for, but the plate and its frames.

    Attributes
    ----------
    request : dict
        Its options, as JSON.
    guided : str
        Digest of what guides the bake; "" where nothing does.
    """

    request: dict[str, object]
    guided: str = ""


class Kind:
    """A node that shows what the engine makes of its plate.

    Attributes
    ----------
    name : str
        In the .blend file, in the cache and in names of operators.
    label, icon : str
        In menus and panels.
    result, noun : str
        What it makes, and one frame of that, for people.
    task : str
        The worker's.
    models : str
        Task of the networks that it may be set to, as their cards say it; "" for none.
    sockets : sequence of (str, str)
        Names and types of the outputs that each result has.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    result: ClassVar[str]
    noun: ClassVar[str]
    task: ClassVar[str]
    models: ClassVar[str] = ""
    sockets: ClassVar[Sequence[tuple[str, str]]]

    def parts(self, settings: Settings) -> tuple[str, ...]:
        """The sequences that it bakes, named as their folders are."""
        raise NotImplementedError

    def decided(self, item: Result, plate: Plate) -> list[object]:
        """All settings that decide the pixels, as JSON; other ones are baked into another folder.

        Raises
        ------
        Failure
            They name something that is not there.
        """
        raise NotImplementedError

    def placed(self, item: Result, plate: Plate) -> object:
        """Settings that decide the pixels of some frames: the others stay as they were baked."""
        return None

    def source(self, settings: Settings) -> bpy.types.NodeTree | None:
        """Another group of ours whose bake this one is made from."""
        return None

    def changed(self, item: Result, plate: Plate) -> Mapping[int, float]:
        """When what a frame is made from was last changed, for each number of the plate.

        Raises
        ------
        Failure
            As `decided`.
        """
        return plate.numbers

    def ask(self, item: Result, plate: Plate, place: Path, numbers: Sequence[int]) -> Asked:
        """The request that bakes these numbers into the folder `place`; may write guidance there.

        Raises
        ------
        Failure
            It cannot be baked so.
        """
        raise NotImplementedError

    def wire(
        self, inner: Inner, item: Result, source: bpy.types.Node, row: int
    ) -> Sequence[bpy.types.NodeSocket]:
        """Build a result's part of the group; gives what its outputs show.

        Parameters
        ----------
        source : Node
            Shows the plate.
        row : int
            The first one of the group that is free.
        """
        raise NotImplementedError


class PictureKind(Kind):
    """A node that shows one picture for each frame of its plate; its name is the engine's task."""

    noun = "picture"
    task = "frames"
    sockets = (("Image", "NodeSocketColor"),)

    @property
    def result(self) -> str:
        return self.label

    def parts(self, settings: Settings) -> tuple[str, ...]:
        return (self.name,)

    def frames(self, options: dict[str, object], place: Path, plate: Plate) -> dict[str, object]:
        """The engine's FramesRequest, but the plate and its frames.

        Parameters
        ----------
        options : dict
            The request of the task for a single picture.
        """
        output = baked.files(place, plate, self.name).pattern
        return {"output": output, "task": self.name, "options": options}
