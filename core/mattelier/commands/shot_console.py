"""One run of a shot on the command line: progress, one JSON object a frame, the report."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mattelier.shot.result import FrameResult, ShotResult

openjd_option = click.option(
    "--openjd", is_flag=True, help="Progress on stdout, as Open Job Description's runners read it."
)

_MAX_PRINTED_FAILURES = 20  # failures that are told one by one


def run(
    make: Callable[[Callable[[FrameResult], None]], ShotResult],
    *,
    as_json: bool,
    openjd: bool = False,
) -> int:
    """Make a shot, tell people and programs what happened, return the exit code.

    Parameters
    ----------
    make : callable
        Makes it; calls what it is given with every frame as it ends.
    as_json : bool
        One JSON object a frame on stdout, and one of the whole at the end.
    openjd : bool
        Progress on stdout, as Open Job Description's runners read it.

    Raises
    ------
    MattelierError
        As `make`: nothing was written.
    """
    from mattelier.batch.pool import stop_on_signals
    from mattelier.commands.console import catch_warnings
    from mattelier.types.progress import Cancelled, heard_by

    catch_warnings()
    started = time.perf_counter()
    stop = threading.Event()
    with stop_on_signals(stop), listener(openjd=openjd) as print_stage:

        def listen(fraction: float, stage: str) -> None:
            if stop.is_set():
                raise Cancelled
            print_stage(fraction, stage)

        def done(result: FrameResult) -> None:
            if as_json:
                print_json(
                    {
                        "frame": result.frame,
                        "ok": result.error is None,
                        "kept": result.kept,
                        "error": result.error,
                        "seconds": round(result.seconds, 3),
                    }
                )

        with heard_by(listen) as notes:
            result = make(done)
    report(result, notes, time.perf_counter() - started, as_json=as_json, openjd=openjd)
    return result.exit_code


@contextlib.contextmanager
def listener(*, openjd: bool) -> Iterator[Callable[[float, str], None]]:
    """What hears of progress: lines that OpenJD's runners read, else a bar where a terminal is."""
    if not openjd and sys.stderr.isatty():
        from tqdm import tqdm

        form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        with tqdm(total=100, file=sys.stderr, leave=False, bar_format=form) as bar:

            def show(fraction: float, stage: str) -> None:
                bar.set_description_str(stage, refresh=False)
                bar.update(max(0, 100 * fraction - bar.n))

            yield show
        return
    if not openjd:
        yield lambda fraction, stage: None
        return
    last: list[Any] = [-1, ""]

    def print_lines(fraction: float, stage: str) -> None:
        percent = min(int(100 * fraction), 100)
        if percent > last[0]:
            last[0] = percent
            click.echo(f"openjd_progress: {percent}")
        if stage and stage != last[1]:
            last[1] = stage
            click.echo(f"openjd_status: {stage}")

    yield print_lines


def report(
    result: ShotResult, notes: list[str], seconds: float, *, as_json: bool, openjd: bool
) -> None:
    """Tell what became of a shot: people on stderr, programs on stdout."""
    for note in notes:
        _print_message(f"Note: {note}")
    sentences = list(dict.fromkeys(r.error for r in result.results if r.error))
    for sentence in sentences[:_MAX_PRINTED_FAILURES]:
        _print_message(f"  failed: {sentence}")
    if len(sentences) > _MAX_PRINTED_FAILURES:
        _print_message(
            f"  … and {len(sentences) - _MAX_PRINTED_FAILURES} more; --json tells them all."
        )
    for problem in result.problems:
        _print_message(f"mattelier: {problem}")
    counts = [f"{len(result.written)} of {len(result.requested)} frames written"]
    if result.kept:
        counts.append(f"{len(result.kept)} were done already")
    if result.failed:
        counts.append(f"failed: {result.failed}")
    if result.undone:
        why = ", as you interrupted" if result.interrupted else ""
        counts.append(f"not done: {result.undone}{why}")
    _print_message(f"{'; '.join(counts)}; {seconds:.1f} s. {', '.join(result.outputs)}")
    if as_json:
        print_json(
            {
                "written": str(result.written),
                "kept": str(result.kept),
                "failed": str(result.failed),
                "undone": str(result.undone),
                "outputs": result.outputs,
                "manifest": str(result.manifest),
                "notes": notes,
                "problems": result.problems,
                "seconds": round(seconds, 3),
                "exit_code": result.exit_code,
            }
        )
    if openjd:
        if result.exit_code == 3:
            click.echo(f"openjd_fail: frames {result.failed | result.undone} were not written")
        elif result.exit_code == 0:
            click.echo("openjd_progress: 100")


def print_json(values: dict[str, Any]) -> None:
    """One line on stdout."""
    from mattelier.commands.console import close_stdout

    try:
        print(json.dumps(values), flush=True)
    except BrokenPipeError:  # the frames still matter
        close_stdout()


def _print_message(message: str) -> None:
    click.echo(message, err=True)
