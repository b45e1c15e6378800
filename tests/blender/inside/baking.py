"""Baking: what is computed, what is kept, and what the artist is told when it fails."""

import os
import shutil
import time

import bpy
from stage import MODULE, module, near, refused, replaced, sentence, square_mask, state


def case_what_is_fresh_is_not_asked_for_again(stage):
    node = stage.add(start=1)
    stage.bake(node)
    assert stage.bake(node) == {"FINISHED"}
    assert [request["frames"] for request in stage.task_options()] == ["101-110"]


def case_the_request_says_what_the_node_says(stage):
    node = stage.add(start=1)
    settings = node.node_tree.mattelier
    assert settings.bl_rna.properties["tune"].default == 80
    settings.quality, settings.tune, settings.refine = "best", 60, False
    settings.edge_shift, settings.feather, settings.despill = -1.5, 2, 0.5  # the node's own
    stage.bake(node)
    request = stage.task_options()[0]
    assert request["plate"] == str(stage.plates / "plate.####.exr")
    assert request["matte"] == {"model": "default", "quality": "best", "refine": False}
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
    node.node_tree.mattelier.quality = "best"
    now = state(node)
    assert len(now.stale) == 10
    assert now.reason == "the settings have changed"
    stage.show(node.outputs["Matte"])
    near(stage.render(4)[8, 24, 0], 4 / 16)  # what was baked still shows
    stage.bake(node)
    assert len(state(node).fresh) == 10
    node.node_tree.mattelier.quality = "balanced"
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


def case_another_plate_makes_its_frame_stale_however_old_it_is(stage):
    node = stage.add("eight.1001.png", start=1)
    stage.bake(node)
    with replaced(stage.plates / "eight.1003.png", stage.plates / "eight.1004.png"):
        assert state(node).stale == (1003,)
        stage.bake(node)
        assert stage.task_options()[-1]["frames"] == "1003"
        assert len(state(node).fresh) == 10
    assert state(node).stale == (1003,)


def case_other_rough_mattes_make_stale(stage):
    node = stage.add("eight.1001.png", start=1)
    item = node.node_tree.mattelier.objects[0]
    item.guide, item.rough = "SEQUENCE", bpy.data.images.load(str(stage.plates / "gap.1001.exr"))
    item.rough.source = "SEQUENCE"
    stage.bake(node)
    assert len(state(node).fresh) == 10
    with replaced(stage.plates / "gap.1002.exr", stage.plates / "gap.1004.exr"):
        assert len(state(node).stale) == 10  # the engine knows which of them it reaches


def case_a_shot_saved_for_another_plate_is_not_fresh(stage):
    """Another shot's plate has the same names of files, and is older than what was baked."""
    for number, shot in enumerate(("sh010", "sh020")):
        (stage.folder / shot).mkdir()
        for frame in range(1001, 1005):
            source = stage.plates / f"eight.{frame + number}.png"
            file = stage.folder / shot / f"plate.{frame}.png"
            file.write_bytes(source.read_bytes())
            os.utime(file, (1e9, 1e9))
    node = stage.add(None)
    settings = node.node_tree.mattelier
    settings.image = bpy.data.images.load(str(stage.folder / "sh010" / "plate.1001.png"))
    settings.image.source = "SEQUENCE"
    stage.bake(node)
    assert len(state(node).fresh) == 4
    settings.image.filepath = str(stage.folder / "sh020" / "plate.1001.png")
    assert len(state(node).stale) == 4
    stage.bake(node)
    assert len(state(node).fresh) == 4


def case_a_copied_project_stays_fresh(stage):
    """Plate, .blend and cache, copied by something that gives all files a new time."""
    project = stage.folder / "project"
    shutil.copytree(stage.plates, project / "plates")
    stage.save("project/shot.blend")
    node = stage.add(None)
    settings = node.node_tree.mattelier
    settings.image = bpy.data.images.load(str(project / "plates" / "eight.1001.png"))
    settings.image.source = "SEQUENCE"
    settings.image.filepath = bpy.path.relpath(settings.image.filepath)
    stage.bake(node)
    stage.save("project/shot.blend")
    copy = stage.folder / "copy"
    shutil.copytree(project, copy, copy_function=shutil.copyfile)
    shutil.rmtree(project)
    bpy.ops.wm.open_mainfile(filepath=str(copy / "shot.blend"))
    group = next(module("node.groups").editable_groups())
    module("data.recent").forget()
    found = module("baking.freshness").state(
        group.mattelier.objects[0], group.mattelier.find_plate()
    )
    assert len(found.fresh) == 10
    asked = len(stage.requests())
    assert bpy.ops.mattelier.bake(group=group.name) == {"FINISHED"}
    assert len(stage.requests()) == asked


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
    until(lambda: bake.frames >= 5)
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
    stage.shown = module("blend.versions").new_compositor(stage.scene)
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
    node.node_tree.mattelier.quality = "best"
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


def case_bake_all_names_gaps_of_the_plate(stage):
    node = stage.add("gap.1001.exr", start=1001)
    gap = "The plate has no frame there, all others are baked: “Rotoscope”: 1003."
    assert sentence(bpy.ops.mattelier.bake_all) == gap
    assert len(state(node).fresh) == 5
    bake_all = module("farm.bake_all").bake_all
    bake_all("1004-1006")
    told = failure_of(bake_all, "1002-1003, 1006-1008")
    assert told.endswith("“Rotoscope”: 1003,1007-1008.")
    stage.scene.frame_start, stage.scene.frame_end = 1004, 1100
    assert bpy.ops.mattelier.bake_all(frames="SCENE") == {"FINISHED"}  # it holds after its end


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


def failure_of(function, *arguments):
    """The sentence with which a function of the add-on fails."""
    try:
        function(*arguments)
    except module("data.failure").Failure as failure:
        return str(failure)
    raise AssertionError("it did not fail")


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
