"""A shot at the window: pointed at, baked, corrected where it looks wrong, saved to be rendered.

Run by Blender with --python; `benchmarks/blender_window.py` makes the shot and its wishes.json.
"""

import json
import math
import shutil
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
    stroke,
    xdotool,
)
from stage import module, read, timed_engine

WISHES = json.loads((STAGE / "wishes.json").read_text())
FIRST, LAST = WISHES["first"], WISHES["first"] + WISHES["frames"] - 1
CORRECTIONS = 2
_LOOKED_AT = 10  # baked frames that the artist looks at before correcting one
_SAMPLES = 9  # along a stroke
_SEEN = 0.3  # of alpha
_PAST, _ACROSS = 48, 50  # pixels from a board's end, and along it to each side
_ANSWER_SECONDS = 90  # for the engine to start, too
_SECONDS = 3500


def scenario():
    window = bpy.context.window_manager.windows[0]
    shown = yield from compositing(window, FIRST, LAST, FIRST, (1920, 1080))
    area, scene = editor(window), window.scene
    space = area.spaces.active
    space.show_region_ui, space.backdrop_zoom = True, 0.45
    yield 1
    yield from added(area, "rotos", 0.35)
    group, node = next(module("node.groups").editable_groups()), shown.nodes.active
    show_node_panel(area)
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.mattelier.open_plate(filepath=str(STAGE / "plates" / f"walk.{FIRST}.exr"))
        bpy.ops.mattelier.match_scene(group=group.name)
    name = group.name
    group.mattelier.quality = WISHES["quality"]
    lay_over_ground(shown, node, scene)
    yield 2
    screenshot("1-opened")

    yield from pointing(window, name)
    before = screenshot("2-pointing")
    at_plate(window, *middle(parts(FIRST)["body"]))
    click()
    xdotool("mousemove", "400", "800")
    yield from answered(window, before, [parts(FIRST)["head"]], "2-pointed")
    keys("Return")
    yield 1
    assert list(pointed(name)) == [FIRST]
    yield "pointed at"

    bakes, corrected = [(yield from baked(window, name, 0))], []
    yield 3
    screenshot("3-baked")
    for number in range(1, CORRECTIONS + 1):
        frame, wrong = worst(name)
        if not wrong:
            break  # an artist would see nothing to correct
        scene.frame_set(frame)
        yield from pointing(window, name, "correct")
        keys("bracketright")
        yield 4
        before = screenshot(f"4-uncorrected-{number}")
        for kind, *ends in wrong:
            if kind == "not":
                xdotool("keydown", "shift")
            yield from stroke(window, *ends)
            if kind == "not":
                xdotool("keyup", "shift")
            yield 1
        yield from answered(window, before, [ends for _, *ends in wrong], f"5-corrected-{number}")
        kept = corrections(name).get(frame)
        keys("Return")
        end = time.monotonic() + 60
        while corrections(name).get(frame) == kept:
            assert time.monotonic() < end, "no key was made"
            yield 0.2
        corrected.append(frame)
        bakes.append((yield from baked(window, name, number)))
        yield 3
        screenshot(f"6-baked-{number}")
        yield f"corrected {frame}"

    item = bpy.data.node_groups[name].mattelier.objects[0]
    bpy.ops.wm.save_mainfile()
    times = {"bakes": bakes, "corrected": corrected, "folder": str(item.folder)}
    (STAGE / "times.json").write_text(json.dumps(times))


def lay_over_ground(shown, node, scene):
    """The composite, to be rendered to float EXR."""
    ground = shown.nodes.new("CompositorNodeImage")
    ground.image = bpy.data.images.load(str(STAGE / "ground.exr"))
    over = shown.nodes.new("CompositorNodeAlphaOver")
    viewer = shown.nodes.new("CompositorNodeViewer")
    ground.location, over.location, viewer.location = (0, -260), (260, 0), (460, 0)
    shown.links.new(ground.outputs[0], over.inputs[1])
    shown.links.new(node.outputs["Image"], over.inputs[2])
    shown.links.new(over.outputs[0], viewer.inputs[0])
    shown.links.new(over.outputs[0], module("blend.versions").output_socket(shown))
    shown.nodes.active = node
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    scene.render.filepath = str(STAGE / "out.####")


