"""The Bokeh node: its depth, its mattes, its lens, and what is baked again."""

import bpy
from stage import baked_file, near, read, refused, replaced, same, square_mask, state


def case_each_frame_follows_its_own_depth(stage):
    node = with_depth(stage, "z.0101.exr")
    stage.bake(node)
    depth = stage.task_options("frames")[0]["options"]["depth"]
    assert depth == {"file": str(stage.plates / "z.####.exr")}
    stage.show(node.outputs["Image"])
    for frame in (1, 7):
        shown = stage.render(frame)
        near(shown[8, 24, 0], frame / 16)
        same(shown, read(baked_file(node, 100 + frame)))


def case_a_depth_pass_of_scene_frames_reaches_the_engine_by_the_plates_numbers(stage):
    node = with_depth(stage, "render.0001.exr")
    assert node.node_tree.mattelier.depth_start == 1
    stage.bake(node)
    stage.show(node.outputs["Image"])
    for frame in (1, 7):
        near(stage.render(frame)[8, 24, 0], frame / 16)
    node.node_tree.mattelier.depth_start = 3  # now two frames late
    stage.scene.frame_set(7)
    stage.bake(node, "CURRENT")
    near(stage.render(7)[8, 24, 0], 5 / 16)


def case_one_depth_file_may_serve_all_frames(stage):
    node = with_depth(stage, "z.0105.exr", source="FILE")
    stage.bake(node)
    stage.show(node.outputs["Image"])
    for frame in (1, 9):
        near(stage.render(frame)[8, 24, 0], 5 / 16)


def case_other_depth_makes_all_stale_as_the_focus_is_pulled_by_all(stage):
    node = with_depth(stage, "render.0001.exr")
    stage.bake(node)
    with replaced(stage.plates / "render.0004.exr", stage.plates / "render.0005.exr"):
        assert len(state(node).stale) == 10
        assert state(node).reason == "what they are made from has changed"
        before_file = baked_file(node, 102).stat().st_mtime_ns
        stage.orders(keep=[102])
        stage.bake(node)
        assert stage.task_options("frames")[-1]["frames"] == "101-110"
        assert not state(node).to_bake
        assert baked_file(node, 102).stat().st_mtime_ns == before_file


def case_frames_without_depth_are_told(stage):
    node = with_depth(stage, "render.0001.exr")
    node.node_tree.mattelier.depth_start = 4
    assert refused(stage, node) == (
        "The depth pass has no file for the frames 1-3; bake a range that it covers."
    )
    stage.scene.frame_start, stage.scene.frame_end = 4, 6
    stage.bake(node, "SCENE")
    assert state(node).fresh == (104, 105, 106)


def case_no_depth_pass_is_told(stage):
    movie = stage.movie()
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from = "FILES"
    assert refused(stage, node) == "Choose the files of the depth pass, or another depth."
    settings.depth = bpy.data.images.load(str(movie))
    assert "is no depth pass; choose an image sequence" in refused(stage, node)


def case_the_lens_reaches_the_engine(stage):
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    stage.bake(node)
    request = stage.task_options("frames")[0]
    assert request["task"] == "bokeh"
    assert request["mattes"] is None
    usual = {
        "depth": {"file": None}, "focus": None, "distance": None,
        "aperture": None, "focal_length": None, "radius": 20, "blades": 0, "rotation": 0,
        "cats_eye": 0, "highlights": False, "foreground_blur": False,
    }  # fmt: skip
    assert request["options"] == usual
    settings.opened_by, settings.f_stop, settings.focal_length = "F_STOP", 1.4, 85
    settings.blades, settings.rotation, settings.cats_eye = 7, 0.5235988, 0.75
    settings.highlights = settings.foreground_blur = True
    settings.focus, settings.focus_distance = "DISTANCE", 2.5
    stage.bake(node)
    assert stage.task_options("frames")[1]["options"] == {
        **usual, "radius": None, "aperture": 1.4, "focal_length": 85, "blades": 7, "rotation": 30,
        "cats_eye": 0.75, "highlights": True, "foreground_blur": True, "distance": 2.5,
    }  # fmt: skip
    settings.focus, settings.focus_point = "POINT", (3, 2)  # from the bottom left
    stage.bake(node)
    options = stage.task_options("frames")[2]["options"]
    assert (options["focus"], options["distance"]) == ({"x": 3, "y": 13}, None)
    settings.focus_point = (32, 2)
    assert refused(stage, node) == "The point 32, 2 lies outside the plate of 32 × 16 pixels."


def case_other_settings_are_stale_until_baked(stage):
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    stage.bake(node)
    stage.show(node.outputs["Image"])
    settings.radius = 50
    assert state(node).reason == "the settings have changed"
    near(stage.render(4)[8, 24, 2], 0.2)  # what was baked still shows
    stage.bake(node)
    near(stage.render(4)[8, 24, 2], 0.5)
    settings.f_stop = 8  # which decides nothing where the radius does
    assert not state(node).to_bake


