"""Subjects that the engine finds in a frame; it knows no network that tells objects apart.

What it says of that is the real engine's affair; see `imported`.
"""

import bpy
from stage import module, near, read, sentence, square_mask


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


def case_a_frame_of_a_drawn_mask_is_keyed_anew(stage):
    """A square that is keyed on 11 and 19 walks; on 14 another one stands elsewhere."""
    node = stage.add("large.0101.exr", start=11)
    item = node.node_tree.mattelier.objects[0]
    item.guide, item.mask = "MASK", square_mask("drawn", {11: 0.125, 19: 0.375})
    stage.bake(node)
    before = drawn_keys(stage)
    assert sorted(before) == [101, 109]
    rekey(item, 104)
    stage.bake(node)
    after = drawn_keys(stage)
    assert sorted(after) == [101, 104, 109]
    for number in (101, 109):
        assert after[number].values == before[number].values
    stands_anew(after[104])


def case_a_mask_that_was_never_keyed_stays_on_its_frame(stage):
    node = stage.add("large.0101.exr", start=11)
    item = node.node_tree.mattelier.objects[0]
    stage.scene.frame_set(12)
    item.guide, item.mask = "MASK", square_mask("drawn", 0.125)
    stage.bake(node)
    before = drawn_keys(stage)
    rekey(item, 105)
    rekey(item, 105)  # once more: the later one counts
    stage.bake(node)
    after = drawn_keys(stage)
    assert sorted(after) == [102, 105]
    assert after[102].values == before[102].values
    stands_anew(after[105])
    assert stage.scene.frame_current == 12


def rekey(item, number):
    """A square of 40 by 20 pixels, as the engine traces it."""
    corners = ((100, 20), (140, 20), (140, 40), (100, 40))
    spline = {"depth": 0, "corners": [0, 1, 2, 3], "keys": {0: [[*at, *at, *at] for at in corners]}}
    plate = item.id_data.mattelier.find_plate()
    add_key = module("node_types.rotoscope.splines").add_key
    add_key(item.mask, {"size": (160, 96), "splines": [spline]}, plate, number, item.drawn_frame)


def stands_anew(mask):
    columns, rows = mask.covered()
    near(columns[0], 100, 1)
    near(columns[-1], 140, 1)
    near(rows[0], 20, 1)
    near(rows[-1], 40, 1)


def drawn_keys(stage):
    """The masks that the engine was asked with last, by the plate's numbers."""
    return {key["frame"]: read(key["mask"]) for key in stage.task_options()[-1]["keys"]}