def baked(window, name, number):
    """Bake, keep a copy of the mattes; gives all seconds, and those that the engine had."""
    with timed_engine() as engine:
        start, shot = time.perf_counter(), False
        bake(window, editor(window), bpy.data.node_groups[name])
        while running := module("baking.bake").current:
            if not shot and running.fraction > 0.4:
                shot = True
                screenshot(f"3-baking-{number}")
            yield 0.1
        total = time.perf_counter() - start
    item = bpy.data.node_groups[name].mattelier.objects[0]
    module("data.recent").forget()
    stale = module("baking.freshness").state(item, item.id_data.mattelier.find_plate()).to_bake
    assert not stale, f"not baked: {stale}"
    shutil.copytree(item.folder / "matte", STAGE / f"mattes-{number}")
    return {"total": total, "engine": sum(engine)}


def answered(window, before, lines, name):
    """Wait until the engine has answered to all that was said, and the matte on screen shows it."""
    end = time.monotonic() + _ANSWER_SECONDS
    while True:
        after = screenshot(name)
        for ends in lines:
            at = place_of(window, *middle(ends))
            pairs = zip(colour(after, at), colour(before, at), strict=True)
            if sum(abs(a - b) for a, b in pairs) < 0.1:
                break
        else:
            yield 2  # the rest of the answer
            screenshot(name)
            return
        assert time.monotonic() < end, f"no answer shows at {ends}"
        yield 1


def corrections(name):
    """A digest of each corrected matte, by frame."""
    kept = module("node_types.rotoscope.corrected")
    return kept.corrected(bpy.data.node_groups[name].mattelier.objects[0])


def worst(name):
    """The frame of which most is wrong, and the strokes that put it right, as an artist sees it."""
    settings = bpy.data.node_groups[name].mattelier
    plate = settings.find_plate()
    files = module("data.bake_files").pass_files(settings.objects[0].folder, plate, "matte")
    found = []
    for part in (*range(1, _LOOKED_AT + 1), 0):  # where it was pointed at last
        frame = FIRST + round(part * (LAST - FIRST) / _LOOKED_AT)
        matte = read(files.file(frame))
        wrong = [stroke for stroke in strokes(frame) if is_wrong(matte, *stroke)]
        found.append((len(wrong), frame, wrong))
    # Of several as bad ones the first.
    return max(found, key=lambda one: one[0])[1:]


def strokes(frame):
    """Along the parts of the subject, through the lamps, and over the ground beside it and past the
    board's ends."""
    for start, end in parts(frame).values():
        yield "sure", start, end
    for start, end in WISHES["lamps"][frame - FIRST]:
        yield "not", start, end
    yield from past_ends(*parts(frame)["board"])
    x, y = middle(parts(frame)["body"])
    for away in (-420, 520):
        yield "not", (x + away, y - 150), (x + away, y + 200)


def past_ends(start, end):
    """Across what a board goes on as."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    along = (x0 - x1) / length, (y0 - y1) / length
    for (x, y), sign in ((start, 1), (end, -1)):
        x, y = x + sign * _PAST * along[0], y + sign * _PAST * along[1]
        over = _ACROSS * along[1], _ACROSS * along[0]
        yield "not", (x - over[0], y + over[1]), (x + over[0], y - over[1])


def is_wrong(matte, kind, start, end):
    """Whether a third of a line is not as it should be."""
    height, width, _ = matte.shape
    wrong = 0
    for step in range(_SAMPLES):
        share = step / (_SAMPLES - 1)
        x, y = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
        alpha = matte[min(max(y, 0), height - 1), min(max(x, 0), width - 1), 0]
        wrong += abs(alpha - (kind == "sure")) > _SEEN
    return wrong > _SAMPLES / 3


def parts(frame):
    return WISHES["joints"][frame - FIRST]


def middle(ends):
    (x0, y0), (x1, y1) = ends
    return (x0 + x1) / 2, (y0 + y1) / 2


play(scenario, _SECONDS)
