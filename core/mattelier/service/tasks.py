"""A route for every task of the registry: at once under /v1/TASK, as a job under /v1/jobs/TASK."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from mattelier.service import form as forms
from mattelier.service.engine import as_header, model_names, report, run_task, save
from mattelier.service.guard import OWNER
from mattelier.service.limits import Limits
from mattelier.service.queue import Job, JobQueue, kept_on_success
from mattelier.service.refusal import Refusal, refusal
from mattelier.tasks.registry import TASKS, TaskSpec

_TELL_SECONDS = 0.1  # between two looks at a job's progress
_BEAT_SECONDS = 15.0  # after which silence is broken, so that proxies do not close the stream


@dataclass(frozen=True)
class Written:
    """A result in a file, and what is told of it."""

    path: Path
    media_type: str
    report: dict[str, Any]


Work = Callable[[Job], Written]


@dataclass(frozen=True)
class Order:
    """Work that can be done here or, since its name and form say all of it, by another machine.

    Attributes
    ----------
    name : of a task, or "remove"
    work : does it here
    """

    name: str
    form: forms.Form
    work: Work

    def __call__(self, job: Job) -> Written:
        """Do it here."""
        return self.work(job)


def router(queue: JobQueue, device: str) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    for spec in TASKS.values():
        schema = forms.schema(spec)
        words: dict[str, Any] = {
            "summary": spec.help,
            "description": f"Options are those of `mattelier {spec.name}`.",
            "openapi_extra": {"requestBody": schema},
        }
        routes.add_api_route(
            f"/v1/{spec.name}", partial(_answer_task, spec, queue, device), methods=["POST"],
            name=spec.name, tags=["at once"], response_class=Response, responses=_PICTURE, **words,
        )  # fmt: skip
        routes.add_api_route(
            f"/v1/jobs/{spec.name}", partial(_start_job, spec, queue, device), methods=["POST"],
            name=f"start_{spec.name}", tags=["jobs"], status_code=202, responses=_JOB, **words,
        )  # fmt: skip
    _add_job_routes(routes, queue)
    return routes


async def do_now(request: Request, queue: JobQueue, job: Job, work: Work, pixels: int) -> Response:
    """The answer to a request that waits for its result; a client that leaves cancels it."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    job.when_ended = partial(loop.call_soon_threadsafe, ended.set)
    try:
        await run_in_threadpool(queue.add, job, work, pixels=pixels)
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(queue.look_seconds):
                    await ended.wait()
            if not ended.is_set() and await request.is_disconnected():
                raise Refusal(499, "The client left.")
            await run_in_threadpool(queue.refresh, job)
            if not ended.is_set():
                await run_in_threadpool(queue.check_workers, job)
        answer = await run_in_threadpool(_result, queue, job)
        answer.background = BackgroundTask(_drop, queue, job)  # once it was sent
        return answer
    except BaseException:
        loop.run_in_executor(None, _drop, queue, job)
        raise


def _drop(queue: JobQueue, job: Job) -> None:
    with contextlib.suppress(Refusal):  # it expires where it cannot be dropped
        queue.drop(job)


def _result(queue: JobQueue, job: Job) -> FileResponse:
    if job.problem is not None:
        raise job.problem
    written: Written = queue.bring(job)
    return FileResponse(
        written.path,
        media_type=written.media_type,
        headers={"Mattelier-Report": as_header(written.report)},
    )


async def begin(
    request: Request, queue: JobQueue, name: str, read: Callable[[Path], Awaitable[forms.Form]]
) -> tuple[Job, forms.Form]:
    """A job that does not wait yet, and the form that it was asked for with."""
    if queue.stopping.is_set():
        raise Refusal(503, "The server is ending; ask again in a moment.", {"Retry-After": "5"})
    folder = await run_in_threadpool(queue.new_folder)
    with kept_on_success(folder):
        try:
            form = await read(folder)
        except OSError as error:
            raise refusal(error, {}) from None
        job = Job(name, request.scope[OWNER], folder, form.names)
        return job, form


def task_work(spec: TaskSpec, form: forms.Form, device: str) -> Work:
    """What does a task as a form says.

    Raises
    ------
    Refusal
        The form says something that makes no sense, or lacks something.
    """
    options = forms.options(spec, form, model_names())
    suffix = forms.output_format(spec, form)
    if forms.PICTURE not in form.files:
        raise Refusal(400, "There is no picture: send it as the form's file `picture`.")
    for one in spec.inputs:
        if one.required and one.name not in form.files:
            raise Refusal(400, f"{spec.name} needs a {one.name}: send it as a file of that name.")

    def work(job: Job) -> Written:
        picture = form.files[forms.PICTURE]
        result = run_task(spec, picture, options, device)
        path = job.folder / f"result.{suffix}"
        job.names[path] = "the result"
        save(result, picture, path)
        return Written(path, forms.MEDIA_TYPES[suffix], report(job, result))

    return work


