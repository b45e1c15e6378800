"""The Python door: a function for every task of the registry; arrays, paths or pictures in.

`mattelier.cutout`, `mattelier.upscale` and the others are made from the task's row and its
request's fields: a flag of the command line is a keyword here, by the same name.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import chain
from typing import Any

from mattelier.api_arguments import PictureLike, models, to_depth_map, to_grey, to_picture
from mattelier.api_result import Result
from mattelier.engines.model_cache import ModelCache
from mattelier.matting.hint import make_hint
from mattelier.requests import HintRequest
from mattelier.requests.flat import flat_fields, from_flat, keyword_help, keyword_parameters
from mattelier.tasks import registry
from mattelier.tasks.registry import TASKS, TaskInput, TaskSpec, field_value
from mattelier.types.errors import MattelierError, UsageError
from mattelier.types.picture import Picture

TaskFunction = Callable[..., Result]

_END = object()  # of an iterable of pictures
_INPUT_CONVERTERS = {"mask": to_grey, "picture": to_picture, "depth": to_depth_map}


@cache
def task_function(name: str) -> TaskFunction:
    """The function of a task, such as `mattelier.cutout`.

    Its keywords are the request's fields. Where one names a file, what the Python door takes for a
    picture can be given instead.
    """
    return _bound_function(name, models, {})


class Session:
    """Networks that stay open, and options that all calls share, for many pictures.

    It has every task's function as a method. Its networks are its own, and are let go when it is
    closed; any thread may use it.

    Parameters
    ----------
    **options : keywords of the tasks' functions, as `device="cpu"` or `quality="best"`; a task
        that has no such keyword goes without

    Raises
    ------
    UsageError
        No task has such a keyword.

    Examples
    --------
    >>> with mattelier.Session(quality="fast") as session:  # doctest: +SKIP
    ...     for path, result in session.map("cutout", sorted(Path("photos").glob("*.jpg"))):
    ...         result.save(path.with_suffix(".png"))
    """

    def __init__(self, **options: Any) -> None:
        known = {one.name for spec in TASKS.values() for one in _parameters(spec)[1:]}
        if unknown := sorted(options.keys() - known):
            raise UsageError(f"No task has an option {unknown[0]!r}.")
        self._options = options
        self._models: ModelCache | None = ModelCache()

    def __getattr__(self, name: str) -> TaskFunction:
        if name.startswith("_") or name not in TASKS:
            raise AttributeError(f"a session has no {name!r}")
        names = {one.name for one in _parameters(TASKS[name])}
        return _bound_function(
            name, self._open_models, {k: v for k, v in self._options.items() if k in names}
        )

    def __dir__(self) -> list[str]:
        return sorted(["close", "map", *TASKS])

    def map(
        self,
        task: str,
        pictures: Iterable[Any],
        *,
        progress: Callable[[int, int | None], None] | None = None,
        on_error: Callable[[Any, MattelierError], None] | None = None,
        **options: Any,
    ) -> Iterator[tuple[Any, Result]]:
        """Do a task to many pictures, one after the other; the next is read meanwhile.

        Parameters
        ----------
        task : its name, "cutout" for one
        pictures : whatever the task's function takes for a picture
        progress : called after each with how many are done and of how many, where that is known
        on_error : called with a picture that failed and why, and the rest goes on; without it the
            first failure is raised
        **options : the task's keywords

        Yields
        ------
        what was given, and its `Result`, in order

        Raises
        ------
        MattelierError
            One sentence that says what is wrong.
        """
        if task not in TASKS:
            raise UsageError(f"There is no task {task!r}; there are {', '.join(TASKS)}.")
        function = getattr(self, task)
        total = len(pictures) if isinstance(pictures, Sized) else None
        with ThreadPoolExecutor(1, "read") as reader:
            waiting: tuple[Any, Future[Picture]] | None = None
            done = 0
            for given in chain(pictures, [_END]):
                ahead = None if given is _END else (given, reader.submit(to_picture, given))
                current, waiting = waiting, ahead
                if current is None:
                    continue
                source, reading = current
                try:
                    result = function(reading.result(), **options)
                except MattelierError as error:
                    if on_error is None:
                        raise
                    on_error(source, error)
                else:
                    yield source, result
                done += 1
                if progress is not None:
                    progress(done, total)

    def close(self) -> None:
        """Let go of the open networks; the session is done with."""
        self._models = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open_models(self) -> ModelCache:
        if self._models is None:
            raise UsageError("This session was closed; open another.")
        return self._models


def _bound_function(
    name: str, open_models: Callable[[], ModelCache], shared: Mapping[str, Any]
) -> TaskFunction:
    """The function of a task with these networks; `shared` are options that calls may override."""
    spec = TASKS[name]
    parameters = _parameters(spec)
    signature = inspect.Signature(parameters, return_annotation=Result)
    names = {one.field: leaf for one in spec.inputs if (leaf := _flat_name(spec, one))}

    def function(picture: Any, *arguments: Any, **options: Any) -> Result:
        try:
            bound = signature.bind(picture, *arguments, **options).arguments
        except TypeError as error:
            raise UsageError(f"mattelier.{name}: {error}.") from None
        values = {**shared, **bound}
        source = to_picture(values.pop("picture"))
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
                mask_as=hint.mask_as,
            )
        return Result.of(registry.run(request, source, open_models(), **inputs))

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
        inspect.Parameter("picture", position, annotation=PictureLike),
        first.replace(kind=position),
        *(one for one in keywords if one is not first),
    ]


def _docstring(spec: TaskSpec, parameters: list[inspect.Parameter]) -> str:
    return f"""{spec.help}

Parameters
----------
picture : path, bytes, open file, array, Pillow image or Picture
    An array is (H, W, 3) RGB, (H, W, 4) RGB and straight alpha, or (H, W) grey: uint8 or uint16
    are display-encoded sRGB, float32 is scene-linear and may exceed 1.
{keyword_help(spec.request)}

Where a parameter names a file, any of these can be given as well: masks and trimaps are
(H, W) uint8, uint16, bool or float 0…1; depth is nearness, larger is nearer.

Returns
-------
Result
    `picture`, `alpha`, `foreground`, `depth`, as far as the task makes them; `confidence`, how
    sure each pixel of `alpha` is; `report`; `.save(path)`, `.to_pil()` and `.rgba`.

Raises
------
MattelierError
    One sentence that says what is wrong: a bad argument, picture, model or device.
"""
