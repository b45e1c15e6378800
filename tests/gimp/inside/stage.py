"""What the cases share: images of every type, calls of procedures, and what an image is made of."""

import contextlib
import hashlib
import json
import sys
from pathlib import Path

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
from gi.repository import Babl, Gegl, Gimp, Gio  # noqa: E402

PLUGIN = Path(Gimp.directory()) / "plug-ins" / "mattelier"
NONE = Gegl.AbyssPolicy.NONE
MODES = Gimp.RunMode
SUCCESS = Gimp.PDBStatusType.SUCCESS
FAILED = Gimp.PDBStatusType.EXECUTION_ERROR
_loaded = {}


class Answer:
    """What a call gave: the message when it failed, else the values."""

    def __init__(self, values):
        returned = [values.index(number) for number in range(values.length())]
        self.status, self.values = returned[0], returned[1:]
        self.message = returned[1] if self.status != SUCCESS and len(returned) > 1 else ""

    @property
    def ok(self):
        return self.status == SUCCESS


def bring_in(name, task):
    """A network in the user's folder as dialogs see it: a card and a file, which none opens."""
    folder = Path.home() / ".local" / "share" / "mattelier" / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.toml").write_text(f'name = "{name}"\ntask = "{task}"\npath = "weights"\n')
    (folder / "weights").write_text("")


class Stage:
    """One case's place: its folder for dumps, and images that end with it."""

    def __init__(self, out, name):
        self.out, self.name = out, name

    def photo(self, name="photo"):
        """A new image of the test's photograph: RGB, 8 bit, one layer without alpha."""
        if name not in _loaded:
            file = Gio.File.new_for_path(str(self.out / f"{name}.png"))
            _loaded[name] = Gimp.file_load(MODES.NONINTERACTIVE, file)
        image = _loaded[name].duplicate()
        image.clean_all()
        return image

    def photo_as(self, precision="U8_NON_LINEAR", grey=False, alpha=False, wide=False):
        """The photograph as an image of some type; with alpha it fades out downwards.

        Wide: its numbers are taken as Adobe RGB ones, so that many lie outside sRGB.
        """
        image = self.photo()
        if wide:
            image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
        if grey:
            image.convert_grayscale()
        wanted = getattr(Gimp.Precision, precision)
        if wanted != image.get_precision():
            image.convert_precision(wanted)
        if alpha:
            fade(image.get_layers()[0])
        image.clean_all()
        return image

    def dump(self, name, drawable, babl):
        """Write a drawable's pixels beside the results, for the tests outside to look at."""
        (self.out / f"{self.name}-{name}.raw").write_bytes(read(drawable, babl))

    def note(self, **facts):
        """Write plain values beside the results."""
        (self.out / f"{self.name}.json").write_text(json.dumps(facts), "utf-8")


@contextlib.contextmanager
def on_stage(out, name):
    """A case's stage; afterwards its images are gone and the installation is as it was."""
    Gegl.init(None)
    before = Gimp.get_images()
    contents = {path: path.read_bytes() for path in (PLUGIN / "engine.json",)}
    settings = Path(Gimp.directory()) / "mattelier-settings.json"
    try:
        yield Stage(out, name)
    finally:
        for path, content in contents.items():
            path.write_bytes(content)
        settings.unlink(missing_ok=True)
        for image in Gimp.get_images():
            if image not in before and image not in _loaded.values():
                image.delete()


def call(name, image=None, layers=None, mode=MODES.NONINTERACTIVE, **arguments):
    """Call plug-in-mattelier-NAME; with an image, on its selected layers or on those given."""
    procedure = Gimp.get_pdb().lookup_procedure(f"plug-in-mattelier-{name}")
    assert procedure is not None, f"GIMP does not know plug-in-mattelier-{name}"
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    if image is not None:
        config.set_property("image", image)
        config.set_core_object_array(
            "drawables", image.get_selected_layers() if layers is None else layers
        )
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), value)
    return Answer(procedure.run(config))


def done(*target, **arguments):
    """A call that must succeed; gives its values."""
    answer = call(*target, **arguments)
    assert answer.ok, f"{target[0]} failed: {answer.status} {answer.message}"
    return answer.values


def refused(*target, **arguments):
    """A call that must fail with one clear sentence; gives the sentence."""
    answer = call(*target, **arguments)
    assert answer.status == FAILED, f"not refused but {answer.status}"
    text = str(answer.message)
    sentence = text.split(" Details: ")[0]
    assert sentence, "it says nothing"
    assert "\n" not in text, text
    assert "Traceback" not in text, text
    assert sentence.endswith("."), text
    assert "stumbled" not in text, text
    return text


