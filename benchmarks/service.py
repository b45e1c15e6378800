"""Mattelier's service beside rembg's own: eight clients, pictures of mixed sizes, the same call.

    python benchmarks/service.py --rembg PYTHON [--photo PHOTO] [--minutes 10] [--clients 8]

PYTHON is an interpreter that has `rembg[cpu,cli]`; Mattelier runs in the interpreter of this
script, which also needs torch and onnx to make the network that rembg gets: U²-Netp's layout with
random weights, since cost does not depend on them. Mattelier uses its shipped network and does its
default work, the edge at full resolution and clean edge colours included. Both are asked by the
same call of rembg's, `POST /api/remove`, in turns of half a minute, so that a busy machine slows
both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
SIDES_PX = (512, 512, 1024, 1024, 1600, 2400, 4000)  # of the longer side, as a shop gets them
TURN_SECONDS = 30
START_SECONDS = 180


@dataclass
class Server:
    """One server under load, and what was measured of it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    loaded_seconds: float = 0.0

    def ask(self, client: httpx.Client, picture: bytes) -> None:
        """One picture, timed."""
        started = time.perf_counter()
        try:
            answer = client.post(
                f"http://127.0.0.1:{self.port}/api/remove",
                files={"file": ("photo.jpg", picture)}, data={"model": "u2netp"},
            )  # fmt: skip
            sound = answer.status_code == 200 and answer.content.startswith(b"\x89PNG")
            problem = "" if sound else f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as error:
            problem = f"{type(error).__name__} {error}"
        if problem:
            self.failures.append(problem)
        else:
            self.seconds.append(time.perf_counter() - started)

    def note_memory(self) -> None:
        """Book what the server and its children occupy now."""
        total, found = 0, [self.process.pid]
        while found:
            place = Path(f"/proc/{found.pop()}")
            with contextlib.suppress(OSError, TypeError):
                total += int(re.search(r"VmRSS:\s+(\d+)", (place / "status").read_text())[1])
                for thread in (place / "task").iterdir():
                    found += map(int, (thread / "children").read_text().split())
        self.memory_mb.append(total / 1024)

    def row(self) -> str:
        """Its line of the table."""
        cuts = statistics.quantiles(self.seconds, n=20)
        quarter = max(1, len(self.memory_mb) // 4)
        early, late = self.memory_mb[:quarter], self.memory_mb[-quarter:]
        return (
            f"| {self.name} | {len(self.seconds)} | {len(self.failures)} "
            f"| {len(self.seconds) / self.loaded_seconds:.2f} | {cuts[9]:.2f} s | {cuts[18]:.2f} s "
            f"| {statistics.median(early):.0f} → {statistics.median(late):.0f} "
            f"(most {max(self.memory_mb):.0f}) |"
        )


def load(server: Server, pictures: list[bytes], clients: int, seconds: float) -> None:
    """Ask as fast as the answers come, from several clients; what was begun is finished."""
    started = time.perf_counter()

    def client(number: int) -> None:
        with httpx.Client(timeout=300) as asking:
            turn = number
            while time.perf_counter() - started < seconds:
                server.ask(asking, pictures[turn % len(pictures)])
                turn += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        server.note_memory()
        time.sleep(1)
    server.loaded_seconds += time.perf_counter() - started


@contextlib.contextmanager
def start(name: str, command: list[str], port: int) -> Iterator[Server]:
    """A server, once it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{name} does not start: {' '.join(command)}")
            time.sleep(0.2)
        yield Server(name, process, port)
    finally:
        process.terminate()
        process.wait(60)


def photos(photo: Path) -> list[bytes]:
    """The photo in all sizes, as JPEG."""
    found = []
    with Image.open(photo) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    for side in SIDES_PX:
        scale = side / max(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        file = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(file, "jpeg", quality=92)
        found.append(file.getvalue())
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rembg", required=True, help="a Python that has rembg[cpu,cli]")
    parser.add_argument("--photo", type=Path, default=HERE.parent / "install" / "sample.jpg")
    parser.add_argument("--minutes", type=float, default=10, help="of load for each server")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    pictures = photos(options.photo)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        # Where rembg looks for its networks; it would refuse one with other weights.
        os.environ |= {"U2NET_HOME": folder, "MODEL_CHECKSUM_DISABLED": "1"}
        network = Path(folder, "u2netp.onnx")
        subprocess.run(
            [sys.executable, HERE / "u2netp.py", network], check=True, capture_output=True
        )
        first, second = free_port(), free_port()
        ours = [sys.executable, "-m", "mattelier", "serve", "--port", str(first)]
        theirs = [options.rembg, "-c", "from rembg.cli import main; main()", "s", "--no-ui",
                  "--host", "127.0.0.1", "--port", str(second)]  # fmt: skip
        servers = [
            stack.enter_context(start("Mattelier", ours, first)),
            stack.enter_context(start("rembg, U²-Netp size", theirs, second)),
        ]
        for server in servers:  # open the networks
            with httpx.Client(timeout=300) as client:
                server.ask(client, pictures[0])
            if server.failures:
                raise SystemExit(f"{server.name}: {server.failures[0]}")
            server.seconds.clear()
        turns = max(1, round(options.minutes * 60 / TURN_SECONDS))
        for _ in range(turns):
            for server in servers:
                load(server, pictures, options.clients, options.minutes * 60 / turns)
    print("| server | pictures | failed | pictures/s | p50 | p95 | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for server in servers:
        print(server.row())
        for problem in server.failures[:3]:
            print(f"  {problem}", file=sys.stderr)
    rates = [len(server.seconds) / server.loaded_seconds for server in servers]
    print(f"\n{rates[0] / rates[1]:.2f} × as many pictures per second.")


if __name__ == "__main__":
    main()
