"""Pointing at the subject: gestures, keys of frames, and the engine's answers about a picture."""

import time

import bpy
from stage import module, near, sentence, state


def case_gestures_are_made_taken_back_and_kept(stage):
    pointed = module("node_types.rotoscope.pointed")
    made = pointed.Gestures().clicked(10, 5, True, 4).clicked(30, 5, False, 4)
    made = made.boxed((20, 12), (4, 2)).boxed((6, 3), (20, 12))
    assert made.key() == {
        "points": [{"x": 10, "y": 5, "positive": True}, {"x": 30, "y": 5, "positive": False}],
        "box": {"x": 6, "y": 3, "width": 14, "height": 9},
    }
    assert made.key(0.5)["points"][1] == {"x": 15, "y": 2.5, "positive": False}
    assert "box" not in made.undone().key()
    assert made.clicked(12, 6, True, 4).key()["points"] == made.key()["points"][1:]
    both = pointed.Pointed({}).with_key(103, made).with_key(101, made.undone())
    assert pointed.Pointed.parse(both.dump()) == both
    assert list(pointed.Pointed.parse(both.with_key(103, pointed.Gestures()).dump()).frames) == [
        101
    ]
    assert pointed.Pointed.parse("") == pointed.Pointed({})


def case_what_was_pointed_at_is_a_key(stage):
    node = stage.add(start=11)
    group, item = node.node_tree, node.node_tree.mattelier.objects[0]
    item.guide = "POINTS"
    assert node.label == "Rotoscope: Point in the Picture"
    assert sentence(lambda: stage.bake(node)) == (
        "Point at “Subject” in the picture first, on one frame at least."
    )
    gestures = module("node_types.rotoscope.pointed").Gestures().clicked(20, 8, True, 2)
    keep_key = module("node_types.rotoscope.pointing").keep_key
    keep_key(item, 101, gestures)
    keep_key(item, 105, gestures.clicked(3, 4, False, 2).boxed((14, 0), (30, 16)))
    assert node.label == "Rotoscope: Bake"
    stage.bake(node)
    this, off = {"x": 20, "y": 8, "positive": True}, {"x": 3, "y": 4, "positive": False}
    box = {"x": 14, "y": 0, "width": 16, "height": 16}
    assert stage.task_options()[-1]["keys"] == [
        {"frame": 101, "points": [this], "object": item.uid},
        {"frame": 105, "points": [this, off], "box": box, "object": item.uid},
    ]
    assert len(state(node).fresh) == 10
    stage.scene.frame_set(15)
    assert bpy.ops.mattelier.remove_pointed(group=group.name) == {"FINISHED"}
    module("data.recent").forget()
    assert len(state(node).fresh) < 10
    assert sentence(lambda: bpy.ops.mattelier.remove_pointed(group=group.name)) == (
        "Nothing was pointed at on this frame."
    )
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    group = next(module("node.groups").editable_groups())
    assert bpy.ops.mattelier.bake(group=group.name) == {"FINISHED"}
    assert [key["frame"] for key in stage.task_options()[-1]["keys"]] == [101]
    assert group.mattelier.objects[0].guide == "POINTS"


def case_the_engine_answers_about_the_frame_that_is_shown(stage):
    """A disc of 45 pixels that walks 8 pixels a frame: at (92, 95) on the fifth."""
    node = stage.add("shot.1001.png", start=11)
    settings = node.node_tree.mattelier
    asking = module("node_types.rotoscope.over_picture")
    images = len(bpy.data.images)
    image = asking.picture_of_frame(settings, settings.find_plate(), 15)
    assert tuple(image.size) == (320, 180)
    picture = asking.picture_to_ask(image)
    bottom_up = 4 * ((180 - 1 - 95) * 320 + 92)
    for value, wanted in zip(picture.samples[bottom_up:][:3], (225, 140, 50), strict=True):
        near(value, wanted / 255, 0.01)
    bpy.data.images.remove(image)
    assert len(bpy.data.images) == images
    session = module("engine.pointing").PointingSession("", picture, {"quality": "fast"})
    gestures = module("node_types.rotoscope.pointed").Gestures().clicked(92, 95, True, 2)
    asked = session.ask(gestures.key())
    end = time.monotonic() + 60
    while not session.settled:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert session.failure == ""
    matte = session.matte
    assert matte.asked == asked
    alpha = [matte.samples[round(y * matte.height / 180) * matte.width
                           + round(x * matte.width / 320)]
             for x, y in ((92, 95), (92, 70), (200, 95), (92, 20))]  # fmt: skip
    assert min(alpha[:2]) > 0.9
    assert max(alpha[2:]) < 0.1
    session.end()
