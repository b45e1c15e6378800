"""`mattelier watch`: pictures done as they are put into a folder.

The folder is looked at again and again: that works on network shares too, whose systems tell
nobody of what changed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.tasks.registry import TASKS
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute, Result
    from mattelier.commands.options import FileOptions
    from mattelier.requests import HintRequest
    from mattelier.tasks.registry import TaskSpec

_LOOK_SECONDS = 0.5
_SETTLED_SECONDS = 2.0  # a file that has not changed for so long is whole

Signature = tuple[int, int]  # of a file: its bytes, and when they were changed


@click.command(
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
    epilog="""\b
Examples:
  mattelier watch inbox cutouts
  mattelier watch inbox shop --background white --crop --padding 40
  mattelier watch scans clean denoise --strength 0.3

A picture is done when it has not changed for two seconds, and again when it changes; one whose
result was there before is passed over, as --skip-existing does. Ctrl-C ends it when what is being
written is whole.""",
)
@click.argument("folder", metavar="IN")
@click.argument("output", metavar="OUT")
@click.argument("task", nargs=-1, type=click.UNPROCESSED, metavar="[TASK] [FLAGS]...")
@click.pass_context
def watch(ctx: click.Context, folder: str, output: str, task: tuple[str, ...]) -> int:
    """Do what is put into the folder IN, as it comes; results go to the folder OUT.

    TASK is a command that makes pictures of pictures, with its flags; cutout where it is left out.
    """
    place, results = Path(folder), Path(output)
    if not place.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    if results.exists() and not results.is_dir():
        raise UsageError(f"{output} is not a folder.")
    if results.resolve().is_relative_to(place.resolve()):
        raise UsageError(
            f"{output} lies in {folder}, so results would be done again; choose another."
        )
    name, flags = (task[0], task[1:]) if task and task[0] in TASKS else ("cutout", task)
    if flags and not flags[0].startswith("-"):
        raise UsageError(f"{flags[0]} is none of {', '.join(TASKS)}, nor a flag.")
    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    command = root.command.get_command(root, name)
    assert command is not None
    arguments = [folder, "-o", os.path.join(output, ""), *flags]
    with command.make_context(name, arguments, parent=root, obj=_Watch(place).run) as inner:
        if inner.params["inputs"] != (folder,) or Path(inner.params["output"]) != results:
            raise UsageError(
                "The folders are said by IN and OUT alone; leave other names and -o out."
            )
        if inner.params.get("send_to"):
            raise UsageError("--send-to is for pictures that are there, not for those to come.")
        code: int = command.invoke(inner)
    return code


@dataclass
class _Watch:
    """One folder, and what is known of its pictures."""

    folder: Path

    def run(
        self,
        spec: TaskSpec,
        files: FileOptions,
        hint: HintRequest,
        open_compute: Callable[[], Compute],
        **options: Any,
    ) -> int:
        """As `console.run`, until Ctrl-C; the networks stay open."""
        from functools import cache

        from mattelier.batch.pool import stop_on_signals
        from mattelier.commands import console

        opened = cache(open_compute)
        stop = threading.Event()
        last: dict[Path, Result] = {}
        # What was there before is left alone, what was made here is made again.
        first, again = (
            replace(files, skip_existing=not files.overwrite),
            replace(files, overwrite=True, skip_existing=False),
        )
        click.echo(f"Watching {self.folder}; Ctrl-C ends it.", err=True)
        with stop_on_signals(stop):
            for ready in self._ready(stop):
                made = {path for path in ready if path in last and last[path].error is None}
                for way, only in ((first, ready - made), (again, made)):
                    if not only or stop.is_set():
                        continue
                    results = console.run_pictures(spec, way, hint, opened, only=only, **options)
                    last |= {one.job.source: one for one in results if one.exit_code != 130}
                    if any(one.exit_code == 130 for one in results):
                        stop.set()
        failed = sum(result.error is not None for result in last.values())
        click.echo(
            f"Watched {self.folder}: {len(last) - failed} pictures done"
            f"{f', {failed} failed' if failed else ''}.",
            err=True,
        )
        return 3 if failed else 0

    def _ready(self, stop: threading.Event) -> Iterator[set[Path]]:
        """The pictures that are whole, and that were not, or were others, when last given."""
        seen: dict[Path, tuple[Signature, float]] = {}
        given: dict[Path, Signature] = {}
        while not stop.is_set():
            now = time.monotonic()
            present = dict(self._look())
            seen = {
                path: seen[path]
                if path in seen and seen[path][0] == signature
                else (signature, now)
                for path, signature in present.items()
            }
            ready = {
                path
                for path, (signature, since) in seen.items()
                if now - since >= _SETTLED_SECONDS and given.get(path) != signature
            }
            if ready:
                given |= {path: present[path] for path in ready}
                yield ready
            stop.wait(_LOOK_SECONDS)

    def _look(self) -> Iterator[tuple[Path, Signature]]:
        from mattelier.batch.outputs import expand
        from mattelier.media.stills import INPUT_SUFFIXES

        sources, _, _ = expand([str(self.folder)], INPUT_SUFFIXES)
        for source in sources:
            try:
                found = source.path.stat()
            except OSError:  # it was taken away again
                continue
            yield source.path, (found.st_size, found.st_mtime_ns)
