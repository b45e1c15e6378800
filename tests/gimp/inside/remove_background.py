"""Remove Background: its results, options and what it gives back."""

import stage
from stage import (
    MODES,
    Gimp,
    assert_a_matte,
    assert_same,
    done,
    layer_state,
    mean_difference,
    read,
    refused,
    state,
    values,
)

NAME = "remove-background"


def case_the_mask_fits_and_nothing_else_changes(here):
    image = here.photo()
    (layer,) = image.get_layers()
    before = state(image, masks=False)
    mask, new = done(NAME, image)
    assert mask == layer.get_mask(), "the returned mask is not the layer's"
    assert new is None, "no layer was asked for"
    assert_a_matte(values(mask))
    assert_same(state(image, masks=False), before)
    assert image.is_dirty(), "GIMP does not know that the image changed"


def case_a_selection_result_leaves_all_layers_alone(here):
    image = here.photo()
    before = state(image, selection=False)
    assert done(NAME, image, result="selection") == [None, None]
    assert_a_matte(values(image.get_selection()))
    assert_same(state(image, selection=False), before)
    assert not image.get_channels(), "a helping channel was left behind"


def case_a_new_layer_comes_above_the_hidden_old_one(here):
    image = here.photo()
    (layer,) = image.get_layers()
    pixels = read(layer)
    mask, new = done(NAME, image, result="layer")
    assert image.get_layers() == [new, layer]
    assert image.get_selected_layers() == [new]
    assert new.get_mask() == mask
    assert_a_matte(values(mask))
    assert read(layer) == pixels
    assert layer.get_mask() is None
    assert new.get_visible()
    assert not layer.get_visible()


def case_the_new_layers_colours_are_cleaned_at_the_edge_only(here):
    image = here.photo()
    (layer,) = image.get_layers()
    mask, new = done(NAME, image, result="layer", decontaminate=True)
    matte = values(mask)
    old, now = (read(one, "R'G'B' u8") for one in (layer, new))
    changed = [i for i in range(len(matte)) if old[3 * i : 3 * i + 3] != now[3 * i : 3 * i + 3]]
    assert changed, "no colour was cleaned"
    assert not [i for i in changed if matte[i] == 255], "a solid pixel's colour changed"


def case_without_decontamination_the_new_layer_keeps_all_colours(here):
    image = here.photo()
    (layer,) = image.get_layers()
    _, new = done(NAME, image, result="layer", decontaminate=False)
    assert read(new, "R'G'B' u8") == read(layer, "R'G'B' u8")


def case_a_cut_changes_the_layer_itself(here):
    image = here.photo()
    (layer,) = image.get_layers()
    before = layer_state(layer)
    colours = read(layer, "R'G'B' u8")
    assert done(NAME, image, result="cut") == [None, None]
    assert image.get_layers() == [layer]
    assert layer.get_mask() is None
    alpha = read(layer, "A u8")
    assert_a_matte(alpha)
    now = read(layer, "R'G'B' u8")
    for i in (i for i in range(len(alpha)) if alpha[i] == 255):
        assert now[3 * i : 3 * i + 3] == colours[3 * i : 3 * i + 3], f"pixel {i} changed"
    after = layer_state(layer)
    assert {**after, "pixels": None} == {**before, "pixels": None}


def case_a_cut_reaches_beyond_the_selection_and_keeps_it(here):
    plain, image = here.photo(), here.photo()
    done(NAME, plain, result="cut", use_selection=False)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 5, 5, 20, 10)
    selection = values(image.get_selection())
    done(NAME, image, result="cut", use_selection=False)
    assert values(image.get_selection()) == selection
    assert read(image.get_layers()[0]) == read(plain.get_layers()[0])


def case_the_selection_is_a_hint_when_wished(here):
    image = here.photo()
    width, height = image.get_width(), image.get_height()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, width // 3, height)
    selection = values(image.get_selection())
    (free, _) = done(NAME, image, use_selection=False)
    free = values(free)
    hinted = values(done(NAME, image, layer_mask="anew")[0])
    assert mean_difference(free, hinted) > 3, "the hint made no difference"
    assert values(image.get_selection()) == selection, "the selection changed"
    Gimp.Selection.none(image)
    assert mean_difference(values(done(NAME, image, layer_mask="anew")[0]), free) == 0


