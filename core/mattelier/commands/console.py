"""One run of the command line: pipes, progress, one JSON object per result, the report."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import click

from mattelier.batch import outputs, pool
from mattelier.batch.claim_outputs import claim_outputs
from mattelier.batch.outputs import Plan, Source
from mattelier.batch.pool import Compute, Job, Result, Seal
from mattelier.commands.options import FileOptions, check_hint_files, hint_of
from mattelier.commands.sending import Consent
from mattelier.requests import HintRequest
from mattelier.tasks.registry import TaskSpec
from mattelier.types.errors import UsageError
from mattelier.types.progress import remark

_STDIN = "standard input"
_STDERR = 2
_LONG_SECONDS = 1.0  # that one picture takes before a bar is drawn
_EMPTY_COVERAGE = 1e-4  # of the picture's area
_MAP_RESULTS = ("matte", "depth", "objects")  # kinds of results that are data

SUFFIXES = {
    "png": ".png", "webp": ".webp", "tiff": ".tif", "exr": ".exr", "jpg": ".jpg", "ora": ".ora",
    "psd": ".psd",
}  # fmt: skip
"""What `--format` offers, and how such files are called."""


def run(
    spec: TaskSpec,
    files: FileOptions,
    hint: HintRequest,
    open_compute: Callable[[], Compute],
    *,
    opaque: bool = False,
    mask_flag: str = "--hint",
    beside: Collection[str] = (),
    confidence: bool = False,
    layered: bool = False,
    consent: Consent | None = None,
) -> int:
    """Do the task on all inputs, as `run_pictures`; gives the exit code."""
    return exit_code(
        run_pictures(
            spec,
            files,
            hint,
            open_compute,
            opaque=opaque,
            mask_flag=mask_flag,
            beside=beside,
            confidence=confidence,
            layered=layered,
            consent=consent,
        )
    )


def run_pictures(
    spec: TaskSpec,
    files: FileOptions,
    hint: HintRequest,
    open_compute: Callable[[], Compute],
    *,
    opaque: bool = False,
    mask_flag: str = "--hint",
    beside: Collection[str] = (),
    confidence: bool = False,
    layered: bool = False,
    consent: Consent | None = None,
    finish: Callable[[Result], Result] = lambda result: result,
    elsewhere: Callable[[Path], Path] = lambda output: output,
    only: Collection[Path] | None = None,
) -> list[Result]:
    """Do the task on all inputs, and tell people and programs what happened.

    An `opaque` result has no transparency, so JPEG can hold it. `mask_flag` is what the
    command calls the hint's mask. `beside` are files that are read beside the pictures and the
    hints, and so never written over. With `confidence`, the task writes a map beside each result. A
    `layered` result may be written with its layers. `consent` is asked for before anything is sent
    away. `finish` may change what is told of a result,
    and `elsewhere` says where else one may lie. Of the inputs' pictures just those in `only` are
    done; their results bear the names that they have among all.

    Raises
    ------
    UsageError
        The inputs, outputs and hints do not fit together; nothing was done.
    """
    if files.overwrite and files.skip_existing:
        raise UsageError("--overwrite makes again what --skip-existing passes over; choose one.")
    catch_warnings()
    started = time.perf_counter()
    seal = _open_seal(spec, files.credentials)
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mattelier-")))
        jobs = _jobs(
            spec,
            files,
            hint,
            opaque,
            mask_flag,
            beside,
            scratch,
            confidence,
            layered,
            only,
            elsewhere,
        )
        if consent is not None:
            consent.ask(jobs)
        jobs = _report_first(claim_outputs(stack, jobs))
        advance = stack.enter_context(progress_bar(len(jobs)))
        progress = stack.enter_context(_picture_bar(len(jobs)))
        results: list[Result] = []

        def done(result: Result) -> None:
            if result.error is None and result.job.output.parent == scratch:
                result = _to_stdout(result)
            elif result.error is not None:
                error = result.error.replace(str(result.job.source), result.job.name)
                result = replace(result, error=error)
            result = finish(result)
            results.append(result)
            advance()
            if files.json:
                _print_json(spec.name, result)

        pool.run(
            jobs,
            open_compute,
            workers=files.jobs or pool.default_workers(),
            overwrite=files.overwrite,
            seal=seal,
            done=done,
            progress=progress,
            interrupted=lambda: _print_message(
                "Stopping; files that are being written are finished."
            ),
        )
    if results:
        _report(results, time.perf_counter() - started)
    return results


def catch_warnings() -> None:
    """Our own warnings go into a picture's result, those of libraries into the log."""
    _divert_libraries()
    package = Path(__file__).parents[1]

    def show(message: Warning | str, category: type[Warning], filename: str, *_: Any) -> None:
        ours = Path(filename).is_relative_to(package)
        if not (ours and remark(str(message))):
            from mattelier.log import logger

            logger().warning("%s: %s", category.__name__, message)

    warnings.filterwarnings("always", module=r"mattelier\.")
    warnings.showwarning = show  # type: ignore[assignment]


