"""GIMP 3.2: layers that GIMP draws from a file or a path, and live effects."""

from stage import (
    Gimp,
    Gio,
    assert_a_matte,
    assert_same,
    done,
    layer_state,
    read,
    refused,
    state,
    values,
)


def linked(here):
    """An image with a layer that links to the photograph."""
    image = here.photo()
    file = Gio.File.new_for_path(str(here.out / "photo.png"))
    layer = Gimp.LinkLayer.new(image, file)
    image.insert_layer(layer, None, 0)
    image.set_selected_layers([layer])
    image.clean_all()
    return image, layer


def drawn(here):
    """An image with a filled path as a layer."""
    image = here.photo()
    path = Gimp.Path.new(image, "path")
    image.insert_path(path, None, 0)
    stroke = path.bezier_stroke_new_moveto(30, 20)
    for x, y in ((120, 20), (120, 90), (30, 90)):
        path.bezier_stroke_lineto(stroke, x, y)
    path.stroke_close(stroke)
    layer = Gimp.VectorLayer.new(image, path)
    image.insert_layer(layer, None, 0)
    layer.refresh()
    image.set_selected_layers([layer])
    image.clean_all()
    return image, layer


def case_a_link_stays_a_link(here):
    image, layer = linked(here)
    before = layer_state(layer, mask=False)
    mask, _ = done("remove-background", image)
    assert_a_matte(values(mask))
    assert layer_state(layer, mask=False) == before
    assert isinstance(layer, Gimp.LinkLayer)
    assert not layer.is_rasterized()


def case_new_layers_of_links_and_paths_are_plain(here):
    for make in (linked, drawn):
        image, layer = make(here)
        pixels = read(layer)
        (new,) = done("enhance", image)
        assert type(new) is Gimp.Layer
        assert type(layer) is not Gimp.Layer
        assert read(layer) == pixels
        assert not layer.is_rasterized()


def case_links_and_paths_are_not_cut(here):
    for make in (linked, drawn):
        image, layer = make(here)
        before = state(image)
        refused("remove-background", image, result="cut")
        assert_same(state(image), before)
        assert not layer.is_rasterized()


def case_things_are_erased_from_links_and_paths(here):
    for make in (linked, drawn):
        image, layer = make(here)
        pixels = read(layer)
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 60, 40, 20, 16)
        (new,) = done("erase", image)
        assert type(new) is Gimp.Layer
        assert read(new, "R'G'B' u8") != read(layer, "R'G'B' u8")
        assert read(layer) == pixels
        assert not layer.is_rasterized()


def case_the_objects_of_a_link_become_layers(here):
    image, layer = linked(here)
    pixels = read(layer)
    done("objects", image, result="layer")
    new = [one for one in image.get_layers() if one.get_mask() is not None]
    assert new
    assert all(type(one) is Gimp.Layer for one in new)
    assert read(layer) == pixels
    assert not layer.is_rasterized()


def case_an_erased_layer_keeps_its_effects_alive(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:gaussian-blur", "soft"))
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 60, 40, 20, 16)
    (new,) = done("erase", image)
    assert [one.get_name() for one in new.get_filters()] == ["soft"]
    assert [one.get_name() for one in layer.get_filters()] == ["soft"]


def case_live_effects_stay_alive(here):
    image = here.photo()
    (layer,) = image.get_layers()
    effect = Gimp.DrawableFilter.new(layer, "gegl:gaussian-blur", "soft")
    layer.append_filter(effect)
    mask, new = done("remove-background", image, result="layer")
    assert [one.get_name() for one in new.get_filters()] == ["soft"]
    assert [one.get_name() for one in layer.get_filters()] == ["soft"]
    assert_a_matte(values(mask))
