"""What the tests build once and keep: Debian systems and Python environments for real programs.

They lie in a cache folder (`MATTELIER_TEST_CACHE`, else `~/.cache/mattelier-tests`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, NoReturn

import pytest

_STEP_SECONDS = 1200


class UnavailableError(Exception):
    """There is no such system here, and none can be built; says why."""


def cache_folder() -> Path:
    """Where built systems are kept."""
    return Path(
        os.environ.get("MATTELIER_TEST_CACHE") or Path.home() / ".cache" / "mattelier-tests"
    )


def skip_or_fail(reason: object) -> NoReturn:
    """On a user's machine the tests are skipped with the reason; in CI they must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs it: {reason}", pytrace=False)
    pytest.skip(str(reason))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One builder at a time; the others find it built."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_built(stamp: Path, recipe: Mapping[str, object]) -> bool:
    """Whether `stamp` says that a system was built by this recipe."""
    try:
        return bool(json.loads(stamp.read_text("utf-8")) == recipe)
    except (OSError, ValueError):
        return False


def run_step(
    command: Iterable[object],
    log: IO[bytes],
    what: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = _STEP_SECONDS,
) -> None:
    """Run one step of building `what`, its noise into the log.

    Raises
    ------
    UnavailableError
        The step failed, or took more than `timeout` seconds.
    """
    words = list(map(str, command))
    try:
        subprocess.run(
            words, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment), timeout=timeout,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(
            f"building {what} failed ({words[0]}: {error.__class__.__name__}); see {log.name}"
        ) from error
