# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache: which folder a bake lies in, how large it is, and taking it away.

<cache>/<result's uid>/<digest>/ holds the passes as `bake_files` names their files, and the
guidance that they were made with. The digest is that of the settings, so other settings never
overwrite what was baked; with other key frames the engine makes those frames again that they reach.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bpy

from ..blend.paths import absolute
from ..data.failure import Failure
from ..data.json_files import digest
from ..data.plate import Plate
from ..data.recent import forget
from ..node.settings import NodeSettings, ResultSettings


def _cache_folder(settings: NodeSettings) -> Path:
    """All that a node bakes.

    Raises
    ------
    Failure
        It is relative to a .blend file that was never saved.
    """
    if settings.cache.startswith("//") and not bpy.data.filepath:
        raise Failure("Save the .blend file first: what is baked is kept beside it.")
    return absolute(settings.cache, settings.id_data.library)


def result_folder(item: ResultSettings) -> Path:
    """The folder of all that was baked for a result; raises Failure in an unsaved file."""
    return _cache_folder(item.id_data.mattelier) / item.uid


def bake_folder(item: ResultSettings, plate: Plate) -> Path:
    """The folder of a result with its present settings: the one shown, where it was baked so.

    Raises
    ------
    Failure
        As `result_folder`, or the settings name something that is not there.
    """
    name, shown = digest(_cache_inputs(item, plate)), item.folder
    return shown if shown and shown.name == name and shown.is_dir() else result_folder(item) / name


def settings_digest(item: ResultSettings, plate: Plate) -> str:
    """Digest of a result's settings, without what is in its mask: cheap, for each redraw.

    Raises
    ------
    Failure
        They name something that is not there.
    """
    node_type = item.id_data.mattelier.node_type
    return digest([_cache_inputs(item, plate), node_type.frame_inputs(item, plate)])


def _cache_inputs(item: ResultSettings, plate: Plate) -> list[object]:
    node_type = item.id_data.mattelier.node_type
    return [[Path(plate.pattern).name, plate.space], *node_type.cache_inputs(item, plate)]


def manifest(folder: Path) -> Path | None:
    """What the engine noted about a folder's shot."""
    return next(iter(sorted(folder.glob(".mattelier/*/manifest.json"))), None)


def folder_size(folder: Path) -> int:
    """Bytes in a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return total


def clear(item: ResultSettings) -> None:
    """Remove what a result shows."""
    folder = item.folder
    if folder is not None and folder.parent.name == item.uid:
        _remove(folder)
    item.baked = ""
    forget()


def purge(item: ResultSettings, in_use: set[Path]) -> int:
    """Remove what was baked for a result with earlier settings; gives the bytes freed.

    Parameters
    ----------
    in_use : set of Path
        Folders that other nodes show: a copied node shares its original's cache.
    """
    freed = 0
    folder = result_folder(item)
    if folder.is_dir():
        for old in folder.iterdir():
            if old.is_dir() and old not in in_use:
                freed += folder_size(old)
                _remove(old)
    forget()
    return freed


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Failure(f"{folder} cannot be removed: {error.strerror or error}.") from error
