"""Several subjects as one Cryptomatte, picked by Blender's own node; and baked one by one."""

import bpy
from stage import module, near, read, sentence

BOTH = (101, 110)


def case_blenders_own_node_picks_each_subject(stage):
    node = two_subjects(stage)
    group = node.node_tree
    assert bpy.ops.mattelier.make_cryptomatte(group=group.name) == {"FINISHED"}
    (picker,) = pickers(stage)
    assert picker.matte_id == "Walker,Right side"
    stage.size((160, 96))
    stage.show(picker.outputs["Matte"])
    walker, right = (files(group, index) for index in (0, 1))
    for frame in (1, 6, 10):
        first, second = read(walker.file(100 + frame)), read(right.file(100 + frame))
        places = [(y, x) for y in range(0, 96, 7) for x in range(0, 160, 5)]
        assert frame < 10 or any(first[at][0] and second[at][0] for at in places)
        for matte_id, which in (("Walker", [first]), ("Right side", [second]), (None, BOTH)):
            picker.matte_id = matte_id or "Walker,Right side"
            shown = stage.render(frame)
            for at in places:
                one, other = first[at][0], second[at][0]
                total = max(one + other, 1)  # of a pixel there is no more
                wanted = one + other if matte_id is None else which[0][at][0]
                near(shown[(*at, 0)], wanted / total, 0.001)


def case_it_is_made_anew_in_its_place(stage):
    node = two_subjects(stage)
    group = node.node_tree
    settings = group.mattelier
    outdated = module("node_types.rotoscope.cryptomatte").is_outdated
    assert not outdated(settings, settings.find_plate())
    bpy.ops.mattelier.make_cryptomatte(group=group.name)
    assert not outdated(settings, settings.find_plate())
    (picker,) = pickers(stage)
    picker.matte_id = "Walker"
    settings.objects[0].name = "Somebody"
    assert outdated(settings, settings.find_plate())
    bpy.ops.mattelier.make_cryptomatte(group=group.name)
    assert [one.matte_id for one in pickers(stage)] == ["Walker"]  # what was picked stays
    stage.size((160, 96))
    stage.show(picker.outputs["Matte"])
    assert not any(stage.render(1).values[::4])
    picker.matte_id = "Somebody"
    assert any(stage.render(1).values[::4])
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    stage.renew()
    (picker,) = pickers(stage)
    assert picker.image.filepath.startswith("//")


def case_baking_without_a_window_makes_it_anew(stage):
    node = two_subjects(stage)
    group, settings = node.node_tree, node.node_tree.mattelier
    outdated = module("node_types.rotoscope.cryptomatte").is_outdated
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert not stage.task_options("cryptomatte")  # nobody has made one
    bpy.ops.mattelier.make_cryptomatte(group=group.name)
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert len(stage.task_options("cryptomatte")) == 1  # nothing has changed
    settings.quality = "best"
    stage.orders(mattes=str(stage.plates / "walk.####.exr"))
    bake = module("farm.bake_all").bake_all
    bake("1-4")  # a part, on one of a farm's machines: all mattes lie in another folder now
    assert stage.task_options("cryptomatte")[-1]["frames"] == "101-104"
    bake()
    assert stage.task_options("cryptomatte")[-1]["frames"] == "105-110"
    assert not outdated(settings, settings.find_plate())
    (picker,) = pickers(stage)
    stage.size((160, 96))
    stage.show(picker.outputs["Matte"])
    picker.matte_id = "Right side"
    for frame in (2, 6):  # both subjects are the walker now, half of each
        same_matte(stage.render(frame), files(group, 1).file(100 + frame), 0.5)


