"""The preferences: networks listed and fetched, and the one that new nodes begin with."""

import bpy
from stage import MODULE, module, sentence, state


def case_networks_are_listed_with_size_and_licence(stage):
    assert bpy.ops.mattelier.list_models() == {"FINISHED"}
    models = module("engine.preferences")._models
    tasks = [model["task"] for model in models.of_nodes()]
    assert tasks == sorted(tasks, key=["matte", "track", "depth", "upscale"].index)
    assert set(tasks) == {"matte", "track", "depth", "upscale"}
    offered = {model["name"] for model in models.of_nodes()}
    assert {"cutout", "depth-anything-v2-small"} <= offered
    assert not offered & {"rmbg-1.4", "remove-bg"}  # which know no hints: they follow no subject
    columns = module("engine.models").columns
    assert columns(models.named("cutout")) == ("cutout", "9 MB", "Apache-2.0", "here")
    rmbg = columns(models.named("rmbg-1.4"))
    assert rmbg[2:] == ("BRIA RMBG-1.4 licence, not for commercial use", "not fetched")
    assert models.busy == models.failure == ""


def case_what_cannot_be_fetched_is_told(stage):
    assert sentence(lambda: bpy.ops.mattelier.get_model(model="nonsense")) == (
        "There is no model 'nonsense'."
    )
    assert "licence" in sentence(lambda: bpy.ops.mattelier.get_model(model="rmbg-1.4"))
    asked = [entry["options"] for entry in stage.requests() if entry["task"] == "models"]
    assert asked[-1] == {"action": "get", "name": "rmbg-1.4", "accept_licence": False}
    assert bpy.ops.mattelier.get_model(model="cutout") == {"FINISHED"}  # it is here already
    assert module("engine.preferences")._models.named("cutout")["state"] == "ready"


def case_new_nodes_begin_with_the_preferred_network(stage):
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.model = "my-cutout"
    try:
        node = stage.add(start=1)
        assert node.node_tree.mattelier.model == "my-cutout"
        stage.bake(node)
        assert stage.task_options()[-1]["matte"]["model"] == "my-cutout"
        assert stage.add(node_type="bokeh").node_tree.mattelier.model == "default"
    finally:
        preferences.model = "default"
    assert stage.add(start=1).node_tree.mattelier.model == "default"


def case_a_chosen_tracker_reaches_the_engine(stage):
    preferences = bpy.context.preferences.addons[MODULE].preferences
    assert stage.add(start=1).node_tree.mattelier.tracker == "default"
    preferences.tracker = "my-cutie"
    try:
        node = stage.add(start=1)
    finally:
        preferences.tracker = "default"
    settings = node.node_tree.mattelier
    assert settings.tracker == "my-cutie"
    stage.bake(node)
    assert stage.task_options()[-1]["tracker"] == "my-cutie"
    followed = settings.objects[0].folder
    assert not state(node).to_bake
    settings.tracker = "another"
    assert state(node).reason == "the settings have changed"
    assert len(state(node).to_bake) == 10
    settings.tracker = "my-cutie"
    assert not state(node).to_bake
    for own in ("default", ""):
        settings.tracker = own
        stage.bake(node)
        assert stage.task_options()[-1]["tracker"] is None
        assert settings.objects[0].folder != followed
    assert len(stage.task_options()) == 2  # the two mean the same
    settings.tracker = "another"
    stage.save()
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    assert stage.task_options()[-1]["tracker"] == "another"
