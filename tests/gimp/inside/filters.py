"""Portrait Blur, Denoise, Enhance and Style: a new layer, and what limits it."""

from stage import (
    Gegl,
    Gimp,
    assert_same,
    done,
    fade,
    layer_state,
    mean_difference,
    read,
    refused,
    state,
    values,
)

ENHANCE = {"white_balance": 1.0, "tone": 1.0, "contrast": 0.5, "sharpen": 0.5}
TRIALS = {"portrait-blur": {"radius": 8.0}, "denoise": {}, "enhance": ENHANCE}
WIDTH, HEIGHT = 160, 107


def gradient(image, x=0, y=0, width=WIDTH, height=HEIGHT):
    """A layer that is white at its left and black at its right."""
    layer = Gimp.Layer.new(image, "depth", width, height, 0, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    row = bytes(255 - 255 * column // (width - 1) for column in range(width))
    pixels = b"".join(bytes([value]) * 3 for value in row) * height
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), "R'G'B' u8", pixels)
    buffer.flush()
    layer.set_offsets(x, y)
    layer.set_visible(False)
    image.clean_all()
    return layer


def shown(image):
    """What a user sees, as 8 bit RGBA."""
    copy = image.duplicate()
    layer = Gimp.Layer.new_from_visible(copy, copy, "")
    pixels = read(layer, "R'G'B'A u8")
    copy.delete()
    return pixels


def differing(one, two, x, y, width, height):
    """How many pixels of a rectangle differ in two rows of RGBA."""
    count = 0
    for row in range(y, y + height):
        start, end = 4 * (row * WIDTH + x), 4 * (row * WIDTH + x + width)
        a, b = one[start:end], two[start:end]
        count += sum(a[i : i + 4] != b[i : i + 4] for i in range(0, len(a), 4))
    return count


def case_the_result_is_a_layer_above_and_the_old_one_stays(here):
    for name, options in TRIALS.items():
        image = here.photo()
        (layer,) = image.get_layers()
        before = layer_state(layer)
        (new,) = done(name, image, **options)
        assert image.get_layers() == [new, layer]
        assert image.get_selected_layers() == [new]
        assert_same(layer_state(layer), before)
        assert layer.get_name() in new.get_name()
        assert new.get_name() != layer.get_name()
        assert new.get_mask() is None
        assert read(new) != read(layer), name


def case_a_layer_that_would_show_through_is_hidden(here):
    def through(image):
        image.get_layers()[0].set_opacity(50)

    def multiplied(image):
        image.get_layers()[0].set_mode(Gimp.LayerMode.MULTIPLY)

    def masked(image):
        (layer,) = image.get_layers()
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))

    def fading(image):
        fade(image.get_layers()[0])

    for prepare in (through, multiplied, masked, fading):
        image = here.photo()
        prepare(image)
        (layer,) = image.get_layers()
        (new,) = done("enhance", image, layers=[layer], **ENHANCE)
        assert not layer.get_visible()
        assert new.get_visible()
        assert new.get_opacity() == layer.get_opacity()
        assert new.get_mode() == layer.get_mode()
        assert (new.get_mask() is None) == (layer.get_mask() is None)


def case_a_selection_limits_the_result(here):
    for name, options in TRIALS.items():
        image = here.photo()
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 10, 100, 60)
        before, selection = shown(image), values(image.get_selection())
        whole = here.photo()
        (everywhere,) = done(name, whole, **options)
        if name == "portrait-blur":
            options = {**options, "use_selection": False}
        (new,) = done(name, image, **options)
        assert values(new.get_mask()) == values(image.get_selection()) == selection
        assert read(new) == read(everywhere)
        after = shown(image)
        assert not differing(before, after, 0, 0, WIDTH, 10)
        assert not differing(before, after, 0, 10, 30, 97)
        assert not differing(before, after, 130, 10, 30, 97)
        assert differing(before, after, 30, 10, 100, 60) > 600, name


