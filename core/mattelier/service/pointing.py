"""Pointing at a picture over HTTP: the worker's job "point", with the picture kept by its id.

POST /v1/point brings a picture, which is kept at the size that is shown; POST /v1/point/ID brings
gestures, in pixels of that size, and gives the matte. "apply" gives it at the picture's own size.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response

from mattelier.requests import PointRequest
from mattelier.requests.schema import request_schema
from mattelier.service import form as forms
from mattelier.service.engine import model_names
from mattelier.service.guard import OWNER
from mattelier.service.queue import Job, JobQueue, kept_on_success
from mattelier.service.refusal import Refusal
from mattelier.service.tasks import Written, begin, do_now
from mattelier.worker.pointing import Kept, point

if TYPE_CHECKING:
    from mattelier.types.picture import Picture

SHOWN_PX = 1600  # pixels of the longer side that is shown, and pointed at
_IDLE_SECONDS = 600.0
_MAX_GESTURES_BYTES = 1 << 20


class Session:
    """One picture that is pointed at."""

    def __init__(self, job: Job, picture: Path) -> None:
        self.id = job.id
        self.owner = job.owner
        self.folder = job.folder
        self.names = job.names
        self.picture = picture
        self.shown = job.folder / "shown.png"
        self.kept = Kept()
        self.lock = threading.Lock()  # one gesture at a time
        self.last_use = time.monotonic()


class Sessions:
    """The pictures that are pointed at now; the one that rested longest makes room."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._open: dict[str, Session] = {}
        self._changed = threading.Lock()
        queue.sweepers.append(self.sweep)

    def add(self, session: Session) -> None:
        """Keep a session; where there are too many, the one that rested longest goes."""
        with self._changed:
            self._open[session.id] = session
        self.sweep()

    def sweep(self) -> None:
        """Forget what is too much, and what rested too long."""
        rest = min(_IDLE_SECONDS, self._queue.limits.keep_seconds)
        with self._changed:
            old = time.monotonic() - rest
            by_age = sorted(self._open.values(), key=lambda one: one.last_use)
            surplus = len(by_age) - self._queue.limits.sessions
            gone = [one for n, one in enumerate(by_age) if n < surplus or one.last_use < old]
            for one in gone:
                del self._open[one.id]
        for one in gone:
            shutil.rmtree(one.folder, ignore_errors=True)

    def find(self, identifier: str, owner: str) -> Session:
        """A client's session.

        Raises
        ------
        Refusal
            404, also where it is another client's.
        """
        with self._changed:
            session = self._open.get(identifier)
        if session is None or session.owner != owner:
            raise Refusal(404, "This picture is not kept any more; send it again.")
        session.last_use = time.monotonic()
        return session

    def drop(self, session: Session) -> None:
        """Forget a picture."""
        with self._changed:
            self._open.pop(session.id, None)
        shutil.rmtree(session.folder, ignore_errors=True)


def router(queue: JobQueue, device: str) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pointing"])
    sessions = Sessions(queue)

    @routes.post(
        "/v1/point", status_code=201, openapi_extra={"requestBody": _PICTURE_FORM},
        summary="Keep a picture, to be pointed at.",
    )  # fmt: skip
    async def open_session(request: Request) -> Response:
        job, form = await begin(request, queue, "point", partial(forms.receive, request))
        with kept_on_success(job.folder):
            if set(form.files) != {forms.PICTURE} or form.texts:
                raise Refusal(400, "Send one file, `picture`, and nothing else.")
            session = Session(job, form.files[forms.PICTURE])
            work = partial(_show, session)
            # A job of its own folder, so that the session's stays when the job is dropped.
            answer = await do_now(request, queue, _beside(job, queue), work, queue.limits.pixels)
            assert answer.background is not None
            await answer.background()
            sessions.add(session)
        size = json.loads(answer.headers["Mattelier-Report"])
        place = f"/v1/point/{session.id}"
        links = {"self": place, "picture": f"{place}/picture"}
        return JSONResponse({"id": session.id, **size, "links": links}, 201, {"Location": place})

    @routes.get("/v1/point/{session}/picture", summary="The picture as it is pointed at.")
    async def shown(request: Request, session: str) -> Response:
        found = sessions.find(session, request.scope[OWNER])
        return FileResponse(found.shown, media_type="image/png")

    @routes.post(
        "/v1/point/{session}", openapi_extra={"requestBody": _gestures_schema()},
        summary="The matte for gestures: a grey PNG.", response_class=Response,
    )  # fmt: skip
    async def gesture(request: Request, session: str) -> Response:
        found = sessions.find(session, request.scope[OWNER])
        options = _checked(await _json(request), device)
        job = Job("point", found.owner, await run_in_threadpool(queue.new_folder), found.names)
        with kept_on_success(job.folder):
            work = partial(_answer, found, options)
            return await do_now(request, queue, job, work, queue.limits.pixels)

    @routes.delete(
        "/v1/point/{session}", status_code=204, summary="Forget the picture.",
        response_class=Response,
    )  # fmt: skip
    async def close_session(request: Request, session: str) -> Response:
        await run_in_threadpool(sessions.drop, sessions.find(session, request.scope[OWNER]))
        return Response(status_code=204)

    return routes


