"""What guides the engine: masks drawn by Blender, mattes of others, track markers."""

import bpy
from stage import module, near, read, square_mask


def case_keyed_shapes_reach_the_engine_as_drawn(stage):
    node = stage.add(start=1)
    guided(node, square_mask("guide", {1: 0.1, 6: 0.1, 10: 0.6}))
    stage.scene.frame_set(4)
    datablocks = [len(getattr(bpy.data, k)) for k in ("scenes", "images", "node_groups")]
    stage.bake(node)
    assert stage.scene.frame_current == 4
    assert datablocks == [len(getattr(bpy.data, k)) for k in ("scenes", "images", "node_groups")]
    assert masks(stage) == {101: 3, 106: 3, 110: 19}


def case_listed_frames_show_the_shape_between_keys(stage):
    node = stage.add(start=1)
    item = guided(node, square_mask("guide", {1: 0, 9: 0.5}))
    item.keys, item.key_list = "LISTED", "3-5x2, 9"
    stage.bake(node)
    assert masks(stage) == {103: 4, 105: 8, 109: 16}


def case_a_mask_without_keys_counts_where_it_was_drawn(stage):
    node = stage.add(start=1)
    stage.scene.frame_set(7)
    guided(node, square_mask("guide", 0.25))
    stage.scene.frame_set(2)
    stage.bake(node)
    assert masks(stage) == {107: 8}


def case_masks_are_drawn_at_the_plates_size_and_place(stage):
    node = stage.add(start=1)
    guided(node, square_mask("guide", 0.25)).drawn_frame = 1
    stage.scene.render.resolution_x = 100  # the scene's own size does not matter
    stage.bake(node)
    mask = mask_files(stage)[101]
    assert mask.shape[:2] == (16, 32)
    columns, rows = mask.covered()
    assert (columns[0], columns[-1]) == (8, 15)
    assert (rows[0], rows[-1]) == (0, 15)  # a mask's square is as wide as the plate
    near(mask[8, 10, 0], 1)
    near(mask[8, 20, 0], 0)


def case_keys_outside_the_plate_are_told(stage):
    node = stage.add(start=1001)
    guided(node, square_mask("guide", {1: 0.1, 6: 0.2}))
    assert refused(stage, node) == (
        "The key frames of “Subject” (1,6) lie outside the plate, which shows on the frames "
        "1001-1010."
    )


def case_a_slip_in_a_frame_list_is_told(stage):
    node = stage.add(start=1)
    item = guided(node, square_mask("guide", 0.25))
    item.keys, item.key_list = "LISTED", "1, 9-3"
    assert refused(stage, node).startswith("“9-3” is no frame or range")


def case_another_key_stays_in_its_folder(stage):
    """The engine makes those frames again that the key reaches; it knows which."""
    node = stage.add(start=1)
    item = guided(node, square_mask("guide", {1: 0, 9: 0.5}))
    item.keys, item.key_list = "LISTED", "1"
    stage.bake(node)
    folder = item.folder
    item.key_list = "1, 9"
    stage.bake(node)
    assert item.folder == folder
    assert masks(stage) == {101: 0, 109: 16}
    assert stage.task_options()[1]["frames"] == "101-110"
    state = module("baking.freshness").state(item, node.node_tree.mattelier.find_plate())
    assert len(state.fresh) == 10
    assert len(list(stage.folder.rglob("guide-*"))) == 1


def case_no_mask_is_told(stage):
    node = stage.add(start=1)
    node.node_tree.mattelier.objects[0].guide = "MASK"
    assert refused(stage, node).startswith("Choose the mask of “Subject”")


def case_rough_mattes_guide_by_their_numbers(stage):
    node = stage.add("eight.1001.png", start=1)
    item = node.node_tree.mattelier.objects[0]
    item.guide = "SEQUENCE"
    item.rough = bpy.data.images.load(str(stage.plates / "gap.1001.exr"))
    item.rough.source = "SEQUENCE"
    stage.bake(node)
    assert sorted(mask_files(stage)) == [1001, 1002, 1004, 1005, 1006]


