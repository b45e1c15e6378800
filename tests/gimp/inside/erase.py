"""Erase and Fill What Was Behind: a new layer, filled where something was, and nowhere else."""

from stage import Gegl, Gimp, assert_same, done, layer_state, read, refused, state, values

WIDTH, HEIGHT = 160, 107
SPOT = 60, 40, 20, 16  # x, y, width, height
GROW = 4


def sky(image):
    """A smooth gradient in place of the photograph's pixels; gives its layer."""
    (layer,) = image.get_layers()
    data = b"".join(
        bytes((80 + x // 2, 120 + y // 2, 200 - x // 4))
        for y in range(HEIGHT)
        for x in range(WIDTH)
    )
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, WIDTH, HEIGHT), "R'G'B' u8", data)
    buffer.flush()
    return layer


def bird(image, layer):
    """A black spot in the sky, selected."""
    image.select_ellipse(Gimp.ChannelOps.REPLACE, *SPOT)
    Gimp.context_set_foreground(Gegl.Color.new("black"))
    layer.edit_fill(Gimp.FillType.FOREGROUND)
    image.clean_all()


def near_spot(x, y):
    left, top, width, height = SPOT
    reach = GROW + 1
    return (
        left - reach <= x < left + width + reach and top - reach <= y < top + height + reach
    )  # fmt: skip


def assert_filled(before, after, truth):
    """The sky where the bird was, to a few levels; nothing else changed."""
    far = changed = 0
    for number in range(0, len(before), 3):
        x, y = number // 3 % WIDTH, number // 3 // WIDTH
        pixel = after[number : number + 3]
        if not near_spot(x, y):
            changed += pixel != before[number : number + 3]
        far = max(
            far, *(abs(a - b) for a, b in zip(pixel, truth[number : number + 3], strict=True))
        )
    assert not changed, f"{changed} pixels changed beside the selection"
    assert far <= 8, f"the filling is {far} levels from the sky"


def case_what_is_selected_is_gone_in_a_new_layer(here):
    image = here.photo()
    layer = sky(image)
    truth = read(layer, "R'G'B' u8")
    bird(image, layer)
    selection = values(image.get_selection())
    before, pixels = layer_state(layer), read(layer, "R'G'B' u8")
    (new,) = done("erase", image)
    assert image.get_layers() == [new, layer]
    assert_same(layer_state(layer), before)
    assert values(image.get_selection()) == selection
    assert new.get_mask() is None
    assert new.get_name() == f"{layer.get_name()} erased"
    assert_filled(pixels, read(new, "R'G'B' u8"), truth)


def case_what_was_behind_a_cut_out_is_filled_below_it(here):
    image = here.photo()
    layer = sky(image)
    truth = read(layer, "R'G'B' u8")
    bird(image, layer)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    Gimp.Selection.none(image)
    before, pixels = layer_state(layer), read(layer, "R'G'B' u8")
    (new,) = done("fill-what-was-behind", image)
    assert image.get_layers() == [layer, new]
    assert_same(layer_state(layer), before)
    assert new.get_mask() is None
    assert_filled(pixels, read(new, "R'G'B' u8"), truth)


def case_a_layer_in_a_group_at_an_offset_with_alpha(here):
    image = here.photo()
    layer = sky(image)
    truth = read(layer, "R'G'B' u8")
    bird(image, layer)
    layer.add_alpha()
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(layer, group, 0)
    x, y = 25, -10
    layer.set_offsets(x, y)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, SPOT[0] + x, SPOT[1] + y, *SPOT[2:])
    pixels = read(layer, "R'G'B' u8")
    (new,) = done("erase", image, layers=[layer])
    assert new.get_parent() == group
    assert new.get_offsets()[1:] == layer.get_offsets()[1:]
    assert_filled(pixels, read(new, "R'G'B' u8"), truth)
    assert read(new, "A u8") == read(layer, "A u8")
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 20)
    before = state(image)
    assert "does not touch" in refused("erase", image, layers=[layer])
    assert_same(state(image), before)


def case_nothing_selected_or_no_mask_is_one_sentence(here):
    image = here.photo()
    before = state(image)
    assert "Select what" in refused("erase", image)
    assert "mask" in refused("fill-what-was-behind", image)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, WIDTH, HEIGHT)
    selected = state(image)
    assert "covers" in refused("erase", image)
    assert_same(state(image), selected)
    Gimp.Selection.none(image)
    assert_same(state(image), before)
