"""Which file every result goes to, decided before any picture is opened.

`expand` looks at the disk and lists the pictures; `plan` is pure and names their results;
`check` looks at the disk again and says which of those results may not be written.
"""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from mattelier.tasks.registry import TASKS
from mattelier.types.errors import MattelierError, OutputError, PictureError, UsageError

# Formats that hold what PNG cannot (float samples, scene-linear light) stay what they are.
_PRESERVED_SUFFIXES = {".exr": ".exr", ".hdr": ".exr", ".tif": ".tif", ".tiff": ".tif"}
_LOSSY_SUFFIXES = (".jpg", ".jpeg", ".webp")  # what they lose, or hold in 8 bits only, a map needs


@dataclass(frozen=True)
class Source:
    """A picture to read, and the place its result takes below an output folder."""

    path: Path
    relative: PurePath


@dataclass(frozen=True)
class Plan:
    """One result to make: from `source` to `output`, unless `problem` says why not.

    `confidence` is where its confidence map goes; None: none was asked for.
    """

    source: Source
    output: Path
    problem: MattelierError | None = None
    confidence: Path | None = None

    @property
    def written(self) -> list[Path]:
        """All files that it makes."""
        return [self.output, *([] if self.confidence is None else [self.confidence])]

    @property
    def is_done(self) -> bool:
        """Whether all of them are there, from an earlier run."""
        return all(path.is_file() for path in self.written)


@dataclass(frozen=True)
class Missing:
    """An input that gives no picture."""

    name: str
    problem: MattelierError


def expand(
    inputs: Sequence[str], suffixes: Collection[str]
) -> tuple[list[Source], list[Missing], list[Source]]:
    """List the pictures that files, folders and globs name.

    Folders are searched recursively; hidden and temporary files and files whose suffix is not
    in `suffixes` (lower case, with dot) are passed over. A glob is only expanded where no file
    has that literal name, so it works under shells that do not expand them. A file named by
    itself is taken whatever its suffix, each picture once.

    Returns
    -------
    sources, missing, earlier
        `earlier` are results of earlier runs (`a-cutout.png` beside `a.jpg`), left out.
    """
    found: list[Source] = []
    missing: list[Missing] = []
    folders = sum(os.path.isdir(text) for text in inputs)
    for text in inputs:
        path = Path(text)
        if os.path.isdir(path):
            # One folder's content goes straight into the output folder, several keep apart.
            place = PurePath(path.resolve().name) if folders > 1 else PurePath()
            unreadable: list[OSError] = []
            pictures = list(_walk(path, place, suffixes, unreadable))
            for error in unreadable:
                reason = error.strerror or "cannot be listed"
                name = str(error.filename or text)
                missing.append(Missing(name, PictureError(f"{name}: {reason}.")))
            if not pictures and not unreadable:
                missing.append(Missing(text, PictureError(f"{text}: no pictures in this folder.")))
        elif os.path.lexists(path):
            pictures = [Source(path, PurePath(path.name))]
        elif glob.has_magic(text):
            pictures = list(_glob(text, suffixes))
            if not pictures:
                missing.append(Missing(text, PictureError(f"{text}: no picture matches.")))
        else:
            missing.append(Missing(text, PictureError(f"{text}: no such file or folder.")))
            continue
        found += pictures
    unique = list({os.path.abspath(source.path): source for source in reversed(found)}.values())
    unique.reverse()
    earlier = _earlier_results(unique)
    return (
        [source for source in unique if source not in earlier],
        missing,
        sorted(earlier, key=lambda source: source.path),
    )


def _walk(
    root: Path, place: PurePath, suffixes: Collection[str], unreadable: list[OSError]
) -> Iterator[Source]:
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append):
        subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
        for name in sorted(names):
            path = Path(folder, name)
            if not _is_hidden(name) and path.suffix.lower() in suffixes:
                yield Source(path, place / path.relative_to(root))


def _glob(pattern: str, suffixes: Collection[str]) -> Iterator[Source]:
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    root, rest = Path(*parts[:fixed]), str(Path(*parts[fixed:]))
    for match in sorted(glob.glob(rest, root_dir=root, recursive=True)):
        path = root / match
        if path.suffix.lower() in suffixes and path.is_file() and not _is_hidden(path.name):
            yield Source(path, PurePath(match))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$", "__MACOSX", "@eaDir", "#recycle"))


