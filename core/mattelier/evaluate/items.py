"""What is scored: which picture belongs to which truth and result, by name whatever its suffix."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.data.pairs import index_by_name, list_by_name
from mattelier.media.stills import INPUT_SUFFIXES
from mattelier.types.errors import UsageError

_PICTURE_FOLDERS = ("images", "frames")
_TRUTH_FOLDERS = ("masks", "alphas")
_RESULT_ENDINGS = (
    "-matte",
    "-cutout",
)  # what `mattelier` adds to names of results beside their pictures


@dataclass(frozen=True)
class Item:
    """One thing to score.

    Attributes
    ----------
    name : its path below its folder, without suffix
    group : the folder whose means it belongs to
    picture, truth, trimap : files; a picture or trimap that was not given is None
    subject : of a truth that tells several apart, where this one is
    """

    name: str
    group: str
    picture: Path | None
    truth: Path
    trimap: Path | None = None
    subject: Callable[[], NDArray[np.float32]] | None = field(default=None, compare=False)

    @property
    def file_name(self) -> str:
        """The picture's file name (the truth's where there is no picture)."""
        return (self.picture or self.truth).name


def find_items(
    folders: Sequence[Path], truth: Path | None, trimaps: Path | None
) -> tuple[list[Item], int]:
    """All items of the folders, by name; and how many pictures have no truth.

    Parameters
    ----------
    folders : each holds pictures, or images/ (or frames/) and masks/ (or alphas/); none: the
        truths stand alone, for results that were made elsewhere
    truth : folder of truths with the pictures' names; of several folders each may have its own
        sub-folder there
    trimaps : likewise

    Raises
    ------
    UsageError
        A folder holds no pictures with a truth, or two truths share a name.
    """
    items: list[Item] = []
    unpaired = 0
    places: Sequence[Path | None] = folders or [None]
    for folder in places:
        pictures, truths = _roots(folder, truth)
        truth_files = index_by_name(truths, INPUT_SUFFIXES)
        trimap_files = {}
        if trimaps:
            trimap_files = index_by_name(_below(trimaps, truths, folder), INPUT_SUFFIXES)
        entries: list[tuple[str, Path | None]] = (
            [(name, None) for name in truth_files]
            if pictures is None
            else [*list_by_name(pictures, INPUT_SUFFIXES)]
        )
        paired = [(name, path) for name, path in entries if name in truth_files]
        if not paired:
            raise UsageError(_no_pairs_message(folder, pictures, truths))
        unpaired += len(entries) - len(paired)
        base = (folder or truths).resolve().name
        for name, path in paired:
            inner = Path(name).parent
            group = base if inner == Path() else f"{base}/{inner.as_posix()}"
            items.append(Item(name, group, path, truth_files[name], trimap_files.get(name)))
            if trimaps and name not in trimap_files:
                raise UsageError(f"{trimaps} holds no trimap for {name}.")
    return items, unpaired


def group_by_category(items: Sequence[Item], table: Path) -> dict[Item, str]:
    """The category of each item by a CSV file of lines "name,category"; "other" where it has none.

    Names are file names, with or without suffix, or paths below the item's folder.

    Raises
    ------
    UsageError
        The file cannot be read, a line is not of that form, or no name is an item's.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read as CSV: {error}.") from error
    if odd := next((line for line in lines if len(line) != 2), None):
        raise UsageError(f"{table}: a line holds a name and a kind, not {','.join(odd)!r}.")
    categories = {name.strip(): category.strip() for name, category in lines}
    groups = {}
    for item in items:
        names = (item.file_name, item.name, Path(item.name).name)
        groups[item] = next((categories[name] for name in names if name in categories), "other")
    if set(groups.values()) <= {"other"}:
        raise UsageError(f"{table} names none of the pictures.")
    return groups


def index_results(folder: Path) -> dict[str, Path]:
    """A folder's results by name.

    Raises
    ------
    UsageError
        Two share a name.
    """
    return index_by_name(folder, INPUT_SUFFIXES)


def find_result(item: Item, results: dict[str, Path]) -> Path | None:
    """The result for an item among those of `index_results`, or None."""
    base = item.group.split("/")[0]
    for prefix in ("", f"{base}/", f"{base}/images/", f"{base}/frames/"):
        for ending in ("", *_RESULT_ENDINGS):
            if path := results.get(f"{prefix}{item.name}{ending}"):
                return path
    return None


def _roots(folder: Path | None, truth: Path | None) -> tuple[Path | None, Path]:
    if folder is None:
        assert truth is not None
        return None, truth
    inside = next((folder / name for name in _PICTURE_FOLDERS if (folder / name).is_dir()), None)
    if truth is not None:
        return inside or folder, _below(truth, truth, folder)
    truths = next((folder / name for name in _TRUTH_FOLDERS if (folder / name).is_dir()), None)
    if inside is None or truths is None:
        raise UsageError(
            f"{folder} holds no pictures in images/ with equally named masks/; "
            "say with --truth where the truth is."
        )
    return inside, truths


def _below(root: Path, otherwise: Path, folder: Path | None) -> Path:
    """The folder's own sub-folder of `root`, where it has one."""
    own = root / (folder or otherwise).resolve().name
    return own if own.is_dir() else root


def _no_pairs_message(folder: Path | None, pictures: Path | None, truths: Path) -> str:
    if pictures is None:
        return f"{truths} holds no pictures."
    return f"{folder} holds no pictures in {pictures.name}/ with equally named {truths.name}/."
