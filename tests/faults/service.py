"""What a server hears from clients that are broken, hostile, slow, many, or gone."""

from __future__ import annotations

import contextlib
import io
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from faults.child import TESTS, Findings
from faults.corpus import write_bombs, write_seeds
from faults.mutations import mutate

if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from service_session import Service, start_service

FLAGS = ("--max-upload", "4", "--max-pixels", "4", "--max-seconds", "20", "--queue", "32")
_ANSWER_SECONDS = 60
_CLIENTS = 4
_SLOW_CLIENTS = 40
_GROWN_BYTES = 400 << 20  # beyond what the networks take once all of them are open
_MAX_SENTENCE = 900
_TASKS = ("cutout", "matte", "refine", "denoise", "enhance", "depth", "jobs/enhance", "jobs/cutout")
_PATHS = (
    "/", "/health", "/v1", "/api", "/openapi.json", "/page/page.js", "/page/../app.py",
    "/page/%2e%2e%2fapp.py", "/page/..%5capp.py", "//etc/passwd", "/%00", "/v1/jobs/%2e%2e",
    "/v1/jobs/../../etc/passwd/result", "/v1/point/x/picture", "/v1/jobs/" + "a" * 7000, "/é",
    "/api/remove?url=file:///etc/passwd", "/api/remove?url=http://169.254.169.254/latest",
)  # fmt: skip
_NAMES = (
    "quality", "model", "feather", "box", "points", "background", "hint", "trimap", "hint_as",
    "padding", "crop", "format", "width", "strength", "device", "tile", "picture", "match", "",
    "__class__", "a" * 500, "depth", "right", "mask",
)  # fmt: skip
_TEXTS = (
    "", "0", "-1", "1e308", "nan", "inf", "9" * 6000, "true", "best", "../../etc/passwd",
    "/etc/passwd", "file:///etc/passwd", "\x00", "é\u202e", "1,2", "1,2,3,4", "-5,-5,9,9", "1e9,1",
    "{}", "[]", "default", "blur", "#fff", "rgb(1,2,3)", "a" * 70_000, "%s%s%n", "${7*7}", "png",
)  # fmt: skip
_FILE_NAMES = (
    "a.png", "../../../etc/cron.d/x", "/etc/passwd", "a\x00.png", "..\\..\\x", "a" * 4000, "",
)  # fmt: skip
_GESTURES = (
    "{}", "[]", "null", "{" * 5000, '{"stage": "glance"}', '{"stage": "apply"}', "NaN", "\xff",
    '{"matte": {"hint": {"points": [{"x": 1e308, "y": -1e308}]}}}',
    '{"matte": {"hint": {"mask": "/etc/passwd"}}}', '{"matte": {"model": "/etc"}}',
    '{"strokes": [{"kind": "hair", "points": [{"x": 1, "y": 1}], "radius": 1999}]}',
    '{"matte": {"hint": {"box": {"x": 0, "y": 0, "width": 1e-300, "height": 1}}}}',
)  # fmt: skip
_SECRETS = (b"root:x:", b"Traceback", b"site-packages", b"mattelier-serve-")


@contextlib.contextmanager
def running() -> Iterator[Service]:
    """A server with small limits, for the block."""
    with start_service(*FLAGS) as service:
        yield service


