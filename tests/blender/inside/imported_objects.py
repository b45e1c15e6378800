"""Subjects that a network finds which the user has brought in, and which tells things apart."""

import bpy
from engine import picture
from stage import module, state

NAMES = {"Person", "Car", "Tree"}  # what the network was taught to know


def case_things_become_subjects_named_by_their_kind(stage):
    assert bpy.ops.mattelier.list_models() == {"FINISHED"}
    brought = module("engine.preferences")._models.named("my-segformer")
    assert (brought["task"], brought["state"]) == ("objects", "ready")
    node = picture(stage, "pair.1001.png", "rotoscope")
    settings = node.node_tree.mattelier
    stage.scene.frame_set(1001)
    assert bpy.ops.mattelier.find_objects(group=node.node_tree.name) == {"FINISHED"}
    found = [item.name for item in settings.objects]
    assert found
    assert {name.rstrip(" 0123456789") for name in found} <= NAMES
    for item in settings.objects:
        assert (item.guide, item.edge) == ("MASK", "ROUGH")
        assert item.mask.layers
    stage.bake(node, "CURRENT")
    assert state(node).fresh == (1001,)
