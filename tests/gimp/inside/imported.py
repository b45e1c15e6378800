"""Networks that the user has brought in: one of each contract that a dialog here asks for."""

from stage import MODES, Gimp, assert_same, done, layer_state, refused, values, worker_client

MATTE, OBJECTS = "my-isnet", "my-segformer"
PROMPT, TRIMAP, FILL, RESTORE = "my-sam", "my-vitmatte", "my-filler", "my-compact"
FIND, WORDS = "my-finder", "a red car"
SUBJECT = 40, 80, 100, 100  # x, y, width, height around a ball


def case_they_are_offered_for_what_they_are(here):
    worker_client()  # makes the plug-in's own modules known
    from mattelier_gimp import engine

    assert MATTE in engine.models("matte")
    assert engine.models("objects") == [OBJECTS]
    assert {PROMPT, TRIMAP} < set(engine.models("matte"))
    assert engine.models("fill") == [FILL]
    assert engine.models("find") == [FIND]
    assert RESTORE in engine.models("upscale")
    assert not {MATTE, OBJECTS, FILL} & set(engine.models("upscale"))
    (text,) = done("models")
    lines = {line.split(" · ")[0]: line for line in text.splitlines()}
    assert "Here" in lines[MATTE]
    assert "Objects" in lines[OBJECTS]


def case_one_cuts_out(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    mask, _none = done("remove-background", image, model=MATTE)
    here.dump("matte", mask, "Y u8")
    again, _none = done("remove-background", here.photo("balls"))
    assert values(again) != values(mask), "another network made the mask"
    assert layer.get_mask() == mask


def selected(here):
    image = here.photo("balls")
    image.select_ellipse(Gimp.ChannelOps.REPLACE, *SUBJECT)
    here.dump("selection", image.get_selection(), "Y u8")
    return image


def case_one_that_is_asked_by_prompts_cuts_out_what_is_selected(here):
    mask, _none = done("remove-background", selected(here), model=PROMPT, use_selection=True)
    here.dump("matte", mask, "Y u8")


def case_one_that_wants_a_trimap_cuts_out_what_is_selected(here):
    mask, _none = done("remove-background", selected(here), model=TRIMAP, use_selection=True)
    here.dump("matte", mask, "Y u8")


def case_what_words_mean_becomes_a_mask_or_a_selection(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    mask, _none = done("select-by-text", image, text=WORDS, result="mask", quality="fast")
    assert layer.get_mask() == mask
    here.dump("matte", mask, "Y u8")
    image = here.photo("balls")
    done("select-by-text", image, text=WORDS, model=FIND, quality="fast")
    assert values(image.get_selection()) == values(mask)
    assert not image.get_layers()[0].get_mask()
    message = refused("select-by-text", image, text="  ")
    assert "Say in words what is to be selected" in message


def case_one_that_fills_does_so_where_something_was(here):
    (new,) = done("erase", selected(here), model=FILL)
    here.dump("picture", new, "R'G'B' u8")


def case_one_that_restores_enlarges(here):
    new, layer = done("upscale", here.photo("balls"), model=RESTORE, scale="4")
    assert (new.get_width(), new.get_height()) == (4 * 360, 4 * 240)
    here.dump("picture", layer, "R'G'B' u8")


def case_classes_become_channels_and_selections(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    before = layer_state(layer)
    done("objects", image, result="channel")  # the only one that is here needs no name
    channels = image.get_channels()
    assert len(channels) > 1
    for channel in channels:
        here.dump(channel.get_name(), channel, "Y' u8")
    here.note(names=[channel.get_name() for channel in channels])
    assert_same(layer_state(layer), before)
    image = here.photo("balls")
    done("objects", image, model=OBJECTS)
    selection = values(image.get_selection())
    mattes = [values(channel) for channel in channels]
    for place, value in enumerate(selection):  # where classes meet, their shares add up
        assert abs(value - min(255, sum(matte[place] for matte in mattes))) <= 1
    assert done("objects", image, result="layer", mode=MODES.WITH_LAST_VALS)