def case_track_markers_are_points(stage):
    clip = bpy.data.movieclips.load(str(stage.plates / "plate.0101.exr"))
    clip.frame_start = 1001
    node = stage.add(None)
    settings = node.node_tree.mattelier
    settings.source, settings.clip = "CLIP", clip
    for name, place in (("head", (0.25, 0.75)), ("-wall", (0.5, 0.5))):
        clip.tracking.tracks.new(name=name, frame=1).markers[0].co = place
    settings.objects[0].guide = "TRACKS"
    stage.bake(node)
    points = [
        {"x": 8.0, "y": 4.0, "positive": True},
        {"x": 16.0, "y": 8.0, "positive": False},
    ]
    subject = settings.objects[0].uid
    assert stage.task_options()[0]["keys"] == [{"frame": 101, "points": points, "object": subject}]


def case_a_mask_that_hangs_on_a_track_is_a_hint_where_it_is_listed(stage):
    """Blender's own parenting: the track goes a quarter of the picture to the right."""
    clip = bpy.data.movieclips.load(str(stage.plates / "shot.1001.png"))
    clip.frame_start = 1001
    stage.scene.frame_set(1001)
    node = stage.add(None)
    settings = node.node_tree.mattelier
    settings.source, settings.clip = "CLIP", clip
    track = clip.tracking.tracks.new(name="Track", frame=1)
    for frame, x in ((1, 0.25), (9, 0.5)):
        track.markers.insert_frame(frame, co=(x, 0.5))
    item = guided(node, square_mask("guide", 0.125))
    hang(item.mask, clip, track)
    item.keys, item.key_list = "LISTED", "1001, 1009"
    stage.bake(node)
    left = masks(stage)
    near(left[1001], 40, 1)
    near(left[1009], 120, 1)


def hang(mask, clip, track):
    """Parent all points to a track, as Ctrl-P does in the clip editor."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda one: one.width * one.height)
    area.type = "CLIP_EDITOR"
    space = area.spaces.active
    space.clip, space.mode, space.mask = clip, "MASK", mask
    clip.tracking.tracks.active = track
    for point in mask.layers[0].splines[0].points:
        point.select = True
    region = next(one for one in area.regions if one.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        assert bpy.ops.mask.parent_set() == {"FINISHED"}


def case_an_empty_mask_is_told_with_its_frame(stage):
    node = stage.add(start=1)
    guided(node, square_mask("guide", {1: 0.1, 6: 3}))  # on frame 6 it lies off the plate
    assert refused(stage, node) == (
        "The mask of “Subject” is empty on frame 6; draw it there, or take that key frame away."
    )


def case_masks_are_rough_unless_they_are_said_to_be_exact(stage):
    node = stage.add(start=1)
    item = guided(node, square_mask("guide", {1: 0.1, 6: 0.1, 10: 0.6}))
    stage.bake(node)
    assert edges(stage) == {101: "rough", 106: "rough", 110: "rough"}
    item.exact_list = "6"
    stage.bake(node)
    assert edges(stage) == {101: "rough", 106: "exact", 110: "rough"}
    item.edge = "EXACT"
    stage.bake(node)
    assert set(edges(stage).values()) == {"exact"}


def edges(stage):
    return {key["frame"]: key["edge"] for key in stage.task_options()[-1]["keys"]}


def case_nothing_guides_by_default(stage):
    node = stage.add(start=1)
    stage.bake(node)
    assert stage.task_options()[0]["keys"] == []


def guided(node, mask):
    item = node.node_tree.mattelier.objects[0]
    item.guide, item.mask = "MASK", mask
    return item


def mask_files(stage):
    """The masks that the engine was given: number → pixels."""
    return {key["frame"]: read(key["mask"]) for key in stage.task_options()[-1]["keys"]}


def masks(stage):
    """The left edge of the mask on each of its frames, in pixels."""
    return {number: pixels.covered()[0][0] for number, pixels in mask_files(stage).items()}


def refused(stage, node):
    """The sentence with which a bake is refused; the engine was not asked."""
    try:
        stage.bake(node)
    except RuntimeError as error:
        assert not stage.task_options()
        return str(error).removeprefix("Error: ").strip()
    raise AssertionError("the bake was not refused")
