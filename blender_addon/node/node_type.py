# SPDX-License-Identifier: GPL-3.0-or-later
"""What one type of node has to say of itself; `registry` lists the types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ..data.bake_files import pass_files
from ..data.plate import Plate
from ..data.stamps import file_stamp
from .request_field import RequestField, encode_request

if TYPE_CHECKING:
    import bpy

    from .group_builder import GroupBuilder
    from .settings import NodeSettings, ResultSettings


class BakeRequest(NamedTuple):
    """What the engine is asked for, but the plate and its frames.

    Attributes
    ----------
    options : dict
        Fields of the engine's request, as JSON.
    guidance : str
        Digest of what guides the bake; "" where nothing does.
    """

    options: dict[str, object]
    guidance: str = ""


class NodeType:
    """A node that shows what the engine makes of its plate.

    Attributes
    ----------
    name : str
        In the .blend file, in the cache and in names of operators.
    label, icon, description : str
        In menus and panels; the description is that of its entry in the Add menu.
    result, noun : str
        What it makes, and one frame of that, for people.
    task : str
        The worker's.
    model_task : str
        Task of the networks that it may be set to, as their cards say it; "" for none.
    matte_pass, depth_pass : str
        The pass that is a matte, or depth, which other nodes may use; "" for none.
    has_report : bool
        Whether the engine writes quality reports on what it made.
    has_preview : bool
        Whether the engine can make a first look in a fraction of a bake's time.
    sockets : sequence of (str, str)
        Names and types of the outputs that each result has.
    settings, result_settings : class or None
        What it adds to the settings of a node, and of each result: classes with properties.
    classes : sequence of class
        Its own operators, lists and panels, registered after the panel of the node.
    handlers : sequence of (list, callable)
        Functions that Blender calls: a list of `bpy.app.handlers`, and what goes into it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    description: ClassVar[str]
    result: ClassVar[str]
    noun: ClassVar[str]
    task: ClassVar[str]
    model_task: ClassVar[str] = ""
    matte_pass: ClassVar[str] = ""
    depth_pass: ClassVar[str] = ""
    has_report: ClassVar[bool] = False
    has_preview: ClassVar[bool] = False
    sockets: ClassVar[Sequence[tuple[str, str]]]
    settings: ClassVar[type | None] = None
    result_settings: ClassVar[type | None] = None
    classes: ClassVar[Sequence[type]] = ()
    handlers: ClassVar[Sequence[tuple[list[Callable], Callable]]] = ()

    def preview_options(self, settings: NodeSettings) -> dict[str, object]:
        """What is asked for otherwise than for a bake: small pictures of the pass "preview"."""
        raise NotImplementedError

    def passes(self, settings: NodeSettings) -> tuple[str, ...]:
        """The sequences that it bakes, named as their folders are."""
        raise NotImplementedError

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        """All settings that decide the pixels, as JSON; other ones are baked into another folder.

        Raises
        ------
        Failure
            They name something that is not there.
        """
        raise NotImplementedError

    def frame_inputs(self, item: ResultSettings, plate: Plate) -> object:
        """Settings that decide the pixels of some frames: the others stay as they were baked."""
        return None

    def source_groups(self, settings: NodeSettings) -> Iterable[bpy.types.NodeTree]:
        """Other groups of ours whose bakes this one is made from."""
        return ()

    def baked_after(self, settings: NodeSettings) -> Iterable[bpy.types.NodeTree]:
        """Other groups of ours that are baked first where both are."""
        return self.source_groups(settings)

    def source_stamps(self, item: ResultSettings, plate: Plate) -> Mapping[int, str]:
        """What the files hold that a frame is made from, for each number of the plate.

        Raises
        ------
        Failure
            As `cache_inputs`.
        """
        return {number: file_stamp(plate.source(number)) for number in plate.numbers}

    def next_step(self, item: ResultSettings) -> str:
        """What an artist does before a result can be baked: "Draw a Mask"; "" where nothing."""
        return ""

    def guide_buttons(self, item: ResultSettings) -> Sequence[tuple[str, str, str]]:
        """What an artist may do to guide a result, offered until the first bake.

        Operators that take `group` and `index`, each with its text and its icon.
        """
        return ()

    def on_new_plate(self, settings: NodeSettings) -> None:
        """Another plate was chosen, and begins where `settings.frame_start` says."""

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        """The request that bakes these numbers into a folder; may write guidance there.

        Raises
        ------
        Failure
            It cannot be baked so.
        """
        raise NotImplementedError

    def renew(self, settings: NodeSettings, numbers: Iterable[int], engine: str) -> str:
        """Make anew what an artist had made of the bakes, on these numbers of the plate.

        Called where nobody is there to do it. Gives what was done, for people; "" where nothing
        was; raises Failure where it cannot be done.
        """
        return ""

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> Sequence[bpy.types.NodeSocket]:
        """Build a result's part of the group; gives what its outputs show.

        Parameters
        ----------
        plate_node : Node
            Shows the plate.
        row : int
            The first one of the group that is free.
        """
        raise NotImplementedError


class PictureNodeType(NodeType):
    """A node that shows one picture for each frame of its plate; its name is the engine's task.

    Attributes
    ----------
    fields : sequence of RequestField
        Of the engine's request for a single picture: all that the artist sets.
    """

    noun = "picture"
    task = "frames"
    sockets = (("Image", "NodeSocketColor"),)
    fields: ClassVar[Sequence[RequestField]] = ()

    @property
    def result(self) -> str:
        return self.label

    def passes(self, settings: NodeSettings) -> tuple[str, ...]:
        return (self.name,)

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        return [encode_request(self.fields, item.id_data.mattelier)]

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        """Fields of the engine's FramesRequest."""
        options = {
            "output": pass_files(folder, plate, self.name).pattern,
            "task": self.name,
            "options": encode_request(self.fields, item.id_data.mattelier),
        }
        return BakeRequest(options)

    def picture_size(self, settings: NodeSettings, plate: Plate | None) -> tuple[int, int]:
        """Width and height of its pictures; zeros where they are not known yet."""
        return plate.size if plate else (0, 0)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        size = self.picture_size(item.id_data.mattelier, builder.plate)
        return (builder.picture(item, self.name, size, row),)
