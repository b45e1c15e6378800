"""Baking: what is computed, what is kept, and what the artist is told when it fails."""

import os
import time

import bpy
from stage import MODULE, module, near, refused, sentence, square_mask, state


def case_what_is_fresh_is_not_asked_for_again(stage):
    node = stage.add(start=1)
    stage.bake(node)
    assert stage.bake(node) == {"FINISHED"}
    assert [request["frames"] for request in stage.task_options()] == ["101-110"]


def case_the_request_says_what_the_node_says(stage):
    node = stage.add(start=1)
    settings = node.node_tree.mattelier
    settings.quality, settings.tune, settings.edge_shift, settings.feather = "best", 60, -1.5, 2
    stage.bake(node)
    request = stage.task_options()[0]
    assert request["plate"] == str(stage.plates / "plate.####.exr")
    assert request["matte"] == {
        "model": "default", "quality": "best", "edge_shift": -1.5, "feather": 2
    }  # fmt: skip
    assert request["outputs"] == ["matte", "foreground"]
    assert request["tune"] == 60
    assert request["colorspace"] is None  # linear, as an EXR file is anyway
    settings.image.colorspace_settings.name = "ACEScg"
    settings.use_foreground = False
    stage.bake(node)
    assert stage.task_options()[1]["colorspace"] == "ACEScg"
    assert stage.task_options()[1]["outputs"] == ["matte"]


def case_other_settings_are_stale_until_baked(stage):
    node = stage.add(start=1)
    stage.bake(node)
    node.node_tree.mattelier.feather = 3
    now = state(node)
    assert len(now.stale) == 10
    assert now.reason == "the settings have changed"
    stage.show(node.outputs["Matte"])
    near(stage.render(4)[8, 24, 0], 4 / 16)  # what was baked still shows
    stage.bake(node)
    assert len(state(node).fresh) == 10
    node.node_tree.mattelier.feather = 0
    stage.bake(node)  # baked before: nothing to do
    assert len(stage.task_options()) == 2
    assert len(state(node).fresh) == 10


def case_an_edited_mask_makes_stale(stage):
    node = stage.add(start=1)
    item = node.node_tree.mattelier.objects[0]
    item.guide, item.mask = "MASK", square_mask("guide", 0.25)
    stage.bake(node)
    stage.scene.frame_set(5)  # no edit
    bpy.context.view_layer.update()
    assert len(state(node).fresh) == 10
    item.mask.layers[0].splines[0].points[0].co = (0.1, 0.1)
    bpy.context.view_layer.update()
    now = state(node)
    assert len(now.stale) == 10
    assert now.reason == "the guidance has changed"
    stage.bake(node)
    assert len(state(node).fresh) == 10
    assert len(stage.task_options()) == 2


def case_a_newer_plate_makes_its_frame_stale(stage):
    node = stage.add("eight.1001.png", start=1)
    stage.bake(node)
    later = time.time() + 100
    plate = stage.plates / "eight.1003.png"
    before = plate.stat().st_mtime
    os.utime(plate, (later, later))
    try:
        assert state(node).stale == (1003,)
        stage.bake(node)
        assert stage.task_options()[-1]["frames"] == "1003"
    finally:
        os.utime(plate, (before, before))


def case_ranges(stage):
    node = stage.add(start=1)
    stage.scene.frame_set(4)
    stage.bake(node, "CURRENT")
    stage.scene.frame_start, stage.scene.frame_end = 3, 6
    stage.bake(node, "SCENE")
    stage.bake(node)
    frames = [request["frames"] for request in stage.task_options()]
    assert frames == ["104", "103,105-106", "101-102,107-110"]
    assert state(node).missing == ()


def case_a_frame_off_the_plate_is_told(stage):
    node = stage.add(start=1)
    stage.scene.frame_set(50)
    assert refused(stage, node, "CURRENT") == (
        "The plate has no frame there; it shows on the frames 1-10."
    )


