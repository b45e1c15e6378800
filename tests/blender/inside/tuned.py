"""A Rotoscope node that begins with the network that another shot was tuned to."""

from pathlib import Path

import bpy
from stage import refused, state

NETWORK = "cutout-shot-tuned-0123456789ab"


def case_a_nodes_tuned_network_reaches_the_engine(stage):
    node, other = two_shots(stage)
    assert refused(stage, node) == "“Rotoscope” has no tuned network yet; bake it first."
    stage.bake(other)
    assert refused(stage, node) == (
        "“Rotoscope” was baked by a network that is not tuned; draw a mask, set Tune above 0 "
        "and bake it."
    )
    folder = tune(stage, other)
    stage.bake(node)
    assert stage.task_options()[-1]["matte"]["model"] == str(folder)
    assert not state(node).to_bake
    tune(stage, other, "cutout-shot-tuned-ba9876543210")
    assert state(node).reason == "the settings have changed"
    stage.bake(node)
    assert stage.task_options()[-1]["matte"]["model"].endswith("ba9876543210")
    node.node_tree.mattelier.network_from = "MODEL"
    stage.bake(node)
    assert stage.task_options()[-1]["matte"]["model"] == "default"


def case_a_tuned_network_that_is_gone_is_told(stage):
    node, other = two_shots(stage)
    folder = tune(stage, other)
    (folder / "card.toml").unlink()
    assert refused(stage, node) == (
        f"The tuned network of “Rotoscope” is gone ({folder}); bake it anew."
    )
    settings = node.node_tree.mattelier
    settings.tuned_subject = "Car"
    assert refused(stage, node) == "“Rotoscope” has no subject “Car”; choose one that it has."
    settings.tuned_group = node.node_tree  # its own
    assert settings.tuned_group is None
    assert refused(stage, node) == (
        "Choose the Rotoscope node whose tuned network is used, or another network."
    )


def case_a_folder_of_another_files_cache(stage):
    node, other = two_shots(stage)
    folder = tune(stage, other)
    settings = node.node_tree.mattelier
    settings.network_from = "FOLDER"
    assert refused(stage, node) == "Choose the folder of a tuned network, or another network."
    for chosen in (folder, folder.parent.parent, folder.parent.parent.parent):
        settings.tuned_folder = str(chosen)
        stage.bake(node)
        assert stage.task_options()[-1]["matte"]["model"] == str(folder)
    found = folder
    second = found.with_name(NETWORK[:-1] + "c")
    second.mkdir()
    (second / "card.toml").touch()
    assert refused(stage, node).startswith(
        f"{settings.tuned_folder} holds 2 tuned networks; choose one: "
    )
    settings.tuned_folder = str(stage.plates)
    assert "There is no tuned network in" in refused(stage, node)


def case_bake_all_bakes_the_other_shot_first(stage):
    node, other = two_shots(stage)
    folder = tune(stage, other)
    other.node_tree.mattelier.quality = "best"
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    models = [job["matte"]["model"] for job in stage.task_options()]
    assert models == ["default", "default", str(folder)]
    other.node_tree.mattelier.tuned_group = node.node_tree  # Blender's groups make no circle
    assert other.node_tree.mattelier.tuned_group is None


def two_shots(stage):
    """A node that begins with what another one, the first, was tuned to."""
    other = stage.add("eight.1001.png", start=1)
    node = stage.add(start=1)
    settings = node.node_tree.mattelier
    settings.network_from, settings.tuned_group_name = "NODE", other.node_tree.name
    assert settings.tuned_group == other.node_tree
    return node, other


def tune(stage, node, name=NETWORK):
    """Bake a node as if its network had been tuned; gives the network's folder."""
    stage.orders(network=name)
    node.node_tree.mattelier.tune += 1  # so that all is made again
    stage.bake(node)
    folder = Path(stage.task_options()[-1]["track_folder"], "tune", name)
    folder.mkdir(parents=True)
    (folder / "card.toml").touch()
    return folder