class Pictures:
    """Sound and hostile files, made by code."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "seeds").exists():
            write_seeds(folder / "seeds")
        seeds = sorted((folder / "seeds").iterdir())
        bombs = write_bombs(folder / "bombs", folder / "seeds")
        self._seeds = [path.read_bytes() for path in seeds]
        self._bombs = [path.read_bytes() for path in bombs]

    def pick(self, rng: random.Random) -> bytes:
        """One of any kind."""
        kind = rng.choice(("seed", "mutated", "mutated", "mutated", "bomb", "noise"))
        if kind == "noise":
            return rng.randbytes(rng.randrange(3000))
        if kind == "bomb":
            return rng.choice(self._bombs)
        content = rng.choice(self._seeds)
        return content if kind == "seed" else mutate(content, rng, self._seeds)


def attack(service: Service, pictures: Pictures, seed: int, first: int, last: int) -> Findings:
    """Send hostile requests from several clients at once; each that came whole must be answered."""
    findings, lock = Findings(), threading.Lock()
    numbers = iter(range(first, last))

    def send() -> None:
        while service.process.poll() is None:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            rng = random.Random(f"{seed}-{number}")
            try:
                verdict = _send_one(service, pictures, rng)
            except Exception as error:  # an answer that is none
                verdict = f"garbled: {type(error).__name__} {error}"
            with lock:
                findings.add(verdict, f"service {seed} {number}")

    threads = [threading.Thread(target=send) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if service.process.poll() is not None:
        findings.add(f"died: with {service.process.returncode}", f"service {seed} {first}")
    return findings


def own_pictures(service: Service, jobs: int) -> Findings:
    """Many clients at once, each with a picture of its own size: what comes back is its own."""
    findings, lock = Findings(), threading.Lock()

    def client(first: int) -> None:
        with service.ask() as asking:
            for number in range(first, jobs, _CLIENTS):
                size = 33 + number, 40 + 2 * number
                level = 3 * number % 250
                file = io.BytesIO()
                Image.new("RGB", size, (level, 255 - level, 9)).save(file, "png")
                place = ("/v1/enhance", "/v1/jobs/enhance")[number % 2]
                answer = asking.post(place, files={"picture": file.getvalue()})
                if number % 2:
                    links = answer.json()["links"]
                    with asking.stream("GET", links["events"]) as events:
                        events.read()
                    answer = asking.get(links["result"])
                    asking.delete(links["self"])
                found = np.asarray(Image.open(io.BytesIO(answer.content)))
                own = found.shape[1::-1] == size and (found == (level, 255 - level, 9)).all()
                with lock:
                    verdict = "own" if own else f"foreign: {found.shape} {found[0, 0]}"
                    findings.add(verdict, f"picture {number}")

    threads = [threading.Thread(target=client, args=(first,)) for first in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return findings


def stall(service: Service) -> Findings:
    """Clients that begin and do not go on: others are served meanwhile, and they are let go."""
    findings = Findings()
    starts = (
        b"", b"POST /v1/cutout HT", b"POST /v1/cutout HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /v1/cutout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        waiting = []
        for number in range(_SLOW_CLIENTS):
            connection = stack.enter_context(_connect(service))
            connection.sendall(starts[number % len(starts)])
            waiting.append(connection)
        with service.ask() as asking:
            sound = asking.get("/health").status_code == 200
        findings.add("served" if sound else "starved: nobody else was served", "stall")
        end = time.monotonic() + _ANSWER_SECONDS
        for number, connection in enumerate(waiting):
            connection.settimeout(max(end - time.monotonic(), 0.1))
            try:
                while connection.recv(1 << 16):
                    pass
                findings.add("let go", f"stall {number}")
            except TimeoutError:
                findings.add("held: after a minute", f"stall {number}")
            except OSError:
                findings.add("let go", f"stall {number}")
    return findings


def check_rest(service: Service, memory_before: int) -> Findings:
    """What an attack leaves: a server that works, no more memory, no files but of jobs kept."""
    findings = Findings()
    end = time.monotonic() + _ANSWER_SECONDS
    with service.ask() as asking:
        while any(asking.get("/health").json()[name] for name in ("waiting", "running")):
            if time.monotonic() > end:
                findings.add("busy: it still works for nobody", "rest")
                break
            time.sleep(0.2)
    if memory_before:
        grown = service.memory_bytes - memory_before
        told = f"{grown / 1e6:.0f} MB more"
        findings.add("bounded" if grown < _GROWN_BYTES else f"grown: {told}", "rest")
    return findings


def _send_one(service: Service, pictures: Pictures, rng: random.Random) -> str:
    kind = rng.choice(("head", "form", "form", "form", "torn", "path", "json", "gone"))
    if kind == "head":
        return _hear(service, _broken_head(rng), owed=False)
    if kind == "path":
        method = rng.choice(("GET", "GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "BREW"))
        path = rng.choice(_PATHS).encode("utf-8").decode("latin-1")
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return _hear(service, head.encode("latin-1"), owed=False, silent=method == "HEAD")
    if kind == "json":
        place = rng.choice(("/v1/point/" + "x" * 32, "/v1/point", "/v1/cutout", "/api/remove"))
        body = rng.choice(_GESTURES).encode("latin-1")
        return _hear(service, _request(place, "application/json", body))
    place, boundary, body = _form(rng, pictures)
    if kind == "torn":
        body = mutate(body, rng, [body])
    request = _request(place, f"multipart/form-data; boundary={boundary}", body)
    if kind == "gone":
        with _connect(service) as connection, contextlib.suppress(OSError):
            connection.sendall(request[: rng.randrange(len(request))])
        return "left"
    return _hear(service, request)


def _form(rng: random.Random, pictures: Pictures) -> tuple[str, str, bytes]:
    """Place, boundary and body of a form with oddities."""
    place = rng.choice(("/api/remove", *(f"/v1/{task}" for task in _TASKS), "/v1/point"))
    first = "file" if place == "/api/remove" else "picture"
    boundary = rng.choice(("x", "x" * 70, "--", "a'b"))
    parts = [(first, rng.choice(_FILE_NAMES), pictures.pick(rng))]
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        name = rng.choice(_NAMES)
        if rng.random() < 0.2:
            parts.append((name, rng.choice(_FILE_NAMES), pictures.pick(rng)))
        else:
            parts.append((name, None, rng.choice(_TEXTS).encode()))
    if rng.random() < 0.03:
        parts += [("points", None, b"1,1")] * 400
    body = bytearray()
    for name, file, content in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += b"" if file is None else f'; filename="{file}"'.encode()
        body += b"\r\n\r\n" + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return place, boundary, bytes(body)


def _request(place: str, kind: str, body: bytes) -> bytes:
    head = (
        f"POST {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _broken_head(rng: random.Random) -> bytes:
    start = b"POST /v1/cutout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    return rng.choice(
        (
            rng.randbytes(rng.randrange(1, 400)),
            b"GET / HTTP/9.9\r\n\r\n",
            start + b"Content-Length: -5\r\n\r\n",
            start + b"Content-Length: 99999999999999999999\r\n\r\n",
            start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            start + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
            start + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
            start + b"".join(b"X%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
            start + b"Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nab",
            start + b"Content-Type: multipart/form-data; boundary=\r\nContent-Length: 2\r\n\r\nab",
            start + b"Content-Type: \xff\xfe; charset=nope\r\nContent-Length: 2\r\n\r\nab",
            b"GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\nConnection: close\r\n\r\n",
            b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: upgrade\r\n\r\n",
        )
    )


def _connect(service: Service) -> socket.socket:
    address = urlsplit(service.address)
    return socket.create_connection((address.hostname, address.port), _ANSWER_SECONDS)


def _hear(service: Service, request: bytes, *, owed: bool = True, silent: bool = False) -> str:
    """`answered`, `refused`, or what is wrong with what came back."""
    answer = bytearray()
    with _connect(service) as connection:
        try:
            with contextlib.suppress(OSError):  # refused already
                connection.sendall(request)
                if not owed:
                    connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(1 << 16):
                answer += block
        except TimeoutError:
            return "hung: no answer in a minute"
        except OSError as error:
            if not answer:
                return f"unanswered: {type(error).__name__}" if owed else "closed"
    if not answer:
        return "unanswered: closed without a word" if owed else "closed"
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if leaked := next((secret for secret in _SECRETS if secret in head + body[:20_000]), None):
        return f"leaked: {leaked!r} in {body[:300]!r}"
    status = int(head.split(None, 2)[1])
    if status < 400:
        return "answered"
    if status >= 500 and status not in (503, 504, 507):
        return f"unexpected: {status} {body[:200]!r}"
    if owed and not silent:
        sentence = json.loads(body)["detail"]
        if "\n" in sentence or len(sentence) > _MAX_SENTENCE:
            return f"wordy: {sentence[:200]}"
    return "refused"
