# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking without a window: `bpy.ops.mattelier.bake_all()`, `--command mattelier_bake`, children.

The exit code is 0 when every frame is fresh, else 3.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty

from . import bake as baking
from . import preferences, tree
from .failure import Failure
from .job import in_waves, prepare
from .operators import chosen
from .plate import find

if TYPE_CHECKING:
    from .settings import Result

_FAILED = 3
_TOLD = "mattelier_baked: "


def say(sentence: str) -> None:
    print(f"Mattelier: {sentence}", flush=True)


def end(code: int) -> None:
    """End the process with a truthful exit code.

    Blender gives 0 after a script's error, and some versions crash or hang as they clean up after
    a render; nothing is left to be cleaned here.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def bake_all(which: str = "PLATE", *, save: bool = False) -> None:
    """Bake every node of the file, with openjd_progress lines on stdout.

    Parameters
    ----------
    which : "PLATE", "SCENE" or "CURRENT"
    save : bool
        Save the file afterwards, so that it shows this bake wherever it is rendered.

    Raises
    ------
    Failure
    """
    items = list(tree.results(tree.ours()))
    if not items:
        raise Failure("The file has no Mattelier node.")
    before = _shown(items)
    waves, told, total = in_waves(items), -1, 0
    for number, wave in enumerate(waves):
        jobs = [prepare(item, chosen(item, which, bpy.context.scene)) for item in wave]
        bake = baking.Bake(jobs, preferences.chosen_engine())

        def tell(bake: baking.Bake = bake, number: int = number) -> None:
            nonlocal told
            percent = int(100 * (number + bake.fraction) / len(waves))
            if percent > told:
                told = percent
                print(f"openjd_progress: {percent}\nopenjd_status: {bake.stage}", flush=True)

        bake.run(tell)
        for job in jobs:
            if not job.numbers or job in bake.begun:
                job.show()
        if bake.error:
            raise Failure(bake.error + (f" (log: {bake.log})" if bake.log else ""))
        if unmade := sum(len(job.unmade()) for job in bake.jobs):
            raise Failure(f"{unmade} frames were not made. {bake.note}".strip())
        total += bake.total
    say(f"{total} frames were baked.")
    if save:
        bpy.ops.wm.save_mainfile()
    elif before != _shown(items):
        say("the file does not show this bake until it is saved: bake_all(save=True).")


def _shown(items: Iterable[Result]) -> list[tuple[str, str, str]]:
    return [(item.folder, item.baked, item.guided) for item in items]


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
                say(str(failure))
                end(_FAILED)
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
        return {"FINISHED"}


def _command(arguments: list[str]) -> int:
    """`blender -b shot.blend --command mattelier_bake [--frames …] [--save]`."""
    parser = argparse.ArgumentParser("mattelier_bake", description="Bake all Mattelier nodes.")
    parser.add_argument("--frames", choices=("plate", "scene", "current"), default="plate")
    parser.add_argument("--save", action="store_true", help="save the .blend file afterwards")
    parser.add_argument("--file", help="the .blend file, where none was opened")
    given = parser.parse_args(arguments)
    if given.file:
        bpy.ops.wm.open_mainfile(filepath=given.file)
    try:
        bake_all(given.frames.upper(), save=given.save)
    except Failure as failure:
        say(str(failure))
        return _FAILED
    return 0


def bake_in_child(group_frames: dict[str, tuple[int, ...]]) -> None:
    """Let another Blender bake the saved file, and show here what it baked.

    A render has begun here, inside which no mask can be drawn.

    Parameters
    ----------
    group_frames : dict
        Each result's uid, with the plate's numbers that are wanted.

    Raises
    ------
    Failure
    """
    if not bpy.data.filepath:
        raise Failure("The file was never saved, so another Blender cannot bake it.")
    script = Path(__file__).with_name("child.py")
    if bpy.app.binary_path:
        command = [
            bpy.app.binary_path,
            "-b",
            "--addons",
            __package__,
            "--python",
            str(script),
            "--",
        ]
    else:
        command = [sys.executable, str(script)]
    task = {"file": bpy.data.filepath, "package": __package__, "frames": group_frames}
    done = subprocess.run(
        [*command, json.dumps(task)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    told = [line for line in done.stdout.splitlines() if line.startswith(_TOLD)]
    if done.returncode or not told:
        reason = [line for line in done.stdout.splitlines() if line.startswith("Mattelier: ")]
        raise Failure(reason[-1][11:] if reason else "Another Blender could not bake them.")
    for uid, (folder, settings, guided) in json.loads(told[-1][len(_TOLD) :]).items():
        for item in tree.results(tree.ours()):
            if item.uid == uid:
                item.baked, item.guided, item.guide_changed = settings, guided, False
                tree.show(item, Path(folder), find(item.id_data.mattelier))


def bake_as_child(task: dict[str, object]) -> int:
    """What `child.py` does for `bake_in_child`; gives the exit code."""
    bpy.ops.wm.open_mainfile(filepath=str(task["file"]))
    wanted = task["frames"]
    told = {}
    try:
        for wave in in_waves(item for item in tree.results(tree.ours()) if item.uid in wanted):
            jobs = [prepare(item, wanted[item.uid]) for item in wave]
            bake = baking.Bake(jobs, preferences.chosen_engine())
            bake.run()
            if bake.error:
                raise Failure(bake.error)
            for job in jobs:
                job.show()
                told[job.uid] = (str(job.folder), job.settings, job.guided)
    except Failure as failure:
        say(str(failure))
        return _FAILED
    print(_TOLD + json.dumps(told), flush=True)
    return 0


_registered: object = None


def register() -> None:
    global _registered
    bpy.utils.register_class(BakeAll)
    _registered = bpy.utils.register_cli_command("mattelier_bake", _command)


def unregister() -> None:
    bpy.utils.unregister_cli_command(_registered)
    bpy.utils.unregister_class(BakeAll)