def case_an_own_mask_limits_too(here):
    image = here.photo()
    (layer,) = image.get_layers()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 80, 107)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 40, 20, 100, 50)
    own = values(layer.get_mask())
    (new,) = done("enhance", image, layers=[layer], **ENHANCE)
    assert values(layer.get_mask()) == own
    mask = values(new.get_mask())
    inside = [mask[row * WIDTH + column] for row, column in ((30, 60), (21, 41), (68, 79))]
    outside = [mask[row * WIDTH + column] for row, column in ((30, 100), (30, 20), (90, 60))]
    assert inside == [255] * 3
    assert outside == [0] * 3


def case_a_selection_beside_the_layer_is_refused(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.set_offsets(100, 0)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 50, 50)
    image.clean_all()
    before = state(image)
    for name in TRIALS:
        assert "selection" in refused(name, image)
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_offsets_do_not_matter(here):
    for name, options in TRIALS.items():
        (truth,) = done(name, here.photo(), **options)
        for x, y in ((30, 20), (-40, -25), (1000, 1000)):
            image = here.photo()
            (layer,) = image.get_layers()
            layer.set_offsets(x, y)
            (new,) = done(name, image, **options)
            assert tuple(new.get_offsets())[1:] == (x, y)
            assert read(new) == read(truth), (name, x, y)


def case_groups_and_texts_become_plain_layers(here):
    image = here.photo()
    (layer,) = image.get_layers()
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(layer, group, 0)
    text = Gimp.TextLayer.new(image, "AI", Gimp.context_get_font(), 40, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    for item in (group, text):
        (new,) = done("enhance", image, layers=[item], **ENHANCE)
        assert type(new) is Gimp.Layer
        assert new.get_width() == item.get_width()
        assert not item.get_visible()
    assert text.get_text() == "AI"
    assert layer.get_parent() == group
    (inner,) = done("enhance", image, layers=[layer], **ENHANCE)
    assert list(group.get_children()) == [inner, layer]


def case_a_layer_mask_as_the_target_means_its_layer(here):
    image = here.photo()
    (layer,) = image.get_layers()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    (new,) = done("enhance", image, layers=[layer.get_mask()], **ENHANCE)
    assert image.get_layers() == [new, layer]


def case_several_layers_each_get_one(here):
    image = here.photo()
    (first,) = image.get_layers()
    second = first.copy()
    image.insert_layer(second, None, 0)
    done("enhance", image, layers=[first, second], **ENHANCE)
    assert len(image.get_layers()) == 4
    assert len(image.get_selected_layers()) == 2


def detail(pixels, x, width):
    """The mean step between neighbours in columns of 8 bit RGB."""
    steps = []
    for row in range(HEIGHT):
        start = 3 * (row * WIDTH + x)
        line = pixels[start : start + 3 * width]
        steps += [abs(a - b) for a, b in zip(line, line[3:], strict=False)]
    return sum(steps) / len(steps)


def case_a_layer_of_depth_says_what_is_blurred(here):
    image = here.photo()
    (layer,) = image.get_layers()
    plain = read(layer, "R'G'B' u8")
    depth = gradient(image)
    before = layer_state(depth)
    # The subject is said to be at the left, which the depth says is near.
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 30, HEIGHT)
    options = {"radius": 12.0, "use_selection": True}
    (new,) = done("portrait-blur", image, layers=[layer], depth=depth, **options)
    pixels = read(new, "R'G'B' u8")
    assert_same(layer_state(depth), before)
    right = detail(pixels, 120, 40) / detail(plain, 120, 40)
    (by_itself,) = done("portrait-blur", image, layers=[layer], **options)
    assert right < 0.6, f"{right:.2f} of the detail is left where it is far"
    assert read(by_itself) != read(new), "the depth does not matter"
    # Its own place does not matter, only where it lies on the layer.
    wider = gradient(image, -20, -10, 200, 130)
    (other,) = done("portrait-blur", image, layers=[layer], depth=wider, **options)
    moved = mean_difference(read(other, "R'G'B' u8"), pixels)
    assert 0.01 < moved < 20, moved


