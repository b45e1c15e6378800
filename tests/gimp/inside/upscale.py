"""Upscale: a new image, new layers, or the whole image."""

from stage import (
    Gegl,
    Gimp,
    Gio,
    all_layers,
    assert_same,
    done,
    layer_state,
    mean_difference,
    native,
    read,
    refused,
    state,
    values,
)

NAME = "upscale"


def size(item):
    return item.get_width(), item.get_height()


def place(layer):
    return tuple(layer.get_offsets())[1:]


def small_layer(image, name="small", x=10, y=20, width=50, height=40):
    """A part of the photograph as a layer of its own on top."""
    copy = image.get_layers()[-1].copy()
    image.insert_layer(copy, None, 0)
    copy.resize(width, height, -x, -y)
    copy.set_offsets(x, y)
    copy.set_name(name)
    image.clean_all()
    return copy


def case_a_new_image_has_the_layer_alone(here):
    image = here.photo_as(wide=True)
    image.set_resolution(240, 240)
    layer = small_layer(image)
    layer.set_opacity(60)
    image.clean_all()
    before = state(image)
    new, larger = done(NAME, image, layers=[layer], scale="4")
    assert_same(state(image), before)
    assert not image.is_dirty()
    assert new.get_layers() == [larger]
    assert size(new) == size(larger) == (200, 160)
    assert place(larger) == (0, 0)
    assert larger.get_name() == "small"
    assert larger.get_opacity() == 60
    assert new.get_precision() == image.get_precision()
    assert new.get_resolution()[1:] == image.get_resolution()[1:]
    assert new.get_color_profile().get_label() == image.get_color_profile().get_label()
    assert not new.get_channels()


def case_several_layers_keep_their_places_in_the_new_image(here):
    image = here.photo()
    one = small_layer(image, "one", 10, 20)
    two = small_layer(image, "two", 100, 60)
    new, _first = done(NAME, image, layers=[one, two], scale="2")
    assert size(new) == (280, 160)
    assert [layer.get_name() for layer in new.get_layers()] == ["one", "two"]
    assert [place(layer) for layer in new.get_layers()] == [(0, 0), (180, 80)]


def case_a_new_layer_has_the_same_middle(here):
    image = here.photo()
    layer = small_layer(image)
    before = layer_state(layer)
    none, larger = done(NAME, image, layers=[layer], result="layer", scale="3")
    assert none is None
    assert size(larger) == (150, 120)
    # The layer reaches 40 pixels beyond the left border and 20 beyond the upper and lower one.
    assert size(image) == (200, 120 + 7)
    assert place(larger) == (0, 0)
    assert place(layer) == (50, 40)
    assert image.get_layers()[:2] == [larger, layer]
    assert image.get_selected_layers() == [larger]
    assert not layer.get_visible()
    assert {**layer_state(layer), "look": 0, "at": 0} == {**before, "look": 0, "at": 0}


def case_a_new_layer_that_fits_leaves_the_canvas_alone(here):
    image = here.photo()
    layer = small_layer(image, x=50, y=40, width=30, height=20)
    _, larger = done(NAME, image, layers=[layer], result="layer", scale="2")
    assert size(image) == (160, 107)
    assert place(larger) == (35, 30)


def case_a_new_image_is_named_after_the_old_ones_file(here):
    image = here.photo()
    image.set_file(Gio.File.new_for_path(str(here.out / "summer.xcf")))
    new, _ = done(NAME, image)
    assert new.get_name() == "summer-upscaled.xcf"
    (here.out / "summer-upscaled.xcf").write_text("in the way", "utf-8")
    again, _ = done(NAME, image)
    assert again.get_name() == "summer-upscaled-2.xcf"


def case_live_effects_come_along(here):
    for result in ("image", "layer", "whole"):
        image = here.photo()
        (layer,) = image.get_layers()
        effect = Gimp.DrawableFilter.new(layer, "gegl:gaussian-blur", "soft")
        effect.get_config().set_property("std-dev-x", 3.0)
        layer.append_filter(effect)
        larger = done(NAME, image, result=result)[1] or layer
        (kept,) = larger.get_filters()
        assert kept.get_config().get_property("std-dev-x") == 3.0


def case_a_mask_is_enlarged_with_its_layer(here):
    for wide in (False, True):
        image = here.photo_as("U16_NON_LINEAR", wide=wide)
        (layer,) = image.get_layers()
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 80, 107)
        mask = layer.create_mask(Gimp.AddMaskType.SELECTION)
        buffer = mask.get_buffer()
        half = bytes([128]) * (160 * 20)
        buffer.set(Gegl.Rectangle.new(0, 0, 160, 20), "Y u8", half)
        buffer.flush()
        layer.add_mask(mask)
        layer.set_apply_mask(False)
        Gimp.Selection.none(image)
        for result in ("image", "layer"):
            _new, larger = done(NAME, image, layers=[layer], result=result, scale="2")
            enlarged = values(larger.get_mask())
            assert size(larger.get_mask()) == (320, 214)
            assert enlarged[10 * 320 + 30] == 128
            assert enlarged[100 * 320 + 30] == 255
            assert enlarged[100 * 320 + 300] == 0
            assert not larger.get_apply_mask()


