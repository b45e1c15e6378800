"""Where no artist is: renders without the add-on, and with mattes missing."""

import addon_utils
import bpy
from stage import MODULE, enable, module, near


def case_renders_where_the_add_on_is_not(stage):
    node = stage.add(start=1)
    node.node_tree.mattelier.quality = "best"
    stage.bake(node)
    stage.show(node.outputs["Image"])
    stage.save()
    addon_utils.disable(MODULE)
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    near(stage.render(6)[8, 24, 3], 6 / 16)
    stage.save()
    enable()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    group = next(module("node.groups").editable_groups())
    assert group.mattelier.quality == "best"
    plate = group.mattelier.find_plate()
    assert len(module("baking.freshness").state(group.mattelier.objects[0], plate).fresh) == 10
    near(stage.render(7)[8, 24, 3], 7 / 16)


def case_bakes_first_where_the_node_says_so(stage):
    node = stage.add(start=1)
    node.node_tree.mattelier.when_missing = "BAKE"
    stage.show(node.outputs["Matte"])
    stage.scene.frame_start, stage.scene.frame_end = 1, 10
    stage.save()
    near(stage.render(5)[8, 24, 0], 5 / 16)
    assert stage.task_options()[0]["frames"] == "101-110"
    stage.render(6)
    assert len(stage.task_options()) == 1
