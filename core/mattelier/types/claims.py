"""Who is writing which files of a folder, so that two runs never write the same ones.

A run lays a small file into each folder that it writes to, `.mattelier-1a2b3c4d.run`, and keeps it
locked: it says which files are the run's, and who that is. The lock ends with the process, so a
dead run's claim counts for nothing and is swept away by the next. Runs whose files differ, such as
a farm's chunks of one shot, go on side by side.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import secrets
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from mattelier.types.errors import OutputError
from mattelier.types.file_lock import try_lock

_CLAIM_NAME = re.compile(r"\.mattelier-[0-9a-f]{8}\.run")
_EVERYBODY = 0o666  # whoever may write in the folder may find out whether the run lives
_TRIES = 40  # of two runs that begin in the same moment
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Claim:
    """What a run says of itself.

    Attributes
    ----------
    files : names in the folder that are its own
    settings : digest of what all runs in the folder must agree on; "": nothing
    job : names runs that know of each other, such as one farm's; these may make the same files
    decided : whether it has looked at the others' claims, and writes
    host, pid, since : who it is, and from when
    """

    files: Collection[str]
    settings: str = ""
    job: str = ""
    decided: bool = False
    host: str = ""
    pid: int = 0
    since: str = ""

    def conflicts(self, other: Claim) -> bool:
        """Whether both cannot go on."""
        if self.settings and other.settings and self.settings != other.settings:
            return True
        same_job = self.job != "" and self.job == other.job
        return not same_job and not set(self.files).isdisjoint(other.files)

    @property
    def holder(self) -> str:
        """Who it is, for people."""
        return f"process {self.pid} on {self.host}, since {self.since}"


_UNKNOWN = Claim((), host="this or another computer", since="a moment ago")


class Conflict(Exception):  # noqa: N818 - neither has failed
    """Another run, which lives, has what was to be claimed."""

    def __init__(self, folder: Path, other: Claim) -> None:
        super().__init__(folder, other)
        self.folder, self.other = folder, other

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.folder} is being written by another run of Mattelier ({self.other.holder}); "
            "wait until it ends, stop it, or choose another -o."
        )


@contextlib.contextmanager
def claimed(claims: Mapping[Path, Claim]) -> Iterator[list[Claim]]:
    """Hold these claims, by folder, while the block runs; all of them or none.

    Folders that are missing or cannot be written, and file systems without locks, are passed
    over: what is wrong there is said when a file is written.

    Yields
    ------
    The claims of other runs that are at work in these folders. Where there are none, all that
    lies there half-written is left from the dead.

    Raises
    ------
    OutputError
        Another run has some of it; the sentence says who.
    """
    with contextlib.ExitStack() as held:
        try:
            others = [other for item in claims.items() for other in claim_folder(held, *item)]
        except Conflict as conflict:
            raise OutputError(conflict.sentence) from None
        yield others


def claim_folder(held: contextlib.ExitStack, folder: Path, claim: Claim) -> list[Claim]:
    """Claim files of one folder until `held` closes; the claims of other runs that live.

    Raises
    ------
    Conflict
    """
    since = datetime.now().strftime("%Y-%m-%d %H:%M")
    claim = Claim(
        list(claim.files),
        claim.settings,
        claim.job,
        False,
        socket.gethostname(),
        os.getpid(),
        since,
    )
    for attempt in range(_TRIES):
        # Each first says what it wants and then looks, so of two that want the same at once at
        # least one sees the other; who sees one that is undecided too gives way for a moment.
        with contextlib.ExitStack() as mine:
            try:
                file = mine.enter_context(_lay_down(folder))
                _write(file, claim)
                others = list(_living(folder, but=Path(file.name)))
            except OSError:
                return []
            conflict = next(
                (other for other in others if other is _UNKNOWN or claim.conflicts(other)), None
            )
            if conflict is None:
                _write(file, Claim(**{**asdict(claim), "decided": True}))
                held.enter_context(mine.pop_all())
                return others
        if conflict.decided or attempt == _TRIES - 1:
            raise Conflict(folder, conflict)
        time.sleep(random.uniform(0, _PAUSE_SECONDS))
    raise AssertionError


@contextlib.contextmanager
def _lay_down(folder: Path) -> Iterator[IO[bytes]]:
    """A new claim file, locked; removed in the end."""
    while True:
        path = folder / f".mattelier-{secrets.token_hex(4)}.run"
        file = path.open("x+b", buffering=0)
        with contextlib.suppress(OSError):
            path.chmod(_EVERYBODY)
        try:
            # Another run may have taken it for a dead one's, before it was locked.
            if try_lock(file) and path.exists():
                break
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()
    try:
        yield file
    finally:
        if os.name != "nt":  # while it is locked still, so that nobody reads it in between
            path.unlink(missing_ok=True)
        file.close()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _write(file: IO[bytes], claim: Claim) -> None:
    # At once and never shorter than before, so that nobody reads a half or the end of what was.
    content = json.dumps(asdict(claim)).encode().ljust(os.fstat(file.fileno()).st_size)
    file.seek(0)
    file.write(content)


def _living(folder: Path, but: Path) -> Iterator[Claim]:
    """The claims of runs that live; those of the dead are removed."""
    for name in os.listdir(folder):
        path = folder / name
        if not _CLAIM_NAME.fullmatch(name) or path == but:
            continue
        try:
            with path.open("r+b") as file:
                if try_lock(file):
                    path.unlink(missing_ok=True)
                    continue
                content = file.read()
        except OSError:  # it ended meanwhile
            continue
        try:
            yield Claim(**json.loads(content))
        except (ValueError, TypeError):  # it is being written
            yield _UNKNOWN
