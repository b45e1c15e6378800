"""What a shot keeps between runs (a Blender cache is such a folder), broken or exchanged."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from faults.child import Findings
from faults.kills import Shot, contents
from faults.mutations import mutate

_WAYS = ("mutate", "deep", "link", "exchange", "gone", "empty")
_DEEP = 100_000  # brackets in each other
_VICTIM = b"somebody else's\n"


def attack(shot: Shot, seed: int, first: int, last: int) -> Findings:
    """Spoil notes, records and tracks of a finished run, run it again, and compare."""
    findings = Findings()
    for number in range(first, last):
        rng = random.Random(f"{seed}-{number}")
        output = f"kept-{seed}-{number}"
        folder, victim = shot.folder / output, shot.folder / f"{output}.victim"
        shutil.copytree(shot.folder / "whole", folder)
        victim.write_bytes(_VICTIM)
        title = _spoil(folder, victim, _WAYS[number % len(_WAYS)], rng)
        # A result that is asked for again, so that what was kept for it is read.
        for result in rng.sample(sorted(folder.rglob("*.png")), 2):
            if ".mattelier" not in result.parts:
                result.unlink()
        verdict = _run_again(shot, output)
        if victim.read_bytes() != _VICTIM:
            verdict = "harmed: a file outside was written"
        findings.add(verdict, f"kept {seed} {number} {title}")
        if ":" not in verdict:
            shutil.rmtree(folder)
    return findings


def _spoil(folder: Path, victim: Path, way: str, rng: random.Random) -> str:
    """Spoil one of the files that are kept in one of `_WAYS`; says what."""
    files = sorted(p for p in (folder / ".mattelier").rglob("*") if p.is_file())
    file = rng.choice(files)
    content = file.read_bytes()
    if way == "mutate" and content:
        file.write_bytes(mutate(content, rng, [each.read_bytes() or b"\0" for each in files]))
    elif way == "exchange":
        file.write_bytes(rng.choice(files).read_bytes())
    elif way == "deep":
        file.write_bytes(b"[" * _DEEP)
    elif way == "link":
        file.unlink()
        file.symlink_to(victim)
    elif way == "gone":
        file.unlink()
    else:
        file.write_bytes(b"")
    return f"{way} {file.relative_to(folder / '.mattelier')}"


def _run_again(shot: Shot, output: str) -> str:
    code, said = shot.run(output)
    if "Traceback" in said or "unexpected" in said:
        return f"broke: exit code {code}: {said[-400:]}"
    if code:
        return "refused" if said.strip() else f"silent: exit code {code} without a word"
    found = contents(shot.folder / output)
    if found != shot.expected:
        names = found.keys() | shot.expected.keys()
        differing = sorted(n for n in names if found.get(n) != shot.expected.get(n))
        return f"harmed: other bytes in {differing[:5]}"
    return "remade"
