"""Layers of all shapes: offsets, groups, several at once, texts, channels."""

from remove_background import painted_mask
from stage import (
    MODES,
    Gimp,
    Gio,
    assert_a_matte,
    assert_same,
    call,
    done,
    layer_state,
    mean_difference,
    read,
    refused,
    state,
    values,
)

NAME = "remove-background"
RESULTS = ("mask", "layer", "selection", "cut")


def second_photo(here, image, name="second"):
    """The photograph once more, as a layer on top."""
    other = here.photo()
    layer = Gimp.Layer.new_from_drawable(other.get_layers()[0], image)
    layer.set_name(name)
    image.insert_layer(layer, None, 0)
    image.clean_all()
    return layer


def plain_matte(here):
    return values(done(NAME, here.photo())[0])


def group_of(image, layers, name="group"):
    group = Gimp.GroupLayer.new(image, name)
    image.insert_layer(group, None, 0)
    for layer in layers:
        image.reorder_item(layer, group, 0)
    image.clean_all()
    return group


def case_offsets_do_not_matter_to_a_mask(here):
    truth = plain_matte(here)
    for x, y in ((30, 20), (-40, -25), (1000, 1000)):
        image = here.photo()
        (layer,) = image.get_layers()
        layer.set_offsets(x, y)
        mask, _ = done(NAME, image)
        assert values(mask) == truth, f"at {x}, {y}"
        assert tuple(layer.get_offsets())[1:] == (x, y)


def case_a_layer_larger_than_the_canvas_is_worked_on_whole(here):
    truth = plain_matte(here)
    image = here.photo()
    (layer,) = image.get_layers()
    size = layer.get_width(), layer.get_height()
    image.crop(60, 50, 40, 30)
    layer = Gimp.Layer.new_from_drawable(here.photo().get_layers()[0], image)
    image.insert_layer(layer, None, 0)
    layer.set_offsets(-40, -30)
    mask, _ = done(NAME, image, layers=[layer])
    assert (mask.get_width(), mask.get_height()) == size
    assert values(mask) == truth


def case_results_lie_where_the_layer_lies(here):
    for x, y in ((30, 20), (-40, -25)):
        image = here.photo()
        (layer,) = image.get_layers()
        layer.set_offsets(x, y)
        _, new = done(NAME, image, result="layer")
        assert new.get_offsets() == layer.get_offsets()
        done(NAME, image, layers=[layer], result="selection", use_selection=False)
        width, height = image.get_width(), image.get_height()
        found = values(image.get_selection())
        truth = plain_matte(here)
        shifted = bytearray(len(truth))
        for row in range(height):
            for column in range(width):
                if 0 <= row - y < height and 0 <= column - x < width:
                    shifted[row * width + column] = truth[(row - y) * width + column - x]
        assert mean_difference(found, bytes(shifted)) < 0.01, f"at {x}, {y}"


def case_the_hint_lies_where_the_layer_lies(here):
    def hinted(x, y):
        image = here.photo()
        image.get_layers()[0].set_offsets(x, y)
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 20 + x, 10 + y, 50, 60)
        return values(done(NAME, image, use_selection=True)[0])

    assert mean_difference(hinted(0, 0), hinted(17, 12)) < 0.01


def case_a_group_gets_a_mask(here):
    image = here.photo()
    (layer,) = image.get_layers()
    group = group_of(image, [layer])
    before = layer_state(layer)
    mask, _ = done(NAME, image, layers=[group])
    assert group.get_mask() == mask
    assert_a_matte(values(mask))
    assert_same(layer_state(layer), before)


def case_a_groups_new_layer_shows_the_whole_group(here):
    image = here.photo()
    (layer,) = image.get_layers()
    group = group_of(image, [layer])
    pixels = read(group, "R'G'B' u8")
    _, new = done(NAME, image, layers=[group], result="layer", decontaminate=False)
    assert not new.is_group()
    assert read(new, "R'G'B' u8") == pixels
    assert_a_matte(values(new.get_mask()))
    assert layer.get_parent() == group


def case_a_group_is_not_cut(here):
    image = here.photo()
    group = group_of(image, image.get_layers())
    before = state(image)
    assert "group" in refused(NAME, image, layers=[group], result="cut")
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_an_empty_group_is_refused(here):
    image = here.photo()
    group = group_of(image, [])
    assert "empty" in refused(NAME, image, layers=[group])


def case_a_layer_in_a_group_keeps_its_place(here):
    image = here.photo()
    (layer,) = image.get_layers()
    group = group_of(image, [layer])
    _, new = done(NAME, image, layers=[layer], result="layer")
    assert list(group.get_children()) == [new, layer]