def case_the_whole_image_is_scaled(here):
    image = here.photo()
    (photo,) = image.get_layers()
    small = small_layer(image, x=-11, y=7)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 40, 10, 80, 90)
    small.add_mask(small.create_mask(Gimp.AddMaskType.SELECTION))
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(small, group, 0)
    text = Gimp.TextLayer.new(image, "AI", Gimp.context_get_font(), 20, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    channel = Gimp.Channel.new(image, "c", 160, 107, 100, Gegl.Color.new("red"))
    image.insert_channel(channel, None, 0)
    image.clean_all()
    truth = {}
    for layer in (photo, small):
        _image, larger = done(NAME, image, layers=[layer], scale="2")
        truth[layer] = read(larger)
    count = len(all_layers(image))
    assert done(NAME, image, layers=[photo], result="whole", scale="2") == [None, None]
    assert size(image) == size(photo) == size(channel) == (320, 214)
    assert len(all_layers(image)) == count
    assert (place(small), size(small)) == ((-22, 14), (100, 80))
    assert size(small.get_mask()) == (100, 80)
    for layer, pixels in truth.items():
        assert read(layer) == pixels, layer.get_name()
    selected = values(image.get_selection())
    assert selected[110 * 320 + 160] == 255
    assert selected[0] == 0
    assert text.get_text() == "AI"
    assert image.is_dirty()


def case_odd_factors_fit_gimps_own_rounding(here):
    for width in (161, 197, 333, 701):
        image = here.photo()
        layers = [
            small_layer(image, f"{x}", x, y, wide, tall)
            for x, y, wide, tall in (
                (-11, 5, 49, 33),
                (3, 3, 1, 1),
                (-7, -9, 5, 77),
                (90, 40, 99, 9),
            )
        ]
        for layer in layers:
            white = Gegl.Color.new("white")
            Gimp.context_set_foreground(white)
            layer.fill(Gimp.FillType.FOREGROUND)
        done(NAME, image, layers=[layers[0]], result="whole", scale="width", width=width)
        assert image.get_width() == width
        for layer in layers:
            assert set(read(layer, "R'G'B' u8")) == {255}, (width, layer.get_name())


def case_the_picture_has_more_detail_than_gimps_own_scaling_and_its_colours(here):
    image = here.photo()
    new, larger = done(NAME, image, scale="2")
    pixels = read(larger, "R'G'B' u8")
    new.scale(160, 107)
    assert mean_difference(read(new.get_layers()[0], "R'G'B' u8"), read(image.get_layers()[0])) < 3
    image.scale(320, 214)
    assert mean_difference(pixels, read(image.get_layers()[0])) > 0.5


def case_groups_and_texts_become_plain_layers(here):
    image = here.photo()
    (layer,) = image.get_layers()
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(layer, group, 0)
    text = Gimp.TextLayer.new(image, "AI", Gimp.context_get_font(), 20, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    image.clean_all()
    before = state(image)
    for item in (group, text):
        new, larger = done(NAME, image, layers=[item])
        assert type(larger) is Gimp.Layer
        assert size(larger) == (2 * item.get_width(), 2 * item.get_height())
        assert larger.has_alpha()
        new.delete()
    assert_same(state(image), before)


def case_one_pixel(here):
    image = here.photo()
    layer = small_layer(image, width=1, height=1)
    _new, larger = done(NAME, image, layers=[layer], scale="8")
    assert size(larger) == (8, 8)
    assert len(set(zip(*[iter(read(larger, "R'G'B' u8"))] * 3, strict=True))) == 1


def case_what_cannot_be_is_said(here):
    image = here.photo()
    before = state(image)
    images = len(Gimp.get_images())
    for result in ("image", "layer", "whole"):
        text = refused(NAME, image, result=result, scale="width", width=160)
        assert "160" in text
    assert "no-such" in refused(NAME, image, model="no-such")
    assert (
        "denoise" in refused(NAME, image, model="upscale-x2", noise="manual", denoise=0.5).lower()
    )
    image.convert_indexed(0, 0, 8, False, False, "")
    assert "indexed" in refused(NAME, image)
    image.convert_rgb()
    assert size(image) == before["size"]
    assert len(Gimp.get_images()) == images


def case_hidden_colour_and_alpha_stay_apart(here):
    image = here.photo_as(alpha=True)
    (layer,) = image.get_layers()
    _new, larger = done(NAME, image)
    assert native(larger) == native(layer)
    alpha = read(larger, "A u8")
    assert set(alpha[: 320 * 90]) == {255}
    assert set(alpha[-320 * 8 :]) == {0}
