"""What the engine can do to a picture, as rows of data.

Command line, Python API, worker, sequences and the names of results are loops over this table: a
further task is its module, its request and its row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from mattelier.requests import (
    BokehRequest,
    CutoutRequest,
    DenoiseRequest,
    DepthRequest,
    EnhanceRequest,
    EraseRequest,
    KeyingRequest,
    MatteRequest,
    ObjectsRequest,
    ProductRequest,
    RefineRequest,
    Request,
    RestoreRequest,
    StyleRequest,
    UpscaleRequest,
)
from mattelier.tasks.task import Task, run_prepared

if TYPE_CHECKING:
    from mattelier.engines.model_cache import ModelCache
    from mattelier.types.picture import Picture
    from mattelier.types.result import Result

ResultKind = Literal["picture", "cutout", "matte", "depth", "objects"]


@dataclass(frozen=True)
class TaskInput:
    """What a task takes beside the picture.

    Attributes
    ----------
    name : str
        "mask" and "trimap" of a task with a hint become its hint; others are inputs of the task.
    kind : "mask", "depth" or "picture"
        One number a pixel 0…1, nearness, or colours.
    field : str
        The request's field that names its file instead, dotted where it is in a part of it.
    required : bool
        Whether nothing can be done without it.
    argument : str
        What of the task an array or picture becomes that is given in Python; "": its `name`.
    travels : bool
        Whether a host can send it as pixels; else it is a file, or not there.
    by_frame : bool
        Whether each frame of a shot has its own, or all share one; else all share one.
    """

    name: str
    kind: Literal["mask", "depth", "picture"]
    field: str
    required: bool = False
    argument: str = ""
    travels: bool = True
    by_frame: bool = False


@dataclass(frozen=True)
class TaskSpec:
    """One task.

    Attributes
    ----------
    request : type
        It has the task's name: that of its command, of its function in `mattelier`, of its job in
        the worker; results that lie beside their sources bear it.
    implementation : str
        `module:class` of a `Task`, imported when it is run.
    result : "picture", "cutout", "matte", "depth" or "objects"
        What it makes: a picture that is written as such, one with its alpha, a map, or several.
    help : str
        One line, for lists of commands.
    verb : str
        What is done, for people who wait: "enlarging".
    inputs : tuple of TaskInput
    networks : str
        `task` on the cards of the networks that it may be set to; "" where it needs none.
    sequences : str
        "frames": done to each frame of a plate; else why not, or what does it instead.
    source_type : str
        The IPTC's Digital Source Type of its results: "compositeWithTrainedAlgorithmicMedia" where
        a network makes pixels of its own.
    """

    request: type[Request]
    implementation: str
    result: ResultKind
    help: str
    verb: str
    inputs: tuple[TaskInput, ...] = ()
    networks: str = ""
    sequences: str = "frames"
    source_type: str = "algorithmicallyEnhanced"

    @property
    def name(self) -> str:
        """The task's name; see `request`."""
        return self.request.task_name

    @property
    def on_frames(self) -> bool:
        """Whether it is done to each frame of a plate."""
        return self.sequences == "frames"

    @property
    def hint(self) -> str | None:
        """Where the request says who the subject is, dotted; None where it does not."""
        for one in self.inputs:
            if one.field.endswith("hint.mask"):
                return one.field.removesuffix(".mask")
        return None

    def is_hint(self, one: TaskInput) -> bool:
        """Whether an input is a part of the hint."""
        return self.hint is not None and one.field.startswith(f"{self.hint}.")

    def load(self) -> Task:
        """The task, imported when it is first needed."""
        return _load(self.implementation)


def _hint(place: str = "") -> tuple[TaskInput, TaskInput]:
    return (
        TaskInput("mask", "mask", f"{place}hint.mask"),
        TaskInput("trimap", "mask", f"{place}hint.trimap"),
    )