def _beside(job: Job, queue: JobQueue) -> Job:
    return Job(job.name, job.owner, queue.new_folder(), job.names)


def _show(session: Session, job: Job) -> Written:
    """Write the picture at the size that is shown, and say both sizes."""
    from mattelier.media.stills import read, write_cutout
    from mattelier.types.picture import Picture

    full = read(session.picture)
    small = Picture(_small_display(full))
    write_cutout(session.shown, small)
    report = {
        "width": small.width,
        "height": small.height,
        "full_width": full.width,
        "full_height": full.height,
    }
    path = job.folder / "nothing"
    path.touch()
    return Written(path, "application/octet-stream", report)


def _small_display(picture: Picture) -> Any:
    """(h, w, 3) uint8 sRGB, at most `SHOWN_PX` a side."""
    import cv2
    import numpy as np

    from mattelier.types.colour import from_float, linear_to_srgb, to_float

    scale = min(1.0, SHOWN_PX / max(picture.height, picture.width))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    colour = picture.colour
    if scale < 1:
        colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA))
    small = to_float(colour)
    if picture.transfer == "linear":
        small = linear_to_srgb(np.clip(small, 0, 1))
    return from_float(small, np.uint8)


def _answer(session: Session, options: dict[str, Any], job: Job) -> Written:
    from mattelier.api_arguments import models
    from mattelier.media.stills import read, write_matte

    with session.lock:
        pictures: dict[str, Any] = {}
        if options.get("stage") == "apply":
            # Its own transparency is not of the matte: who cuts out with it multiplies it in.
            pictures["picture"] = replace(read(session.picture), alpha=None)
        elif session.kept.session is None:
            pictures["picture"] = read(session.shown)
        report, found = point(models(), options, pictures, session.kept)
    path = job.folder / "matte.png"
    write_matte(path, found["alpha"], bits=8)
    values = {name: value for name, value in report.items() if value != ""}
    return Written(path, "image/png", values)


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_GESTURES_BYTES:
            raise Refusal(413, "Gestures have at most 1 MB.")
    try:
        return await asyncio.to_thread(json.loads, bytes(body))
    except (ValueError, RecursionError):
        raise Refusal(400, "Gestures are a JSON object.") from None


def _checked(options: Any, device: str) -> dict[str, Any]:
    """Gestures without what is the operator's: the device, and models that are paths."""
    if not isinstance(options, dict) or not isinstance(options.get("matte", {}), dict):
        raise Refusal(400, "Gestures are a JSON object.")
    matte = dict(options.get("matte", {}))
    hint = matte.get("hint", {})
    if isinstance(hint, dict) and (hint.get("mask") or hint.get("trimap")):
        raise Refusal(400, "Gestures name no files.")
    if matte.get("model", "default") not in model_names():
        raise Refusal(400, "There is no model of that name here.")
    if options.get("foreground"):
        raise Refusal(400, "Pointing gives the matte alone; /v1/cutout takes it as its hint.")
    return {**options, "matte": {**matte, "device": device}}


def _gestures_schema() -> dict[str, Any]:
    facts = request_schema(PointRequest)
    shown = {name: facts[name]["help"] for name in ("stage", "strokes", "matte.quality")}
    points = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "x": {"type": "number"},
                "y": {"type": "number"},
                "positive": {"type": "boolean", "default": True},
            },
            "required": ["x", "y"],
        },
    }
    schema = {
        "type": "object",
        "properties": {
            "stage": {"enum": facts["stage"]["enum"], "description": shown["stage"]},
            "matte": {
                "type": "object",
                "properties": {"hint": {"type": "object", "properties": {"points": points}}},
            },
            "strokes": {"type": "array", "description": shown["strokes"]},
        },
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_PICTURE_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {forms.PICTURE: {"type": "string", "format": "binary"}},
                "required": [forms.PICTURE],
            }
        }
    },
}
