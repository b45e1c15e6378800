"""An artist points behind the nodes and in the clip editor. Run by Blender with --python."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from desktop import (
    SHOT,
    STAGE,
    at_plate,
    bake,
    click,
    colour,
    compositing,
    editor,
    keys,
    main,
    place_of,
    play,
    pointed,
    pointing,
    screenshot,
    show_node_panel,
    shown_matte,
    state,
    stroke,
    tinted,
    viewer_pixels,
    xdotool,
)
from stage import module, read, sentence

DISC = (92, 95)  # on frame 1005
PLACES = [DISC, (135, 95), (142, 95), (92, 138), (92, 145), (4, 4), (315, 175)]  # about its edge


def scenario():
    """Gives names of finished steps, and seconds to wait."""
    window = bpy.context.window_manager.windows[0]
    shown = yield from compositing(window, 1001, 1024, 1005)
    area, scene = editor(window), window.scene
    scene.view_settings.view_transform = "Standard"
    image = bpy.data.images.load(str(STAGE / "plates" / "shot.1001.png"))
    image.source = "SEQUENCE"
    node = shown.nodes.new("CompositorNodeGroup")
    node.node_tree = module("node.groups").new_group(module("registry").NODE_TYPES["rotoscope"])
    group = node.node_tree
    group.mattelier.image, group.mattelier.frame_start, group.mattelier.tune = image, 1001, 0
    plate = shown.nodes.new("CompositorNodeImage")
    plate.image, plate.frame_start, plate.frame_duration = image, 1001, 24
    plate.frame_offset, plate.use_auto_refresh = 1000, True
    viewer = shown.nodes.new("CompositorNodeViewer")
    shown.links.new(plate.outputs[0], viewer.inputs[0])
    for number, one in enumerate((node, plate, viewer)):
        one.location = (-4000 + 300 * number, 0)  # out of sight
    shown.nodes.active = viewer
    space = area.spaces.active
    space.show_backdrop, space.backdrop_zoom, space.backdrop_offset = True, 1.3, (37, -21)
    end = time.monotonic() + 20
    while len(viewer_pixels()) != 4 * SHOT[0] * SHOT[1] or max(viewer_pixels()) < 0.5:
        assert time.monotonic() < end, "the viewer shows no plate"
        yield 0.2
    yield 1
    before = screenshot("behind")
    by_blender = [colour(before, place_of(window, *place)) for place in PLACES]
    yield from pointing(window, group.name, where="BACKDROP")
    began = screenshot("behind-pointing")
    ours = [colour(began, place_of(window, *place)) for place in PLACES]
    for place, one, other in zip(PLACES, by_blender, ours, strict=True):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.02, (place, one, other)
    assert ours[1][0] > 0.8 > 0.5 > ours[2][0]  # the disc's edge lies between
    yield "the frame lies where the backdrop lay"

    at_plate(window, *DISC)
    click()
    yield from tinted(began, [(92, 70), (70, 95)], "behind-pointed")
    keys("Return")
    yield 1
    (said,) = pointed(group.name)[1005].clicks
    assert abs(said.x - DISC[0]) < 1.5
    assert abs(said.y - DISC[1]) < 1.5
    assert space.show_backdrop
    assert not [one for one in bpy.data.images if one.name.startswith("Frame ")]
    yield from pointing(window, group.name, where="BACKDROP")
    at_plate(window, 200, 100)
    click()
    yield 1
    keys("Escape")
    yield 1
    assert len(pointed(group.name)[1005].clicks) == 1
    assert space.show_backdrop
    yield "pointing behind the nodes makes a key"

    bake(window, area, group)
    while module("baking.bake").current:
        yield 0.1
    assert len(state(group).fresh) == 24
    yield from pointing(window, group.name, "correct", where="BACKDROP")
    began = yield from shown_matte("behind-correcting")
    yield from stroke(window, (60, 60), (100, 60))
    yield from tinted(began, [(70, 60), (90, 60)], "behind-painted")
    keys("Return")
    item = group.mattelier.objects[0]
    yield from corrected(item, [1005])
    yield 1
    yield "strokes behind the nodes make a key"

    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
    other = max((a for a in window.screen.areas if a != area), key=lambda a: a.width * a.height)
    other.type = "CLIP_EDITOR"
    clip = bpy.data.movieclips.load(str(STAGE / "plates" / "shot.1001.png"))
    clip.frame_start = 1001
    group.mattelier.clip, group.mattelier.source = clip, "CLIP"
    assert module("node_types.rotoscope.surfaces").clip_area(window.screen, group.mattelier) is None
    other.spaces.active.clip = clip
    scene.frame_set(1009)  # the disc has walked to (124, 95)
    yield 1
    with bpy.context.temp_override(window=window, area=other, region=main(other)):
        bpy.ops.clip.view_all()
    yield 1
    yield from pointing(window, group.name, where="CLIP")
    began = screenshot("clip-pointing")
    at_plate(window, 124, 95)
    click()
    yield from tinted(began, [(124, 70), (100, 95)], "clip-pointed")
    keys("Return")
    yield 1
    (said,) = pointed(group.name)[1009].clicks
    assert abs(said.x - 124) < 1.5
    assert abs(said.y - 95) < 1.5
    assert other.type == "CLIP_EDITOR"
    yield "pointing in the clip editor makes a key"

    yield from pointing(window, group.name, "correct", where="CLIP")
    began = yield from shown_matte("clip-correcting")
    yield from stroke(window, (60, 60), (100, 60))
    yield from tinted(began, [(70, 60), (90, 60)], "clip-painted")
    xdotool("keydown", "shift")
    yield from stroke(window, (220, 120), (260, 120))
    xdotool("keyup", "shift")
    keys("Return")
    yield from corrected(item, [1005, 1009])
    file = STAGE / "corrected.exr"
    module("node_types.rotoscope.corrected").write_correction(item, 1009, file)
    pixels = read(file)
    assert min(pixels[60, x, 0] for x in range(60, 101, 5)) == 1
    assert max(pixels[120, x, 0] for x in range(220, 261, 5)) == 0
    assert abs(pixels[20, 300, 0] - 9 / 16) < 0.01  # as the tests' engine made it
    assert other.type == "CLIP_EDITOR"
    assert other.spaces.active.clip == clip
    yield 1
    yield "strokes in the clip editor make a key"

    other.spaces.active.clip = None
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        point = bpy.ops.mattelier.point
        told = sentence(lambda: point("INVOKE_DEFAULT", group=group.name, editor="CLIP"))
    assert told == "No movie clip editor of this window shows the node's clip; open it in one."
    assert not [one for one in bpy.data.images if one.name.startswith("Frame ")]
    yield "an editor that is not there is told"

    shown.nodes.active = node
    area.spaces.active.show_region_ui = True
    yield 0.5
    show_node_panel(area)
    name, areas = group.name, [one.type for one in window.screen.areas]
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        find = bpy.ops.mattelier.find_objects
        assert find("INVOKE_DEFAULT", group=name) == {"RUNNING_MODAL"}
    end = time.monotonic() + 40
    while len(bpy.data.node_groups[name].mattelier.objects) == 1:
        assert time.monotonic() < end, "nothing was found"
        yield 0.2
    yield 1
    screenshot("found")
    found = bpy.data.node_groups[name].mattelier.objects[1]
    assert (found.guide, found.edge, len(found.mask.layers)) == ("MASK", "ROUGH", 1)
    assert [one.type for one in window.screen.areas] == areas
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.ed.undo()
    assert len(bpy.data.node_groups[name].mattelier.objects) == 1
    yield "what was found becomes a subject, and is taken back"

    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        preview = bpy.ops.mattelier.preview
        assert preview("INVOKE_DEFAULT", group=name) == {"RUNNING_MODAL"}
    end = time.monotonic() + 40
    while not previewing():
        assert time.monotonic() < end, "no preview is shown"
        yield 0.2
    (shown,) = previewing()
    while module("baking.bake").current:
        assert time.monotonic() < end
        yield 0.2
    end = time.monotonic() + 10
    while max(filled(shown)) < 0.75:  # Blender leaves five of its pixels free on each side
        assert time.monotonic() < end, f"the preview does not fill its editor: {filled(shown)}"
        yield 0.2
    assert max(filled(shown)) <= 1.01
    yield 1
    screenshot("previewed")
    user = shown.image_user
    plate = bpy.data.node_groups[name].mattelier.find_plate()
    assert (shown.image.source, user.frame_start) == ("SEQUENCE", plate.start)
    assert [one.type for one in window.screen.areas] == areas
    assert area.type == "NODE_EDITOR"
    yield "a preview is shown in an image editor"


def previewing():
    """The image editors that show a preview."""
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    spaces = [area.spaces.active for area in areas if area.type == "IMAGE_EDITOR"]
    return [one for one in spaces if one.image and one.image.name.endswith("Preview")]


def filled(space):
    """How much of an editor its picture takes, across and down."""
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    region = main(next(area for area in areas if area.spaces.active == space))
    width, height = space.image.size
    return space.zoom[0] * width / region.width, space.zoom[1] * height / region.height


def corrected(item, frames):
    """Wait until these frames' mattes are keys."""
    end = time.monotonic() + 20
    while (found := list(module("node_types.rotoscope.corrected").corrected(item))) != frames:
        assert time.monotonic() < end, f"other keys: {found}"
        yield 0.2


play(scenario, 360)
