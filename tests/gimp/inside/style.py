"""Style, for a user who has brought in a network for it."""

from stage import Gimp, assert_same, done, layer_state, read, refused


def case_a_layer_is_painted(here):
    image = here.photo()
    (layer,) = image.get_layers()
    other = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(other, None, 1)
    other.colorize_hsl(20, 70, -20)
    before = layer_state(layer), layer_state(other)
    (new,) = done("style", image, layers=[layer], reference=other)
    assert image.get_layers() == [new, layer, other]
    assert_same([layer_state(layer), layer_state(other)], list(before))
    here.dump("before", layer, "R'G'B' u8")
    here.dump("reference", other, "R'G'B' u8")
    here.dump("after", new, "R'G'B' u8")
    (none,) = done("style", image, layers=[layer], reference=other, strength=0.0)
    assert read(none) == read(layer)


def case_a_reference_is_needed(here):
    image = here.photo()
    assert "whose style" in refused("style", image)
    assert "itself" in refused("style", image, reference=image.get_layers()[0])
    assert not image.is_dirty()


def case_it_is_in_the_menu(here):
    assert Gimp.get_pdb().lookup_procedure("plug-in-mattelier-style").get_menu_paths()
