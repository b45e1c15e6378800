"""The node: its sockets, its frames, its pixels, its file."""

import os

import bpy
from stage import module, near, square_mask


def case_shows_each_frame_with_its_own_matte(stage):
    node = stage.add(start=1)
    stage.bake(node)
    stage.show(node.outputs["Image"])
    for frame, grey in ((1, 1), (4, 4), (10, 10)):
        pixels = stage.render(frame)
        near(pixels[8, 24, 3], grey / 16)
        near(pixels[8, 4, 3], 0)
        near(pixels[8, 24, 0], 0.75 * grey / 16)  # premultiplied foreground


def case_begins_at_1001(stage):
    node = stage.add(start=1001)
    stage.bake(node)
    stage.show(node.outputs["Matte"])
    near(stage.render(1001)[8, 24, 0], 1 / 16)
    near(stage.render(1010)[8, 24, 0], 10 / 16)


def case_holds_the_last_frame_and_is_empty_before_the_first(stage):
    node = stage.add(start=11)
    stage.bake(node)
    stage.show(node.outputs["Image"])
    near(stage.render(30)[8, 24, 3], 10 / 16)
    for value in stage.render(5)[8, 24]:
        near(value, 0)
    stage.show(node.outputs["Matte"])
    near(stage.render(5)[8, 24, 0], 0)


def case_image_is_the_plate_times_matte_without_foreground(stage):
    node = stage.add(start=1)
    node.node_tree.mattelier.use_foreground = False
    stage.bake(node)
    stage.show(node.outputs["Image"])
    pixels = stage.render(5)
    near(pixels[8, 24, 0], 5 / 20 * 5 / 16)
    near(pixels[8, 24, 2], 2 * 5 / 16)  # above 1 before, and not clipped
    stage.show(node.outputs["Foreground"])
    near(stage.render(5)[8, 4, 2], 2)


def case_foreground_is_straight(stage):
    node = stage.add(start=1)
    stage.bake(node)
    stage.show(node.outputs["Foreground"])
    for x in (4, 24):
        for channel, value in enumerate((0.75, 0.5, 0.25)):
            near(stage.render(3)[8, x, channel], value)


def case_no_view_transform_changes_what_is_baked(stage):
    node = stage.add("eight.1001.png", start=1001)
    node.node_tree.mattelier.use_foreground = False
    stage.scene.view_settings.view_transform = "AgX"
    stage.bake(node)
    stage.show(node.outputs["Foreground"])
    values = stage.render(1005, transform="Standard")[8, 24][:3]
    for value, wanted in zip(values, (100, 128, 200), strict=True):
        near(255 * value, wanted, 0.5)
    stage.show(node.outputs["Matte"])
    near(stage.render(1005)[8, 24, 0], 5 / 16)


def case_knows_gaps_of_the_plate(stage):
    node = stage.add("gap.1001.exr")
    plate = node.node_tree.mattelier.find_plate()
    assert (plate.first, plate.last, plate.gaps) == (1001, 1006, [1003])
    stage.bake(node)
    assert stage.task_options()[0]["frames"] == "1001-1002,1004-1006"
    state = module("baking.freshness").state(node.node_tree.mattelier.objects[0], plate)
    assert state.fresh == (1001, 1002, 1004, 1005, 1006)
    assert not state.to_bake


def case_reads_sixteen_bits_without_padding(stage):
    node = stage.add("sixteen.1.png", start=1)
    node.node_tree.mattelier.use_foreground = False
    stage.bake(node)
    assert stage.task_options()[0]["plate"].endswith("sixteen.#.png")
    assert stage.task_options()[0]["colorspace"] is None  # sRGB, as a PNG file is anyway
    stage.show(node.outputs["Matte"])
    near(stage.render(3)[8, 24, 0], 3 / 16)


