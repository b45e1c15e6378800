"""The real engine's files in compositing: what versions of Blender do differently with them."""

import bpy
from edges import over_grey
from stage import module, near, read, square_mask, state

GREY = 0.319
ORANGE_RED = ((225 / 255 + 0.055) / 1.055) ** 2.4  # of the disc; the sky has a seventh of it


def case_alpha_over_of_the_engines_files_is_the_formula(stage):
    """On soft pixels, too, with and without its foreground; then its edge, with nothing tracked."""
    stage.size((320, 180))
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    node = stage.add("shot.1001.png", start=1001)
    settings = node.node_tree.mattelier
    settings.quality = "fast"
    item = settings.objects[0]
    stage.scene.frame_set(1001)
    item.guide, item.mask = "MASK", square_mask("guide", 0.07)
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    over = over_grey(stage, node)
    for use_foreground in (False, True):
        settings.use_foreground = use_foreground
        stage.bake(node, "SCENE")
        compare(stage, node, over)
    # Its edge is at once another.
    stage.show(node.outputs["Matte"])
    before = stage.render(1002)
    settings.edge_shift = 3
    grown = stage.render(1002)
    stage.show(node.outputs["Image"])
    taken_in = stage.render(1002)
    settings.edge_shift, settings.feather = 0, 14
    stage.show(node.outputs["Matte"])
    soft = stage.render(1002)
    stage.show(node.outputs["Foreground"])
    extended = stage.render(1002)
    beyond = [i for i, a in enumerate(before.values[::4]) if a == 0 and soft.values[4 * i] > 0.1]
    assert len(beyond) > 50
    for pixel in beyond:  # no rim of the sky
        near(extended.values[4 * pixel], ORANGE_RED, 0.1)
    settings.feather, settings.use_foreground = 0, False
    stage.show(node.outputs["Foreground"])
    plate = stage.render(1002)
    settings.use_foreground = True
    new = [i for i, a in enumerate(before.values[::4]) if a == 0 and grown.values[4 * i] == 1]
    assert len(new) > 50
    for pixel in new:
        near(taken_in.values[4 * pixel + 2], plate.values[4 * pixel + 2], 2 / 1024)
    area = [sum(pixels.values[::4]) for pixels in (before, grown)]
    radius = (area[0] / 3.1416) ** 0.5
    near((area[1] / 3.1416) ** 0.5, radius + 3, 0.35)
    tracks = list(stage.folder.rglob("coarse.*.npz"))
    times = {path: path.stat().st_mtime_ns for path in tracks}
    assert times
    settings.refine = False
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    assert times == {path: path.stat().st_mtime_ns for path in stage.folder.rglob("coarse.*.npz")}


def case_a_correction_holds_and_is_carried_on(stage):
    """One disc of two was meant; a stroke through the other one brings it, on all frames."""
    stage.size((320, 180))
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    node = stage.add("pair.1001.png", start=1001)
    settings = node.node_tree.mattelier
    settings.quality = "fast"
    item = settings.objects[0]
    stage.scene.frame_set(1001)
    item.guide, item.mask = "MASK", square_mask("guide", 0.125)
    stage.bake(node, "SCENE")
    stage.show(node.outputs["Matte"])
    before = {frame: stage.render(frame) for frame in (1002, 1003)}
    for matte in before.values():
        near(matte[95, 85, 0], 1, 0.02)
        near(matte[95, 235, 0], 0, 0.02)
    question = module("node_types.rotoscope.correcting")._question
    file = stage.folder / "corrected.exr"
    places = [{"x": 215, "y": 95}, {"x": 250, "y": 95}]
    options = question(item, settings.find_plate(), 1002, stage.folder)
    options |= {"strokes": [{"kind": "sure", "points": places, "radius": 12}], "output": str(file)}
    module("engine.connection").run_task("", "correct", options)
    module("node_types.rotoscope.corrected").keep_correction(item, 1002, file)
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    kept, shown = read(file), stage.render(1002)
    for y in range(0, 180, 3):
        for x in range(0, 320, 3):
            near(shown[y, x, 0], kept[y, x, 0], 1 / 1024)
    for x in range(215, 251):
        assert shown[95, x, 0] == 1  # exact where it was painted
    near(shown[95 - 30, 233, 0], 1, 0.02)  # and found beside it
    near(shown[95 - 40, 233, 0], 0, 0.02)
    near(shown[95, 85, 0], before[1002][95, 85, 0], 1 / 1024)
    carried = stage.render(1003)
    near(carried[95, 86, 0], 1, 0.05)
    near(carried[95, 236, 0], 1, 0.05)


def case_each_subject_keeps_its_own_pixels(stage):
    """Two discs that touch and are one thing to a network that is told of one of them alone."""
    stage.size((320, 180))
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    node = stage.add("twins.1001.png", start=1001)
    group = node.node_tree
    group.mattelier.quality = "fast"
    discs = (95, 167)
    point(group, 0, discs[0])
    stage.bake(node, "SCENE")
    stage.show(node.outputs["Matte"])
    assert stage.render(1003)[95, discs[1] + 6, 0] > 0.9  # the other disc, too
    bpy.ops.mattelier.add_object(group=group.name)
    point(group, 1, discs[1])
    stage.bake(node, "SCENE")
    for frame in (1001, 1003):
        shown = []
        for name in ("Subject Matte", "Subject 2 Matte"):
            stage.show(node.outputs[name])
            shown.append(stage.render(frame))
        for index, own in enumerate(discs):
            for disc in discs:
                value = shown[index][95, disc + 3 * (frame - 1001), 0]
                near(value, 1 if disc == own else 0, 0.03)
        for one, other in zip(*(matte.values[::4] for matte in shown), strict=True):
            assert one + other < 1.02, one + other


def point(group, index, x):
    """Click at a place of the first frame."""
    pointed = module("node_types.rotoscope.pointed")
    item = group.mattelier.objects[index]
    gestures = pointed.Gestures().clicked(x, 95, True, 2)
    module("node_types.rotoscope.pointing").keep_key(item, 1001, gestures)


def compare(stage, node, over):
    shown = {}
    for name in ("Matte", "Foreground", "Image"):
        stage.show(node.outputs[name])
        shown[name] = stage.render(1002)
    stage.show(over)
    composited = stage.render(1002)
    soft = 0
    for y in range(180):
        for x in range(320):
            alpha = shown["Matte"][y, x, 0]
            soft += 0.1 < alpha < 0.9
            if y % 8 and not 0.1 < alpha < 0.9:
                continue
            near(shown["Image"][y, x, 3], alpha, 1 / 1024)
            for channel in range(3):
                wanted = alpha * shown["Foreground"][y, x, channel] + (1 - alpha) * GREY
                near(composited[y, x, channel], wanted, 2 / 1024)
    assert soft > 50
