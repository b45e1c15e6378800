"""Frames that somebody should look at: found, marked on the timeline, gone to."""

import bpy
from stage import sentence, square_mask


def case_unsure_frames_are_marked_and_gone_to(stage):
    """The made-up mattes double from the first frame to the second, and grow by half then."""
    node = stage.add(start=11)
    find = {"group": node.node_tree.name}
    assert sentence(lambda: bpy.ops.mattelier.find_unsure(**find)) == (
        "There is nothing to look over yet; bake first."
    )
    stage.bake(node)
    stage.scene.timeline_markers.new("mine", frame=12)
    assert bpy.ops.mattelier.find_unsure(**find) == {"FINISHED"}
    markers = [(marker.frame, marker.name) for marker in stage.scene.timeline_markers]
    assert (12, "Subject: the area jumps (to 13)") in markers
    stage.scene.frame_set(11)
    for frame in (12, 13):
        bpy.ops.mattelier.next_unsure(**find)
        assert stage.scene.frame_current == frame
    bpy.ops.mattelier.next_unsure(**find, backwards=True)
    assert stage.scene.frame_current == 12
    node.node_tree.mattelier.quality = "best"
    stage.bake(node)  # nobody has looked at these yet
    assert [marker.name for marker in stage.scene.timeline_markers] == ["mine"]


def case_each_subject_is_looked_over(stage):
    node = stage.add(start=1)
    group = node.node_tree
    bpy.ops.mattelier.add_object(group=group.name)
    item = group.mattelier.objects[1]
    item.name, item.guide, item.mask = "Car", "MASK", square_mask("guide", 0.25)
    stage.bake(node)
    bpy.ops.mattelier.find_unsure(group=group.name)
    names = {marker.name.partition(":")[0] for marker in stage.scene.timeline_markers}
    assert names == {"Subject", "Car"}
