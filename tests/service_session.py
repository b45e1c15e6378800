"""How tests ask a service: one of their own on a free port, and pictures as files."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

COMMAND = (sys.executable, "-I", "-m", "mattelier", "serve")
_START_SECONDS = 60


@dataclass
class Service:
    """A server in a process of its own.

    Attributes
    ----------
    address : "http://127.0.0.1:PORT"
    folder : where its temporary files lie
    """

    process: subprocess.Popen[str]
    address: str
    folder: Path

    def ask(self, **options: Any) -> httpx.Client:
        """A client; `options` as of httpx."""
        return httpx.Client(base_url=self.address, timeout=120, **options)

    @property
    def kept(self) -> list[Path]:
        """The folders of jobs and pointed-at pictures that it holds now."""
        return [path for path in self.folder.glob("mattelier-serve-*/*") if path.is_dir()]

    @property
    def memory_bytes(self) -> int:
        """What it occupies now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


@contextlib.contextmanager
def start_service(
    *flags: str,
    variables: Mapping[str, str] | None = None,
    command: Sequence[str] = COMMAND,
) -> Iterator[Service]:
    """A service with these flags on a free port, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="mts") as folder:
        variables = {**os.environ, "TMPDIR": folder, **(variables or {})}
        process = subprocess.Popen(
            [*command, "--port", "0", *flags], env=variables, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = ""
        try:
            while "serves on" not in said:
                line = process.stderr.readline()
                assert line, f"the service ended: {said}"
                said += line
            address = re.search(r"serves on (\S+)", said)[1].replace("0.0.0.0", "127.0.0.1")
            yield Service(process, address, Path(folder))
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def to_png(array: np.ndarray) -> bytes:
    """An array as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def to_array(answer: httpx.Response) -> np.ndarray:
    """The picture of an answer that has one."""
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_for(job: str, client: httpx.Client, state: str = "done") -> dict[str, Any]:
    """The job's state once it is this one."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
        if found.get("state") == state:
            return found
        time.sleep(0.05)
    raise AssertionError(f"the job is {found}")
