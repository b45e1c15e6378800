"""What tests of several machines need: a real Redis, an S3 of moto's, and workers as processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from build_cache import skip_or_fail

WORKER = (sys.executable, "-I", "-m", "mattelier", "serve-worker")
BUCKET = "mats"
_START_SECONDS = 60
_APT_SECONDS = 1200


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Program:
    """A server on a port, that can be killed and started again."""

    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self.process.poll() is None, self.command
            assert time.monotonic() < end, self.command
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def _running(program: Program) -> Iterator[Program]:
    program.start()
    try:
        yield program
    finally:
        program.kill()


@contextlib.contextmanager
def start_redis(folder: Path) -> Iterator[Program]:
    """A Redis that keeps all it was told; the test is skipped where there is none."""
    if shutil.which("redis-server") is None:
        _get_redis()
    port = free_port()
    command = [
        "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "always", "--save", "",
    ]  # fmt: skip
    with _running(Program(command, port)) as program:
        yield program


def _get_redis() -> None:
    if os.environ.get("CI") != "true" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        skip_or_fail("a shared queue needs redis-server: apt install redis-server")
    for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "redis-server"]):
        done = subprocess.run(
            ["apt-get", *words], stdin=subprocess.DEVNULL, timeout=_APT_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        if done.returncode:
            skip_or_fail("redis-server cannot be installed: apt-get failed")


@contextlib.contextmanager
def start_s3() -> Iterator[tuple[Program, dict[str, str]]]:
    """An S3 with an empty bucket, and the variables that lead boto3 there."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with _running(Program(command, port)) as program:
        make_bucket(variables)
        yield program, variables


def s3(variables: Mapping[str, str]) -> object:
    """A client of that S3."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def make_bucket(variables: Mapping[str, str]) -> None:
    """The bucket, empty."""
    s3(variables).create_bucket(Bucket=BUCKET)


def names_in(variables: Mapping[str, str]) -> list[str]:
    """What lies in the bucket."""
    found = s3(variables).list_objects_v2(Bucket=BUCKET)
    return [one["Key"] for one in found.get("Contents", [])]


@contextlib.contextmanager
def start_worker(
    *flags: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A worker, once it takes jobs."""
    with tempfile.TemporaryDirectory(prefix="mtw") as folder:
        process = subprocess.Popen(
            [*WORKER, *flags], env={**os.environ, "TMPDIR": folder, **(variables or {})},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            said = ""
            while "takes jobs" not in said:
                line = process.stderr.readline()
                assert line, f"the worker ended: {said}"
                said += line
            yield process
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