def _divert_libraries() -> None:
    """Have what C libraries print ("libpng error: …") go to the log: our sentence says it.

    They write to file 2, which is then the log; Python's `sys.stderr` goes on to the terminal.
    """
    if sys.stderr is not sys.__stderr__ or sys.stderr is None or sys.stderr.closed:
        return  # done before, or a test listens
    from mattelier.log import log_path

    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.fileno() != _STDERR:
            return
        sys.stderr.flush()
        terminal = os.dup(_STDERR)
        encoding = sys.stderr.encoding
        try:
            log_path().parent.mkdir(parents=True, exist_ok=True)
            log = os.open(log_path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError:
            log = os.open(os.devnull, os.O_WRONLY)
        os.dup2(log, _STDERR)
        os.close(log)
        sys.stderr = os.fdopen(terminal, "w", 1, encoding, "backslashreplace")


def _jobs(
    spec: TaskSpec,
    files: FileOptions,
    hint: HintRequest,
    opaque: bool,
    mask_flag: str,
    beside: Collection[str],
    scratch: Path,
    confidence: bool,
    layered: bool,
    only: Collection[Path] | None,
    elsewhere: Callable[[Path], Path],
) -> list[Job]:
    from mattelier.media.layered import LAYER_SUFFIXES
    from mattelier.media.stills import INPUT_SUFFIXES, MATTE_SUFFIXES, OUTPUT_SUFFIXES

    written = MATTE_SUFFIXES if spec.result in _MAP_RESULTS else OUTPUT_SUFFIXES
    if spec.result == "cutout" and not opaque:
        written = written - {".jpg", ".jpeg"}
    if layered:
        written = written | LAYER_SUFFIXES
    named = [text for text in files.inputs if text != "-"]
    sources, missing, earlier = outputs.expand(named, INPUT_SUFFIXES)
    if "-" in files.inputs:
        sources.append(_from_stdin(scratch))
    if earlier and only is None:
        _print_message(f"Passed over {len(earlier)} earlier result(s), such as {earlier[0].path}.")
    count = len(sources) + len(missing)
    check_hint_files(hint, pictures=count, mask_flag=mask_flag)
    plans = _plans(spec.name, files, written, sources, count, scratch, confidence)
    if only is not None:
        plans = [plan for plan in plans if plan.source.path in only]
    if files.skip_existing:
        plans = _without_done(spec.name, plans, files.json, elsewhere)
    hints = [_hint(plan.source, hint, INPUT_SUFFIXES, mask_flag) for plan in plans]
    hinted = (file for found, _ in hints for file in (found.mask, found.trimap))
    read = [Path(file) for file in (*beside, *hinted) if file]
    checked = outputs.check(plans, overwrite=files.overwrite, also_read=read)
    jobs = [Job(gap.name, Path(gap.name), Path(), problem=gap.problem) for gap in missing]
    for plan, (found, unclear) in zip(checked, hints, strict=True):
        path = plan.source.path
        name = _STDIN if path.parent == scratch else str(path)
        problem = plan.problem or unclear
        jobs.append(Job(name, path, plan.output, found, problem, plan.confidence))
    return jobs


def _open_seal(spec: TaskSpec, key: str | None) -> Seal | None:
    """What signs a result with a key; None where nothing shall be signed."""
    if key is None:
        return None
    from mattelier.media.credentials import SigningKey

    signing = SigningKey(key)

    def seal(path: Path, source: Path, report: Mapping[str, Any]) -> None:
        process = {"task": spec.name, **{k: report[k] for k in ("model",) if report.get(k)}}
        if report.get("engine") == "cloud":
            process["sent_to"] = report["device"]
        if version := _model_version(process.get("model")):
            process["model_version"] = version
        signing.seal(path, source, title=source.name, source_type=spec.source_type, process=process)

    return seal


def _model_version(name: str | None) -> str:
    from mattelier.catalogue import Store
    from mattelier.types.errors import MattelierError

    try:
        return Store().card(name).version if name else ""
    except MattelierError:  # a weights file without a card, or several networks
        return ""


def _without_done(
    task: str, plans: Sequence[Plan], as_json: bool, elsewhere: Callable[[Path], Path]
) -> list[Plan]:
    left = []
    for plan in plans:
        moved = elsewhere(plan.output)
        if not plan.is_done and (moved == plan.output or not moved.is_file()):
            left.append(plan)
        elif as_json:
            source = str(plan.source.path)
            output = str(plan.output if plan.is_done else moved)
            _print_line(
                {"task": task, "input": source, "output": output, "ok": True, "skipped": True}
            )
    if done := len(plans) - len(left):
        _print_message(f"Passed over {done} of {len(plans)} pictures: their results exist.")
    return left


def _report_first(jobs: list[Job]) -> list[Job]:
    """The jobs with those in front that cannot be done."""
    rejected = sum(job.problem is not None for job in jobs)
    if 0 < rejected < len(jobs):
        _print_message(f"{rejected} of {len(jobs)} pictures cannot be done; the end says why.")
    return sorted(jobs, key=lambda job: job.problem is None)


def _hint(
    source: Source, hint: HintRequest, suffixes: Collection[str], mask_flag: str
) -> tuple[HintRequest, UsageError | None]:
    try:
        return hint_of(source.relative, hint, suffixes, mask_flag), None
    except UsageError as error:
        return hint, error


def _plans(
    task: str,
    files: FileOptions,
    written: Collection[str],
    sources: Sequence[Source],
    count: int,
    scratch: Path,
    confidence: bool,
) -> list[Plan]:
    suffix = SUFFIXES[files.format] if files.format else None
    if suffix and suffix not in written:
        raise UsageError(f"--format {files.format} has no transparency; add --background.")
    output = files.output
    if output is None and "-" in files.inputs:
        output = "-"
    if output is None:
        return outputs.plan(sources, None, task=task, suffix=suffix, confidence=confidence)
    if output == "-":
        if count != 1:
            raise UsageError(f"Standard output takes one picture, not {count}; add -o FOLDER.")
        if files.json:
            raise UsageError("--json and the picture cannot both go to standard output.")
        if confidence:
            raise UsageError("--confidence writes a second file, so the result needs -o FILE.")
        if sys.stdout.isatty():
            raise UsageError("A picture is not written to a terminal; add -o FILE or a pipe.")
        return [Plan(source, scratch / f"result{suffix or '.png'}") for source in sources]
    ending = Path(output).suffix.lower()
    is_folder = os.path.isdir(output) or output.endswith(("/", os.sep))
    if is_folder or not ending:
        return outputs.plan(sources, Path(output), task=task, suffix=suffix, confidence=confidence)
    if ending not in written:
        offered = ", ".join(sorted(written))
        raise UsageError(
            f"-o {output}: a {task} is written as {offered}; a folder's name ends with a slash."
            + (" JPEG needs --background." if ending in (".jpg", ".jpeg") else "")
        )
    if count != 1:
        raise UsageError(f"-o {output} is one file for {count} pictures; name a folder instead.")
    if suffix and SUFFIXES.get(ending[1:], ending).replace(".jpeg", ".jpg") != suffix:
        raise UsageError(f"-o {output} and --format {files.format} do not agree.")
    beside = outputs.confidence_file(Path(output)) if confidence else None
    return [Plan(source, Path(output), confidence=beside) for source in sources]


def _from_stdin(scratch: Path) -> Source:
    path = scratch / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Source(path, PurePath("stdin"))


def _to_stdout(result: Result) -> Result:
    try:
        with result.job.output.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        close_stdout()
        return replace(result, error=f"Standard output: {error.strerror}.", exit_code=3)
    return replace(result, job=replace(result.job, output=Path("standard output")))


def close_stdout() -> None:
    """Nobody reads any more: later writes, and Python's last flush, go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_json(task: str, result: Result) -> None:
    ok = result.error is None
    line = {
        "task": task,
        "input": "-" if result.job.name == _STDIN else result.job.name,
        "output": str(result.job.output) if ok else None,
        "ok": ok,
        "error": result.error,
        "seconds": round(result.seconds, 3),
        "notes": result.notes,
        **result.report,
    }
    if ok and result.job.confidence is not None:
        line["confidence_output"] = str(result.job.confidence)
    _print_line(line)


def _print_line(line: Mapping[str, Any]) -> None:
    try:
        print(json.dumps(line, default=_to_plain), flush=True)
    except BrokenPipeError:  # the pictures still matter
        close_stdout()


def _to_plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[], Any]]:
    """Gives what to call after each picture; a bar is drawn for several, in a terminal alone."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=" pictures", file=sys.stderr, leave=False) as bar:
        yield lambda: bar.update()


@contextlib.contextmanager
def _picture_bar(total: int) -> Iterator[Callable[[float, str], None]]:
    """Gives what hears how far a picture is; a bar is drawn for one that takes its time, alone."""
    if total != 1 or not sys.stderr.isatty():
        yield lambda fraction, stage: None
        return
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, bar_format=form, file=sys.stderr, leave=False, delay=_LONG_SECONDS) as bar:

        def hear(fraction: float, stage: str) -> None:
            bar.set_description_str(stage, refresh=False)
            bar.update(fraction - bar.n)

        yield hear


