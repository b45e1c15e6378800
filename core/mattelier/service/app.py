"""The application: routes, guard and pages put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from mattelier import __version__
from mattelier.service import pointing, rembg, tasks
from mattelier.service.guard import Access, Guard
from mattelier.service.queue import JobQueue
from mattelier.service.refusal import Refusal, refusal
from mattelier.tasks.registry import TASKS

PAGE = Path(__file__).with_name("page")
_PAGE_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def make_app(queue: JobQueue, access: Access, device: str) -> Guard:
    """The whole service, for any ASGI server.

    Parameters
    ----------
    device : what computes: "auto", "cpu", "cuda" or "mps"
    """
    app = FastAPI(
        title="Mattelier",
        version=__version__,
        description="Cut-outs, mattes and repairs of pictures, on this server alone.",
        docs_url=None,  # its page comes from elsewhere in the net; /api is ours
        redoc_url=None,
    )
    app.include_router(tasks.router(queue, device))
    app.include_router(pointing.router(queue, device))
    app.include_router(rembg.router(queue, device))
    _add_pages(app, queue, access)

    @app.exception_handler(OSError)
    async def failed_system(request: Request, error: OSError) -> Response:
        found = refusal(error, {})
        return JSONResponse({"detail": found.detail}, found.status_code)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        from mattelier.log import log_unexpected

        log_unexpected(error)
        return JSONResponse({"detail": refusal(error, {}).detail}, 500)

    return Guard(app, access, queue.limits)


def _add_pages(app: FastAPI, queue: JobQueue, access: Access) -> None:
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in _PAGE_TYPES}

    def answer(name: str) -> Response:
        if name not in files:
            raise Refusal(404, "There is no such page.")
        path = files[name]
        return FileResponse(
            path, media_type=_PAGE_TYPES[path.suffix], headers={"Cache-Control": "no-cache"}
        )

    @app.get("/", include_in_schema=False)
    async def front_page() -> Response:
        return answer("index.html")

    @app.get("/api", include_in_schema=False)
    async def api_page() -> Response:
        return answer("api.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page_file(name: str) -> Response:
        return answer(name)

    @app.get("/health", tags=["server"], summary="Whether the server takes work.")
    async def health() -> Response:
        load = await run_in_threadpool(queue.load)
        told: dict[str, Any] = {"version": __version__, **load}
        if queue.stopping.is_set():
            return JSONResponse({"status": "ending", **told}, 503)
        status = "ok" if queue.warm.is_set() else "warming up"
        return JSONResponse({"status": status, **told, "key": bool(access.keys)})

    @app.get("/v1", tags=["server"], summary="The tasks, and this server's limits.")
    async def about() -> Response:
        told = {name: spec.help for name, spec in TASKS.items()}
        return JSONResponse({"tasks": told, "limits": tasks.limits_told(queue.limits)})
