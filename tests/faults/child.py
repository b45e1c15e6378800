"""Cases fed to the engine in a process of their own, so that a crash or a hang is found, not had.

The child runs `python -m faults.NAME FOLDER SEED FIRST LAST` and prints `start NUMBER TITLE` and
`end NUMBER VERDICT` for each case. After one that killed it the next child goes on.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

TESTS = Path(__file__).parents[1]
HANG_SECONDS = 120
MEMORY_BYTES = 8 << 30  # of address space, half of which a picture may take

Case = Callable[[int], tuple[str, Callable[[], str]]]
"""From a number to a title and what gives the verdict: a word, and what is wrong after a colon."""


@dataclass
class Findings:
    """What came of an attack.

    Attributes
    ----------
    verdicts : how often each
    harms : what must not be, with the case that makes it again
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    harms: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.verdicts.total()

    def add(self, verdict: str, case: str) -> None:
        word, _, wrong = verdict.partition(":")
        self.verdicts[word] += 1
        if wrong:
            self.harms.append(f"{case}: {verdict}")


def run_cases(module: str, folder: Path, seed: int, first: int, last: int) -> Findings:
    """Run a module's cases `first` to `last` − 1 in children."""
    findings = Findings()
    while first < last:
        first = _run_child(module, [str(folder), str(seed), str(first), str(last)], findings)
    return findings


def _run_child(module: str, arguments: list[str], findings: Findings) -> int:
    """The number of the case to go on with."""
    command = [sys.executable, "-m", f"faults.{module}", *arguments]
    noise = Path(arguments[0], f"stderr-{os.getpid()}.txt")
    going, last = int(arguments[2]), int(arguments[3])
    title = ""
    with (
        noise.open("wb") as sink,
        subprocess.Popen(
            command, cwd=TESTS, stdout=subprocess.PIPE, stderr=sink, text=True
        ) as child,
    ):
        assert child.stdout is not None
        for line in _lines(child.stdout):
            if line is None:
                child.kill()
                break
            word, number, text = (*line.rstrip("\n").split(" ", 2), "")[:3]
            if word == "start":
                going, title = int(number), text
            elif word == "end":
                findings.add(text, f"{module} {arguments[1]} {number} {title}")
                going, title = int(number) + 1, ""
    if title:
        how = f"ended it with {child.returncode}" if line is not None else "hung"
        tail = noise.read_text("utf-8", "replace")[-400:]
        findings.add(f"died: {how}; {tail}", f"{module} {arguments[1]} {going} {title}")
        going += 1
    elif going < last and child.returncode:
        raise RuntimeError(noise.read_text("utf-8", "replace")[-2000:])
    noise.unlink()
    return going


def _lines(stream: TextIO) -> Iterator[str | None]:
    """Lines as they come; None when none has come for too long."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=HANG_SECONDS)
        except queue.Empty:
            yield None
            return
        if line == "":
            return
        yield line


def main(case: Callable[[Path, int], Case]) -> None:
    """The child: `case(folder, seed)` gives what makes the cases."""
    folder, seed, first, last = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    make = case(folder, seed)
    for number in range(first, last):
        title, run = make(number)
        print("start", number, title, flush=True)
        print("end", number, " ".join(run().split()), flush=True)
