"""What acts at once on a Rotoscope node, after what was baked: its edge and its colour; alpha."""

import math

import bpy
from stage import near, state

GREY = 0.319


def case_alpha_over_is_the_formula(stage):
    """Premultiplied over grey, to a thousandth, with a foreground and without."""
    for plate in ("plate.0101.exr", "veil.0101.exr"):
        node = stage.add(plate, start=1)
        for use_foreground in (True, False):
            node.node_tree.mattelier.use_foreground = use_foreground
            stage.bake(node)
            for frame in (4, 9):
                composited(stage, node, frame)


def composited(stage, node, frame):
    stage.show(node.outputs["Matte"])
    matte = stage.render(frame)
    stage.show(node.outputs["Foreground"])
    colour = stage.render(frame)
    stage.show(node.outputs["Image"])
    image = stage.render(frame)
    stage.show(over_grey(stage, node))
    over = stage.render(frame)
    for x in (4, 17, 24, 31):
        alpha = matte[8, x, 0]
        near(image[8, x, 3], alpha, 1 / 1024)
        near(colour[8, x, 3], 1, 1 / 1024)
        for channel in range(3):
            near(image[8, x, channel], alpha * colour[8, x, channel], 2 / 1024)
            wanted = alpha * colour[8, x, channel] + (1 - alpha) * GREY
            near(over[8, x, channel], wanted, 2 / 1024)
    assert 0 < matte[8, 24, 0] < 1


def over_grey(stage, node):
    over = stage.shown.nodes.new("CompositorNodeAlphaOver")
    pictures = [socket for socket in over.inputs if socket.type == "RGBA"]
    pictures[0].default_value = (GREY, GREY, GREY, 1)
    stage.shown.links.new(node.outputs["Image"], pictures[1])
    return over.outputs[0]


def case_a_plates_own_alpha_counts_once(stage):
    """Its colours are red .5 and blue 1 where it is there, 3/4 of the light comes through it."""
    node = stage.add("veil.0101.exr", start=1)
    node.node_tree.mattelier.use_foreground = False
    stage.bake(node)
    stage.show(node.outputs["Image"])
    for value, wanted in zip(stage.render(8)[8, 24], (0.5, 0, 1, 1), strict=True):
        near(value, wanted * 0.75 * 8 / 16)
    stage.show(node.outputs["Foreground"])
    near(stage.render(8)[8, 24, 0], 0.5)


def case_the_edge_moves_at_once(stage):
    node, matte = baked(stage, 8)
    for pixels, grown in ((0, 0), (3, 3), (-2, -2), (2.25, 2)):
        node.node_tree.mattelier.edge_shift = pixels
        row = matte()
        for x in range(32):
            wanted = 0.5 if x >= 16 - grown else 0
            if pixels == 2.25 and x == 13:
                wanted = 0.25 * 0.5
            near(row[x], wanted)
    node.node_tree.mattelier.edge_shift = 3
    stage.show(node.outputs["Foreground"])
    pixels = stage.render(8)
    for x, red in ((13, 8 / 20), (17, 0.75)):  # what it takes in is the plate's own
        near(pixels[8, x, 0], red)
    stage.show(node.outputs["Image"])
    near(stage.render(8)[8, 13, 0], 8 / 20 * 0.5)
    assert len(stage.task_options()) == 1
    assert len(state(node).fresh) == 10


def case_the_edge_is_feathered_at_once(stage):
    node, matte = baked(stage, 8)
    settings = node.node_tree.mattelier
    settings.feather = 7  # a Gaussian of two pixels
    row = matte()
    for x in range(6, 26):
        near(row[x], 0.5 * 0.5 * (1 + math.erf((x + 0.5 - 16) / (2 * math.sqrt(2)))), 0.006)
    stage.show(node.outputs["Foreground"])
    pixels = stage.render(8)
    for x in (12, 14, 17):  # the subject's colour goes on, where the plate has another
        near(pixels[8, x, 0], 0.75, 0.002)
    stage.show(node.outputs["Image"])
    pixels = stage.render(8)
    near(pixels[8, 14, 0], 0.75 * row[14], 0.002)
    near(pixels[8, 14, 3], row[14])
    stage.show(node.outputs["Matte"])
    settings.edge_shift = 2
    near(matte()[14], 0.5 * 0.5 * (1 + math.erf(0.5 / (2 * math.sqrt(2)))), 0.006)
    settings.feather = settings.edge_shift = 0
    assert len(node.node_tree.nodes) == stage.inside  # nothing stays behind
    assert len(stage.task_options()) == 1


def case_despill_goes_from_the_plate_to_the_clean_colour(stage):
    node = stage.add(start=1)
    stage.bake(node)
    stage.show(node.outputs["Foreground"])
    for share in (1, 0.25, 0):
        node.node_tree.mattelier.despill = share
        pixels = stage.render(5)
        for channel, (clean, plate) in enumerate(((0.75, 5 / 20), (0.5, 0.18), (0.25, 2))):
            near(pixels[8, 24, channel], share * clean + (1 - share) * plate, 0.002)
    assert len(stage.task_options()) == 1
    assert len(state(node).fresh) == 10


def case_subjects_and_settings_share_what_was_tracked(stage):
    node = stage.add(start=1)
    bpy.ops.mattelier.add_object(group=node.node_tree.name)
    stage.bake(node)
    node.node_tree.mattelier.refine = False
    stage.bake(node)
    asked = stage.task_options()
    assert len(asked) == 4
    assert len({options["output"] for options in asked}) == 4
    assert len({options["track_folder"] for options in asked}) == 1
    assert len({tuple(options["objects"]) for options in asked}) == 2


def case_a_group_of_an_older_version_is_built_anew(stage):
    node = stage.add(start=1)
    stage.bake(node)
    group = node.node_tree
    item = group.mattelier.objects[0]
    cut = group.nodes[f"Premultiply {item.uid}"]
    group.links.new(group.nodes[item.image_node("foreground")].outputs[0], cut.inputs[0])
    stage.show(node.outputs["Image"])
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    near(stage.render(8)[8, 24, 3], 0.5, 1 / 1024)


def baked(stage, frame):
    """A node, and what gives the middle row of its matte on a frame."""
    node = stage.add(start=1)
    stage.bake(node)
    stage.show(node.outputs["Matte"])
    stage.inside = len(node.node_tree.nodes)

    def row():
        pixels = stage.render(frame)
        return [pixels[8, x, 0] for x in range(32)]

    return node, row
