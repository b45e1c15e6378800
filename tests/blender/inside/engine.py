"""The real engine, from what is set on a node to rendered pixels."""

import bpy
from stage import (
    Pixels,
    baked_file,
    module,
    near,
    read,
    refused,
    same,
    square_mask,
    state,
)

ORANGE = [((code / 255 + 0.055) / 1.055) ** 2.4 for code in (225, 140, 50)]  # of the disc
SKY = [((code / 255 + 0.055) / 1.055) ** 2.4 for code in (95, 136, 225)]  # at row 20


def case_mattes_a_drawn_subject_in_the_plates_own_colours(stage):
    """A disc over a sky; its mask is a rough square, keyed once."""
    node, settings = shot(stage, "shot.1001.png")
    stage.bake(node, "SCENE")
    assert settings.quality == "fast"
    plate = settings.find_plate()
    state = module("baking.freshness").state(settings.objects[0], plate)
    assert state.fresh == (1001, 1002, 1003)
    stage.show(node.outputs["Matte"])
    matte = stage.render(1003)
    near(matte[95, 76, 0], 1, 0.05)  # inside the disc, which has moved
    near(matte[20, 250, 0], 0, 0.05)
    stage.show(node.outputs["Foreground"])
    colour = stage.render(1003)
    for channel, wanted in enumerate(ORANGE):
        near(colour[95, 76, channel], wanted, 0.004)
    stage.show(node.outputs["Image"])
    cut = stage.render(1003)
    near(cut[95, 76, 0], float(colour[95, 76, 0] * matte[95, 76, 0]), 0.002)


def case_floats_above_one_come_through(stage):
    node, _ = shot(stage, "bright.1001.exr")
    stage.bake(node, "SCENE")
    stage.show(node.outputs["Foreground"])
    near(stage.render(1002)[95, 68, 0], 6, 0.02)


def case_enlarges_in_the_plates_own_colours(stage):
    for plate, disc, error in (
        ("shot.1001.png", ORANGE, 0.01),
        ("bright.1001.exr", (6, 3, 1), 0.1),
    ):
        node = picture(stage, plate, "upscale")
        stage.bake(node, "SCENE")
        assert state(node).fresh == (1001, 1002, 1003)
        stage.size((640, 360))
        stage.show(node.outputs["Image"])
        shown = stage.render(1003)
        same(shown, read(baked_file(node, 1003)), 0.001)
        for channel, wanted in enumerate(disc):
            near(shown[190, 152, channel], wanted, error)
        near(shown[190, 152, 3], 1)


def case_enlarges_a_movie(stage):
    movie = stage.movie()
    node = stage.add(None, node_type="upscale")
    node.node_tree.mattelier.image = bpy.data.images.load(str(movie))
    node.node_tree.mattelier.scale = "3"
    stage.scene.frame_end = 3
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1, 2, 3)
    stage.size((96, 48))
    stage.show(node.outputs["Image"])
    shown = stage.render(3)
    same(shown, read(baked_file(node, 3)))
    near(shown[24, 48, 0], ((60 / 255 + 0.055) / 1.055) ** 2.4, 0.02)


