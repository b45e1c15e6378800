"""The steps of a shot at Blender's window, for the pictures of the documentation."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from desktop import (
    STAGE,
    added,
    at_plate,
    bake,
    click,
    compositing,
    editor,
    keys,
    main,
    play,
    pointing,
    screenshot,
    stroke,
    xdotool,
)
from stage import module

LEFT, RIGHT = (216, 150), (455, 170)  # the monkeys' faces, on the first frame
OTHER = (  # strokes through the right monkey, on the fourth frame
    ((370, 150), (520, 150)),
    ((425, 170), (435, 285)),
    ((540, 165), (590, 155)),
    ((440, 118), (490, 118)),
)


def scenario():
    window = bpy.context.window_manager.windows[0]
    shown = yield from compositing(window, 1001, 1006, 1001)
    area, scene = editor(window), window.scene
    area.spaces.active.show_region_ui = True
    yield 1
    yield from added(area, "rotos", 0.35)
    group = next(module("node.groups").editable_groups())
    name, node = group.name, shown.nodes.active
    for region in area.regions:
        if region.type == "UI":
            region.active_panel_category = "Node"
    yield 1
    screenshot("1-added")

    call(window, "open_plate", filepath=str(STAGE / "monkeys.1001.png"))
    call(window, "match_scene", group=name)
    scene.frame_set(1001)
    group.mattelier.quality, group.mattelier.tune = "fast", 0
    call(window, "add_object", group=name)
    for index, subject in enumerate(("Left", "Right")):
        group.mattelier.objects[index].name = subject
        group.mattelier.objects[index].guide = "POINTS"
    for index, own, other in ((0, LEFT, RIGHT), (1, RIGHT, LEFT)):
        yield from pointing(window, name, index=index)
        at_plate(window, *own)
        click()
        yield 1
        if index == 0:
            at_plate(window, *other)
            xdotool("keydown", "shift")
            click()
            xdotool("keyup", "shift")
        yield 4
        screenshot(f"2-pointed-{index}")
        keys("Return")
        yield 1

    bake(window, area, group)
    yield from baked()
    viewer = shown.nodes.new("CompositorNodeViewer")
    viewer.location = (460, 0)
    shown.links.new(node.outputs["Left Image"], viewer.inputs[0])
    shown.nodes.active = node
    yield 2
    screenshot("3-baked")

    scene.frame_set(1004)
    yield from pointing(window, name, "correct")
    keys("bracketright")
    keys("bracketright")
    yield 2
    screenshot("4-uncorrected")
    for places in OTHER:
        yield from stroke(window, *places)
    yield 2
    screenshot("4-corrected")
    keys("Return")
    yield 2
    bake(window, editor(window), bpy.data.node_groups[name])
    yield from baked()

    call(window, "make_cryptomatte", group=name)
    yield 3
    picker = next(one for one in shown.nodes if one.bl_idname == "CompositorNodeCryptomatteV2")
    plate = shown.nodes.new("CompositorNodeImage")
    plate.image = bpy.data.images["monkeys.1001.png"]
    plate.frame_duration, plate.frame_start, plate.frame_offset = 6, 1001, 1000
    plate.location = (picker.location.x - 240, picker.location.y)
    shown.links.new(plate.outputs[0], picker.inputs[0])
    picker.matte_id = "Right"
    viewer.location = (460, picker.location.y)
    shown.links.new(picker.outputs["Image"], viewer.inputs[0])
    shown.nodes.active = picker
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.node.view_all()
    yield 3
    screenshot("5-cryptomatte")


def call(window, operator, **options):
    area = editor(window)
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        getattr(bpy.ops.mattelier, operator)(**options)


def baked():
    end = time.monotonic() + 150
    while module("baking.bake").current:
        assert time.monotonic() < end
        yield 0.2
    yield 1


play(scenario, 400)