def _report(results: Sequence[Result], seconds: float) -> None:
    alone = len(results) == 1
    failed = [result for result in results if result.error]
    stopped = [result for result in failed if result.exit_code == 130]
    notes: dict[str, list[str]] = {}
    for result in results:
        for sentence in (*result.notes, *_note_emptiness(result)):
            notes.setdefault(sentence, []).append(result.job.name)
    for sentence, names in notes.items():
        which = names[0] if len(names) == 1 else f"{len(names)} pictures, as {names[0]}"
        _print_message(f"Note: {sentence}" if alone else f"  note: {which}: {sentence}")
    # One cause may stop all pictures; it is said once.
    for failure in dict.fromkeys(result.error for result in failed if result not in stopped):
        _print_message(f"mattelier: {failure}" if alone else f"  failed: {failure}")
    if alone and not failed:
        _print_message(_summarise(results[0]))
    elif alone and stopped:
        _print_message("Interrupted; nothing was written.")
    elif not alone:
        parts = [f"{len(results) - len(failed)} of {len(results)} pictures done"]
        if len(failed) > len(stopped):
            parts.append(f"{len(failed) - len(stopped)} failed")
        if stopped:
            parts.append(f"{len(stopped)} not done, as you interrupted")
        _print_message(f"{', '.join(parts)}; {seconds:.1f} s.")


def _note_emptiness(result: Result) -> Iterator[str]:
    if result.report.get("coverage", 1) < _EMPTY_COVERAGE:
        yield "No subject was found, so the result is empty; --box or --point says where it is."


def _summarise(result: Result) -> str:
    report = result.report
    size = f"{report['width']}×{report['height']}"
    if "result_width" in report:
        size += f" to {report['result_width']}×{report['result_height']}"
    by = " ".join(
        str(report[key]) if key == "model" else f"on {report[key]}" if key == "device" else
        f"({report[key]})"
        for key in ("model", "device", "engine")
        if report.get(key)
    )  # fmt: skip
    return f"{result.job.output}: {size} in {result.seconds:.1f} s{', ' + by if by else ''}."


def exit_code(results: Iterable[Result]) -> int:
    """0 where all is done; what failed says which else."""
    codes = {result.exit_code for result in results} or {0}
    if 130 in codes:
        return 130
    return codes.pop() if len(codes) == 1 else 3


def _print_message(message: str) -> None:
    click.echo(message, err=True)