def case_several_subjects_have_sockets_of_their_own(stage):
    node = stage.add(start=1)
    group = node.node_tree
    stage.show(node.outputs["Matte"])
    bpy.ops.mattelier.add_object(group=group.name)
    group.mattelier.objects[0].name = "Hero"
    group.mattelier.objects[1].name = "Car"
    names = [
        f"{who} {part}" for who in ("Hero", "Car") for part in ("Image", "Matte", "Foreground")
    ]
    assert [socket.name for socket in node.outputs] == names
    assert node.outputs["Hero Matte"].is_linked
    stage.bake(node)
    assert len(stage.task_options()) == 2
    near(stage.render(2)[8, 24, 0], 2 / 16)
    bpy.ops.mattelier.remove_object(group=group.name, index=0)
    assert [socket.name for socket in node.outputs] == ["Image", "Matte", "Foreground"]
    stage.show(node.outputs["Matte"])
    near(stage.render(2)[8, 24, 0], 2 / 16)


def case_a_copy_of_the_group_bakes_on_its_own(stage):
    node = stage.add(start=1)
    stage.bake(node)
    other = stage.shown.nodes.new("CompositorNodeGroup")
    other.node_tree = node.node_tree.copy()
    other.node_tree.mattelier.quality = "best"
    stage.bake(other)
    assert item(node).folder != item(other).folder
    for each in (node, other):
        image = each.node_tree.nodes[f"Matte {item(each).uid}"].image
        assert item(each).stored_folder in image.filepath.replace("\\", "/")
        stage.show(each.outputs["Matte"])
        near(stage.render(6)[8, 24, 0], 6 / 16)


def case_a_duplicated_node_shows_the_same(stage):
    node = stage.add(start=1)
    stage.bake(node)
    twin = stage.shown.nodes.new("CompositorNodeGroup")
    twin.node_tree = node.node_tree
    stage.show(twin.outputs["Matte"])
    near(stage.render(6)[8, 24, 0], 6 / 16)


def case_the_file_may_move_with_its_cache(stage):
    node = stage.add(start=1)
    stage.bake(node)
    stage.show(node.outputs["Matte"])
    stage.save()
    moved = stage.folder.with_name(stage.folder.name + "-moved")
    stage.folder.rename(moved)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    stage.folder = moved
    near(stage.render(7)[8, 24, 0], 7 / 16)
    group = next(module("node.groups").editable_groups())
    plate = group.mattelier.find_plate()
    assert len(module("baking.freshness").state(group.mattelier.objects[0], plate).fresh) == 10


def case_a_new_plate_begins_where_its_numbers_say(stage):
    stage.scene.frame_start, stage.scene.frame_end = 990, 1100
    assert stage.add("eight.1001.png").node_tree.mattelier.frame_start == 1001
    stage.scene.frame_start, stage.scene.frame_end = 1, 250
    assert stage.add("eight.1002.png").node_tree.mattelier.frame_start == 1


def case_the_scene_takes_the_plates_range_and_size(stage):
    node = stage.add("gap.1001.exr", start=1001)
    plate = node.node_tree.mattelier.find_plate()
    assert plate.shown_name == "gap.####.exr 1001–1006"
    differs = module("ui.operators").MatchScene.differs
    stage.scene.frame_set(7)
    stage.scene.render.resolution_percentage = 50
    assert differs(plate, stage.scene)
    bpy.ops.mattelier.match_scene(group=node.node_tree.name)
    scene = stage.scene
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1001, 1006, 1001)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (32, 16)
    assert not differs(node.node_tree.mattelier.find_plate(), scene)


