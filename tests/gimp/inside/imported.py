"""Networks that the user has brought in, for cutting out and for objects."""

from stage import MODES, assert_same, done, layer_state, values, worker_client

MATTE, OBJECTS = "my-isnet", "my-segformer"


def case_they_are_offered_for_what_they_are(here):
    worker_client()  # makes the plug-in's own modules known
    from mattelier_gimp import engine

    assert MATTE in engine.models("matte")
    assert engine.models("objects") == [OBJECTS]
    assert not {MATTE, OBJECTS} & set(engine.models("upscale"))
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
