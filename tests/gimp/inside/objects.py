"""Objects, as scripts call it: all that is found, as a selection, a mask, layers or channels."""

from stage import MODES, Gimp, assert_same, done, layer_state, read, refused, state, values

WIDTH, HEIGHT = 360, 240
BALLS = ((90, 130, 52), (190, 110, 34), (290, 140, 45))  # x, y, radius


def at(matte, x, y):
    return matte[y * WIDTH + x]


def held(matte):
    """The balls whose middle a matte (0…255) holds; what is far from all is empty."""
    assert at(matte, 10, 10) == 0
    assert at(matte, 140, 30) == 0
    middles = [at(matte, x, y) for x, y, _radius in BALLS]
    assert all(value in (0, 255) for value in middles), middles
    return [number for number, value in enumerate(middles) if value]


def case_all_of_them_as_selection_and_mask(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    before = layer_state(layer)
    done("objects", image)
    selection = values(image.get_selection())
    assert held(selection) == [0, 1, 2]
    assert_same(layer_state(layer), before)
    mask, none = done("objects", here.photo("balls"), result="mask")
    assert none is None
    assert held(values(mask)) == [0, 1, 2]


def case_that_they_are_parts_is_said_to_whoever_looks(here):
    log = here.out / "gimp.log"
    before = len(log.read_text("utf-8", "replace"))
    done("objects", here.photo("balls"), mode=MODES.WITH_LAST_VALS)
    assert "separate parts of the subject" in log.read_text("utf-8", "replace")[before:]


def case_a_layer_and_a_channel_each(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    done("objects", image, result="layer")
    new = image.get_layers()[:-1]
    assert image.get_layers()[-1] == layer
    assert not layer.get_visible()
    assert sorted(held(values(one.get_mask())) for one in new) == [[0], [1], [2]]
    assert {one.get_name() for one in new} == {
        f"{layer.get_name()} – Object {n}" for n in (1, 2, 3)
    }
    old = read(layer, "R'G'B' u8")
    for one in new:
        now, mask = read(one, "R'G'B' u8"), values(one.get_mask())
        changed = {mask[i // 3] for i in range(len(old)) if old[i] != now[i]}
        assert changed, "no edge colour was cleaned"
        assert not changed & {0, 255}
    image = here.photo("balls")
    done("objects", image, result="channel")
    channels = image.get_channels()
    assert [one.get_name() for one in channels] == ["Object 1", "Object 2", "Object 3"]
    assert sorted(held(values(one)) for one in channels) == [[0], [1], [2]]


def case_alpha_of_the_layer_limits_a_selection_but_not_a_mask(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    layer.add_alpha()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 90, HEIGHT)
    layer.edit_clear()
    Gimp.Selection.none(image)
    image.clean_all()
    done("objects", image)
    selection = values(image.get_selection())
    assert at(selection, 80, 130) == 0
    assert at(selection, 100, 130) == 255


def case_several_layers_or_nothing_found_is_one_sentence(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    copy = layer.copy()
    image.insert_layer(copy, None, 0)
    before = state(image)
    assert "one layer" in refused("objects", image, layers=[layer, copy])
    assert_same(state(image), before)
    empty = here.photo("balls")
    (layer,) = empty.get_layers()
    layer.edit_fill(Gimp.FillType.WHITE)
    before = state(empty)
    assert "No object was found" in refused("objects", empty)
    assert_same(state(empty), before)


def case_words_without_a_network_for_them_say_what_to_bring(here):
    image = here.photo("balls")
    (layer,) = image.get_layers()
    before = layer_state(layer)
    message = refused("select-by-text", image, text="the red ball")
    assert "finds things by words" in message
    assert "models import FOLDER" in message
    assert_same(layer_state(layer), before)