def case_a_dab_on_the_subject_is_a_click_on_it(here):
    free = values(done(NAME, here.photo("large"))[0])
    image = here.photo("large")
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 270, 340, 50, 40)  # on her sleeve
    selection = values(image.get_selection())
    dabbed = values(done(NAME, image)[0])
    width = image.get_width()
    # Without the helmet before her, a thing of its own that a click on her leaves out.
    person = [i for i in range(len(free)) if i % width < 280 or i // width < 340]
    difference = mean_difference([dabbed[i] for i in person], [free[i] for i in person])
    assert difference < 8, "it is not the subject"
    kept = [dabbed[i] for i, value in enumerate(selection) if value == 255]
    assert min(kept) > 200, "what was selected is not in the mask"
    assert values(image.get_selection()) == selection


def case_a_rectangle_or_a_lasso_around_a_thing_is_its_region(here):
    shuttle = 355, 0, 110, 290  # rocket and shuttle, beside the astronaut, of 512 × 512
    lasso = [350, 280, 385, 60, 395, 0, 450, 0, 465, 150, 462, 285]

    def by_rectangle(image):
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *shuttle)

    def by_lasso(image):
        image.select_polygon(Gimp.ChannelOps.REPLACE, lasso)

    for select in (by_rectangle, by_lasso):
        image = here.photo("large")
        select(image)
        selection = values(image.get_selection())
        matte = values(done(NAME, image)[0])
        inside = sum(m for m, s in zip(matte, selection, strict=True) if s > 127) / 255
        outside = sum(matte) / 255 - inside
        area = sum(value > 127 for value in selection)
        assert 0.1 * area < inside < 0.9 * area, f"{inside / area:.0%} of the selection"
        assert outside < 0.1 * inside, "the astronaut is not what was selected"


def case_a_selection_that_fits_is_a_mask(here):
    image = here.photo("large")
    done(NAME, image, result="selection")
    fitting = values(image.get_selection())
    assert mean_difference(values(done(NAME, image)[0]), fitting) < 3