def case_several_layers_are_all_worked_on(here):
    truth = plain_matte(here)
    for result in RESULTS:
        image = here.photo()
        (first,) = image.get_layers()
        second = second_photo(here, image)
        done(NAME, image, layers=[first, second], result=result)
        if result == "mask":
            assert values(first.get_mask()) == values(second.get_mask()) == truth
        elif result == "layer":
            assert len(image.get_layers()) == 4
            assert len(image.get_selected_layers()) == 2
        elif result == "cut":
            assert first.has_alpha()
            assert second.has_alpha()
        else:
            union = values(image.get_selection())  # GIMP adds what is soft in both
            assert all(a >= b for a, b in zip(union, truth, strict=True))
            assert union.count(0) == truth.count(0)


def case_one_bad_layer_of_several_leaves_all_alone(here):
    image = here.photo()
    (first,) = image.get_layers()
    second = second_photo(here, image)
    second.set_lock_content(True)
    image.clean_all()  # a lock is a change in GIMP 3.2
    before = state(image)
    refused(NAME, image, layers=[first, second], result="cut")
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_no_layer_is_refused(here):
    image = here.photo()
    image.set_selected_layers([])
    before = state(image)
    assert not call(NAME, image, layers=[]).ok
    assert_same(state(image), before)


def case_a_channel_is_no_layer(here):
    image = here.photo()
    channel = Gimp.Channel.new(
        image, "c", image.get_width(), image.get_height(), 100, Gimp.context_get_foreground()
    )
    image.insert_channel(channel, None, 0)
    assert "layer" in refused(NAME, image, layers=[channel])


def case_a_text_layer_stays_a_text(here):
    image = here.photo()
    text = Gimp.TextLayer.new(
        image, "AI", Gimp.Font.get_by_name("DejaVu Sans") or Gimp.context_get_font(),
        60, Gimp.Unit.pixel(),
    )  # fmt: skip
    image.insert_layer(text, None, 0)
    painted_mask(image, text)
    for result in ("mask", "layer"):
        done(NAME, image, layers=[text], result=result, layer_mask="keep")
        assert isinstance(text, Gimp.TextLayer)
        assert text.get_text() == "AI"
    assert text.get_mask() is not None


def case_hidden_layers_and_opacity_do_not_matter(here):
    truth = plain_matte(here)
    image = here.photo()
    (layer,) = image.get_layers()
    layer.set_visible(False)
    layer.set_opacity(30)
    layer.set_mode(Gimp.LayerMode.MULTIPLY)
    before = layer_state(layer, mask=False)
    assert values(done(NAME, image)[0]) == truth
    assert_same(layer_state(layer, mask=False), before)


def with_everything_locked(here, name="photo"):
    """The photograph, whose layer is locked in all ways and has a live effect."""
    image = here.photo(name)
    (layer,) = image.get_layers()
    effect = Gimp.DrawableFilter.new(layer, "gegl:gaussian-blur", "soft")
    effect.get_config().set_property("std-dev-x", 3.0)
    layer.append_filter(effect)
    for lock in ("content", "alpha", "position"):
        getattr(layer, f"set_lock_{lock}")(True)
    image.clean_all()
    return image, layer


def effects(layer):
    return [
        (one.get_operation_name(), one.get_config().get_property("std-dev-x"))
        for one in layer.get_filters()
    ]


def case_locked_layers_are_worked_on_and_stay_locked(here):
    trials = {
        "remove-background": {"result": "layer"},
        "replace-background": {},
        "portrait-blur": {"radius": 5.0},
        "denoise": {},
        "enhance": {},
        "upscale": {"result": "layer"},
    }
    for name, options in trials.items():
        image, layer = with_everything_locked(here)
        pixels = read(layer)
        done(name, image, **options)
        new = image.get_selected_layers()[0]
        assert new != layer, name
        assert effects(new) == effects(layer) != [], name
        assert not new.get_lock_content(), name
        assert layer.get_lock_content(), name
        assert layer.get_lock_alpha(), name
        assert read(layer) == pixels, name


def case_a_whole_image_with_locked_layers_is_enlarged(here):
    plain = here.photo()
    done("upscale", plain, result="whole")
    image, layer = with_everything_locked(here)
    done("upscale", image, result="whole")
    assert read(layer) == read(plain.get_layers()[0])
    assert layer.get_lock_content()
    assert effects(layer)


def case_a_mask_on_a_locked_layer(here):
    image, layer = with_everything_locked(here)
    assert_a_matte(values(done(NAME, image)[0]))
    assert layer.get_lock_content()


def case_layers_of_a_psd_have_their_names(here):
    file = Gio.File.new_for_path(str(here.out / "names.psd"))
    image = Gimp.file_load(MODES.NONINTERACTIVE, file)
    names = [layer.get_name() for layer in reversed(image.get_layers())]
    image.delete()
    assert names == ["Straße", "日本語", "Ωmega"], names
