# SPDX-License-Identifier: GPL-3.0-or-later
"""Another Blender bakes what a render is waiting for.

A render has begun here, inside which no mask can be drawn.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy

from ..baking.bake import Bake
from ..baking.job import in_waves, prepare
from ..data.addon import PACKAGE
from ..data.failure import Failure
from ..node.groups import editable_groups, results_of, results_with, show_bake
from .process import EXIT_FAILED, MESSAGE_PREFIX, print_message

_BAKED_PREFIX = "mattelier_baked: "


def bake_in_child(result_frames: dict[str, tuple[int, ...]]) -> None:
    """Let another Blender bake the saved file, and show here what it baked.

    Parameters
    ----------
    result_frames : dict
        Each result's uid, with the plate's numbers that are wanted.

    Raises
    ------
    Failure
    """
    if not bpy.data.filepath:
        raise Failure("The file was never saved, so another Blender cannot bake it.")
    script = str(Path(__file__).with_name("child.py"))
    if program := bpy.app.binary_path:
        command = [program, "-b", "--addons", PACKAGE, "--python", script, "--"]
    else:
        command = [sys.executable, script]
    task = {"file": bpy.data.filepath, "package": PACKAGE, "frames": result_frames}
    done = subprocess.run(
        [*command, json.dumps(task)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    lines = done.stdout.splitlines()
    baked = [line for line in lines if line.startswith(_BAKED_PREFIX)]
    if done.returncode or not baked:
        messages = [line for line in lines if line.startswith(MESSAGE_PREFIX)]
        raise Failure(
            messages[-1].removeprefix(MESSAGE_PREFIX)
            if messages
            else "Another Blender could not bake them."
        )
    for uid, (folder, *digests) in json.loads(baked[-1].removeprefix(_BAKED_PREFIX)).items():
        for item in results_with(uid):
            show_bake(item, Path(folder), *digests, item.id_data.mattelier.find_plate())


def bake_as_child(task: dict[str, object]) -> int:
    """What `child.py` does for `bake_in_child`; gives the exit code."""
    bpy.ops.wm.open_mainfile(filepath=str(task["file"]))
    wanted = task["frames"]
    baked = {}
    try:
        for wave in in_waves(item for item in results_of(editable_groups()) if item.uid in wanted):
            jobs = [prepare(item, wanted[item.uid]) for item in wave]
            bake = Bake(jobs)
            bake.run()
            if bake.error:
                raise Failure(bake.error)
            for job in jobs:
                job.show()
                baked[job.uid] = (str(job.folder), job.settings, job.guidance)
    except Failure as failure:
        print_message(str(failure))
        return EXIT_FAILED
    print(_BAKED_PREFIX + json.dumps(baked), flush=True)
    return 0
