"""The Upscale node: its pixels, its request, and what is baked again."""

import addon_utils
import bpy
from stage import MODULE, baked_file, enable, module, near, read, refused, replaced, same, state

SCALED = (64, 32)


def case_shows_what_the_engine_wrote_pixel_by_pixel(stage):
    node = stage.add(start=1, node_type="upscale")
    stage.bake(node)
    stage.size(SCALED)
    stage.show(node.outputs["Image"])
    shown = stage.render(4)
    file = baked_file(node, 104)
    assert file.name == "plate_upscale.0104.exr"
    assert shown.shape == (32, 64, 4)
    same(shown, read(file))
    near(shown[8, 24, 3], 0.5)
    near(shown[8, 24, 2], 3)  # above 1, and not clipped


def case_scales(stage):
    node = stage.add("eight.1001.png", start=1, node_type="upscale")
    for scale in ("3", "4"):
        node.node_tree.mattelier.scale = scale
        stage.bake(node, "CURRENT")
        assert read(baked_file(node, 1001)).shape[:2] == (16 * int(scale), 32 * int(scale))
        assert stage.task_options("frames")[-1]["options"]["scale"] == int(scale)
    stage.size((128, 64))
    stage.show(node.outputs["Image"])
    same(stage.render(1), read(baked_file(node, 1001)))


def case_is_empty_where_nothing_is_baked(stage):
    node = stage.add(start=3, node_type="upscale")
    stage.size(SCALED)
    stage.show(node.outputs["Image"])
    for value in stage.render(1)[8, 24]:  # before the plate begins
        near(value, 0)
    stage.scene.frame_set(4)
    stage.bake(node, "CURRENT")
    stage.save()
    addon_utils.disable(MODULE)  # it would end the render
    try:
        near(stage.render(4)[8, 24, 3], 0.5)
        for value in stage.render(5)[8, 24]:
            near(value, 0)
    finally:
        enable()


def case_the_request_says_what_the_node_says(stage):
    node = stage.add(start=1, node_type="upscale")
    settings = node.node_tree.mattelier
    stage.bake(node)
    request = stage.task_options("frames")[0]
    assert request == {
        "plate": str(stage.plates / "plate.####.exr"),
        "output": str(baked_file(node, 101)).replace("0101", "####"),
        "frames": "101-110",
        "task": "upscale",
        "options": {"scale": 2, "model": "default", "denoise": None},
        "format": "exr",
        "colorspace": None,
    }
    settings.use_denoise, settings.denoise, settings.model = True, 0.25, "realesrgan-general-x4v3"
    stage.bake(node)
    options = {"scale": 2, "model": "realesrgan-general-x4v3", "denoise": 0.25}
    assert stage.task_options("frames")[1]["options"] == options


def case_bakes_again_only_what_has_changed(stage):
    node = stage.add("eight.1001.png", start=1, node_type="upscale")
    stage.bake(node)
    assert stage.bake(node) == {"FINISHED"}
    with replaced(stage.plates / "eight.1003.png", stage.plates / "eight.1004.png"):
        assert state(node).stale == (1003,)
        stage.bake(node)
    assert state(node).stale == (1003,)
    stage.bake(node)
    node.node_tree.mattelier.scale = "3"
    assert len(state(node).stale) == 10
    stage.bake(node)
    node.node_tree.mattelier.scale = "2"
    stage.bake(node)  # baked before
    assert not state(node).to_bake
    frames = [entry["frames"] for entry in stage.task_options("frames")]
    assert frames == ["1001-1010", "1003", "1003", "1001-1010"]


def case_a_movie_is_enlarged(stage):
    movie = stage.movie()
    node = stage.add(None, node_type="upscale")
    node.node_tree.mattelier.image = bpy.data.images.load(str(movie))
    stage.bake(node)
    assert stage.task_options("frames")[0]["plate"] == str(movie)
    assert not state(node).to_bake
    stage.size(SCALED)
    stage.show(node.outputs["Image"])
    same(stage.render(5), read(baked_file(node, 5)))


def case_failures_are_told(stage):
    node = stage.add(None, node_type="upscale")
    assert refused(stage, node) == "Choose a plate: an image sequence, or a movie."
    node = stage.add(start=1, node_type="upscale")
    stage.orders(fail_at=104)
    assert refused(stage, node) == "The engine has had enough."
    assert len(state(node).fresh) == 3
    stage.orders(skip=[106])
    assert refused(stage, node) == "1 frame could not be baked: 106: it is damaged"
    assert state(node).missing == (106,)


def case_only_networks_that_enlarge_are_offered(stage):
    names = module("engine.connection").model_names
    assert "upscale-x2" in names("upscale")
    assert "cutout" in names("matte")
    assert not set(names("upscale")[1:]) & set(names("matte")[1:])
