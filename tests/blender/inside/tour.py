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
    pointer,
    pointing,
    screenshot,
    show_node_panel,
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
    show_node_panel(area)
    yield 1
    screenshot("1-added")

    call(window, "open_plate", filepath=str(STAGE / "monkeys.1001.png"))
    call(window, "match_scene", group=name)
    scene.frame_set(1001)
    group.mattelier.quality, group.mattelier.tune = "fast", 0
    yield from found(window, name)
    group = bpy.data.node_groups[name]
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

    call_modal(window, "preview", group=name)
    yield from baked()
    yield 2
    screenshot("9-preview")
    *_, other = bpy.context.window_manager.windows
    with bpy.context.temp_override(window=other):
        bpy.ops.wm.window_close()
    yield 1
    bake(window, area, group)
    yield from baked()
    pointer(area, 0.4, 0.8)  # a window that was closed had the keyboard
    click()
    shown.nodes.active = node
    node.select = True
    viewer = shown.nodes.new("CompositorNodeViewer")
    viewer.location = (460, 0)
    shown.links.new(node.outputs["Left Image"], viewer.inputs[0])
    shown.nodes.active = node
    yield 2
    screenshot("3-baked")
    yield from looked_over(window, name)
    shown.nodes.active = node

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

    shown.links.remove(viewer.inputs[0].links[0])
    bpy.data.node_groups[name].mattelier.active = 1  # the other was painted over
    yield from cleaned(window, shown, viewer, name)
    preferences(window)
    yield 3
    screenshot("10-preferences")


def looked_over(window, name):
    """The frames that stand out on the timeline, and a baked subject as a mask."""
    call(window, "find_unsure", group=name)
    call(window, "make_splines", group=name, index=0)
    yield 2
    timeline = next(one for one in window.screen.areas if one.type == "DOPESHEET_EDITOR")
    with bpy.context.temp_override(window=window, area=timeline, region=main(timeline)):
        timeline.ui_type = "TIMELINE"
        bpy.ops.action.view_all()
    area = editor(window)
    area.type = "IMAGE_EDITOR"
    space = area.spaces.active
    space.image = bpy.data.images["monkeys.1001.png"]
    space.mode = "MASK"
    space.mask = next(mask for mask in bpy.data.masks if mask.name.endswith("splines"))
    user = space.image_user
    user.frame_duration, user.frame_start, user.frame_offset = 6, 1001, 1000
    user.use_auto_refresh = True
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.image.view_all(fit_view=True)
    yield 3
    screenshot("6-mask")
    area.type = "NODE_EDITOR"
    area.ui_type = "CompositorNodeTree"
    area.spaces.active.show_region_ui = True
    yield 2


def cleaned(window, shown, viewer, name):
    """What the frame is without the subject, behind the nodes."""
    call(window, "clean_plate", group=name, index=1)
    end, made = time.monotonic() + 60, None
    while made is None:
        assert time.monotonic() < end
        yield 0.5
        made = next((one for one in shown.nodes if "_clean" in one.label), None)
    shown.links.new(made.outputs[0], viewer.inputs[0])
    made.location = (viewer.location.x - 260, viewer.location.y)
    shown.nodes.active = viewer
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.node.view_all()
    yield 4
    screenshot("8-clean")


def found(window, name):
    """What the engine finds in the frame: two subjects, of which one is taken away again."""
    call_modal(window, "find_objects", group=name)
    end = time.monotonic() + 60
    while bpy.data.node_groups[name].mattelier.objects[0].guide != "MASK":
        assert time.monotonic() < end
        yield 0.5
    pointer(editor(window), 0.9, 0.8)
    for _ in range(10):
        xdotool("click", "5")
        yield 0.1
    yield 2
    screenshot("7-found")
    for _ in range(10):
        xdotool("click", "4")
        yield 0.1
    while len(bpy.data.node_groups[name].mattelier.objects) > 1:
        call(window, "remove_object", group=name, index=1)


def preferences(window):
    """The add-on's, with the networks that the engine knows."""
    bpy.ops.screen.userpref_show()
    shown = bpy.context.preferences
    shown.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Mattelier"
    name = next(key for key, _ in shown.addons.items() if key.endswith("mattelier"))
    bpy.ops.preferences.addon_expand(module=name)
    bpy.ops.mattelier.list_models()


def call(window, operator, **options):
    area = editor(window)
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        getattr(bpy.ops.mattelier, operator)(**options)


def call_modal(window, operator, **options):
    area = editor(window)
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        getattr(bpy.ops.mattelier, operator)("INVOKE_DEFAULT", **options)


def baked():
    end = time.monotonic() + 150
    while module("baking.bake").current:
        assert time.monotonic() < end
        yield 0.2
    yield 1


play(scenario, 560)
