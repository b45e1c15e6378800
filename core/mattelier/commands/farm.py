"""`mattelier farm`: a shot on many machines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from mattelier.commands.request_file import roto_request
from mattelier.commands.roto import roto
from mattelier.commands.shot_console import openjd_option
from mattelier.requests import RotoRequest
from mattelier.types.errors import UsageError
from mattelier.types.progress import Callback

_NOT_HERE = {"window", "dry_run", "as_json", "openjd", "resume"}  # of roto's options


def _roto_options(command: click.Command) -> click.Command:
    """Give a command what `mattelier roto` takes."""
    command.params[:0] = [param for param in roto.params if param.name not in _NOT_HERE]
    return command


def _request(flags: dict[str, Any]) -> RotoRequest:
    """The request that these of roto's options make, checked and with absolute paths."""
    from mattelier.shot.farm import for_farm

    return for_farm(roto_request(flags))


_chunk = click.option(
    "--chunk",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Frames of one task.",
)


@click.group()
def farm() -> None:
    """Make a shot on many machines that see the same disks."""


@_roto_options
@farm.command(
    epilog="""\b
Examples:
  mattelier farm submit plate.####.exr -o out --key 1001=mask.png --scheduler tcp://farm:8786
  mattelier farm submit plate.####.exr -o out --key 1001=mask.png --local 4

Machines join with: dask worker ADDRESS --nthreads 1 (and --resources GPU=1 each, with
--gpus-per-worker). Exit codes are those of mattelier roto."""
)
@click.option("--engine", type=click.Choice(["dask"]), default="dask", show_default=True)
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a running Dask scheduler.")
@click.option(
    "--local",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead: N worker processes on this machine.",
)
@click.option(
    "--gpus-per-worker",
    "gpus",
    type=click.IntRange(min=1),
    metavar="N",
    help="Each task takes one GPU of a worker that has N.",
)
@_chunk
@openjd_option
def submit(
    engine: str,
    scheduler: str,
    local: int | None,
    gpus: int | None,
    chunk: int,
    openjd: bool,
    **flags: Any,
) -> int:
    """Make PLATE's mattes on Dask workers, and wait for them."""
    if bool(scheduler) == bool(local):
        raise UsageError("Say either --scheduler ADDRESS or --local N.")
    request = _request(flags)
    from mattelier.commands.shot_console import report
    from mattelier.shot import farm
    from mattelier.types.progress import heard_by

    started = time.perf_counter()
    with _heard(openjd) as listen, heard_by(listen) as notes:
        result = farm.submit(
            request, scheduler=scheduler, local=local or 0, chunk=chunk, gpus=gpus or 0
        )
    report(result, notes, time.perf_counter() - started, as_json=False, openjd=openjd)
    return result.exit_code


@_roto_options
@farm.command()
@openjd_option
def track(openjd: bool, **flags: Any) -> int:
    """Tune and track PLATE once, before its chunks are made on many machines."""
    request = _request(flags)
    from mattelier.shot import roto
    from mattelier.types.progress import heard_by

    with _heard(openjd) as listen, heard_by(listen):
        roto.track(request)
    return 0


@_roto_options
@farm.command()
@openjd_option
def part(openjd: bool, **flags: Any) -> int:
    """Make the frames of a part of PLATE; movies are put together by roto over the whole shot."""
    request = roto_request(flags)
    from mattelier.commands import shot_console
    from mattelier.shot import roto

    return shot_console.run(
        lambda done: roto.run(request, done=done, part=True), as_json=False, openjd=openjd
    )


@_roto_options
@farm.command(
    epilog="""\b
Example:
  mattelier farm openjd plate.####.exr -o out --key 1001=mask.png > job.yaml
  openjd run job.yaml --extensions TASK_CHUNKING"""
)
@_chunk
def openjd(chunk: int, **flags: Any) -> int:
    """Print the shot as an Open Job Description template."""
    request = _request(flags)
    from mattelier.shot.openjd import template

    click.echo(json.dumps(template(request, chunk), indent=2, ensure_ascii=False))
    return 0


@contextmanager
def _heard(openjd: bool) -> Iterator[Callback]:
    """Progress as `mattelier roto` shows it, until somebody interrupts."""
    from mattelier.batch.pool import stop_on_signals
    from mattelier.commands.console import catch_warnings
    from mattelier.commands.shot_console import listener
    from mattelier.types.progress import Cancelled

    catch_warnings()
    stop = threading.Event()
    with stop_on_signals(stop), listener(openjd=openjd) as show:
        show_progress: Callable[[float, str], None] = show

        def listen(fraction: float, stage: str) -> None:
            if stop.is_set():
                raise Cancelled
            show_progress(fraction, stage)

        try:
            yield listen
        except Cancelled:
            raise KeyboardInterrupt from None  # exit code 130
