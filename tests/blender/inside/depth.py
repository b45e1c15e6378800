"""The Depth node, and the Bokeh node that follows it."""

import bpy
from stage import baked_file, near, read, refused, same, state


def case_shows_what_the_engine_wrote_pixel_by_pixel(stage):
    node = stage.add(start=1, node_type="depth")
    stage.bake(node)
    stage.show(node.outputs["Depth"])
    file = baked_file(node, 104)
    assert file.name == "plate_depth.0104.exr"
    shown = stage.render(4)
    same(shown, read(file), channels=1)
    near(shown[8, 0, 0], 4 / 16)
    near(shown[8, 31, 0], 4 / 16 + 0.25)  # nearer, and no curve of a display in between


def case_the_network_is_the_artists_choice(stage):
    node = stage.add(start=1, node_type="depth")
    stage.bake(node)
    request = stage.task_options("frames")[0]
    assert (request["task"], request["options"]) == ("depth", {"model": "auto"})
    node.node_tree.mattelier.model = "midas-v2.1-small"
    assert state(node).reason == "the settings have changed"
    stage.bake(node)
    assert stage.task_options("frames")[1]["options"] == {"model": "midas-v2.1-small"}
    stage.show(node.outputs["Depth"])
    near(stage.render(8)[8, 0, 0], 4 / 16)


def case_depth_of_a_movie(stage):
    movie = stage.movie()
    node = stage.add(None, node_type="depth")
    node.node_tree.mattelier.image = bpy.data.images.load(str(movie))
    stage.bake(node)
    stage.show(node.outputs["Depth"])
    near(stage.render(3)[8, 0, 0], 3 / 16)


def case_bokeh_follows_the_depth_of_a_node(stage):
    node, depth = blurred(stage)
    assert refused(stage, node) == "“Depth” has no depth on the frames 1-10 yet; bake it first."
    stage.bake(depth)
    stage.bake(node)
    request = stage.task_options("frames")[1]
    folder = depth.node_tree.mattelier.objects[0].folder
    assert request["options"]["depth"] == {"file": str(folder / "depth/plate_depth.####.exr")}
    assert request["mattes"] is None
    stage.show(node.outputs["Image"])
    near(stage.render(8)[8, 24, 0], (1 / (8 / 16)) / 16)  # read as nearness, not as a distance
    depth.node_tree.mattelier.model = "midas-v2.1-small"
    assert not state(node).to_bake  # the Depth node shows what it showed
    stage.bake(depth)
    assert len(state(node).stale) == 10
    stage.bake(node)
    near(stage.render(8)[8, 24, 0], (1 / (4 / 16)) / 16)


def case_bake_all_bakes_depth_and_mattes_first(stage):
    node, _ = blurred(stage)
    cut = stage.add(start=1)
    settings = node.node_tree.mattelier
    settings.focus, settings.mattes_name = "SUBJECT", cut.node_tree.name
    assert bpy.ops.mattelier.bake_all() == {"FINISHED"}
    asked = [entry["options"].get("task", entry["task"]) for entry in stage.requests()]
    assert asked[-1] == "bokeh"
    assert sorted(asked) == ["bokeh", "depth", "roto"]
    assert not state(node).to_bake


def case_a_render_bakes_the_depth_first(stage):
    node, _ = blurred(stage)
    node.node_tree.mattelier.when_missing = "BAKE"
    stage.scene.frame_start, stage.scene.frame_end = 1, 10
    stage.show(node.outputs["Image"])
    stage.save()
    near(stage.render(5)[8, 24, 0], (1 / (5 / 16)) / 16)


def case_only_depth_nodes_are_taken(stage):
    node, depth = blurred(stage)
    settings = node.node_tree.mattelier
    settings.depth_group_name = stage.add(start=1).node_tree.name
    assert settings.depth_group is None
    assert refused(stage, node) == ("Choose the Depth node whose depth is used, or another depth.")
    node.node_tree.nodes.remove(node.node_tree.nodes["Depth Node"])  # as of an older file
    assert settings.depth_group_name == ""
    settings.depth_group_name = depth.node_tree.name
    assert settings.depth_group == depth.node_tree


def blurred(stage):
    """A Bokeh node, and the Depth node that it follows."""
    depth = stage.add(start=1, node_type="depth")
    node = stage.add(start=1, node_type="bokeh")
    settings = node.node_tree.mattelier
    settings.depth_from, settings.depth_group_name = "NODE", depth.node_tree.name
    settings.focus, settings.focus_point = "POINT", (3, 2)
    return node, depth