def case_a_depth_that_does_not_fit_is_refused(here):
    image = here.photo()
    (layer,) = image.get_layers()
    away = gradient(image, 1000, 0)
    flat = Gimp.Layer.new(image, "flat", WIDTH, HEIGHT, 0, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(flat, None, 0)
    flat.fill(Gimp.FillType.WHITE)
    image.clean_all()
    before = state(image)
    for depth, reason in ((layer, "own depth"), (away, "does not lie"), (flat, "everywhere")):
        assert reason in refused("portrait-blur", image, layers=[layer], depth=depth)
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_the_selection_shows_the_subject(here):
    image = here.photo()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 50, 60)
    (new,) = done("portrait-blur", image, radius=6.0, use_selection=True)
    assert new.get_mask() is None
    (alone,) = done("portrait-blur", here.photo(), radius=6.0)
    assert read(new) != read(alone)


def case_another_layers_colours_are_taken_on(here):
    image = here.photo()
    (layer,) = image.get_layers()
    other = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(other, None, 0)
    other.colorize_hsl(20, 70, -20)
    zero = dict.fromkeys(("white_balance", "tone", "contrast", "saturation", "sharpen"), 0.0)
    (new,) = done("enhance", image, layers=[layer], match=other, **zero)
    wanted, old, now = (mean(one) for one in (other, layer, new))
    near = sum(abs(a - b) for a, b in zip(now, wanted, strict=True))
    far = sum(abs(a - b) for a, b in zip(old, wanted, strict=True))
    assert near < 0.5 * far, (old, wanted, now)
    (half,) = done("enhance", image, layers=[layer], match=other, match_strength=0.5, **zero)
    assert read(half) not in (read(new), read(layer))
    assert "itself" in refused("enhance", image, layers=[layer], match=layer)


def mean(layer):
    pixels = read(layer, "R'G'B' u8")
    return [sum(pixels[channel::3]) / (len(pixels) / 3) for channel in range(3)]


def case_nothing_asked_changes_nothing(here):
    zero = dict.fromkeys(("white_balance", "tone", "contrast", "saturation", "sharpen"), 0.0)
    for how in ({}, {"grey": True}, {"alpha": True}, {"wide": True}):
        image = here.photo_as(**how)
        (layer,) = image.get_layers()
        (new,) = done("enhance", image, **zero)
        assert read(new) == read(layer), how


def case_grain_and_strength(here):
    image = here.photo()
    (layer,) = image.get_layers()
    (all_of_it,) = done("denoise", image, layers=[layer], strength="manual", amount=0.6)
    (some,) = done("denoise", image, layers=[layer], strength="manual", amount=0.6, grain=0.5)
    (none,) = done("denoise", image, layers=[layer], strength="manual", amount=0.0)
    assert read(none) == read(layer)
    plain = read(layer)
    removed = mean_difference(read(all_of_it), plain)
    assert removed > 0.5
    assert abs(mean_difference(read(some), plain) / removed - 0.5) < 0.15


def case_style_without_a_model_says_how_to_get_one(here):
    image = here.photo()
    before = state(image)
    text = refused("style", image, reference=image.get_layers()[0])
    assert "mattelier models import" in text
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_enhance_finds_its_strengths_itself(here):
    image = here.photo()
    before = read(image.get_layers()[0])
    nothing = dict.fromkeys(("white_balance", "tone", "contrast", "saturation", "sharpen"), 0.0)
    (auto,) = done("enhance", image, strength="auto", **nothing)
    assert mean_difference(read(auto), before) > 1, "Automatic changes nothing"
    other = here.photo()
    (manual,) = done("enhance", other, strength="manual", **nothing)
    assert mean_difference(read(manual), before) < 1
