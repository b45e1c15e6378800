"""A network that the user has brought in, with the real engine."""

import shutil

import bpy
from engine import picture
from stage import baked_file, module, state

RESTORE = "my-compact"


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
