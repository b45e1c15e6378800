"""Subjects that the engine finds in a frame; it knows no network that tells objects apart.

What it says of that is the real engine's affair; see `imported`.
"""

import bpy
from stage import near, read, sentence


def case_things_in_a_frame_become_subjects_with_keys(stage):
    """Two discs; on the second frame the left one stands at 83, the right one at 233."""
    node = stage.add("pair.1001.png", start=11)
    group, settings = node.node_tree, node.node_tree.mattelier
    stage.scene.frame_set(12)
    assert bpy.ops.mattelier.find_objects(group=group.name) == {"FINISHED"}
    one, other = settings.objects
    assert [one.name, other.name] == ["Object", "Object 2"]
    assert tuple(one.colour) != tuple(other.colour)
    for item in (one, other):
        assert (item.guide, item.keys, item.edge) == ("MASK", "KEYED", "ROUGH")
    assert [socket.name for socket in node.outputs][3:5] == ["Object 2 Image", "Object 2 Matte"]
    stage.scene.frame_set(13)  # the key stands where it was found
    stage.bake(node)
    keys = stage.task_options()[-1]["keys"]
    assert {(key["frame"], key["edge"]) for key in keys} == {(1002, "rough")}
    masks = {key["object"]: read(key["mask"]) for key in keys}
    places = [[masks[item.uid][95, x, 0] for x in (83, 233)] for item in (one, other)]
    assert sorted(places) == [[0, 1], [1, 0]]
    for mask in masks.values():
        columns, rows = mask.covered()
        near(len(columns), 70, 4)
        near(len(rows), 70, 4)


def case_more_are_added_to_what_was_said(stage):
    node = stage.add("pair.1001.png", start=1001)
    group, settings = node.node_tree, node.node_tree.mattelier
    settings.objects[0].guide = "POINTS"
    stage.scene.frame_set(1001)
    for count in (3, 5):
        assert bpy.ops.mattelier.find_objects(group=group.name) == {"FINISHED"}
        assert len(settings.objects) == count
    names = [item.name for item in settings.objects]
    assert names == ["Subject", *(f"Object{n}" for n in ("", " 2", " 3", " 4"))]
    assert settings.objects[0].guide == "POINTS"
    assert len(bpy.data.masks) == 4


def case_what_cannot_be_found_is_told(stage):
    node = stage.add("large.0101.exr", start=1)
    group, settings = node.node_tree, node.node_tree.mattelier
    stage.scene.frame_set(3)
    said = sentence(lambda: bpy.ops.mattelier.find_objects(group=group.name))
    assert said == "Nothing was found on frame 3, so nothing was added."
    stage.scene.frame_set(100)
    said = sentence(lambda: bpy.ops.mattelier.find_objects(group=group.name))
    assert said == "The plate has no frame 100; go to one that it has."
    stage.scene.frame_set(3)
    said = sentence(lambda: bpy.ops.mattelier.find_by_words(group=group.name))
    assert said == "Say in words what the subject is, such as “the red car”."
    said = sentence(lambda: bpy.ops.mattelier.find_by_words(group=group.name, words="a dog"))
    assert said == (
        "No network that finds things by words is on this computer; bring a folder of Grounding "
        "DINO's or OWLv2's with `mattelier models import FOLDER`."
    )
    assert [item.guide for item in settings.objects] == ["NONE"]
    assert not bpy.data.masks
