"""Every type of image: what must not change is the same bit for bit, and the matte is right."""

import struct

from stage import (
    Babl,
    Gimp,
    assert_a_matte,
    assert_same,
    done,
    in_own_space,
    layer_state,
    native,
    read,
    state,
    values,
)

NAME = "remove-background"
DEPTHS = ("U8", "U16", "U32", "HALF", "FLOAT", "DOUBLE")
CURVES = ("NON_LINEAR", "LINEAR")


def image_types():
    """All depths with both curves, each with and without alpha, as colour and grey, by name."""
    for i, depth in enumerate(DEPTHS):
        for j, curve in enumerate(CURVES):
            yield depth, curve, {"alpha": (i + j) % 2 == 1}
        yield depth, CURVES[i % 2], {"grey": True, "alpha": i // 2 % 2 == 1}
    yield "U8", "NON_LINEAR", {"alpha": True}
    yield "U16", "PERCEPTUAL", {"grey": True, "alpha": True}
    yield "FLOAT", "PERCEPTUAL", {}
    yield "U8", "NON_LINEAR", {"wide": True}
    yield "FLOAT", "NON_LINEAR", {"wide": True, "alpha": True}
    yield "HALF", "LINEAR", {"wide": True}


def each(here, check):
    """Check every type; all that fail are named together."""
    wrong = []
    for depth, curve, more in image_types():
        name = "-".join([depth, curve, *(word for word in more if more[word])]).lower()
        image = here.photo_as(f"{depth}_{curve}", **more)
        try:
            check(name, image)
        except Exception as error:
            wrong.append(f"{name}: {error or type(error).__name__}")
        image.delete()
    assert not wrong, f"{len(wrong)} types:\n" + "\n".join(wrong)


_mattes = {}


def matte_of(name, image):
    """The matte of a photograph of some type, without its own alpha; 0…65535."""
    if name not in _mattes:
        copy = image.duplicate()
        _mattes[name] = matte_values(done(NAME, copy)[0])
        copy.delete()
    return _mattes[name]


def assert_product(alpha, matte, own, what):
    """An alpha is the matte times the own alpha, all 0…65535."""
    own = own or (65535,) * len(matte)
    off = [abs(a - b * c / 65535) / 257 for a, b, c in zip(alpha, matte, own, strict=True)]
    assert sum(off) / len(off) <= 1, f"{what} is off by {sum(off) / len(off):.2f} of 255"


def colour_pixels(layer):
    """Bytes of each pixel's colour in the layer's own format, alpha left out."""
    babl = native(layer)
    size = Babl.format_get_bytes_per_pixel(layer.get_format())
    data = read(layer)
    channels = Babl.format_get_n_components(layer.get_format())
    colour = size - size // channels if layer.has_alpha() else size
    assert len(data) == size * layer.get_width() * layer.get_height(), babl
    return [data[i : i + colour] for i in range(0, len(data), size)]


def alphas(layer):
    """The own alpha, 0…65535."""
    data = read(layer, in_own_space(layer, "A u16"))
    return struct.unpack(f"={len(data) // 2}H", data)


def matte_values(mask):
    layout = Babl.format_get_encoding(mask.get_format()).split(" ")[0]
    data = read(mask, in_own_space(mask, f"{layout} u16"))
    return struct.unpack(f"={len(data) // 2}H", data)


def case_masks(here):
    encodings = {}

    def check(name, image):
        (layer,) = image.get_layers()
        before = state(image, masks=False)
        mask, _ = done(NAME, image)
        assert_same(state(image, masks=False), before)
        assert_a_matte(values(mask))
        _mattes[name] = matte_values(mask)
        depth = {"u8": "u8", "u16": "u16", "u32": "u16"}.get(name.split("-")[0], "float")
        linear = depth == "float" and "-linear" in name
        model = "RGB" if linear else "R'G'B'"
        here.dump(f"{name}-picture", layer, in_own_space(layer, f"{model} {depth}"))
        here.dump(f"{name}-matte", mask, in_own_space(mask, "Y u16"))
        encodings[name] = {"depth": depth, "transfer": "linear" if linear else "display"}

    try:
        each(here, check)
    finally:
        here.note(encodings=encodings)


def case_new_layers(here):
    def check(name, image):
        (layer,) = image.get_layers()
        before = layer_state(layer)
        mask, new = done(NAME, image, result="layer")
        hidden = layer_state(layer)
        assert {**hidden, "look": 0} == {**before, "look": 0}, "the old layer changed"
        assert new.has_alpha() == layer.has_alpha(), "the new layer is of another type"
        assert native(new) == native(layer), "the new layer is of another format"
        if layer.has_alpha():
            assert alphas(new) == alphas(layer), "the own alpha changed"
        matte = matte_values(mask)
        pairs = zip(colour_pixels(layer), colour_pixels(new), matte, strict=True)
        changed = sum(old != now for old, now, value in pairs if value == 65535)
        assert not changed, f"{changed} solid pixels changed of {matte.count(65535)}"
        assert matte.count(65535), "nothing is solid"

    each(here, check)


def case_cuts(here):
    def check(name, image):
        (layer,) = image.get_layers()
        own = alphas(layer) if layer.has_alpha() else None
        matte = matte_of(name, image)
        twin = image.duplicate()
        if not layer.has_alpha():
            twin.get_layers()[0].add_alpha()  # GIMP itself rounds some floats here
        old = colour_pixels(twin.get_layers()[0])
        twin.delete()
        done(NAME, image, result="cut")
        assert image.get_layers() == [layer]
        now, colours = alphas(layer), colour_pixels(layer)
        assert_product(now, matte, own, "alpha")
        solid = [i for i, value in enumerate(now) if value == 65535]
        changed = sum(old[i] != colours[i] for i in solid)
        assert not changed, f"{changed} solid pixels changed of {len(solid)}"

    each(here, check)


def case_selections(here):
    def check(name, image):
        (layer,) = image.get_layers()
        before = state(image, selection=False)
        own = alphas(layer) if layer.has_alpha() else None
        matte = matte_of(name, image)
        done("select-subject", image)
        assert_same(state(image, selection=False), before)
        assert_product(matte_values(image.get_selection()), matte, own, "the selection")

    each(here, check)


def case_refined_selections(here):
    def check(name, image):
        before = state(image, selection=False)
        width, height = image.get_width(), image.get_height()
        image.select_ellipse(Gimp.ChannelOps.REPLACE, width * 0.3, 4, width * 0.4, height - 8)
        rough = values(image.get_selection())
        done("refine-edge", image, width=6)
        assert_same(state(image, selection=False), before)
        assert values(image.get_selection()) != rough, "the selection is as rough as before"

    each(here, check)


def case_replaced_backgrounds(here):
    def check(name, image):
        (layer,) = image.get_layers()
        before = layer_state(layer)
        subject, background = done("replace-background", image)
        assert image.get_layers() == [subject, background, layer]
        assert {**layer_state(layer), "look": 0} == {**before, "look": 0}, "the old layer changed"
        assert not layer.get_visible()
        assert subject.get_visible()
        assert background.get_visible()
        matte = matte_values(subject.get_mask())
        pairs = zip(colour_pixels(layer), colour_pixels(subject), matte, strict=True)
        changed = sum(old != now for old, now, value in pairs if value == 65535)
        assert not changed, f"{changed} solid pixels changed"
        paper = read(background, "R'G'B' u8")
        assert set(paper) == {255}, "the background is not white"

    each(here, check)