def case_nothing_in_the_selection_is_said_and_changes_nothing(here):
    image = here.photo()
    paper = Gimp.Layer.new(image, "paper", 160, 107, 0, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(paper, None, 0)
    Gimp.context_set_background(stage.Gegl.Color.new("white"))
    paper.fill(Gimp.FillType.BACKGROUND)
    image.clean_all()
    before = state(image)
    for result in ("mask", "layer", "selection", "cut"):
        assert "o subject" in refused(NAME, image, layers=[paper], result=result)
        assert_same(state(image), before)
    assert not image.is_dirty()


def painted_mask(image, layer):
    """A mask as an artist corrects it: the left half shows, with a soft edge."""
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    width, height = layer.get_width(), layer.get_height()
    row = bytes(min(255, max(0, 8 * (width // 2 - x) + 128)) for x in range(width))
    stage.write(mask, "Y u8", row * height)
    layer.add_mask(mask)
    image.clean_all()
    return values(mask)


def case_a_mask_that_is_there_is_used_as_the_user_says(here):
    free = values(done(NAME, here.photo())[0])
    found = {}
    for use in ("start", "keep", "anew"):
        image = here.photo()
        (layer,) = image.get_layers()
        drawn = painted_mask(image, layer)
        found[use] = values(done(NAME, image, layers=[layer], layer_mask=use)[0])
    assert found["keep"] == drawn
    assert found["anew"] == free
    assert mean_difference(found["start"], free) > 3, "the mask was not looked at"


def case_colours_are_cleaned_by_the_corrected_mask(here):
    image = here.photo()
    (layer,) = image.get_layers()
    drawn = painted_mask(image, layer)
    mask, new = done(NAME, image, layers=[layer], result="layer", layer_mask="keep")
    assert values(mask) == drawn == values(layer.get_mask())
    old, now = (read(one, "R'G'B' u8") for one in (layer, new))
    changed = {drawn[i // 3] for i in range(len(old)) if old[i] != now[i]}
    assert changed, "no colour was cleaned"
    assert not changed & {0, 255}, "colours changed where the mask is not soft"


def case_edge_colours_are_cleaned_by_the_mask_as_it_is_now(here):
    image = here.photo()
    (layer,) = image.get_layers()
    refused("clean-edge-colours", image)
    drawn = painted_mask(image, layer)
    before = layer_state(layer)
    (new,) = done("clean-edge-colours", image, layers=[layer])
    assert values(new.get_mask()) == drawn
    assert layer_state(layer) | {"look": None} == before | {"look": None}
    assert not layer.get_visible()
    old, now = (read(one, "R'G'B' u8") for one in (layer, new))
    changed = {drawn[i // 3] for i in range(len(old)) if old[i] != now[i]}
    assert changed, "no colour was cleaned"
    assert not changed & {0, 255}, "colours changed where the mask is not soft"


def case_a_selection_beside_the_layer_is_refused(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.set_offsets(image.get_width() // 2, 0)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 10, 10)
    before = state(image)
    refused(NAME, image)
    assert_same(state(image), before)


def case_the_edge_moves_and_softens(here):
    def covered(**options):
        # Anew each time: a mask that an earlier run left is a hint to the next.
        mask = values(done(NAME, here.photo(), **options)[0])
        return sum(mask) / 255 / len(mask), sum(0 < value < 255 for value in mask)

    plain, inner, outer = covered(), covered(edge_shift=-3), covered(edge_shift=3)
    assert inner[0] < plain[0] - 0.02, (inner, plain)
    assert outer[0] > plain[0] + 0.02, (outer, plain)
    assert covered(feather=12)[1] > 1.5 * plain[1]


def case_all_qualities_work(here):
    image = here.photo()
    for quality in ("fast", "balanced", "best"):
        assert_a_matte(values(done(NAME, image, quality=quality)[0]))


def case_a_mask_that_is_there_is_replaced(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.BLACK))
    mask, _ = done(NAME, image)
    assert layer.get_mask() == mask
    assert_a_matte(values(mask))


def case_a_mask_being_edited_stands_for_its_layer(here):
    image = here.photo()
    (layer,) = image.get_layers()
    first, _ = done(NAME, image)
    matte = values(first)
    stage.write(first, stage.native(first), bytes(len(matte)))
    second, _ = done(NAME, image, layers=[layer.get_mask()])
    assert values(second) == matte, "the mask was worked on, not its layer"


def case_an_unknown_model_is_named(here):
    image = here.photo()
    before = state(image)
    assert "no-such-model" in refused(NAME, image, model="no-such-model")
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_an_empty_model_name_is_the_default(here):
    assert done(NAME, here.photo(), model="")[0] is not None


def case_values_out_of_range_do_no_harm(here):
    # GIMP itself replaces what an argument cannot be by its default, with a warning.
    image = here.photo()
    plain = values(done(NAME, image)[0])
    assert values(done(NAME, image, result="nonsense", layer_mask="anew")[0]) == plain
    assert values(done(NAME, image, quality="nonsense", feather=4000)[0]) is not None


def case_last_values_are_used_without_a_dialog(here):
    assert_a_matte(values(done(NAME, here.photo(), mode=MODES.WITH_LAST_VALS)[0]))


def case_indexed_images_are_refused_with_the_reason(here):
    image = here.photo()
    image.convert_indexed(
        Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, ""
    )
    image.clean_all()
    before = state(image)
    for name in (NAME, "select-subject", "refine-edge", "replace-background"):
        assert "ndexed" in refused(name, image)
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_a_locked_layer_is_not_cut(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.set_lock_content(True)
    before = state(image)
    assert "locked" in refused(NAME, image, result="cut")
    assert_same(state(image), before)


def case_one_pixel_is_no_disaster(here):
    image = Gimp.Image.new(1, 1, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "dot", 1, 1, 0, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    for result in ("mask", "layer", "selection", "cut"):
        answer = stage.call(NAME, image, layers=[layer], result=result)
        assert answer.ok or "\n" not in str(answer.message), answer.message
        if not answer.ok:
            refused(NAME, image, layers=[layer], result=result)
