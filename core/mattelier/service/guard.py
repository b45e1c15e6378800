"""What stands before all routes: who may ask, how much and how slowly; headers of every answer.

A plain ASGI layer, so that it sees a body as it comes, before anything has parsed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from mattelier.service.limits import Limits
from mattelier.service.refusal import Refusal

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OWNER = "mattelier.owner"  # in a request's scope
_OPEN_PATHS = ("/", "/health", "/api", "/openapi.json")  # without a key
_PAGE_FILES = "/page/"  # neither
_DRAIN_SECONDS = 2.0  # that a refused client may go on sending, so that it can hear why
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes
    ----------
    keys : digests of the keys, one of which a client must have; empty: nobody needs one
    hosts : names that the server may be called by; empty: any. On the loopback address without
        keys a page of the web could else reach it under a name of its own (DNS rebinding)
    origins : pages that may ask from elsewhere, as "https://shop.example"
    """

    keys: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def owner(self, headers: Headers) -> str:
        """The digest of the client's key; "" where none is needed.

        Raises
        ------
        Refusal
            It has none, or a wrong one.
        """
        if not self.keys:
            return ""
        kind, _, token = headers.get("authorization", "").partition(" ")
        key = token.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
        mine = digest_of_key(key)
        # All of them, in the same time whatever the key is.
        if not sum(hmac.compare_digest(mine, one) for one in self.keys):
            raise Refusal(
                401,
                "This server wants a key: send it as Authorization: Bearer KEY, or X-API-Key.",
                {"WWW-Authenticate": "Bearer"},
            )
        return mine

    def check_origin(self, method: str, headers: Headers) -> None:
        """Refuse what a foreign page asks in a visitor's name.

        Raises
        ------
        Refusal
        """
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self.hosts and host not in self.hosts:
            raise Refusal(421, "This server is not called by that name.")
        origin = headers.get("origin")
        if method in _SAFE_METHODS or origin is None or origin in self.origins:
            return
        if urlsplit(origin).netloc != headers.get("host"):
            raise Refusal(403, "Pages of other sites may not ask this server; see --origin.")


def digest_of_key(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class Guard:
    """Refuses what must not pass, bounds what is received, and marks every answer."""

    def __init__(self, app: App, access: Access, limits: Limits) -> None:
        self._app = app
        self._access = access
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, headers, self._limits)

        async def send_marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._mark(MutableHeaders(raw=message["headers"]), headers)
                if message["status"] >= 400:
                    await body.drain()
            await send(message)

        try:
            with _refusing_malformed():
                self._access.check_origin(scope["method"], headers)
                preflight = scope["method"] == "OPTIONS" and "origin" in headers
                if preflight:
                    await JSONResponse({}, headers=_PREFLIGHT)(scope, receive, send_marked)
                    return
                scope[OWNER] = ""
                if not _is_open(scope["path"]):
                    scope[OWNER] = self._access.owner(headers)
                body.check_announced()
        except Refusal as error:
            answer = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            await answer(scope, receive, send_marked)
            return
        await self._app(scope, body.receive, send_marked)

    def _mark(self, answer: MutableHeaders, asked: Headers) -> None:
        for name, value in _HEADERS.items():
            answer.setdefault(name, value)
        answer.setdefault("Cache-Control", "no-store")
        origin = asked.get("origin")
        if origin in self._access.origins:
            answer["Access-Control-Allow-Origin"] = origin
            answer["Access-Control-Expose-Headers"] = "Mattelier-Report, Location"
            answer["Cross-Origin-Resource-Policy"] = "cross-origin"
            answer.add_vary_header("Origin")


class _Body:
    """A request's body as it comes: not too much of it, and not too slowly."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._announced = headers.get("content-length", "")
        self._count = 0
        self._end = 0.0
        self._whole = not self._announced and "transfer-encoding" not in headers

    def check_announced(self) -> None:
        if self._announced.isdecimal() and int(self._announced[:20]) > self._limits.upload_bytes:
            raise self._too_much()

    async def receive(self) -> Any:
        if self._whole:  # what may come now is that the client left, any time
            return await self._receive()
        clock = asyncio.get_running_loop().time
        self._end = self._end or clock() + self._limits.body_seconds
        try:
            async with asyncio.timeout(min(self._limits.stall_seconds, self._end - clock())):
                message = await self._receive()
        except TimeoutError:
            self._whole = True
            raise Refusal(408, "The request came too slowly.", {"Connection": "close"}) from None
        self._count += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._count > self._limits.upload_bytes:
            raise self._too_much()
        return message

    async def drain(self) -> None:
        """Let a client that is refused finish sending: closing on it would lose the reason."""
        most = self._count + self._limits.upload_bytes
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._whole and self._count < most:
                    message = await self._receive()
                    self._count += len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)

    def _too_much(self) -> Refusal:
        most = self._limits.upload_bytes / 1e6
        return Refusal(413, f"A request has at most {most:g} MB here; send a smaller file.")


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key",
    "Access-Control-Max-Age": "600",
}


@contextlib.contextmanager
def _refusing_malformed() -> Iterator[None]:
    try:
        yield
    except ValueError:  # a host or origin that is no address
        raise Refusal(400, "The request's headers make no sense.") from None


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_PAGE_FILES)


def digests(keys: Iterable[str]) -> frozenset[str]:
    """The digests of the keys that a file or variable holds, one a line or word."""
    return frozenset(digest_of_key(key) for key in keys)
