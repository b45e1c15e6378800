"""One task opened for all pictures of a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mattelier.tasks.registry import spec_of
from mattelier.tasks.task import run_prepared
from mattelier.types.progress import remark

if TYPE_CHECKING:
    from mattelier.types.picture import Picture
    from mattelier.types.result import Report, Result


def open_task(request: object, send_to: str | None = None) -> Callable[..., Result]:
    """What does a request to a picture, with its networks open: (picture, **inputs) → `Result`.

    Parameters
    ----------
    send_to : the host that pictures may be sent to; None: none may be

    Raises
    ------
    MattelierError
        The request fits no picture; see `Task.prepare`.
    """
    from mattelier.engines.model_cache import ModelCache

    models, task = ModelCache(send_to=send_to), spec_of(request).load()
    prepared = task.prepare(request, models)

    def run(picture: Picture, **inputs: Any) -> Result:
        return run_prepared(task, request, picture, models, {**prepared, **inputs})

    return run


def record(report: Report) -> Mapping[str, Any]:
    """A task's report as what `--json` prints; its note becomes the picture's."""
    values = report.values()
    values["stages"] = values.pop("seconds")
    if note := values.pop("note"):
        remark(note)
    return values
