# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking a whole file without a window: `bpy.ops.mattelier.bake_all()`, and on the command line
`--command mattelier_bake`.

The exit code is 0 when every frame is fresh, else 3.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..baking.bake import Bake
from ..baking.job import frames_to_bake, in_waves, prepare
from ..data.failure import Failure
from ..data.frames import format_frames
from ..engine.preferences import engine_choice
from ..node.groups import editable_groups, linked_groups, linked_sentence, results_of
from ..node.settings import ResultSettings
from .process import EXIT_FAILED, exit_process, print_message


def bake_all(which: str = "PLATE", *, save: bool = False) -> None:
    """Bake every node of the file, with openjd_progress lines on stdout.

    Parameters
    ----------
    which : str
        "PLATE", "SCENE", "CURRENT", or a list of scene frames: "1001-1100, 1150".
    save : bool
        Save the file afterwards, so that it shows this bake wherever it is rendered.

    Raises
    ------
    Failure
    """
    items = list(results_of(editable_groups()))
    linked = [linked_sentence(group) for group in linked_groups()]
    if not items:
        raise Failure(" ".join(linked) or "The file has no Mattelier node.")
    for sentence in linked:
        print_message(sentence)
    absent: dict[str, set[int]] = {}
    before = _shown(items)
    waves, printed_percent, total = in_waves(items), -1, 0
    for number, wave in enumerate(waves):
        jobs = [prepare(item, frames_to_bake(item, which, bpy.context.scene)) for item in wave]
        for item, job in zip(wave, jobs, strict=True):
            frames = map(job.plate.scene_frame, job.absent)
            absent.setdefault(item.id_data.name, set()).update(frames)
        bake = Bake(jobs)

        def print_progress(bake: Bake = bake, number: int = number) -> None:
            nonlocal printed_percent
            percent = int(100 * (number + bake.fraction) / len(waves))
            if percent > printed_percent:
                printed_percent = percent
                print(f"openjd_progress: {percent}\nopenjd_status: {bake.stage}", flush=True)

        bake.run(print_progress)
        for job in jobs:
            if not job.numbers or job in bake.begun:
                job.show()
        if bake.error:
            raise Failure(bake.error + (f" (log: {bake.log})" if bake.log else ""))
        if missing := sum(len(job.missing()) for job in bake.jobs):
            raise Failure(f"{missing} frames were not made. {bake.note}".strip())
        total += bake.total
    print_message(f"{total} frames were baked.")
    for group in {item.id_data.name: item.id_data for item in items}.values():
        numbers = set(frames_to_bake(group.mattelier.objects[0], which, bpy.context.scene))
        told = group.mattelier.node_type.renew(group.mattelier, numbers, engine_choice())
        if told:
            print_message(told)
    if save:
        bpy.ops.wm.save_mainfile()
    elif before != _shown(items):
        print_message("the file does not show this bake until it is saved: bake_all(save=True).")
    if gaps := [f"“{name}”: {format_frames(frames)}" for name, frames in absent.items() if frames]:
        raise Failure(f"The plate has no frame there, all others are baked: {'; '.join(gaps)}.")


def _shown(items: Iterable[ResultSettings]) -> list[tuple[str, str, str]]:
    return [(item.stored_folder, item.baked, item.guided) for item in items]


class BakeAll(bpy.types.Operator):
    """Bake every Mattelier node of this file and wait for it"""

    bl_idname = "mattelier.bake_all"
    bl_label = "Bake All Mattelier Nodes"

    frames: EnumProperty(
        items=[
            ("PLATE", "Plate", "All frames of each plate"),
            ("SCENE", "Scene Range", "The frames that the scene shows"),
            ("CURRENT", "This Frame", "The current frame"),
        ],
        options={"SKIP_SAVE"},
    )
    save: BoolProperty(
        name="Save",
        options={"SKIP_SAVE"},
        description="Save the file afterwards, so that it shows this bake wherever it renders",
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            bake_all(self.frames, save=self.save)
        except Failure as failure:
            if bpy.app.background and bpy.app.binary_path:
                print_message(str(failure))
                exit_process(EXIT_FAILED)
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
        return {"FINISHED"}


def _run_command(arguments: list[str]) -> int:
    """`blender -b shot.blend --command mattelier_bake [--frames …] [--save]`."""
    parser = argparse.ArgumentParser("mattelier_bake", description="Bake all Mattelier nodes.")
    parser.add_argument(
        "--frames",
        default="plate",
        help="plate (default), scene, current, or a list of scene frames: 1001-1100,1150",
    )
    parser.add_argument("--save", action="store_true", help="save the .blend file afterwards")
    parser.add_argument("--file", help="the .blend file, where none was opened")
    options = parser.parse_args(arguments)
    if options.file:
        bpy.ops.wm.open_mainfile(filepath=options.file)
    try:
        named = options.frames.upper()
        which = named if named in ("PLATE", "SCENE", "CURRENT") else options.frames
        bake_all(which, save=options.save)
    except Failure as failure:
        print_message(str(failure))
        return EXIT_FAILED
    return 0


_command: object = None


def register() -> None:
    global _command
    bpy.utils.register_class(BakeAll)
    _command = bpy.utils.register_cli_command("mattelier_bake", _run_command)


def unregister() -> None:
    bpy.utils.unregister_cli_command(_command)
    bpy.utils.unregister_class(BakeAll)
