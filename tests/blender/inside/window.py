"""An artist at Blender's window: menu, keyboard, mouse, Esc, F12. Run by Blender with --python."""

import json
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from desktop import (
    ORDERS,
    STAGE,
    added,
    at_plate,
    bake,
    click,
    compositing,
    covered,
    editor,
    keys,
    main,
    orders,
    play,
    pointed,
    pointer,
    pointing,
    screenshot,
    show_node_panel,
    shown_matte,
    state,
    stroke,
    tinted,
    viewer_alpha,
    viewer_pixels,
    xdotool,
)
from stage import module, read


def scenario():
    """Gives names of finished steps, and seconds to wait."""
    window = bpy.context.window_manager.windows[0]
    shown = yield from compositing(window, 1001, 1024, 1003)
    area = editor(window)
    area.spaces.active.show_region_ui = True
    yield 1
    yield from added(area, "rotos", 0.4, "menu")
    group = next(module("node.groups").editable_groups())
    node = next(node for node in shown.nodes if getattr(node, "node_tree", None) == group)
    assert shown.nodes.active == node
    assert node.label == "Rotoscope: Open a Plate"
    screenshot("added")
    yield "the node is added from the menu"

    settings = group.mattelier
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.mattelier.open_plate(filepath=str(STAGE / "plates" / "shot.1001.png"))
    assert settings.image.source == "SEQUENCE"
    assert settings.frame_start == 1001
    assert node.label == "Rotoscope: Bake"
    yield "a sequence is opened by one of its files"

    shown.links.new(node.outputs["Image"], module("blend.versions").output_socket(shown))
    viewer = shown.nodes.new("CompositorNodeViewer")
    viewer.location = (500, 0)
    shown.links.new(node.outputs["Image"], viewer.inputs[0])
    shown.nodes.active = node
    show_node_panel(area)
    bpy.ops.wm.save_mainfile()
    yield 1
    orders(delay=0.5)
    bake(window, area, group)
    running = module("baking.bake").current
    while running.frames < 5:
        yield 0.1
    while not viewer_alpha():
        assert running.running, "the viewer shows no frame that has arrived"
        yield 0.1
    screenshot("baking")
    yield "frames show as they arrive"

    pointer(area, 0.25, 0.5)
    keys("Escape")
    yield 1
    assert module("baking.bake").current is None
    done = len(state(group).fresh)
    assert 3 <= done < 24
    screenshot("cancelled")
    yield "Esc cancels and keeps finished frames"

    orders()
    bake(window, area, group)
    while module("baking.bake").current:
        yield 0.1
    yield 1
    assert len(state(group).fresh) == 24
    assert settings.image.users == 1
    assert node.label == "Rotoscope"
    screenshot("baked")
    yield "a second bake makes the rest"

    settings.quality = "fast"
    bpy.ops.ed.undo_push(message="quality")
    assert len(state(group).stale) == 24
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.ed.undo()
    group = next(module("node.groups").editable_groups())
    assert len(state(group).fresh) == 24
    yield "undo makes fresh again"

    first = group.mattelier.objects[0].folder
    group.mattelier.quality = "fast"
    bpy.ops.ed.undo_push(message="quality")
    orders(delay=0.2)
    bake(window, area, group)
    while module("baking.bake").current.frames < 4:
        yield 0.1
    item = group.mattelier.objects[0]
    assert item.folder != first
    second = item.folder
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.ed.undo()
    yield 1.5  # it goes on, and shows nothing of itself
    group = next(module("node.groups").editable_groups())
    assert group.mattelier.quality == "balanced"
    assert group.mattelier.objects[0].folder == first
    assert len(state(group).fresh) == 24
    assert module("baking.bake").current is not None
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.ed.redo()
    group = next(module("node.groups").editable_groups())
    assert group.mattelier.objects[0].folder == second
    while module("baking.bake").current:
        yield 0.1
    orders()
    group = next(module("node.groups").editable_groups())
    assert len(state(group).fresh) == 24
    yield "undo during a bake shows the bake of the settings that it brings back"

    bpy.ops.mattelier.clear(group=group.name)
    assert not state(group).fresh
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.render.render("INVOKE_DEFAULT")
    yield 3
    assert module("ui.render_check").missing_in_render()
    screenshot("missing")
    keys("Escape")
    yield "a render that lacks mattes says so"

    rendered = []
    bpy.app.handlers.render_complete.append(lambda *_: rendered.append(True))
    with bpy.context.temp_override(window=window, area=editor(window), region=None):
        bpy.ops.mattelier.bake("INVOKE_DEFAULT", everywhere=True, frames="SCENE", then="FRAME")
    while not rendered:
        yield 0.1
    yield 1
    assert not module("ui.render_check").missing_in_render()
    yield "bake, then render"

    for other in list(bpy.context.window_manager.windows)[1:]:  # of the renders
        with bpy.context.temp_override(window=other):
            bpy.ops.wm.window_close()
    yield 1
    pointer(editor(window), 0.42, 0.54)  # onto the warning of what was missing
    keys("Escape")
    yield 1
    shown = module("blend.versions").compositor(window.scene)  # undo has made all anew
    viewer = next(node for node in shown.nodes if node.bl_idname == "CompositorNodeViewer")
    for name, y in (("upsc", 0.65), ("bokeh", 0.85)):
        yield from added(editor(window), name, y)
    nodes = {
        node.node_tree.mattelier.kind: node
        for node in shown.nodes
        if module("node.groups").is_ours(getattr(node, "node_tree", None))
    }
    assert sorted(nodes) == ["bokeh", "rotoscope", "upscale"]
    yield "all types are added from the menu"

    for name in ("upscale", "bokeh"):
        nodes[name].node_tree.mattelier.image = bpy.data.images["shot.1001.png"]
    settings = nodes["bokeh"].node_tree.mattelier
    settings.depth_from, settings.mattes = "MATTE", nodes["rotoscope"].node_tree
    nodes["rotoscope"].node_tree.mattelier.quality = "best"
    shown.nodes.active = nodes["bokeh"]
    with bpy.context.temp_override(window=window, area=editor(window), region=None):
        bpy.ops.mattelier.bake("INVOKE_DEFAULT", everywhere=True, frames="SCENE")
    while module("baking.bake").current:
        yield 0.1
    yield 1
    for node in nodes.values():
        assert len(state(node.node_tree).fresh) == 24
    # What the tests' engine draws: the radius as blue; red 0.5, at twice the size.
    for name, channel, value, size in (
        ("bokeh", 2, 0.2, (320, 180)),
        ("upscale", 0, 0.5, (640, 360)),
    ):
        shown.nodes.active = nodes[name]
        shown.links.new(nodes[name].outputs["Image"], viewer.inputs[0])
        image, end = bpy.data.images["Viewer Node"], time.monotonic() + 20
        while tuple(image.size) != size or abs(viewer_pixels()[channel] - value) > 0.001:
            assert time.monotonic() < end, f"the viewer does not show {name}"
            yield 0.2
        yield 1  # the sidebar unfolds
        screenshot(name)
    assert len(rendered) == 1  # by the bake before this one
    yield "all types are baked one after the other, and shown"

    yield from added(editor(window), "keyer", 0.15)
    node = shown.nodes.active
    group = node.node_tree
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.mattelier.open_plate(filepath=str(STAGE / "plates" / "screen.1001.exr"))
    bake(window, editor(window), group)
    while module("baking.bake").current:
        yield 0.1
    yield 1
    assert len(state(group).fresh) == 2
    window.scene.frame_set(1001)
    shown.links.new(node.outputs["Image"], viewer.inputs[0])
    end = time.monotonic() + 20
    while not 0.05 < covered() < 0.3:
        assert time.monotonic() < end, f"the viewer does not show what is keyed: {covered()}"
        yield 0.2
    screenshot("keyer")
    yield "a screen is keyed"

    # The disc is at (92, 95) on this frame.
    shown.nodes.active = nodes["rotoscope"]
    name = nodes["rotoscope"].node_tree.name
    window.scene.frame_set(1005)
    yield from pointing(window, name)
    before = screenshot("pointing")
    at_plate(window, 92, 95)
    click()
    yield from tinted(before, [(92, 70), (70, 95)], "pointed")
    at_plate(window, 250, 40)
    xdotool("keydown", "shift")
    click()
    xdotool("keyup", "shift")
    yield 1
    at_plate(window, 40, 40)
    xdotool("mousedown", "1")
    yield 0.3
    at_plate(window, 100, 120)
    yield 0.3
    at_plate(window, 145, 150)
    yield 0.3
    xdotool("mouseup", "1")
    yield 2
    screenshot("boxed")
    keys("Return")
    yield 1
    assert not [area for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    assert not [image for image in bpy.data.images if image.name.startswith("Frame ")]
    (key,) = pointed(name).values()
    this, off = key.clicks
    assert (this.positive, off.positive) == (True, False)
    for value, wanted in ((this.x, 92), (this.y, 95), (off.x, 250), (off.y, 40)):
        assert abs(value - wanted) < 1.5, key
    for value, wanted in ((key.box.x, 40), (key.box.y, 40), (key.box.width, 105)):
        assert abs(value - wanted) < 1.5, key
    assert list(pointed(name)) == [1005]
    yield "pointing in the picture makes a key"

    yield from pointing(window, name)
    at_plate(window, 250, 40)
    click()  # onto the point that is there
    yield 1
    keys("BackSpace")  # the box
    yield 1
    screenshot("edited")
    keys("Return")
    yield 1
    assert [one.positive for one in pointed(name)[1005].clicks] == [True]
    assert pointed(name)[1005].box is None
    yield from pointing(window, name)
    at_plate(window, 200, 100)
    click()
    yield 1
    keys("Escape")
    yield 1
    assert len(pointed(name)[1005].clicks) == 1
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.ed.undo()
    assert pointed(name)[1005].box is not None
    yield "a key is edited, left and undone"

    # The tests' engine made nothing of the left half, and one grey of the right half.
    grey = 5 / 16
    yield from pointing(window, name, "correct")
    before = yield from shown_matte("correcting")
    yield from stroke(window, (60, 60), (100, 60))
    yield from tinted(before, [(70, 60), (90, 60)], "painted")
    xdotool("keydown", "shift")
    yield from stroke(window, (220, 120), (260, 120))
    xdotool("keyup", "shift")
    keys("bracketright")
    yield from stroke(window, (40, 150), (120, 150))
    yield 1
    screenshot("corrected")
    keys("BackSpace")
    yield 1
    keys("Return")
    yield 2
    assert not [area for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    group = bpy.data.node_groups[name]
    item = group.mattelier.objects[0]
    assert list(module("node_types.rotoscope.corrected").corrected(item)) == [1005]
    file = STAGE / "corrected.exr"
    module("node_types.rotoscope.corrected").write_correction(item, 1005, file)
    pixels = read(file)
    for x in range(60, 101, 5):
        assert pixels[60, x, 0] == 1, (x, pixels[60, x, 0])
    for x in range(220, 261, 5):
        assert pixels[120, x, 0] == 0, (x, pixels[120, x, 0])
    assert abs(pixels[20, 300, 0] - grey) < 0.01
    assert pixels[150, 80, 0] < 0.01  # taken back
    yield "strokes over a baked matte make a key"

    key = item.corrected
    yield from pointing(window, name, "correct")
    yield from stroke(window, (30, 30), (40, 30))
    keys("Escape")
    yield 1
    item = bpy.data.node_groups[name].mattelier.objects[0]
    assert item.corrected == key
    bake(window, editor(window), bpy.data.node_groups[name])
    while module("baking.bake").current:
        yield 0.1
    requests = (ORDERS.parent / "requests.jsonl").read_text().splitlines()
    asked = [one["options"] for one in map(json.loads, requests) if one["task"] == "roto"][-1]
    (corrected,) = [one for one in asked["keys"] if one["frame"] == 1005]
    assert corrected["edge"] == "matte"
    assert Path(corrected["mask"]).read_bytes() == file.read_bytes()
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.ed.undo()  # the bake
        bpy.ops.ed.undo()
    assert bpy.data.node_groups[name].mattelier.objects[0].corrected == ""
    yield "a correction is left, baked and undone"

    group = bpy.data.node_groups[name]
    with bpy.context.temp_override(window=window, area=editor(window), region=main(editor(window))):
        bpy.ops.mattelier.make_cryptomatte("INVOKE_DEFAULT", group=name)
    while not (picked := pickers(window)):
        yield 0.2
    yield 1
    tree = module("blend.versions").compositor(window.scene)
    viewer = next(node for node in tree.nodes if node.bl_idname == "CompositorNodeViewer")
    tree.links.new(picked[0].outputs["Matte"], viewer.inputs[0])
    end = time.monotonic() + 20
    while [round(value, 2) for value in viewer_pixels()[:: 4 * 160][180:182]] != [
        0,
        round(grey, 2),
    ]:
        assert time.monotonic() < end, "the viewer does not show the Cryptomatte"
        yield 0.2
    screenshot("cryptomatte")
    assert picked[0].matte_id == group.mattelier.objects[0].name
    yield "Blender's own node shows the Cryptomatte"


def pickers(window):
    tree = module("blend.versions").compositor(window.scene)
    return [node for node in tree.nodes if node.bl_idname == "CompositorNodeCryptomatteV2"]


play(scenario, 400)
