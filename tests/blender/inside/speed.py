"""What the add-on costs an artist, measured: `STAGE`, with wishes.json; times go to times.json."""

import json
import shutil
import time

import addon_utils
import bpy
from stage import MODULE, enable, square_mask, timed_engine


def case_measure(stage):
    folder = stage.plates.parent
    wishes = json.loads((folder / "wishes.json").read_text())
    times = {
        "adding": adding(stage, wishes["runs"]),
        "opening": opening(stage, wishes["runs"]),
        "bakes": bakes(stage, wishes["frames"], wishes["runs"]),
    }
    (folder / "times.json").write_text(json.dumps(times))


def adding(stage, runs):
    """Seconds to add a node and give it a plate."""
    return [seconds(lambda: stage.add("shot.1001.png")) for _ in range(runs)]


def opening(stage, runs):
    """Seconds to open a file with ten baked nodes: with the add-on, without."""
    stage.shown.nodes.clear()
    for _ in range(10):
        stage.bake(stage.add("shot.1001.png", start=1), "CURRENT")
    file = str(stage.folder / "ten.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    with_addon, without = [], []
    for _ in range(runs):
        enable()
        with_addon.append(seconds(lambda: bpy.ops.wm.open_mainfile(filepath=file)))
        addon_utils.disable(MODULE)
        without.append(seconds(lambda: bpy.ops.wm.open_mainfile(filepath=file)))
    enable()
    return {"with": with_addon, "without": without}


def bakes(stage, frames, runs):
    """Seconds of whole bakes with three mask keys, and of those that the engine had."""
    stage.__init__(stage.plates, stage.folder)
    stage.scene.frame_start, stage.scene.frame_end = 1, frames
    node = stage.add("plate.1001.png", start=1)
    item = node.node_tree.mattelier.objects[0]
    item.guide = "MASK"
    item.mask = square_mask("guide", {1: 0.3, frames // 2: 0.35, frames: 0.4})
    with timed_engine() as engine:
        total = []
        for _ in range(runs + 1):  # the first starts the engine
            # Mattes and what was tracked for them: nothing of an earlier bake is used again.
            shutil.rmtree(stage.folder / "mattelier", ignore_errors=True)
            total.append(seconds(lambda: stage.bake(node, "SCENE")))
    return {"total": total[1:], "engine": engine[1:], "frames": frames}


def seconds(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