def case_a_render_makes_it_first_where_the_node_says_so(stage):
    node = two_subjects(stage)
    group, settings = node.node_tree, node.node_tree.mattelier
    settings.when_missing = "BAKE"
    stage.size((160, 96))
    stage.scene.frame_start, stage.scene.frame_end = 1, 10
    bpy.ops.mattelier.make_cryptomatte(group=group.name)
    (picker,) = pickers(stage)
    stage.show(picker.outputs["Matte"])
    picker.matte_id = "Walker"
    stage.save()
    first = settings.objects[0]
    made = module("node_types.rotoscope.cryptomatte").cryptomatte_files(
        first, settings.find_plate()
    )
    for number in (102, 103):  # the walker is left of all else
        made.file(number).unlink()
    for frame in (2, 3):
        same_matte(stage.render(frame), files(group, 0).file(100 + frame))
    assert [one["frames"] for one in stage.task_options("cryptomatte")] == ["101-110", "102-103"]
    first.name = picker.matte_id = "Somebody"
    stage.save()
    same_matte(stage.render(4), files(group, 0).file(104))
    assert stage.task_options("cryptomatte")[-1]["frames"] == "101-110"
    settings.quality = "best"
    stage.orders(mattes=str(stage.plates / "walk.####.exr"))
    stage.save()
    shown = stage.render(8)
    assert len(stage.task_options("cryptomatte")) == 4
    same_matte(shown, files(group, 0).file(108), 0.5)


def case_a_farms_part_leaves_the_rest_to_others(stage):
    node = two_subjects(stage)
    group, settings = node.node_tree, node.node_tree.mattelier
    outdated = module("node_types.rotoscope.cryptomatte").is_outdated
    bpy.ops.mattelier.make_cryptomatte(group=group.name)
    settings.objects[0].name = "Somebody"
    module("farm.bake_all").bake_all("3-5")
    assert stage.task_options("cryptomatte")[-1]["frames"] == "103-105"
    assert outdated(settings, settings.find_plate())  # on the other frames
    module("farm.bake_all").bake_all()
    assert not outdated(settings, settings.find_plate())


def case_what_cannot_be_made_is_told(stage):
    node = stage.add("large.0101.exr", start=1)
    group = node.node_tree

    def told():
        return sentence(lambda: bpy.ops.mattelier.make_cryptomatte(group=group.name))

    assert told() == "There are no mattes to make a Cryptomatte of; bake first."
    node = two_subjects(stage)
    group = node.node_tree
    group.mattelier.objects[1].name = "Walker"
    assert told() == "Two subjects are called “Walker”; give one of them another name."


def case_one_subject_is_baked_alone(stage):
    node = stage.add("large.0101.exr", start=1)
    group = node.node_tree
    bpy.ops.mattelier.add_object(group=group.name)
    first, second = group.mattelier.objects
    bpy.ops.mattelier.bake(group=group.name, only=second.uid)
    assert first.folder is None
    assert files(group, 1).file(105).is_file()
    assert [options["output"] for options in stage.task_options()] == [str(second.folder)]


def same_matte(shown, file, share=1):
    """A render shows as much of a matte."""
    matte = read(file)
    for at in [(y, x) for y in range(0, 96, 7) for x in range(0, 160, 5)]:
        near(shown[(*at, 0)], matte[at][0] * share, 0.001)


def two_subjects(stage):
    """The square that walks, and the grey right side that the tests' engine makes."""
    node = stage.add("large.0101.exr", start=1)
    group = node.node_tree
    bpy.ops.mattelier.add_object(group=group.name)
    for item, name in zip(group.mattelier.objects, ("Walker", "Right side"), strict=True):
        item.name = name
    stage.orders(mattes=str(stage.plates / "walk.####.exr"))
    bpy.ops.mattelier.bake(group=group.name, only=group.mattelier.objects[0].uid)
    stage.orders()
    bpy.ops.mattelier.bake(group=group.name)
    assert len(stage.task_options()) == 2  # the first one was fresh
    return node


def files(group, index):
    settings = group.mattelier
    folder = settings.objects[index].folder
    return module("data.bake_files").pass_files(folder, settings.find_plate(), "matte")


def pickers(stage):
    return [one for one in stage.shown.nodes if one.bl_idname == "CompositorNodeCryptomatteV2"]
