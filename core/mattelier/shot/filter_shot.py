"""A picture-to-picture task on every frame of a shot, resumable as `shot.roto` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mattelier.engines.model_cache import ModelCache
from mattelier.requests import FramesRequest
from mattelier.shot.bokeh_run import BokehRun
from mattelier.shot.depth_run import DepthRun
from mattelier.shot.filter_run import EffectRun, FramesRun
from mattelier.shot.plan import prepare
from mattelier.shot.result import FrameResult, ShotResult

_RUNS: Mapping[str, type[FramesRun[Any]]] = {"bokeh": BokehRun, "depth": DepthRun}
"""Tasks whose frames say something of each other."""


def run(
    request: FramesRequest,
    *,
    models: ModelCache | None = None,
    done: Callable[[FrameResult], None] = lambda result: None,
) -> ShotResult:
    """Do the task on every frame that is asked for.

    Tells its progress; a listener that raises `Cancelled` interrupts it: files being written are
    finished, and the result says so.

    Parameters
    ----------
    models : ModelCache, optional
        Networks that are open already.
    done : callable
        Hears of every frame as it ends.

    Raises
    ------
    MattelierError
        Nothing was written: the request does not fit, or the model cannot be used.
    """
    shot = prepare(request)
    try:
        run_type = _RUNS.get(request.task, EffectRun)
        return run_type(shot, models or ModelCache(), done).run()
    finally:
        shot.plate.close()
