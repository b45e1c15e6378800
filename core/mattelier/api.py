"""The Python door: a function for every task of the registry; arrays, paths or pictures in.

`mattelier.cutout`, `mattelier.upscale` and the others are made from the task's row and its
request's fields: a flag of the command line is a keyword here, by the same name.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from mattelier.api_arguments import models, to_depth_map, to_grey, to_picture
from mattelier.matting.hint import make_hint
from mattelier.requests import HintRequest
from mattelier.requests.flat import flat_fields, from_flat, keyword_help, keyword_parameters
from mattelier.tasks import registry
from mattelier.tasks.registry import TASKS, TaskInput, TaskSpec, field_value
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.result import Result

TaskFunction = Callable[..., Result]

_INPUT_CONVERTERS = {"mask": to_grey, "picture": to_picture, "depth": to_depth_map}


@cache
def task_function(name: str) -> TaskFunction:
    """The function of a task, such as `mattelier.cutout`.

    Its keywords are the request's fields. Where one names a file, an array or a picture can be
    given instead.
    """
    spec = TASKS[name]
    parameters = _parameters(spec)
    signature = inspect.Signature(parameters, return_annotation=Result)
    names = {one.field: leaf for one in spec.inputs if (leaf := _flat_name(spec, one))}

    def function(picture: Any, *arguments: Any, **options: Any) -> Result:
        try:
            bound = signature.bind(picture, *arguments, **options).arguments
        except TypeError as error:
            raise UsageError(f"mattelier.{name}: {error}.") from None
        source, values = to_picture(bound.pop("picture")), dict(bound)
        inputs: dict[str, Any] = {}
        for one in spec.inputs:
            value = values.get(names[one.field])
            if value is None:
                continue
            if isinstance(value, str | os.PathLike):
                values[names[one.field]] = os.fspath(value)
            elif one.travels:
                inputs[one.argument or one.name] = _INPUT_CONVERTERS[one.kind](value)
                del values[names[one.field]]
        request: object = from_flat(spec.request, values)
        if spec.hint is not None:
            hint: HintRequest = field_value(request, spec.hint)
            masks = {part: inputs.pop(part, getattr(hint, part)) for part in ("mask", "trimap")}
            inputs["hint"] = make_hint(
                source.height,
                source.width,
                **{part: None if mask is None else to_grey(mask) for part, mask in masks.items()},
                box=hint.box,
                points=hint.points,
            )
        return registry.run(request, source, models(), **inputs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "mattelier"
    function.__doc__ = _docstring(spec, parameters)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _flat_name(spec: TaskSpec, one: TaskInput) -> str:
    return next(leaf.name for leaf in flat_fields(spec.request) if leaf.path == one.field)


def _parameters(spec: TaskSpec) -> list[inspect.Parameter]:
    """`picture`, then the hint or else the request's first field by position too, then the rest."""
    keywords = keyword_parameters(spec.request)
    first = next(
        (one for one in keywords if one.name == "hint" and spec.hint is not None), keywords[0]
    )
    position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [
        inspect.Parameter("picture", position, annotation=Picture | np.ndarray | str | os.PathLike),
        first.replace(kind=position),
        *(one for one in keywords if one is not first),
    ]


def _docstring(spec: TaskSpec, parameters: list[inspect.Parameter]) -> str:
    return f"""{spec.help}

Parameters
----------
picture : path, array or Picture
    An array is (H, W, 3) RGB, (H, W, 4) RGB and straight alpha, or (H, W) grey: uint8 or uint16
    are display-encoded sRGB, float32 is scene-linear and may exceed 1.
{keyword_help(spec.request)}

Where a parameter names a file, an array or a Picture can be given as well: masks and trimaps are
(H, W) uint8, uint16, bool or float 0…1; depth is nearness, larger is nearer.

Returns
-------
Result
    `picture`, `alpha`, `foreground`, `depth`, as far as the task makes them; `confidence`, how
    sure each pixel of `alpha` is; and `report`.

Raises
------
MattelierError
    One sentence that says what is wrong: a bad argument, picture, model or device.
"""
