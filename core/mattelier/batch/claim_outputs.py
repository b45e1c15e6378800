"""Results that another run is writing now are left to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mattelier.batch.pool import Job
from mattelier.types.atomic import remove_leftovers
from mattelier.types.claims import Claim, Conflict, claim_folder
from mattelier.types.errors import OutputError


def claim_outputs(held: contextlib.ExitStack, jobs: Sequence[Job]) -> list[Job]:
    """Claim the files of all jobs until `held` closes; jobs that another run does get a problem.

    What killed runs left half-written of these files is removed. Folders that results go to are
    made, and removed in the end where nothing came into them.
    """
    claimed = list(jobs)
    folders: dict[Path, list[int]] = {}
    for number, job in enumerate(jobs):
        if job.problem is None:
            folders.setdefault(job.output.parent, []).append(number)
    for folder, numbers in folders.items():
        _make_folder(held, folder)
        while numbers:
            names = {
                n: {f.name for f in (jobs[n].output, jobs[n].confidence) if f} for n in numbers
            }
            try:
                claim_folder(held, folder, Claim(set().union(*names.values())))
                remove_leftovers(folder / name for group in names.values() for name in group)
                break
            except Conflict as conflict:
                taken = [n for n in numbers if not names[n].isdisjoint(conflict.other.files)]
                for n in taken or numbers:
                    problem = OutputError(
                        f"{jobs[n].output} is being written by another run of Mattelier "
                        f"({conflict.other.holder}); wait until it ends, or choose another -o."
                    )
                    claimed[n] = replace(jobs[n], problem=problem)
                numbers = [n for n in numbers if taken and n not in taken]
    return claimed


def _make_folder(held: contextlib.ExitStack, folder: Path) -> None:
    missing = [p for p in (folder, *folder.parents) if not os.path.exists(p)]
    with contextlib.suppress(OSError):  # writing the result will say it
        folder.mkdir(parents=True, exist_ok=True)

    def remove_empty() -> None:
        for place in missing:
            with contextlib.suppress(OSError):
                os.rmdir(place)

    held.callback(remove_empty)
