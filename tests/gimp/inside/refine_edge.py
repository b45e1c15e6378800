"""Refine Edge: of a selection or a mask, along its edge only."""

from stage import (
    Gimp,
    assert_same,
    done,
    mean_difference,
    read,
    refused,
    state,
    values,
)

NAME = "refine-edge"


def roughly_selected(here, grow=3):
    """The subject's selection as a person would make it: hard, and a little too wide."""
    image = here.photo()
    done("select-subject", image)
    Gimp.Selection.sharpen(image)
    Gimp.Selection.grow(image, grow)
    image.clean_all()
    return image


def case_a_rough_selection_comes_closer_to_the_subject(here):
    image = here.photo()
    done("select-subject", image)
    truth = values(image.get_selection())
    image = roughly_selected(here)
    rough = values(image.get_selection())
    before = state(image, selection=False)
    assert done(NAME, image, width=8) == [None]
    fine = values(image.get_selection())
    assert mean_difference(fine, truth) < 0.8 * mean_difference(rough, truth)
    assert_same(state(image, selection=False), before)
    assert image.is_dirty()


def case_far_from_the_edge_nothing_changes(here):
    image = here.photo()
    width, height = image.get_width(), image.get_height()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 30, 30)
    done(NAME, image, width=4)
    fine = values(image.get_selection())
    for y in range(height):
        for x in range(width):
            if not (0 < x < 52 and 0 < y < 52):
                assert fine[y * width + x] == 0, f"({x}, {y}) was selected"
    assert fine[25 * width + 25] == 255


def case_a_mask_is_refined_in_its_place(here):
    image = roughly_selected(here)
    (layer,) = image.get_layers()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    Gimp.Selection.none(image)
    rough = values(layer.get_mask())
    pixels, selection = read(layer), values(image.get_selection())
    (mask,) = done(NAME, image, width=8)
    assert layer.get_mask() == mask
    assert values(mask) != rough
    assert read(layer) == pixels
    assert values(image.get_selection()) == selection


def case_auto_takes_the_mask_being_edited_and_else_the_selection(here):
    for edited in (True, False):
        image = roughly_selected(here)
        (layer,) = image.get_layers()
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
        layer.set_edit_mask(edited)
        mask, selection = values(layer.get_mask()), values(image.get_selection())
        done(NAME, image, layers=[layer], source="auto")
        assert (values(layer.get_mask()) != mask) == edited
        assert (values(image.get_selection()) != selection) != edited


def case_the_source_can_be_named(here):
    for source in ("mask", "selection"):
        image = roughly_selected(here)
        (layer,) = image.get_layers()
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
        mask, selection = values(layer.get_mask()), values(image.get_selection())
        done(NAME, image, layers=[layer], source=source)
        assert (values(layer.get_mask()) != mask) == (source == "mask")
        assert (values(image.get_selection()) != selection) == (source == "selection")


def case_how_a_mask_is_shown_and_used_stays(here):
    image = roughly_selected(here)
    (layer,) = image.get_layers()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    layer.set_apply_mask(False)
    layer.set_show_mask(True)
    layer.set_edit_mask(False)
    done(NAME, image, layers=[layer], source="mask")
    mask_state = layer.get_apply_mask(), layer.get_show_mask(), layer.get_edit_mask()
    assert mask_state == (False, True, False)


def case_without_selection_and_mask_it_says_so(here):
    image = here.photo()
    for source in ("auto", "mask", "selection"):
        refused(NAME, image, source=source)
    assert not image.is_dirty()


def case_a_mask_without_an_edge_is_refused(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    before = state(image)
    assert "edge" in refused(NAME, image)
    assert_same(state(image), before)


def case_the_edge_reaches_the_layers_border(here):
    image = here.photo()
    width, height = image.get_width(), image.get_height()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, width // 2, 0, width, height)
    done(NAME, image, width=5)
    fine = values(image.get_selection())
    assert fine[width - 1] == 255
    assert fine[0] == 0


def case_offsets_are_followed(here):
    """A selection far from the picture's border gives the same wherever its layer lies."""
    found = []
    for x, y in ((0, 0), (12, 9)):
        image = here.photo("large")
        image.get_layers()[0].set_offsets(x, y)
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 210 + x, 110 + y, 60, 60)
        done(NAME, image, layers=image.get_layers())
        pixels, width = values(image.get_selection()), image.get_width()
        found.append([
            pixels[row * width + 140 + x : row * width + 340 + x]
            for row in range(40 + y, 240 + y)
        ])  # fmt: skip
    assert found[0] == found[1]
    assert any(0 < value < 255 for row in found[0] for value in row)


def case_several_layers_refine_their_own_masks(here):
    image = roughly_selected(here)
    (first,) = image.get_layers()
    second = first.copy()
    image.insert_layer(second, None, 0)
    for layer in (first, second):
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    rough = values(first.get_mask())
    done(NAME, image, layers=[first, second], source="mask")
    assert values(first.get_mask()) == values(second.get_mask()) != rough
