"""A frame without its subject: the tests' engine makes a matte of the picture's right half."""

import bpy
from stage import Pixels, near, read, sentence


def case_a_frame_without_its_subject_is_shown_by_a_node(stage):
    """The disc stands in the right half on the last frame, before a sky that goes down evenly."""
    node = baked(stage, "shot.1001.png", 1024)
    group = node.node_tree
    assert bpy.ops.mattelier.clean_plate(group=group.name) == {"FINISHED"}
    assert [one["options"] for one in stage.requests() if one["task"] == "erase"] == [{}]
    (shown,) = clean(stage)
    assert shown.image.filepath.startswith("//")
    assert shown.label == "shot_clean.1024"
    plate = bpy.data.images.load(str(stage.plates / "shot.1024.png"))
    before, after = Pixels(plate), Pixels(shown.image)
    assert before[95, 244][0] > 0.85
    for at in ((60, 220), (95, 244), (130, 244), (95, 300)):  # where it stood, and the sky
        assert after[at][0] < 0.6 < after[at][2]
    for y in (10, 95, 170):
        assert after[y, 20] == before[y, 20]
    images, nodes = len(bpy.data.images), len(stage.shown.nodes)
    assert bpy.ops.mattelier.clean_plate(group=group.name) == {"FINISHED"}  # anew, in its place
    assert (len(bpy.data.images), len(stage.shown.nodes)) == (images, nodes)


def case_light_above_one_stays(stage):
    node = baked(stage, "bright.1001.exr", 1002)
    assert bpy.ops.mattelier.clean_plate(group=node.node_tree.name) == {"FINISHED"}
    (shown,) = clean(stage)
    assert shown.image.is_float
    stage.size((320, 180))
    stage.show(shown.outputs[0])
    rendered, plate = stage.render(1002), read(stage.plates / "bright.1002.exr")
    for x in (20, 68, 140):
        for channel in range(3):
            near(rendered[95, x, channel], plate[95, x, channel], 0.001)
    near(rendered[95, 68, 0], 6, 0.01)


def case_a_movies_frame_without_its_subject(stage):
    """As it is displayed, in 8 bits: each frame has one grey of its own, red rises."""
    movie = stage.movie()
    stage.shown.nodes.clear()
    node = stage.add(None)
    group = node.node_tree
    group.mattelier.image = bpy.data.images.load(str(movie))
    group.mattelier.frame_start = 1
    stage.scene.frame_set(6)
    stage.bake(node, "CURRENT")
    assert bpy.ops.mattelier.clean_plate(group=group.name) == {"FINISHED"}
    (shown,) = (one for one in stage.shown.nodes if one.label.endswith("_clean.0006"))
    assert not shown.image.is_float
    found = Pixels(shown.image)
    for at in ((2, 3), (8, 24), (14, 30)):  # as it was, and where the subject was
        for value, code in zip(found[at], (120, 128, 200), strict=False):
            near(value, code / 255, 0.02)


def case_what_lacks_a_matte_is_told(stage):
    node = stage.add("shot.1001.png", start=1001)
    group = node.node_tree
    stage.scene.frame_set(1003)
    told = sentence(lambda: bpy.ops.mattelier.clean_plate(group=group.name))
    assert told == "There is no matte on frame 1003; bake it first."
    stage.scene.frame_set(2000)
    told = sentence(lambda: bpy.ops.mattelier.clean_plate(group=group.name))
    assert told == "The plate has no frame 2000; go to one that it has."


def baked(stage, plate, frame):
    node = stage.add(plate, start=1001)
    stage.scene.frame_set(frame)
    stage.bake(node, "CURRENT")
    return node


def clean(stage):
    return [one for one in stage.shown.nodes if one.label.endswith(("clean.1024", "clean.1002"))]
