"""Corrected mattes: keys of their frames, kept in the file, given to the engine as they are."""

from pathlib import Path

import bpy
from baking import failure_of
from stage import baked_file, module, read, sentence, state

STROKE = {"kind": "sure", "points": [{"x": 4, "y": 8}, {"x": 8, "y": 8}], "radius": 2}


def case_a_corrected_matte_is_an_exact_key(stage):
    node = stage.add("veil.0101.exr", start=11)  # whose own alpha is .75
    group, item = node.node_tree, node.node_tree.mattelier.objects[0]
    stage.bake(node)
    baked = read(baked_file(node, 105))
    file = corrected_file(stage, item, 105)
    kept = read(file)
    assert min(kept[8, x, 0] for x in range(4, 9)) == 1  # exact where painted
    assert abs(kept[0, 31, 0] - baked[0, 31, 0] / 0.75) < 0.002  # else as baked, and free of it
    keep(item, 105, file)
    assert len(state(node).fresh) == 0
    stage.bake(node)
    (key,) = stage.task_options()[-1]["keys"]
    assert (key["frame"], key["edge"], key["object"]) == (105, "matte", item.uid)
    assert Path(key["mask"]).read_bytes() == file.read_bytes()
    assert len(state(node).fresh) == 10
    stage.scene.frame_set(15)
    assert bpy.ops.mattelier.remove_correction(group=group.name) == {"FINISHED"}
    assert len(state(node).fresh) == 0
    assert item.corrected == ""
    assert not [one for one in group.nodes if one.name.startswith("Corrected")]
    told = sentence(lambda: bpy.ops.mattelier.remove_correction(group=group.name))
    assert told == "The matte of this frame was not corrected."
    stage.bake(node)
    assert stage.task_options()[-1]["keys"] == []


def case_it_stays_in_the_file_whatever_becomes_of_the_cache(stage):
    node = stage.add(start=11)
    item = node.node_tree.mattelier.objects[0]
    stage.bake(node)
    file = corrected_file(stage, item, 105)
    keep(item, 105, file)
    bpy.ops.ed.undo_push(message="corrected")
    item.name = "Other"
    bpy.ops.ed.undo_push(message="named")
    bpy.ops.ed.undo()
    (group,) = module("node.groups").editable_groups()
    group.mattelier.frame_start = 12  # wires anew
    group.mattelier.frame_start = 11
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    (group,) = module("node.groups").editable_groups()
    bpy.ops.mattelier.clear(group=group.name)
    assert bpy.ops.mattelier.bake(group=group.name) == {"FINISHED"}
    (key,) = stage.task_options()[-1]["keys"]
    assert Path(key["mask"]).read_bytes() == file.read_bytes()
    copy = group.copy()
    corrections = module("node_types.rotoscope.corrected")
    corrections.remove_correction(copy.mattelier.objects[0], 105)
    corrections.write_correction(group.mattelier.objects[0], 105, stage.folder / "again.exr")
    assert (stage.folder / "again.exr").read_bytes() == file.read_bytes()


def case_it_replaces_what_else_guides_its_frame(stage):
    node = stage.add(start=11)
    item = node.node_tree.mattelier.objects[0]
    gestures = module("node_types.rotoscope.pointed").Gestures().clicked(20, 8, True, 2)
    for number in (101, 105):
        module("node_types.rotoscope.pointing").keep_key(item, number, gestures)
    stage.bake(node)
    keep(item, 105, corrected_file(stage, item, 105))
    stage.bake(node)
    kinds = {key["frame"]: "mask" in key for key in stage.task_options()[-1]["keys"]}
    assert kinds == {101: False, 105: True}
    assert all("mask" not in key or "points" not in key for key in stage.task_options()[-1]["keys"])


def case_it_begins_with_what_there_is(stage):
    """The baked matte; after a correction, that one, also before it was baked."""
    correcting = module("node_types.rotoscope.correcting")
    node = stage.add(start=11)
    settings = node.node_tree.mattelier
    item, plate = settings.objects[0], settings.find_plate()
    told = failure_of(correcting._question, item, plate, 105, stage.folder)
    assert told == "There is no matte on frame 15; bake it first."
    stage.bake(node)
    asked = correcting._question(item, plate, 105, stage.folder)
    assert asked["matte"] == str(baked_file(node, 105))
    assert asked["has_plate_alpha"]
    file = corrected_file(stage, item, 105)
    keep(item, 105, file)
    asked = correcting._question(item, plate, 105, stage.folder)
    assert Path(asked["matte"]).read_bytes() == file.read_bytes()
    assert not asked["has_plate_alpha"]


def case_a_damaged_correction_is_told(stage):
    node = stage.add(start=11)
    group, item = node.node_tree, node.node_tree.mattelier.objects[0]
    stage.bake(node)
    keep(item, 105, corrected_file(stage, item, 105))
    group.nodes[f"Corrected {item.uid} 105"].image = None
    told = sentence(lambda: stage.bake(node))
    assert told.startswith("The corrected matte of “Subject” on frame 105 is gone from the file")
    item.corrected = "[" * 100_000
    told = sentence(lambda: stage.bake(node))
    assert told.startswith("The list of corrected frames of “Subject” is damaged")
    assert bpy.ops.mattelier.remove_correction(group=group.name) == {"FINISHED"}
    assert stage.bake(node) == {"FINISHED"}


def keep(item, number, file):
    module("node_types.rotoscope.corrected").keep_correction(item, number, file)


def corrected_file(stage, item, number):
    """What the engine makes of a stroke over a baked matte."""
    plate = item.id_data.mattelier.find_plate()
    question = module("node_types.rotoscope.correcting")._question
    file = stage.folder / "corrected.exr"
    options = question(item, plate, number, stage.folder)
    options |= {"strokes": [STROKE], "output": str(file)}
    module("engine.connection").run_task("", "correct", options)
    return file
