"""What becomes of all types of nodes as files are saved, moved, appended or linked, and by undo."""

import addon_utils
import bpy
from stage import MODULE, baked_file, enable, module, near, read, same, sentence, state

NODE_TYPES = ("rotoscope", "upscale", "bokeh")
SOCKETS = {"rotoscope": ["Image", "Matte", "Foreground"], "upscale": ["Image"], "bokeh": ["Image"]}


def case_every_type_is_added_and_undone(stage):
    for node_type in NODE_TYPES:
        window = bpy.context.window_manager.windows[0]
        area = max(window.screen.areas, key=lambda area: area.width * area.height)
        area.type = "NODE_EDITOR"
        area.ui_type = "CompositorNodeTree"
        area.spaces.active.node_tree = module("blend.versions").compositor(stage.scene)
        region = next(region for region in area.regions if region.type == "WINDOW")
        bpy.ops.ed.undo_push(message="before")
        with bpy.context.temp_override(window=window, area=area, region=region):
            assert getattr(bpy.ops.mattelier, f"add_{node_type}")() == {"FINISHED"}
            (group,) = module("node.groups").editable_groups()
            assert group.mattelier.kind == node_type
            label = area.spaces.active.edit_tree.nodes.active.label
            assert label == f"{node_type.capitalize()}: Open a Plate"
            bpy.ops.ed.undo_push(message="add")
            bpy.ops.ed.undo()
        assert not list(module("node.groups").editable_groups())
        assert node_type.capitalize() not in bpy.data.node_groups


def case_undo_brings_settings_and_bake_back(stage):
    nodes = all_types(stage)
    names = {node_type: node.node_tree.name for node_type, node in nodes.items()}
    bpy.ops.ed.undo_push(message="baked")
    nodes["upscale"].node_tree.mattelier.scale = "4"
    nodes["bokeh"].node_tree.mattelier.radius = 3
    bpy.ops.ed.undo_push(message="changed")
    bpy.ops.ed.undo()
    groups = {node_type: bpy.data.node_groups[name] for node_type, name in names.items()}
    assert groups["upscale"].mattelier.scale == "2"
    for group in groups.values():
        assert len(state_of(group).fresh) == 10


def case_the_file_is_opened_as_it_was_saved(stage):
    nodes = all_types(stage)
    nodes["upscale"].node_tree.mattelier.denoise = 0.75
    names = {node_type: node.node_tree.name for node_type, node in nodes.items()}
    stage.save()
    bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
    groups = {node_type: bpy.data.node_groups[name] for node_type, name in names.items()}
    near(groups["upscale"].mattelier.denoise, 0.75)
    assert groups["bokeh"].mattelier.mattes == groups["rotoscope"]
    assert groups["bokeh"].mattelier.depth.filepath.endswith("z.0101.exr")
    for node_type, group in groups.items():
        assert len(state_of(group).fresh) == 10, node_type
        shows(stage, group)


def case_a_file_saved_elsewhere_shows_what_was_baked(stage):
    nodes = all_types(stage)
    (stage.folder / "other").mkdir()
    stage.folder /= "other"
    stage.save()
    for node_type, node in nodes.items():
        assert len(state(node).fresh) == 10, node_type
        node.node_tree.mattelier.frame_start = 1  # wires anew
        shows(stage, node.node_tree)
        before = len(stage.requests())
        assert stage.bake(node) == {"FINISHED"}
        assert len(stage.requests()) == before


def case_nodes_are_appended_and_linked(stage):
    all_types(stage)
    groups = {node_type: group.name for node_type, group in by_type().items()}
    stage.save()
    for link in (False, True):
        folder = stage.folder / ("linked" if link else "appended")
        folder.mkdir()
        bpy.ops.wm.read_factory_settings(use_empty=True)
        enable()
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "other.blend"))
        file = str(stage.folder / "shot.blend")
        with bpy.data.libraries.load(file, link=link, relative=True) as (_, wanted):
            wanted.node_groups = list(groups.values())
        stage.renew()
        for node_type, group in by_type().items():
            assert (group.library is not None) is link
            assert len(state_of(group).fresh) == 10, node_type
            shows(stage, group)
        if link:
            assert not list(module("node.groups").editable_groups())
            assert module("node.groups").groups_shown_by(stage.shown)
            told = sentence(lambda: bpy.ops.mattelier.bake(group=groups["upscale"]))
            assert told.startswith("“Upscale” is linked from //../shot.blend; open that file")
            told = sentence(bpy.ops.mattelier.bake_all)
            assert all(f"“{name}” is linked from" in told for name in groups.values())