def case_the_mattes_of_a_rotoscope_node(stage):
    node, cut = with_mattes(stage)
    assert (
        refused(stage, node) == "“Rotoscope” has no mattes on the frames 1-10 yet; bake it first."
    )
    stage.bake(cut)
    stage.bake(node)
    mattes = stage.task_options("frames")[0]["mattes"]
    assert mattes == str(cut.node_tree.mattelier.objects[0].folder / "matte/plate_matte.####.exr")
    stage.show(node.outputs["Image"])
    near(stage.render(8)[8, 24, 1], 8 / 16)
    cut.node_tree.mattelier.quality = "best"
    assert not state(node).to_bake  # the Rotoscope node shows what it showed
    stage.bake(cut)
    assert len(state(node).stale) == 10
    stage.bake(node)
    assert not state(node).to_bake
    node.node_tree.mattelier.mattes = None
    stage.bake(node)
    near(stage.render(8)[8, 24, 1], 0)


def case_mattes_that_stay_leave_the_pictures_alone(stage):
    """A key frame more lets the engine look at all mattes, of which it makes some again."""
    node, cut = with_mattes(stage)
    subject = cut.node_tree.mattelier.objects[0]
    subject.guide, subject.mask = "MASK", square_mask("guide", 0.25)
    subject.keys, subject.key_list = "LISTED", "1"
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    subject.key_list = "1, 9"
    assert len(state(cut).stale) == 10
    stage.orders(keep=list(range(101, 111)))
    stage.bake(cut)
    assert len(stage.task_options()) == 2
    assert not state(cut).to_bake
    assert not state(node).to_bake


def case_mattes_count_only_where_they_decide_something(stage):
    node, _ = with_mattes(stage)
    settings = node.node_tree.mattelier
    settings.depth = load(stage, "z.0101.exr")
    settings.depth_from, settings.focus = "FILES", "DISTANCE"
    stage.bake(node)
    assert stage.task_options("frames")[0]["mattes"] is None


def case_one_of_several_subjects(stage):
    node, cut = with_mattes(stage)
    bpy.ops.mattelier.add_object(group=cut.node_tree.name)
    settings = node.node_tree.mattelier
    stage.bake(cut)
    settings.mattes_subject = "Subject 2"
    stage.bake(node)
    assert cut.node_tree.mattelier.objects[1].uid in stage.task_options("frames")[0]["mattes"]
    settings.mattes_subject = "Car"
    assert refused(stage, node) == "“Rotoscope” has no subject “Car”; choose one that it has."


def case_mattes_of_a_plate_with_other_numbers(stage):
    node, cut = with_mattes(stage, "eight.1001.png")
    stage.bake(cut)
    stage.bake(node)
    stage.show(node.outputs["Image"])
    near(stage.render(8)[8, 24, 1], 8 / 16)


def case_bake_all_bakes_the_mattes_first(stage):
    node, cut = with_mattes(stage)
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert [entry["task"] for entry in stage.requests()] == ["roto", "frames"]
    assert not state(node).to_bake
    cut.node_tree.mattelier.quality = "best"
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert len(stage.task_options("frames")) == 2
    assert not state(node).to_bake


def case_bakes_all_that_the_scene_shows(stage):
    node, cut = with_mattes(stage)
    stage.shown.nodes.remove(cut)  # its group is still what the other node holds
    stage.show(node.outputs["Image"])
    stage.scene.frame_start, stage.scene.frame_end = 2, 4
    bpy.ops.mattelier.bake(everywhere=True, frames="SCENE")
    assert [entry["task"] for entry in stage.requests()] == ["roto", "frames"]
    assert state(node).fresh == (102, 103, 104)


def case_a_render_bakes_the_mattes_first(stage):
    node, _ = with_mattes(stage)
    node.node_tree.mattelier.when_missing = "BAKE"
    stage.scene.frame_start, stage.scene.frame_end = 1, 10
    stage.show(node.outputs["Image"])
    stage.save()
    near(stage.render(5)[8, 24, 1], 5 / 16)
    assert [entry["task"] for entry in stage.requests()] == ["roto", "frames"]


def with_depth(stage, file, source="SEQUENCE"):
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from, settings.focus, settings.focus_distance = "FILES", "DISTANCE", 3
    settings.depth = load(stage, file, source)
    return node


def with_mattes(stage, plate="plate.0101.exr"):
    """A Bokeh node, and the Rotoscope node that cuts out its subject."""
    cut = stage.add(plate, start=1)
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from, settings.mattes_name = "MATTE", cut.node_tree.name
    assert settings.mattes == cut.node_tree
    return node, cut


def load(stage, file, source="SEQUENCE"):
    image = bpy.data.images.load(str(stage.plates / file))
    image.source = source
    return image
