"""A first look at the tracked mattes, which changes nothing of what is baked."""

import bpy
from stage import Pixels, sentence, square_mask, state


def case_a_preview_is_shown_and_nothing_is_baked(stage):
    """The made-up matte is grey on the right half, over a checkerboard."""
    node = stage.add("shot.1001.png", start=1)
    group = node.node_tree
    item = group.mattelier.objects[0]
    item.guide, item.mask = "MASK", square_mask("guide", 0.25)
    before = state(node)
    assert bpy.ops.mattelier.preview(group=group.name) == {"FINISHED"}
    shown = bpy.data.images[f"{group.name} Subject Preview"]
    assert shown.source == "SEQUENCE"
    image = bpy.data.images.load(bpy.path.abspath(shown.filepath))
    assert tuple(image.size) == (80, 44)  # of JPEG, even
    pixels = Pixels(image)
    board = [pixels[20, x] for x in range(4, 36)]  # of two greys
    assert max(one[0] for one in board) - min(one[0] for one in board) > 0.1
    assert all(max(one[:3]) - min(one[:3]) < 0.03 for one in board)
    assert state(node) == before
    assert not item.folder
    asked = stage.task_options()[-1]
    assert (asked["outputs"], asked["proxy"]) == (["preview"], 0.25)
    assert asked["matte"]["refine"] is False
    stage.bake(node)
    baked = stage.task_options()[-1]
    for shared in ("track_folder", "tune", "tracker"):
        assert baked[shared] == asked[shared]
    assert [key["frame"] for key in baked["keys"]] == [key["frame"] for key in asked["keys"]]
    assert state(node).fresh


def case_its_size_and_frames_are_as_chosen(stage):
    node = stage.add("shot.1001.png", start=1001)
    group = node.node_tree
    stage.scene.frame_start, stage.scene.frame_end = 1003, 1005
    for size, width in (("100", 320), ("50", 160)):
        group.mattelier.preview_size = size
        assert bpy.ops.mattelier.preview(group=group.name, frames="SCENE") == {"FINISHED"}
        assert stage.task_options()[-1]["frames"] == "1003-1005"
        (shown,) = (one for one in bpy.data.images if one.name.endswith("Preview"))
        image = bpy.data.images.load(bpy.path.abspath(shown.filepath))
        assert image.size[0] == width
        assert bpy.path.basename(shown.filepath) == "shot_preview.1003.jpg"
        bpy.data.images.remove(image)


def case_each_subject_has_its_own(stage):
    node = stage.add("shot.1001.png", start=1)
    group = node.node_tree
    bpy.ops.mattelier.add_object(group=group.name)
    for item, name in zip(group.mattelier.objects, ("Left", "Right"), strict=True):
        item.name, item.guide, item.mask = name, "MASK", square_mask(name, 0.25)
    assert bpy.ops.mattelier.preview(group=group.name) == {"FINISHED"}
    names = sorted(one.name for one in bpy.data.images if one.name.endswith("Preview"))
    assert names == [f"{group.name} {name} Preview" for name in ("Left", "Right")]


def case_a_long_name_still_has_one_preview(stage):
    node = stage.add("shot.1001.png", start=1)
    group = node.node_tree
    group.name, group.mattelier.objects[0].name = "R" * 50, "S" * 50
    for _ in range(2):
        assert bpy.ops.mattelier.preview(group=group.name) == {"FINISHED"}
    assert len([one for one in bpy.data.images if one.name.startswith("R" * 50)]) == 1


def case_what_is_wrong_is_told(stage):
    node = stage.add("shot.1001.png", start=1)
    group = node.node_tree
    stage.scene.frame_set(500)
    preview = bpy.ops.mattelier.preview
    told = sentence(lambda: preview(group=group.name, frames="CURRENT"))
    assert told.startswith("The plate has no frame there; it shows on the frames 1-")
    stage.orders(fail_at=1003)
    told = sentence(lambda: preview(group=group.name))
    assert told == "The engine has had enough."
    assert not group.mattelier.objects[0].folder