def case_blurs_by_a_depth_pass(stage):
    node = picture(stage, "shot.1001.png", "bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from, settings.focus, settings.focus_distance = "FILES", "DISTANCE", 2
    settings.depth = bpy.data.images.load(str(stage.plates / "far.1001.exr"))
    settings.depth.source = "SEQUENCE"
    settings.radius = 10
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    stage.show(node.outputs["Image"])
    sharp = stage.render(1003)
    same(sharp, read(baked_file(node, 1003)))
    settings.focus_distance, settings.foreground_blur = 50, True
    stage.bake(node, "SCENE")
    soft = stage.render(1003)
    for channel, wanted in enumerate(ORANGE):
        near(sharp[95, 76, channel], wanted, 0.01)
        near(soft[95, 76, channel], wanted, 0.01)
        near(sharp[20, 250, channel], SKY[channel], 0.01)
    # Four pixels to the right of the disc's edge: sky, unless the disc is out of focus.
    near(sharp[95, 125, 0], soft[95, 250, 0], 0.02)
    assert soft[95, 125, 0] > sharp[95, 125, 0] + 0.05


def case_blurs_behind_what_a_rotoscope_node_cut_out(stage):
    cut, _ = shot(stage, "shot.1001.png")
    node = picture(stage, "shot.1001.png", "bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from, settings.mattes = "MATTE", cut.node_tree
    settings.radius = 8
    assert bpy.ops.mattelier.bake_all(frames="SCENE") == {"FINISHED"}
    assert state(node).fresh == (1001, 1002, 1003)
    stage.show(node.outputs["Image"])
    shown = stage.render(1002)
    same(shown, read(baked_file(node, 1002)))
    for channel, wanted in enumerate(ORANGE):
        near(shown[95, 68, channel], wanted, 0.01)


def case_depth_by_a_network_and_the_blur_that_follows_it(stage):
    node = picture(stage, "shot.1001.png", "depth")
    assert "No depth network is on this computer yet" in refused(stage, node, "SCENE")
    node.node_tree.mattelier.model = str(stage.plates / "bright-is-near")
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    stage.show(node.outputs["Depth"])
    near_by = stage.render(1003)
    same(near_by, read(baked_file(node, 1003)), channels=1)
    near(near_by[100, 250, 0], near_by[100, 290, 0], 0.02)
    assert near_by[95, 250, 0] > near_by[95, 76, 0] + 0.2  # the disc is darker: farther here
    blur = picture(stage, "shot.1001.png", "bokeh")
    settings = blur.node_tree.mattelier
    settings.depth_from, settings.depth_group = "NODE", node.node_tree
    settings.focus, settings.focus_point, settings.radius = "POINT", (250, 160), 10
    stage.bake(blur, "SCENE")
    assert state(blur).fresh == (1001, 1002, 1003)


def case_takes_a_drawn_subject_out_of_its_frame(stage):
    for plate in ("shot.1001.png", "bright.1001.exr"):
        node, _ = shot(stage, plate)
        stage.scene.frame_set(1002)
        stage.bake(node, "CURRENT")
        assert bpy.ops.mattelier.clean_plate(group=node.node_tree.name) == {"FINISHED"}
        name = plate.split(".")[0] + "_clean.1002"
        (shown,) = (one for one in stage.shown.nodes if one.label == name)
        found = Pixels(shown.image)
        for at in ((95, 68), (80, 50)):  # in the disc, of which nothing is left
            for value, code in zip(found[at], (113, 161, 187), strict=False):
                near(value, code / 255, 0.1)  # as it is in the file


def case_a_tracker_that_is_not_here_is_told(stage):
    node, settings = shot(stage, "shot.1001.png")
    settings.tracker = "sam2.1-hiera-tiny"
    told = (
        "The tracker 'sam2.1-hiera-tiny' is not on this computer; bring it in with `mattelier "
        "models import`, or choose Mattelier's own."
    )
    assert refused(stage, node, "SCENE") == told
    settings.tracker = "cutout"
    assert "cutout follows no subjects through a shot" in refused(stage, node, "SCENE")
    assert not state(node).fresh


def case_a_preview_looks_like_what_is_baked_then(stage):
    node, settings = shot(stage, "shot.1001.png")
    group = node.node_tree
    settings.preview_size = "50"
    assert bpy.ops.mattelier.preview(group=group.name, frames="SCENE") == {"FINISHED"}
    (shown,) = (one for one in bpy.data.images if one.name.endswith("Preview"))
    first = bpy.data.images.load(bpy.path.abspath(shown.filepath))
    assert tuple(first.size) == (160, 90)
    preview = Pixels(first)
    for channel, wanted in enumerate((225, 140, 50)):
        near(preview[47, 36][channel], wanted / 255, 0.05)  # in the disc
    red, _, blue = preview[10, 125][:3]
    near(red, blue, 0.05)  # the board's grey, where the sky was
    assert not state(node).fresh
    folders = sorted(one for one in stage.folder.rglob("track-*") if one.is_dir())
    (kept,) = ({file: file.stat().st_mtime_ns for file in one.rglob("*.npz")} for one in folders)
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept  # nothing was tracked again


def picture(stage, plate, node_type):
    stage.size((320, 180))
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    return stage.add(plate, start=1001, node_type=node_type)


def shot(stage, plate):
    stage.size((320, 180))
    stage.scene.frame_start, stage.scene.frame_end = 1001, 1003
    node = stage.add(plate, start=1001)
    settings = node.node_tree.mattelier
    settings.quality = "fast"
    item = settings.objects[0]
    stage.scene.frame_set(1001)
    item.guide, item.mask = "MASK", square_mask("guide", 0.07)
    return node, settings
