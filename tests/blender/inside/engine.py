"""The real engine, from a drawn mask to rendered pixels."""

from stage import module, near, square_mask


def case_mattes_a_drawn_subject_in_the_plates_own_colours(stage):
    """A disc over a sky; its mask is a rough square, keyed once."""
    node, settings = shot(stage, "shot.1001.png")
    stage.bake(node, "SCENE")
    assert settings.quality == "fast"
    plate = module("plate").find(settings)
    state = module("cache").state(settings.objects[0], plate)
    assert state.fresh == (1001, 1002, 1003)
    stage.show(node.outputs["Matte"])
    matte = stage.render(1003)
    near(matte[95, 76, 0], 1, 0.05)  # inside the disc, which has moved
    near(matte[20, 250, 0], 0, 0.05)
    stage.show(node.outputs["Foreground"])
    colour = stage.render(1003)
    for channel, code in enumerate((225, 140, 50)):
        near(colour[95, 76, channel], ((code / 255 + 0.055) / 1.055) ** 2.4, 0.004)
    stage.show(node.outputs["Image"])
    cut = stage.render(1003)
    near(cut[95, 76, 0], float(colour[95, 76, 0] * matte[95, 76, 0]), 0.002)


def case_floats_above_one_come_through(stage):
    node, _ = shot(stage, "bright.1001.exr")
    stage.bake(node, "SCENE")
    stage.show(node.outputs["Foreground"])
    near(stage.render(1002)[95, 68, 0], 6, 0.02)


def shot(stage, plate):
    stage.scene.render.resolution_x, stage.scene.render.resolution_y = 320, 180
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    node = stage.add(plate, start=1001)
    settings = node.node_tree.mattelier
    settings.quality = "fast"
    item = settings.objects[0]
    stage.scene.frame_set(1001)
    item.guide, item.mask = "MASK", square_mask("guide", 0.07)
    return node, settings