def case_the_node_says_what_comes_next(stage):
    node = stage.shown.nodes.new("CompositorNodeGroup")
    other = stage.shown.nodes.new("CompositorNodeGroup")
    node.node_tree = other.node_tree = stage.add(None).node_tree
    other.label = "Hero"
    settings = node.node_tree.mattelier
    item = settings.objects[0]
    settings.image = bpy.data.images.load(str(stage.plates / "plate.0101.exr"))
    settings.image.source = "SEQUENCE"
    settings.frame_start = 1
    assert node.label == "Rotoscope: Bake"
    assert offered(node) == [(0, "mattelier.point"), (0, "mattelier.draw_mask")]
    assert bpy.ops.mattelier.draw_mask(group=node.node_tree.name, index=0) == {"FINISHED"}
    assert item.guide == "MASK"
    assert node.label == "Rotoscope: Draw a Mask"
    assert offered(node) == [(0, "mattelier.draw_mask")]
    item.guide = "POINTS"
    assert node.label == "Rotoscope: Point in the Picture"
    assert offered(node) == [(0, "mattelier.point")]
    item.guide = "MASK"
    item.mask = square_mask("drawn", 0.25)
    assert node.label == "Rotoscope: Bake"
    bpy.ops.mattelier.add_object(group=node.node_tree.name)
    settings.objects[1].guide, settings.active = "POINTS", 0
    assert node.label == "Rotoscope: Point in the Picture"
    assert offered(node) == [(1, "mattelier.point")]  # of the one that waits for it
    bpy.ops.mattelier.remove_object(group=node.node_tree.name, index=1)
    stage.bake(node)
    assert node.label == "Rotoscope"
    assert other.label == "Hero"  # an artist's own name stays


def offered(node):
    """Which result the header's buttons guide, and how."""
    settings = node.node_tree.mattelier
    item = module("node.groups").result_to_guide(node.node_tree)
    buttons = settings.node_type.guide_buttons(item)
    return [(list(settings.objects).index(item), idname) for idname, *_ in buttons]


def case_paths_reach_the_engine_absolute(stage):
    before = os.getcwd()
    os.chdir(stage.plates)
    try:
        node = stage.add(None)
        image = bpy.data.images.load("plate.0101.exr")
        image.source = "SEQUENCE"
        node.node_tree.mattelier.image = image
        stage.bake(node)
    finally:
        os.chdir(before)
    assert stage.task_options()[0]["plate"] == str(stage.plates / "plate.####.exr")


def case_a_still_is_one_frame_that_holds(stage):
    node = stage.add("plate.0105.exr", source="FILE")
    stage.bake(node)
    assert stage.task_options()[0]["frames"] == "105"
    stage.show(node.outputs["Matte"])
    for frame in (1, 40):
        near(stage.render(frame)[8, 24, 0], 5 / 16)


def case_movie_as_image_and_as_clip(stage):
    movie = stage.movie()
    node = stage.add(None)
    settings = node.node_tree.mattelier
    image = bpy.data.images.load(str(movie))
    settings.image = image
    settings.use_foreground = False
    plate = settings.find_plate()
    assert (plate.first, plate.last, plate.space) == (1, 10, "sRGB")
    stage.bake(node)
    assert stage.task_options()[-1]["plate"] == str(movie)
    stage.show(node.outputs["Matte"])
    near(stage.render(4)[8, 24, 0], 4 / 16)
    clip = bpy.data.movieclips.load(str(movie))
    clip.frame_start = 101
    settings.source, settings.clip = "CLIP", clip
    plate = settings.find_plate()
    assert (plate.start, plate.last, plate.space) == (101, 10, "sRGB")
    stage.bake(node)
    stage.show(node.outputs["Matte"])
    near(stage.render(104)[8, 24, 0], 4 / 16)
    stage.show(node.outputs["Foreground"])
    red = stage.render(104)[8, 24, 0]
    near(red, ((4 * 20 / 255 + 0.055) / 1.055) ** 2.4, 0.02)


def case_the_file_keeps_what_the_node_points_to(stage):
    node = stage.add(start=1)
    settings = node.node_tree.mattelier
    settings.objects[0].mask = bpy.data.masks.new("guide")
    settings.image.name = "plate"
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    settings = next(module("node.groups").editable_groups()).mattelier
    assert (settings.image_name, settings.objects[0].mask_name) == ("plate", "guide")
    assert settings.image.users == 1
    settings.image_name = ""
    assert settings.image is None


def item(node):
    return node.node_tree.mattelier.objects[0]