def rectangle(drawable):
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())


def native(drawable):
    return Babl.get_name(drawable.get_format())


def read(drawable, babl=None):
    """All pixels; in the drawable's own format when none is named."""
    return drawable.get_buffer().get(rectangle(drawable), 1.0, babl or native(drawable), NONE)


def in_own_space(drawable, babl):
    """A babl format's name in the colour space of a drawable."""
    space = Babl.format_get_space(drawable.get_format())
    return Babl.get_name(Babl.format_with_space(babl, space))


def values(drawable):
    """A mask's, selection's or channel's values, 0…255."""
    layout = Babl.format_get_encoding(drawable.get_format()).split(" ")[0]
    return read(drawable, in_own_space(drawable, f"{layout} u8"))


def write(drawable, babl, data):
    buffer = drawable.get_buffer()
    buffer.set(rectangle(drawable), babl, bytes(data))
    buffer.flush()
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())


def fade(layer):
    """Give a layer alpha: full on top, half in the middle rows, none at the bottom."""
    if not layer.has_alpha():
        layer.add_alpha()
    width, height = layer.get_width(), layer.get_height()
    name = in_own_space(layer, "R'G'B'A float")
    pixels = bytearray(read(layer, name))
    import struct

    for y in range(height // 2, height):
        alpha = struct.pack("<f", 0.5 if y < height - 8 else 0.0)
        for x in range(width):
            start = 16 * (y * width + x) + 12
            pixels[start : start + 4] = alpha
    write(layer, name, pixels)


def all_layers(image):
    """Every layer, groups and what is in them included."""

    def below(layers):
        for layer in layers:
            yield layer
            if layer.is_group():
                yield from below(layer.get_children())

    return list(below(image.get_layers()))


def _digest(drawable):
    return hashlib.sha256(native(drawable).encode() + read(drawable)).hexdigest()[:16]


def layer_state(layer, mask=True):
    """All that a user sees of a layer."""
    _, x, y = layer.get_offsets()
    own = layer.get_mask()
    state = {
        "id": layer.get_id(),
        "name": layer.get_name(),
        "at": (x, y, layer.get_width(), layer.get_height()),
        "look": (layer.get_visible(), layer.get_opacity(), layer.get_mode().value_nick),
        "type": type(layer).__name__,
        "pixels": None if layer.is_group() else _digest(layer),
    }
    if mask:
        state["mask"] = own and (_digest(own), layer.get_apply_mask(), layer.get_show_mask())
    return state


def state(image, masks=True, selection=True):
    """All that a user sees of an image; equal states look and behave the same."""
    image_state = {
        "size": (image.get_width(), image.get_height()),
        "precision": image.get_precision().value_nick,
        "layers": [layer_state(layer, masks) for layer in all_layers(image)],
        "channels": [(c.get_name(), _digest(c)) for c in image.get_channels()],
        "paths": len(image.get_paths()),
    }
    if selection:
        image_state["selection"] = _digest(image.get_selection())
    return image_state


def assert_same(now, before, what="the image"):
    """Equal, or say where not."""
    if now == before:
        return
    if isinstance(now, dict):
        for key in before:
            assert_same(now.get(key), before[key], f"{what}: {key}")
    if isinstance(now, list) and len(now) == len(before):
        for number, pair in enumerate(zip(now, before, strict=True)):
            assert_same(*pair, f"{what}[{number}]")
    raise AssertionError(f"{what} changed: {before!r} became {now!r}")


def assert_a_matte(values, least=0.1, most=0.9):
    """The values (0…255) show a subject: some are empty, some full, some between."""
    share = sum(values) / 255 / len(values)
    assert least < share < most, f"the matte covers {share:.0%}"
    assert values.count(0), "the matte is empty nowhere"
    assert values.count(255), "the matte is full nowhere"
    assert len(set(values)) > 8, "the matte has no soft edge"


def mean_difference(one, two):
    """Of two rows of bytes, on a scale of 0…255."""
    assert len(one) == len(two), f"{len(one)} and {len(two)} values"
    return sum(abs(a - b) for a, b in zip(one, two, strict=True)) / len(one)


def worker_client():
    """The client module as the plug-in has it."""
    if str(PLUGIN) not in sys.path:
        sys.path.insert(0, str(PLUGIN))
    from mattelier_worker import client

    return client


def worker():
    """A connection to the worker that runs, or None."""
    client = worker_client()
    try:
        return client.connect(client.Engine(), "test")
    except client.WorkerError:
        return None


def worker_pid():
    running = worker()
    if running is None:
        return None
    with running:
        return running.pid