def case_all_types_render_where_the_add_on_is_not(stage):
    names = [node.node_tree.name for node in all_types(stage).values()]
    stage.save()
    files = [baked_file(group, 106) for group in map(bpy.data.node_groups.get, names)]
    addon_utils.disable(MODULE)
    try:
        bpy.ops.wm.open_mainfile(filepath=str(stage.folder / "shot.blend"))
        for name, file in zip(names, files, strict=True):
            shows(stage, bpy.data.node_groups[name], file)
    finally:
        enable()


def case_copies_bake_on_their_own(stage):
    for node_type in ("upscale", "bokeh"):
        node = stage.add(start=1, node_type=node_type)
        stage.bake(node)
        other = stage.shown.nodes.new("CompositorNodeGroup")
        other.node_tree = node.node_tree.copy()
        other.node_tree.mattelier.scale, other.node_tree.mattelier.radius = "4", 50
        stage.bake(other)
        assert baked_file(node, 103) != baked_file(other, 103)
        for each in (node, other):
            assert len(state(each).fresh) == 10
            shows(stage, each.node_tree)


def case_damaged_notes_are_told_or_made_anew(stage):
    """Brackets nested deeper than Python's parser goes, in the cache and in the .blend file."""
    nested = "[" * 100_000
    node = stage.add(start=1)
    stage.bake(node)
    item = node.node_tree.mattelier.objects[0]
    (item.folder / "made_from.json").write_text(nested)
    module("data.recent").forget()
    assert len(state(node).stale) == 10
    stage.bake(node)
    assert len(state(node).fresh) == 10
    item.unsure = item.marks = nested
    assert module("node.marks").unsure_frames(item) == []
    module("node.marks").clear_marks(item)
    assert module("node.marks").unsure_frames(item) is None
    item.pointed, item.guide = nested, "POINTS"
    told = "What was pointed at is damaged in this file; Remove Key takes it away."
    assert sentence(lambda: stage.bake(node)) == told
    assert bpy.ops.mattelier.remove_pointed(group=node.node_tree.name) == {"FINISHED"}
    assert item.pointed == ""
    connection = module("engine.connection")
    engine = connection.FOLDER / "engine.json"
    before = engine.read_bytes()
    try:
        engine.write_text(nested)
        told = sentence(bpy.ops.mattelier.check_installation)
        assert told.startswith("The add-on does not know where its engine is")
    finally:
        engine.write_bytes(before)


def all_types(stage):
    """A baked node of each type; that of Bokeh uses the others' mattes and a depth pass."""
    nodes = {node_type: stage.add(start=1, node_type=node_type) for node_type in NODE_TYPES}
    for node_type, node in nodes.items():
        assert [socket.name for socket in node.outputs] == SOCKETS[node_type]
    settings = nodes["bokeh"].node_tree.mattelier
    settings.depth_from, settings.mattes = "FILES", nodes["rotoscope"].node_tree
    settings.depth = bpy.data.images.load(str(stage.plates / "z.0101.exr"))
    settings.depth.source = "SEQUENCE"
    bpy.ops.mattelier.bake_all()
    return nodes


def by_type():
    return {
        group.mattelier.kind: group
        for group in bpy.data.node_groups
        if module("node.groups").is_ours(group)
    }


def state_of(group):
    module("data.recent").forget()
    settings = group.mattelier
    return module("baking.freshness").state(settings.objects[0], settings.find_plate())


def shows(stage, group, file=None):
    """Assert that a group's render is what lies on the disk for the sixth frame."""
    stage.renew()
    node = stage.shown.nodes.new("CompositorNodeGroup")
    node.node_tree = group
    stored = read(file or baked_file(group, 106))
    stage.size((stored.shape[1], stored.shape[0]))
    part = "Matte" if "Matte" in node.outputs else "Image"
    stage.show(node.outputs[part])
    same(stage.render(6), stored, channels=1 if part == "Matte" else 4)
