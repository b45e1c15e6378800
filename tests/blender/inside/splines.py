"""Baked mattes as a keyed mask, and such a mask as guidance again."""

import bpy
from stage import baked_file, module, near, read, sentence

SIZE = (160, 96)


def case_mattes_become_a_keyed_mask(stage):
    """A square with a hole that walks evenly, and a second piece that comes on the sixth frame."""
    node, mask = traced(stage)
    assert mask.name == "Rotoscope Subject splines"
    assert [layer.name for layer in mask.layers] == ["Outline 1", "Outline 2", "Hole 1"]
    assert [layer.blend for layer in mask.layers] == ["MERGE_ADD", "MERGE_ADD", "MERGE_SUBTRACT"]
    assert all(len(layer.splines) == 1 for layer in mask.layers)
    assert len(mask.layers[0].splines[0].points) <= 24
    guidance = module("node_types.rotoscope.guidance")
    with module("blend.scratch_scene").scratch_scene() as scene:
        keys = guidance.keyed_frames(mask, scene)
    assert (keys[0], keys[-1]) == (11, 20), keys
    assert len(keys) <= 5
    for frame in (11, 13, 15, 16, 18, 20):
        assert not off(stage, node, mask, frame), frame


def case_a_finished_mask_is_an_exact_key(stage):
    node, mask = traced(stage)
    item = node.node_tree.mattelier.objects[0]
    item.guide, item.mask, item.edge = "MASK", mask, "EXACT"
    stage.orders()
    stage.bake(node)
    keys = stage.task_options()[-1]["keys"]
    assert {key["edge"] for key in keys} == {"exact"}
    assert {key["frame"] for key in keys} >= {101, 110}
    near(read(keys[0]["mask"])[30, 40, 0], 1)  # in the square
    near(read(keys[0]["mask"])[48, 40, 0], 0)  # in its hole


def case_nothing_baked_is_told(stage):
    node = stage.add(start=1)
    words = sentence(lambda: bpy.ops.mattelier.make_splines(group=node.node_tree.name))
    assert words == "There are no mattes to make a mask of; bake first."
    assert not bpy.data.masks


def case_editors_stay_as_they_were(stage):
    screen = bpy.context.window_manager.windows[0].screen
    before = [area.type for area in screen.areas]
    frame = stage.scene.frame_current
    scenes = len(bpy.data.scenes)
    traced(stage)
    assert [area.type for area in screen.areas] == before
    assert stage.scene.frame_current == frame
    assert len(bpy.data.scenes) == scenes


def traced(stage):
    stage.size(SIZE)
    node = stage.add("large.0101.exr", start=11)
    stage.orders(mattes=str(stage.plates / "walk.####.exr"))
    stage.bake(node)
    done = bpy.ops.mattelier.make_splines(group=node.node_tree.name, tolerance=1)
    assert done == {"FINISHED"}
    return node, bpy.data.masks[0]


def off(stage, node, mask, frame):
    """Where the mask is not the matte, more than a pixel from the matte's edge."""
    shown = stage.shown.nodes.new("CompositorNodeMask")
    shown.mask = mask
    stage.show(shown.outputs[0])
    drawn = stage.render(frame)
    stage.shown.nodes.remove(shown)
    matte = read(baked_file(node, frame + 90))
    width, height = SIZE
    found = []
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            around = {matte[y + j, x + i, 0] > 0.5 for j in (-1, 0, 1) for i in (-1, 0, 1)}
            if len(around) == 1 and (drawn[y, x, 0] > 0.5) not in around:
                found.append((x, y))
    return found
