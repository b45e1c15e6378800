"""What cases inside Blender share: a scene to render, one of our nodes, pixels read back."""

import array
import contextlib
import importlib
import json
import os
import time
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


@contextlib.contextmanager
def timed_engine():
    """A list that gets the seconds of each call of the engine."""
    worker = module("mattelier_worker.client").Worker
    seconds, run = [], worker.run

    def timed(self, *arguments, **options):
        start = time.perf_counter()
        try:
            return run(self, *arguments, **options)
        finally:
            seconds.append(time.perf_counter() - start)

    worker.run = timed
    try:
        yield seconds
    finally:
        worker.run = run


class Stage:
    """An empty file in a folder of its own.

    `plates` holds the plates that the tests made; `folder` is the case's own, and the .blend file
    lies in it.
    """

    def __init__(self, plates, folder):
        self.plates = plates
        self.folder = folder
        self.shown = module("blend.versions").new_compositor(self.scene)

    @property
    def scene(self):
        return bpy.context.scene

    def add(self, plate="plate.0101.exr", source="SEQUENCE", start=None, node_type="rotoscope"):
        """A node that shows a plate, as Add → AI makes it."""
        node = self.shown.nodes.new("CompositorNodeGroup")
        node.node_tree = module("node.groups").new_group(module("registry").NODE_TYPES[node_type])
        if plate is not None:
            image = bpy.data.images.load(str(self.plates / plate))
            image.source = source
            node.node_tree.mattelier.image = image
            if start is not None:
                node.node_tree.mattelier.frame_start = start
        if node_type == "rotoscope":
            node.node_tree.mattelier.tune = 0  # takes its time
        return node

    def show(self, socket):
        self.shown.links.new(socket, module("blend.versions").output_socket(self.shown))

    def bake(self, node, frames="PLATE"):
        return bpy.ops.mattelier.bake(group=node.node_tree.name, frames=frames)

    def renew(self):
        """An empty compositor for a scene that is prepared to render."""
        prepare(self.scene)
        self.shown = module("blend.versions").compositor(self.scene)
        if self.shown is None:
            self.shown = module("blend.versions").new_compositor(self.scene)

    def size(self, size):
        self.scene.render.resolution_x, self.scene.render.resolution_y = size

    def render(self, frame=None, transform=None):
        """What a render gives: float EXR, or 8-bit PNG."""
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

    def movie(self):
        """Ten frames of the 8-bit plate as a movie, through Blender."""
        scene, shown = self.scene, self.shown
        node = shown.nodes.new("CompositorNodeImage")
        node.image = bpy.data.images.load(str(self.plates / "eight.1001.png"))
        node.image.source = "SEQUENCE"
        node.frame_duration, node.frame_offset = 10, 1000
        self.show(node.outputs[0])
        settings = scene.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "VIDEO"
        settings.file_format = "FFMPEG"
        scene.render.ffmpeg.format = "MPEG4"
        scene.render.ffmpeg.codec = "H264"
        scene.render.ffmpeg.constant_rate_factor = "LOSSLESS"
        scene.view_settings.view_transform = "Standard"
        scene.frame_start, scene.frame_end = 1, 10
        scene.render.filepath = str(self.folder / "movie")
        bpy.ops.render.render(animation=True)
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        shown.nodes.remove(node)
        return next(self.folder.glob("movie*"))

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

    def task_options(self, task="roto"):
        """The options of all requests for a task."""
        return [entry["options"] for entry in self.requests() if entry["task"] == task]


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
    prepare(bpy.context.scene)
    stage = Stage(folder / "plates", own)
    stage.save()
    return stage


def prepare(scene):
    scene.render.engine = "CYCLES"  # never started; EEVEE needs a display
    scene.render.resolution_x, scene.render.resolution_y = RENDER_SIZE
    scene.render.resolution_percentage = 100
    scene.render.dither_intensity = 0


class Pixels:
    """A picture's values: pixels[y, x, channel] or pixels[y, x], the top row is 0.

    Debian's Blender comes without numpy.
    """

    def __init__(self, image):
        self.shape = (image.size[1], image.size[0], image.channels)
        self.values = array.array("f", bytes(4 * len(image.pixels)))
        image.pixels.foreach_get(self.values)

    def __getitem__(self, place):
        y, x, *channel = place
        height, width, channels = self.shape
        start = ((height - 1 - y) * width + x) * channels
        pixel = self.values[start : start + channels]
        return pixel[channel[0]] if channel else pixel

    def covered(self):
        """Where the first channel is above a half: the columns, and the rows."""
        height, width, _ = self.shape
        there = [(x, y) for y in range(height) for x in range(width) if self[y, x, 0] > 0.5]
        return sorted({x for x, _ in there}), sorted({y for _, y in there})


def read(path):
    """The values of a file as they are in it."""
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        return Pixels(image)
    finally:
        bpy.data.images.remove(image)


@contextlib.contextmanager
def replaced(file, other):
    """Within the block a file holds what another one does, and is older than all that was baked."""
    content, status = file.read_bytes(), file.stat()
    file.write_bytes(other.read_bytes())
    os.utime(file, (1e9, 1e9))
    try:
        yield
    finally:
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def near(value, wanted, error=0.001):
    assert abs(float(value) - wanted) <= error, f"{value} is not {wanted}"


def same(shown, stored, error=0.001, channels=4):
    """Assert that a render is what a file holds."""
    assert shown.shape == stored.shape, f"{shown.shape} is not {stored.shape}"
    for channel in range(channels):
        for one, other in zip(shown.values[channel::4], stored.values[channel::4], strict=True):
            assert abs(one - other) <= error, f"channel {channel}: {one} is not {other}"


def state(node):
    """How the first result of a node stands."""
    settings = node.node_tree.mattelier
    return module("baking.freshness").state(settings.objects[0], settings.find_plate())


def baked_file(node, number):
    """The file of a frame that a node, or its group, shows: of its first pass."""
    group = getattr(node, "node_tree", node)
    settings = group.mattelier
    item, plate = settings.objects[0], settings.find_plate()
    files = module("data.bake_files").pass_files(item.folder, plate, settings.passes[0])
    return files.file(number)


def refused(stage, node, frames="PLATE"):
    """The sentence with which a bake ends."""
    return sentence(lambda: stage.bake(node, frames))


def sentence(operator):
    try:
        operator()
    except RuntimeError as error:
        return str(error).removeprefix("Error: ").strip()
    raise AssertionError("it did not fail")


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
