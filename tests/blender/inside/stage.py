"""What cases inside Blender share: a scene to render, a Rotoscope node, pixels read back."""

import importlib
import json
import os
from pathlib import Path

import addon_utils
import bpy

MODULE = "bl_ext.user_default.mattelier"
RENDER_SIZE = (32, 16)


def module(name):
    """A module of the add-on under test."""
    return importlib.import_module(f"{MODULE}.{name}")


def enable():
    assert addon_utils.enable(MODULE, default_set=True), "the add-on does not register"


class Stage:
    """An empty file in a folder of its own.

    `plates` holds the plates that the tests made; `folder` is the case's own, and the .blend file
    lies in it.
    """

    def __init__(self, plates, folder):
        self.plates = plates
        self.folder = folder
        self.shown = module("versions").new_compositor(self.scene)

    @property
    def scene(self):
        return bpy.context.scene

    def add(self, plate="plate.0101.exr", source="SEQUENCE", start=None):
        """A Rotoscope node that shows a plate, as Add → AI → Rotoscope makes it; its group."""
        tree = module("tree")
        node = self.shown.nodes.new("CompositorNodeGroup")
        node.node_tree = tree.new()
        if plate is not None:
            image = bpy.data.images.load(str(self.plates / plate))
            image.source = source
            node.node_tree.mattelier.image = image
            if start is not None:
                node.node_tree.mattelier.frame_start = start
        return node

    def show(self, socket):
        self.shown.links.new(socket, module("versions").output_socket(self.shown))

    def bake(self, node, frames="PLATE"):
        return bpy.ops.mattelier.bake(group=node.node_tree.name, frames=frames)

    def render(self, frame=None, transform=None):
        """The pixels (H, W, 4), top row first, that a render gives: float EXR, or 8-bit PNG."""
        if frame is not None:
            self.scene.frame_set(frame)
        name = "out.png" if transform else "out.exr"
        settings = self.scene.render.image_settings
        settings.file_format = "PNG" if transform else "OPEN_EXR"
        settings.color_depth = "8" if transform else "32"
        settings.color_mode = "RGBA"
        if transform:
            self.scene.view_settings.view_transform = transform
        self.scene.render.filepath = str(self.folder / name)
        (self.folder / name).unlink(missing_ok=True)
        bpy.ops.render.render(write_still=True)
        return read(self.folder / name)

    def save(self, name="shot.blend"):
        bpy.ops.wm.save_as_mainfile(filepath=str(self.folder / name))

    def orders(self, **orders):
        """How the fake worker shall behave."""
        (runtime() / "orders.json").write_text(json.dumps(orders))

    def requests(self):
        """All that the fake worker was asked since the case began."""
        try:
            lines = (runtime() / "requests.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def asked(self):
        """The options of all roto requests."""
        return [entry["options"] for entry in self.requests() if entry["task"] == "roto"]


def runtime():
    return Path(os.environ["MATTELIER_RUNTIME"])


def fresh(folder, name):
    """An empty saved file; the worker behaves, and has been asked nothing."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    enable()
    own = folder / name
    own.mkdir()
    for file in ("orders.json", "requests.jsonl"):
        (runtime() / file).unlink(missing_ok=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"  # never started; EEVEE needs a display
    scene.render.resolution_x, scene.render.resolution_y = RENDER_SIZE
    scene.render.resolution_percentage = 100
    scene.render.dither_intensity = 0
    stage = Stage(folder / "plates", own)
    stage.save()
    return stage


def read(path):
    """The values of a file as they are in it, (H, W, C), top row first."""
    import numpy as np

    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
        return values.reshape(image.size[1], image.size[0], -1)[::-1]
    finally:
        bpy.data.images.remove(image)


def near(value, wanted, error=0.001):
    assert abs(float(value) - wanted) <= error, f"{value} is not {wanted}"


def square_mask(name, keyed):
    """A mask of one square whose left edge is keyed: {frame: x 0…1}; a number: not keyed."""
    mask = bpy.data.masks.new(name)
    layer = mask.layers.new(name="Layer")
    spline = layer.splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    mask.layers.active = layer
    if not isinstance(keyed, dict):
        place_square(spline, keyed)
        return mask
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.type = "IMAGE_EDITOR"
    space = area.spaces.active
    space.ui_mode = "MASK"
    space.mask = mask
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        for frame, x in keyed.items():
            bpy.context.scene.frame_set(frame)
            place_square(spline, x)
            bpy.ops.mask.select_all(action="SELECT")
            bpy.ops.mask.shape_key_insert()
    return mask


def place_square(spline, x):
    corners = [(x, 0.25), (x + 0.25, 0.25), (x + 0.25, 0.75), (x, 0.75)]
    for point, corner in zip(spline.points, corners, strict=True):
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = corner