TASKS: Mapping[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        TaskSpec(
            CutoutRequest,
            "mattelier.matting.cutout:CutoutTask",
            "cutout",
            "Cut the subject out: the picture with alpha and clean edge colour.",
            "cutting out",
            (
                *_hint("matte."),
                TaskInput("background", "picture", "background", argument="backdrop"),
            ),
            "matte",
            "roto follows the subject through a shot, and writes foregrounds",
        ),
        TaskSpec(
            ProductRequest,
            "mattelier.filters.product.product:ProductTask",
            "picture",
            "Put products on a shop's canvas: size, margin, ground, shadow.",
            "arranging",
            _hint("matte."),
            "matte",
            "each picture gets a canvas of its own; roto cuts subjects out of shots",
        ),
        TaskSpec(
            MatteRequest,
            "mattelier.matting.matte_task:MatteTask",
            "matte",
            "Write the alpha alone: white where the subject is.",
            "matting",
            _hint(),
            "matte",
            "roto follows the subject through a shot, and writes mattes",
        ),
        TaskSpec(
            RefineRequest,
            "mattelier.matting.edge:RefineTask",
            "matte",
            "Solve a rough mask's edge again, as hair, fur or a clean line; writes the alpha.",
            "refining",
            (TaskInput("mask", "mask", "mask", required=True),),
            sequences="roto refines the masks of key frames, and all frames between them",
        ),
        TaskSpec(
            KeyingRequest,
            "mattelier.matting.keyer:KeyTask",
            "cutout",
            "Key a green or blue screen: the subject with alpha, without the screen's light.",
            "keying",
            (
                TaskInput("garbage", "mask", "garbage", by_frame=True),
                TaskInput("holdout", "mask", "holdout", by_frame=True),
                TaskInput("clean_plate", "picture", "clean_plate"),
            ),
        ),
        TaskSpec(
            ObjectsRequest,
            "mattelier.matting.objects:ObjectsTask",
            "objects",
            "Tell the things in a picture apart: a numbered matte of each, or a Cryptomatte.",
            "telling apart",
            networks="objects",
            sequences="objects have no number that they keep from frame to frame",
        ),
        TaskSpec(
            UpscaleRequest,
            "mattelier.filters.upscale:UpscaleTask",
            "picture",
            "Enlarge pictures.",
            "enlarging",
            networks="upscale",
            source_type="compositeWithTrainedAlgorithmicMedia",
        ),
        TaskSpec(
            DenoiseRequest,
            "mattelier.filters.denoise:DenoiseTask",
            "picture",
            "Remove noise and JPEG blocks.",
            "denoising",
            networks="denoise",
            source_type="compositeWithTrainedAlgorithmicMedia",
        ),
        TaskSpec(
            RestoreRequest,
            "mattelier.filters.restore:RestoreTask",
            "picture",
            "Mend pictures by a network you bring: blur, JPEG, haze, rain, dark.",
            "mending",
            networks="denoise",
        ),
        TaskSpec(
            EraseRequest,
            "mattelier.filters.erase:EraseTask",
            "picture",
            "Take things out, and fill where they were.",
            "erasing",
            (TaskInput("mask", "mask", "mask", required=True),),
            "fill",
            "each frame would be filled by itself, so that the filling would flicker",
        ),
        TaskSpec(
            EnhanceRequest,
            "mattelier.filters.enhance.enhance:EnhanceTask",
            "picture",
            "Mend light and colour, match a look.",
            "enhancing",
            (TaskInput("reference", "picture", "match"),),
        ),
        TaskSpec(
            StyleRequest,
            "mattelier.filters.style.style:StyleTask",
            "picture",
            "Paint pictures in another's style.",
            "painting",
            (TaskInput("reference", "picture", "reference", required=True),),
            "style",
            source_type="compositeWithTrainedAlgorithmicMedia",
        ),
        TaskSpec(
            BokehRequest,
            "mattelier.filters.bokeh.bokeh:BokehTask",
            "picture",
            "Blur by depth as a wide lens does.",
            "blurring",
            (
                *_hint("depth.matte."),
                TaskInput("depth", "depth", "depth.file"),
                TaskInput("right", "picture", "depth.right", travels=False),
            ),
            "depth",
        ),
        TaskSpec(
            DepthRequest,
            "mattelier.filters.depth.depth:DepthTask",
            "depth",
            "Write a picture's depth map.",
            "looking",
            (
                *_hint("matte."),
                TaskInput("depth", "depth", "file", travels=False),
                TaskInput("right", "picture", "right", travels=False),
            ),
            "depth",
        ),
    )
}


def field_value(request: object, field: str) -> Any:
    """The value of a request's field, dotted where it is in a part of it."""
    value: Any = request
    for name in field.split("."):
        value = getattr(value, name)
    return value


def spec_of(request: object) -> TaskSpec:
    """The task that a request is one for."""
    return next(spec for spec in TASKS.values() if spec.request is type(request))


def run(request: object, picture: Picture, models: ModelCache, **inputs: Any) -> Result:
    """One picture done as a request says.

    Parameters
    ----------
    inputs : by the names in the task's row; `hint` where it has one

    Raises
    ------
    MattelierError
        One sentence that says what is wrong: a bad request, picture, model or device.
    """
    task = spec_of(request).load()
    return run_prepared(task, request, picture, models, task.prepare(request, models, **inputs))


@cache
def _load(implementation: str) -> Task:
    module, _, name = implementation.partition(":")
    task: Task = getattr(import_module(module), name)()
    return task
