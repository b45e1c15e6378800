"""Replace Background: a colour, a layer or a file behind the subject."""

from remove_background import painted_mask
from stage import (
    Gegl,
    Gimp,
    Gio,
    assert_a_matte,
    assert_same,
    call,
    done,
    layer_state,
    read,
    refused,
    state,
    values,
    write,
)

NAME = "replace-background"


def pixel(layer, x, y):
    start = 3 * (y * layer.get_width() + x)
    return tuple(read(layer, "R'G'B' u8")[start : start + 3])


def case_a_colour_comes_behind_the_subject(here):
    image = here.photo()
    (layer,) = image.get_layers()
    before = layer_state(layer)
    subject, background = done(NAME, image, colour=Gegl.Color.new("#3264c8"))
    assert image.get_layers() == [subject, background, layer]
    assert set(zip(*[iter(read(background, "R'G'B' u8"))] * 3, strict=True)) == {(50, 100, 200)}
    assert_a_matte(values(subject.get_mask()))
    assert {**layer_state(layer), "look": 0} == {**before, "look": 0}
    assert not layer.get_visible()
    assert Gimp.Selection.is_empty(image)


def case_the_new_layers_cover_the_old_one(here):
    for x, y in ((0, 0), (15, -20)):
        image = here.photo()
        (layer,) = image.get_layers()
        layer.set_offsets(x, y)
        for new in done(NAME, image):
            assert new.get_offsets() == layer.get_offsets()
            assert (new.get_width(), new.get_height()) == (
                layer.get_width(),
                layer.get_height(),
            )


def case_a_file_is_scaled_to_cover(here):
    image = here.photo()
    (layer,) = image.get_layers()
    file = Gio.File.new_for_path(str(here.out / "backdrop.png"))
    images = len(Gimp.get_images())
    _, background = done(NAME, image, background="file", file=file)
    assert len(Gimp.get_images()) == images, "the file's own image stayed open"
    width, height = layer.get_width(), layer.get_height()
    assert (background.get_width(), background.get_height()) == (width, height)
    # The square gradient grows by 2 per pixel, from 20 (red, rightwards) and 40 (green, down).
    scale = width / 90
    cut = (90 * scale - height) / 2
    for x, y in ((4, 4), (width // 2, height // 2), (width - 5, height - 5)):
        red, green, blue = pixel(background, x, y)
        assert abs(red - (20 + 2 * x / scale)) < 5, (x, y, red)
        assert abs(green - (40 + 2 * (y + cut) / scale)) < 5, (x, y, green)
        assert blue == 90


def case_a_layer_is_copied_and_scaled(here):
    image = here.photo()
    (layer,) = image.get_layers()
    other = Gimp.Layer.new(image, "paper", 40, 40, 0, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(other, None, 1)
    Gimp.context_set_background(Gegl.Color.new("#204060"))
    other.fill(Gimp.FillType.BACKGROUND)
    before = layer_state(other)
    _, background = done(NAME, image, layers=[layer], background="layer", layer=other)
    assert background != other
    assert pixel(background, 80, 50) == (32, 64, 96)
    assert background.get_width() == layer.get_width()
    assert_same(layer_state(other), before)


def case_matched_light_changes_the_subject_towards_the_background(here):
    paper = {"colour": Gegl.Color.new("#b45028")}
    image = here.photo()
    plain, _ = done(NAME, image, **paper)
    lit = here.photo()
    matched, _ = done(NAME, lit, match_light=1.0, **paper)
    solid = [i for i, value in enumerate(values(plain.get_mask())) if value == 255]

    def blue_to_red(layer):
        data = read(layer, "R'G'B' u8")
        return sum(data[3 * i + 2] for i in solid) / sum(data[3 * i] for i in solid)

    assert blue_to_red(matched) < blue_to_red(plain) - 0.02


def case_what_is_missing_is_said(here):
    image = here.photo()
    before = state(image)
    missing = Gio.File.new_for_path(str(here.out / "missing.png"))
    nonsense = here.out / "nonsense.png"
    nonsense.write_text("no picture", "utf-8")
    refused(NAME, image, background="file")
    assert not call(NAME, image, background="file", file=missing).ok  # GIMP itself looks
    refused(NAME, image, background="file", file=Gio.File.new_for_path(str(nonsense)))
    refused(NAME, image, background="layer")
    refused(NAME, image, background="layer", layer=image.get_layers()[0])
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_several_layers_get_a_background_each(here):
    image = here.photo()
    (first,) = image.get_layers()
    second = first.copy()
    image.insert_layer(second, None, 0)
    done(NAME, image, layers=[first, second])
    assert len(image.get_layers()) == 6


def case_the_mask_and_the_selection_are_respected(here):
    image = here.photo()
    (layer,) = image.get_layers()
    drawn = painted_mask(image, layer)
    subject, _ = done(NAME, image, layers=[layer])
    assert values(subject.get_mask()) == drawn
    large = here.photo("large")
    large.select_rectangle(Gimp.ChannelOps.REPLACE, 355, 0, 110, 290)  # the rocket beside her
    area = values(large.get_selection())
    subject, _ = done(NAME, large)
    matte = values(subject.get_mask())
    assert sum(m for m, a in zip(matte, area, strict=True) if a) > 0.9 * sum(matte) > 0


def case_what_is_there_is_blurred_without_the_subject(here):
    """A red subject leaves no red in the blur behind it, and the blur has no hole."""
    image = here.photo()
    (layer,) = image.get_layers()
    width, height = layer.get_width(), layer.get_height()
    rows = []
    for y in range(height):
        inside = [40 <= x < 90 and 20 <= y < 90 for x in range(width)]
        rows.append(b"".join(b"\xf0\x10\x10" if one else b"\x20\x60\xa0" for one in inside))
    write(layer, "R'G'B' u8", b"".join(rows))
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    values_of = [
        255 if 40 <= i % width < 90 and 20 <= i // width < 90 else 0 for i in range(width * height)
    ]
    write(mask, "Y u8", bytes(values_of))
    layer.set_edit_mask(False)
    before = read(layer, "R'G'B' u8")
    new, background = done(
        NAME, image, layers=[layer], background="blur", blur=8, layer_mask="keep"
    )
    assert [one.get_id() for one in image.get_layers()] == [
        new.get_id(), background.get_id(), layer.get_id()
    ]  # fmt: skip
    seen = read(background, "R'G'B'A u8")
    reds, alphas = seen[0::4], seen[3::4]
    assert min(alphas) == 255, "the blur has a hole"
    assert max(reds) < 0x20 + 12, f"the subject bleeds into the blur: {max(reds)}"
    assert read(layer, "R'G'B' u8") == before
