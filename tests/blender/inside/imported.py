"""A network that the user has brought in, with the real engine."""

import shutil

import bpy
from engine import picture, shot
from stage import MODULE, baked_file, module, read, sentence, state

RESTORE = "my-compact"
TRACKER = "my-sam-video"
MATTES, HINTLESS = ["my-cutout", "my-shot-cutout"], "my-modnet"


def case_it_is_listed_for_what_it_is(stage):
    assert bpy.ops.mattelier.list_models() == {"FINISHED"}
    models = module("engine.preferences")._models
    brought = models.named(RESTORE)
    assert (brought["task"], brought["state"]) == ("upscale", "ready")


def case_it_enlarges_a_plate(stage):
    for model in ("default", RESTORE):
        node = picture(stage, "shot.1001.png", "upscale")
        settings = node.node_tree.mattelier
        settings.model, settings.scale = model, "4"
        stage.bake(node, "SCENE")
        assert state(node).fresh == (1001, 1002, 1003)
        made = baked_file(node, 1002)
        shutil.copy(made, stage.folder / f"{model}{made.suffix}")


def case_two_for_mattes_are_listed_and_each_can_be_chosen(stage):
    assert bpy.ops.mattelier.list_models() == {"FINISHED"}
    models = module("engine.preferences")._models
    listed = [one for one in models.of_nodes() if one["task"] == "matte"]
    assert [one["state"] for one in listed] == ["ready"] * len(listed)
    assert {"cutout", *MATTES} <= {one["name"] for one in listed}
    assert models.named(HINTLESS)["state"] == "ready"
    assert HINTLESS not in {one["name"] for one in listed}
    node, settings = shot(stage, "shot.1001.png")
    search = module("node.settings")._search_models
    offered = search(settings, bpy.context, "MY-")
    assert set(MATTES) <= set(offered)
    assert not {RESTORE, HINTLESS} & set(offered)
    folders = set()
    for name in ("default", *MATTES):
        settings.model = name
        assert not state(node).fresh
        stage.bake(node, "CURRENT")
        assert state(node).fresh == (1001,)
        folders.add(settings.objects[0].folder)
    assert len(folders) == 3
    settings.model = HINTLESS
    told = sentence(lambda: stage.bake(node, "CURRENT"))
    assert told == (
        f"The model {HINTLESS} takes no hints and cannot follow a subject; "
        "choose the model “default” for that."
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.model, preferences.tracker = MATTES[1], TRACKER
    try:
        new = stage.add(None).node_tree.mattelier
    finally:
        preferences.model = preferences.tracker = "default"
    assert (new.model, new.tracker) == (MATTES[1], TRACKER)


def case_one_that_follows_is_a_tracker(stage):
    assert bpy.ops.mattelier.list_models() == {"FINISHED"}
    listed = module("engine.preferences")._models.of_nodes()
    tasks = [model["task"] for model in listed if model["name"] == TRACKER]
    assert tasks == ["matte", "track"]  # it makes mattes where it is asked with clicks, too
    assert module("engine.connection").tracker_names() == ["default", TRACKER]
    node, settings = shot(stage, "shot.1001.png")
    settings.tracker = TRACKER
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    followed = settings.objects[0].folder
    mattes = [read(baked_file(node, number)) for number in (1001, 1003)]
    settings.tracker = "default"
    assert state(node).reason == "the settings have changed"
    stage.bake(node, "SCENE")
    assert settings.objects[0].folder != followed
    own = [read(baked_file(node, number)) for number in (1001, 1003)]
    assert apart(mattes[1], own[1]) > 0.01  # it is a network of random weights
    assert apart(mattes[0], own[0]) < apart(mattes[1], own[1])  # the key is nearly the same


def apart(one, other):
    """How far two mattes are from each other, on the average."""
    pairs = zip(one.values[::4], other.values[::4], strict=True)
    return sum(abs(a - b) for a, b in pairs) / (len(one.values) / 4)


def case_what_words_mean_becomes_a_subject_with_a_key(stage):
    node, settings = shot(stage, "shot.1001.png")
    group = node.node_tree
    settings.words = "the red car"
    stage.scene.frame_set(1002)
    assert bpy.ops.mattelier.find_by_words(group=group.name) == {"FINISHED"}
    first, second = settings.objects  # the drawn one, and the new one
    assert (second.name, second.guide, second.edge) == ("The red car", "MASK", "ROUGH")
    assert second.mask.layers
    assert settings.active == 1
    assert keyed(second.mask) == [1002]
    assert first.mask != second.mask
    stage.scene.frame_set(1003)
    mask = first.mask
    assert bpy.ops.mattelier.find_by_words(group=group.name, index=0) == {"FINISHED"}
    assert len(settings.objects) == 2
    assert first.mask == mask
    assert first.name != "The red car"
    assert {1001, 1003} <= set(keyed(mask))
    stage.bake(node, "SCENE")
    assert state(node).fresh == (1001, 1002, 1003)
    first.edge = "EXACT"
    told = sentence(lambda: bpy.ops.mattelier.find_by_words(group=group.name, index=0))
    assert told.startswith("The keys of “Subject” are exact, and words give rough ones;")


def keyed(mask):
    with module("blend.scratch_scene").scratch_scene() as scene:
        return module("node_types.rotoscope.guidance").keyed_frames(mask, scene)


def case_parts_are_found_where_no_network_tells_objects_apart(stage):
    node = picture(stage, "pair.1001.png", "rotoscope")
    stage.scene.frame_set(1001)
    assert bpy.ops.mattelier.find_objects(group=node.node_tree.name) == {"FINISHED"}
    assert len(node.node_tree.mattelier.objects) == 2