async def _answer_task(spec: TaskSpec, queue: JobQueue, device: str, request: Request) -> Response:
    job, form = await begin(request, queue, spec.name, partial(forms.receive, request))
    with kept_on_success(job.folder):
        order = Order(spec.name, form, task_work(spec, form, device))
        return await do_now(request, queue, job, order, queue.limits.direct_pixels)


async def _start_job(spec: TaskSpec, queue: JobQueue, device: str, request: Request) -> Response:
    job, form = await begin(request, queue, spec.name, partial(forms.receive, request))
    with kept_on_success(job.folder):
        order = Order(spec.name, form, task_work(spec, form, device))
        await run_in_threadpool(queue.add, job, order, pixels=queue.limits.pixels)
    place = f"/v1/jobs/{job.id}"
    return JSONResponse(_state(job), 202, {"Location": place})


def _add_job_routes(routes: APIRouter, queue: JobQueue) -> None:
    async def find(request: Request, job: str) -> Job:
        return await run_in_threadpool(queue.find, job, request.scope[OWNER])

    @routes.get("/v1/jobs/{job}", tags=["jobs"], summary="How far a job is.", responses=_JOB)
    async def job_state(request: Request, job: str) -> Response:
        return JSONResponse(_state(await find(request, job)))

    @routes.get(
        "/v1/jobs/{job}/events", tags=["jobs"], summary="Its progress, as server-sent events.",
        response_class=StreamingResponse, responses=_EVENTS,
    )  # fmt: skip
    async def job_events(request: Request, job: str) -> Response:
        found = await find(request, job)
        stream = _events(found, queue, request)
        return StreamingResponse(stream, media_type="text/event-stream")

    @routes.get(
        "/v1/jobs/{job}/result", tags=["jobs"], summary="Its result, once it is done.",
        response_class=FileResponse, responses=_PICTURE,
    )  # fmt: skip
    async def job_result(request: Request, job: str) -> Response:
        found = await find(request, job)
        if not found.ended:
            raise Refusal(409, f"The job is {found.state}; its events say when it is done.")
        answer = await run_in_threadpool(_result, queue, found)
        answer.background = BackgroundTask(queue.put_away, found)
        return answer

    @routes.delete(
        "/v1/jobs/{job}", tags=["jobs"], status_code=204,
        summary="Cancel it, or forget its result.", response_class=Response,
    )  # fmt: skip
    async def drop_job(request: Request, job: str) -> Response:
        await run_in_threadpool(queue.drop, await find(request, job))
        return Response(status_code=204)


def _state(job: Job) -> dict[str, Any]:
    place = f"/v1/jobs/{job.id}"
    state: dict[str, Any] = {
        "id": job.id,
        "task": job.name,
        "state": job.state,
        "progress": job.progress,
        "stage": job.stage,
        "links": {"self": place, "events": f"{place}/events", "result": f"{place}/result"},
    }
    if job.state == "done":
        state["report"] = job.value.report
    if job.problem is not None:
        state["detail"] = job.problem.detail
        state["status"] = job.problem.status_code
    return state


async def _events(job: Job, queue: JobQueue, request: Request) -> AsyncIterator[str]:
    told, silent = "", 0.0
    while True:
        try:
            await run_in_threadpool(queue.refresh, job)
        except Refusal as error:
            text = json.dumps({"detail": error.detail, "status": error.status_code})
            yield f"event: refused\ndata: {text}\n\n"
            return
        ended = job.ended  # before the state is written down, so that the last one is told
        text = json.dumps(_state(job))
        if text != told:
            yield f"event: {job.state}\ndata: {text}\n\n"
            told, silent = text, 0.0
        if ended or queue.stopping.is_set() or await request.is_disconnected():
            return
        await asyncio.sleep(_TELL_SECONDS)
        silent += _TELL_SECONDS
        if silent >= _BEAT_SECONDS:
            yield ": still here\n\n"
            silent = 0.0


_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result; the header Mattelier-Report is JSON on how it was made.",
        "content": {kind: {} for kind in sorted(set(forms.MEDIA_TYPES.values()))},
    }
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events named by the job's state.", "content": {"text/event-stream": {}}}
}
_JOB: dict[int | str, dict[str, Any]] = {
    "2XX": {
        "description": "The job.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "task": {"type": "string"},
                        "state": {"enum": ["waiting", "running", "done", "failed", "cancelled"]},
                        "progress": {"type": "number", "minimum": 0, "maximum": 1},
                        "stage": {"type": "string"},
                        "links": {"type": "object"},
                        "report": {"type": "object"},
                        "detail": {"type": "string"},
                    },
                }
            }
        },
    }
}


def limits_told(limits: Limits) -> dict[str, Any]:
    """The limits that a client needs to know."""
    return {
        "upload_bytes": limits.upload_bytes,
        "pixels": limits.pixels,
        "direct_pixels": limits.direct_pixels,
        "seconds": limits.seconds,
        "keep_seconds": limits.keep_seconds,
    }
