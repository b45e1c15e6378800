# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that another shot's subject was tuned to, for this one to begin with.

The engine keeps it in the folder of what was tracked, and names it in the header of each matte.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...blend.paths import absolute
from ...data.bake_files import pass_files
from ...data.exr_header import header_text
from ...data.failure import Failure
from ...data.json_files import digest
from ...data.plate import Plate
from ...node.settings import NodeSettings, ResultSettings

_MATTE = "matte"
_MODEL = "mattelier:model"  # as the engine's header says it
_TUNED = "-tuned-"
_CARD = "card.toml"
_PLACES = ("", "tune/*/", "*/tune/*/", "*/*/tune/*/")  # of a network below a folder


def track_folder(folder: Path, plate: Plate) -> Path:
    """Where the engine keeps what it tracks and tunes for a bake's folder."""
    return folder.parents[1] / f"track-{digest([Path(plate.pattern).name, plate.space])}"


def network(settings: NodeSettings) -> str:
    """The network that a node begins with, as the engine's request names it.

    Raises
    ------
    Failure
        There is none where the settings say.
    """
    if settings.network_from == "NODE":
        return str(_of_subject(_chosen_subject(settings)))
    if settings.network_from == "FOLDER":
        return str(_in_folder(settings))
    return settings.model or "default"


def _chosen_subject(settings: NodeSettings) -> ResultSettings:
    group, name = settings.tuned_group, settings.tuned_subject
    if group is None:
        raise Failure("Choose the Rotoscope node whose tuned network is used, or another network.")
    items = group.mattelier.objects
    item = next((item for item in items if item.name == name), None)
    if name and item is None:
        raise Failure(f"“{group.name}” has no subject “{name}”; choose one that it has.")
    return item or items[0]


def _of_subject(item: ResultSettings) -> Path:
    """What a subject's mattes were made by."""
    group, folder = item.id_data, item.folder
    plate = group.mattelier.find_plate()
    mattes = pass_files(folder, plate, _MATTE) if folder else None
    baked = mattes.scan() if mattes else {}
    if mattes is None or not baked:
        raise Failure(f"“{group.name}” has no tuned network yet; bake it first.")
    name = header_text(mattes.file(max(baked, key=lambda n: baked[n].st_mtime_ns)), _MODEL)
    if _TUNED not in name:
        raise Failure(
            f"“{group.name}” was baked by a network that is not tuned; draw a mask, set Tune "
            "above 0 and bake it."
        )
    found = track_folder(folder, plate) / "tune" / name
    if not (found / _CARD).is_file():
        raise Failure(f"The tuned network of “{group.name}” is gone ({found}); bake it anew.")
    return found


def _in_folder(settings: NodeSettings) -> Path:
    """The only tuned network in the folder that an artist chose."""
    if not settings.tuned_folder:
        raise Failure("Choose the folder of a tuned network, or another network.")
    folder = absolute(settings.tuned_folder, settings.id_data.library)
    for place in _PLACES:
        found = sorted(card.parent for card in folder.glob(place + _CARD))
        if len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise Failure(f"{folder} holds {len(found)} tuned networks; choose one: {names}.")
        if found:
            return found[0]
    raise Failure(f"There is no tuned network in {folder}; choose a shot's cache.")


def has_tuned(group: bpy.types.NodeTree, own: bpy.types.NodeTree) -> bool:
    """Whether a group may have tuned networks that another one takes."""
    kind = own.mattelier.kind
    return group.bl_idname == own.bl_idname and group.mattelier.kind == kind and group != own
