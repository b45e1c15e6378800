# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrected mattes: key frames that are the mattes themselves, packed into the .blend file.

A cache may be cleared, and a bake writes its mattes anew; what an artist has painted stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import bpy

from ...data.failure import Failure
from ...data.json_files import parse_json
from ...data.plate import Plate
from ...data.recent import forget
from ...node.settings import ResultSettings, rebuild_group

_DIGEST_DIGITS = 16


def corrected(item: ResultSettings) -> Mapping[int, str]:
    """The plate's numbers whose matte was corrected, ascending, with a digest of each.

    Raises
    ------
    Failure
        The list is damaged.
    """
    try:
        noted = parse_json(item.corrected or "{}")
        return {int(number): str(noted[number]) for number in sorted(noted, key=int)}
    except (ValueError, TypeError, AttributeError):
        raise Failure(
            f"The list of corrected frames of “{item.name}” is damaged; Remove Correction "
            "takes it away."
        ) from None


def correction_node(item: ResultSettings, number: int) -> str:
    """The name of the node inside the group that holds a corrected matte."""
    return f"Corrected {item.uid} {number}"


def keep_correction(item: ResultSettings, number: int, file: Path) -> None:
    """Let the matte in a file be that of a plate's number, from the next bake on."""
    image = bpy.data.images.load(str(file))
    image.pack()
    image.name = f".{item.name} corrected {number}"
    found = hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGEST_DIGITS]
    _note(item, {**corrected(item), number: found})
    item.id_data.nodes[correction_node(item, number)].image = image


def remove_correction(item: ResultSettings, number: int) -> None:
    """Let a plate's number have no corrected matte; raises Failure where it has none."""
    kept = dict(corrected(item))
    if kept.pop(number, None) is None:
        raise Failure("The matte of this frame was not corrected.")
    _note(item, kept)


def remove_all_corrections(item: ResultSettings) -> None:
    _note(item, {})


def _note(item: ResultSettings, kept: Mapping[int, str]) -> None:
    item.corrected = json.dumps({str(n): kept[n] for n in sorted(kept)}) if kept else ""
    item.guide_changed = True
    forget()
    rebuild_group(item)


def write_correction(item: ResultSettings, number: int, file: Path) -> None:
    """Write a corrected matte as it was kept.

    Raises
    ------
    Failure
        It is gone.
    OSError
        The file cannot be written.
    """
    node = item.id_data.nodes.get(correction_node(item, number))
    packed = node and node.image and node.image.packed_file
    if not packed:
        raise Failure(
            f"The corrected matte of “{item.name}” on frame {number} is gone from the file; "
            "correct it again, or remove the correction."
        )
    file.write_bytes(packed.data)


def corrections_on_plate(item: ResultSettings, plate: Plate) -> Mapping[int, str]:
    """Those that the plate has a frame for; raises as `corrected`."""
    return {number: one for number, one in corrected(item).items() if number in plate.numbers}
