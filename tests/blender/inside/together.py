"""Several subjects of a node: each job names all that are guided, and writes its own mattes."""

from pathlib import Path

import bpy
from stage import module, read, square_mask


def case_a_job_names_all_subjects_and_writes_its_own(stage):
    node, (first, second) = two_pointed(stage)
    stage.bake(node)
    jobs = stage.task_options()
    assert [job["written"] for job in jobs] == [[first.uid], [second.uid]]
    for job in jobs:
        assert job["objects"] == [first.uid, second.uid]
        keys = {(key["object"], key["frame"]): key["points"] for key in job["keys"]}
        assert list(keys) == [(first.uid, 101), (first.uid, 105), (second.uid, 101)]
        left, right = ({"x": x, "y": 8, "positive": True} for x in (4, 20))
        not_left, not_right = ({**one, "positive": False} for one in (left, right))
        assert keys[(first.uid, 101)] == [left, not_right]
        assert keys[(second.uid, 101)] == [right, not_left]
        assert keys[(first.uid, 105)] == [left]  # nothing was said of the other one there
    assert jobs[0]["track_folder"] == jobs[1]["track_folder"]
    assert fresh(node) == [10, 10]


def case_anothers_guidance_makes_stale(stage):
    node, (first, second) = two_pointed(stage)
    stage.bake(node)
    gestures = module("node_types.rotoscope.pointed").Gestures().clicked(24, 8, True, 2)
    module("node_types.rotoscope.pointing").keep_key(second, 105, gestures)
    assert fresh(node) == [0, 0]
    stage.bake(node)
    assert fresh(node) == [10, 10]
    second.guide, second.mask = "MASK", square_mask("guide", 0.25)
    second.drawn_frame = 1
    assert fresh(node) == [0, 0]
    stage.bake(node)
    for key in stage.task_options()[0]["keys"]:
        assert key["object"] in (first.uid, second.uid)
    masks = [key["mask"] for key in stage.task_options()[-2]["keys"] if key.get("mask")]
    assert [Path(mask).parent.name for mask in masks] == [second.uid]
    assert read(masks[0]).covered()[0][0] == 8
    assert fresh(node) == [10, 10]
    second.mask.layers[0].splines[0].points[0].co[0] += 0.1
    bpy.context.view_layer.update()
    second.mask.update_tag()
    bpy.context.evaluated_depsgraph_get()
    assert (first.guide_changed, second.guide_changed) == (True, True)


def case_who_is_found_by_itself_is_solved_alone(stage):
    """It would be what the others are, too; and who is not guided yet is waited for by nobody."""
    node, _ = two_pointed(stage)
    group = node.node_tree
    for _ in range(2):
        bpy.ops.mattelier.add_object(group=group.name)
    items = list(group.mattelier.objects)
    items[3].guide = "MASK"
    together = module("node_types.rotoscope.settings").solved_together
    assert [one.uid for one in together(items[0])] == [items[0].uid, items[1].uid]
    assert [one.uid for one in together(items[2])] == [items[2].uid]
    bpy.ops.mattelier.bake(group=group.name, only=items[2].uid)
    (job,) = stage.task_options()
    assert (job["objects"], job["keys"]) == ([items[2].uid], [])
    bpy.ops.mattelier.bake(group=group.name, only=items[0].uid)
    assert stage.task_options()[-1]["objects"] == [items[0].uid, items[1].uid]


def case_subjects_have_colours_of_their_own(stage):
    node, _ = two_pointed(stage)
    bpy.ops.mattelier.add_object(group=node.node_tree.name)
    colours = [tuple(one.colour) for one in node.node_tree.mattelier.objects]
    for number, one in enumerate(colours):
        for other in colours[:number]:
            assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.5


def two_pointed(stage):
    node = stage.add(start=1)
    group = node.node_tree
    bpy.ops.mattelier.add_object(group=group.name)
    keep_key = module("node_types.rotoscope.pointing").keep_key
    pointed = module("node_types.rotoscope.pointed")
    for index, x, numbers in ((0, 4, (101, 105)), (1, 20, (101,))):
        for number in numbers:
            gestures = pointed.Gestures().clicked(x, 8, True, 2)
            keep_key(group.mattelier.objects[index], number, gestures)
    return node, list(group.mattelier.objects)


def fresh(node):
    """How many frames of each subject are fresh."""
    module("data.recent").forget()
    settings = node.node_tree.mattelier
    state = module("baking.freshness").state
    return [len(state(item, settings.find_plate()).fresh) for item in settings.objects]