def case_finished_frames_outlive_a_failure(stage):
    node = stage.add(start=1)
    stage.orders(fail_at=106)
    assert refused(stage, node) == "The engine has had enough."
    assert state(node).missing == (106, 107, 108, 109, 110)
    stage.show(node.outputs["Matte"])
    near(stage.render(5)[8, 24, 0], 5 / 16)
    stage.orders()
    stage.bake(node)
    assert stage.task_options()[-1]["frames"] == "106-110"


def case_a_killed_worker_is_told_and_replaced(stage):
    node = stage.add(start=1)
    stage.orders(die_at=104)
    assert refused(stage, node) == (
        "The Mattelier worker ended in the middle of the work; please try again."
    )
    stage.orders()
    stage.bake(node)
    assert state(node).to_bake == ()


def case_cancelling_keeps_finished_frames(stage):
    node = stage.add(start=1)
    stage.orders(delay=0.05)
    job = module("baking.job").prepare(node.node_tree.mattelier.objects[0])
    bake = module("baking.bake").Bake([job])
    bake.start()
    until(lambda: bake.frames >= 3)
    bake.cancel()
    until(lambda: not bake.running)
    job.show()
    done = len(state(node).fresh)
    assert 3 <= done < 10
    assert not bake.error
    stage.orders()
    stage.bake(node)
    assert stage.task_options()[-1]["frames"] == f"{101 + done}-110"


def case_a_missing_engine_is_told(stage):
    node = stage.add(start=1)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine = "/nowhere/python"
    message = refused(stage, node)
    assert message.startswith("The engine /nowhere/python does not exist")
    assert state(node).missing  # and the node is as it was
    assert not node.node_tree.mattelier.objects[0].folder


def case_no_plate_is_told(stage):
    node = stage.add(None)
    assert refused(stage, node) == "Choose a plate: an image sequence, or a movie."


def case_a_plate_that_is_gone_is_told(stage):
    node = stage.add(start=1)
    node.node_tree.mattelier.image.filepath = "/nowhere/plate.0101.exr"
    assert refused(stage, node) == "The plate is not there: /nowhere/plate.####.exr."


def case_an_unsaved_file_is_told(stage):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.preferences.addon_enable(module=MODULE)
    stage.shown = module("ground.versions").new_compositor(stage.scene)
    node = stage.add(start=1)
    assert refused(stage, node) == "Save the .blend file first: what is baked is kept beside it."
    node.node_tree.mattelier.cache = str(stage.folder / "absolute")
    stage.bake(node)
    assert state(node).to_bake == ()


def case_a_cache_that_cannot_be_written_is_told(stage):
    node = stage.add(start=1)
    (stage.folder / "file").write_text("")
    node.node_tree.mattelier.cache = "//file"
    assert "cannot be written" in refused(stage, node)


def case_clear_and_purge(stage):
    node = stage.add(start=1)
    item = node.node_tree.mattelier.objects[0]
    stage.bake(node)
    old = item.folder
    node.node_tree.mattelier.feather = 1
    stage.bake(node)
    new = item.folder
    assert old.is_dir()
    assert module("baking.cache").folder_size(old.parent) > 1000
    bpy.ops.mattelier.purge(group=node.node_tree.name)
    assert not old.exists()
    assert len(state(node).fresh) == 10
    bpy.ops.mattelier.clear(group=node.node_tree.name)
    assert not new.exists()
    assert len(state(node).missing) == 10


def case_bake_all_bakes_every_node(stage):
    first, second = stage.add(start=1), stage.add("eight.1001.png", start=1)
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert state(first).to_bake == state(second).to_bake == ()


def case_bake_all_fails_where_a_frame_was_not_made(stage):
    stage.add(start=1)
    stage.orders(skip=[103])
    message = sentence(bpy.ops.mattelier.bake_all)
    assert message == "1 frame could not be baked: 103: it is damaged"


def case_check_installation(stage):
    assert bpy.ops.mattelier.check_installation() == {"FINISHED"}


def case_adding_a_node_is_quick(stage):
    start = time.perf_counter()
    stage.add(None)
    assert time.perf_counter() - start < 0.3


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