def _earlier_results(sources: Iterable[Source]) -> set[Source]:
    """Sources that an earlier run without `-o` made from another source of the same folder."""
    results = re.compile(rf"(.+)-(?:{'|'.join(TASKS)})(?:-confidence|(?<=-objects)-\d+(?:-.+)?)?")
    stems: set[tuple[Path, str]] = set()
    for source in sources:
        folder, suffix = source.path.parent, source.path.suffix[1:].lower()
        stems |= {(folder, source.path.stem), (folder, f"{source.path.stem}-{suffix}")}
    earlier = set()
    for source in sources:
        match = results.fullmatch(source.path.stem)
        if match:
            base = match[1]
            unnumbered = re.sub(r"-\d+$", "", base)
            if stems & {(source.path.parent, base), (source.path.parent, unnumbered)}:
                earlier.add(source)
    return earlier


def confidence_file(output: Path) -> Path:
    """Where the confidence map of a result goes: beside it."""
    suffix = ".png" if output.suffix.lower() in _LOSSY_SUFFIXES else output.suffix
    return output.with_name(f"{output.stem}-confidence{suffix}")


def plan(
    sources: Sequence[Source],
    folder: Path | None,
    *,
    task: str,
    suffix: str | None,
    confidence: bool = False,
) -> list[Plan]:
    """Name the result of every source; no two share a name, on any file system.

    Parameters
    ----------
    folder : Path or None
        Where results go, the sources' structure kept; None: beside each source. A result that
        lands beside its source is named NAME-task, others keep the source's name.
    suffix : str or None
        Of all results (with dot); None: PNG, but EXR and TIFF stay EXR and TIFF.
    confidence : bool
        Whether every result gets a confidence map beside it, whose name is its own too.

    Notes
    -----
    Sources that would share a name (`a.jpg`, `a.png`) get their suffix into it (`a-jpg.png`,
    `a-png.png`), then a number. Names are compared without case and in Unicode NFC, since file
    systems do that. The same sources always get the same names.
    """

    def target(source: Source, extra: str = "") -> Plan:
        parent = source.path.parent if folder is None else folder / source.relative.parent
        beside = _normalise_path(parent) == _normalise_path(source.path.parent)
        tag = f"-{task}" if beside else ""
        ending = suffix or _PRESERVED_SUFFIXES.get(source.path.suffix.lower(), ".png")
        output = parent / f"{source.relative.stem}{extra}{tag}{ending}"
        return Plan(source, output, confidence=confidence_file(output) if confidence else None)

    def keys(item: Plan) -> list[str]:
        return [_normalise_path(path) for path in item.written]

    first = [target(source) for source in sources]
    count = Counter(key for item in first for key in keys(item))
    taken = {key for key, uses in count.items() if uses == 1}
    plans = []
    for item in first:
        if any(count[key] > 1 for key in keys(item)):
            source = item.source
            ending = f"-{source.path.suffix[1:].lower()}" if source.path.suffix else ""
            item, number = target(source, ending), 2
            while not taken.isdisjoint(keys(item)):
                item, number = target(source, f"{ending}-{number}"), number + 1
            taken.update(keys(item))
        plans.append(item)
    return plans


def check(plans: Iterable[Plan], *, overwrite: bool, also_read: Iterable[Path] = ()) -> list[Plan]:
    """Mark the plans whose files must not or cannot be written, before the work begins.

    `also_read` are files that the work reads beside the sources, such as hints.
    """
    plans = list(plans)
    read = [*(item.source.path for item in plans), *also_read]
    inputs = {_normalise_path(path) for path in read} | {os.path.realpath(path) for path in read}
    return [
        replace(
            item,
            problem=next(
                (
                    problem
                    for path in item.written
                    if (problem := _write_problem(path, inputs, overwrite))
                ),
                None,
            ),
        )
        for item in plans
    ]


def _write_problem(output: Path, inputs: set[str], overwrite: bool) -> MattelierError | None:
    if _normalise_path(output) in inputs or os.path.realpath(output) in inputs:
        return UsageError(f"{output} is an input and will not be overwritten; choose another -o.")
    if os.path.isdir(output):
        return OutputError(f"{output} is a folder, so the result cannot have this name.")
    if os.path.lexists(output) and not overwrite:
        return OutputError(f"{output} exists already; add --overwrite to replace it.")
    parent = next(above for above in output.absolute().parents if os.path.lexists(above))
    if not os.path.isdir(parent):
        return OutputError(f"{output} cannot be written, because {parent} is not a folder.")
    if not os.access(parent, os.W_OK):
        return OutputError(f"{output} cannot be written, because {parent} is read-only.")
    return None


def _normalise_path(path: Path) -> str:
    return unicodedata.normalize("NFC", os.path.abspath(path)).casefold()
