"""Select Subject: how it combines with what is selected."""

from stage import (
    MODES,
    Gimp,
    assert_a_matte,
    assert_same,
    done,
    mean_difference,
    state,
    values,
    write,
)

NAME = "select-subject"


def half_selected(here):
    image = here.photo()
    image.select_rectangle(
        Gimp.ChannelOps.REPLACE, 0, 0, image.get_width() // 2, image.get_height()
    )
    return image


def case_the_subject_is_selected(here):
    image = here.photo()
    before = state(image, selection=False)
    assert done(NAME, image) == []
    assert_a_matte(values(image.get_selection()))
    assert_same(state(image, selection=False), before)


def case_operations_combine_with_the_selection(here):
    image = here.photo()
    done(NAME, image)
    subject = values(image.get_selection())
    half = values(half_selected(here).get_selection())
    expected = {
        "add": bytes(max(a, b) for a, b in zip(subject, half, strict=True)),
        "subtract": bytes(max(0, b - a) for a, b in zip(subject, half, strict=True)),
        "intersect": bytes(min(a, b) for a, b in zip(subject, half, strict=True)),
    }
    for operation, truth in expected.items():
        image = half_selected(here)
        done(NAME, image, operation=operation)
        assert mean_difference(values(image.get_selection()), truth) < 0.1, operation


def case_a_selection_that_is_replaced_is_a_hint(here):
    image = here.photo("large")
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 355, 0, 110, 290)  # the rocket beside her
    area = values(image.get_selection())
    done(NAME, image, operation="replace")
    found = values(image.get_selection())
    inside = sum(f for f, a in zip(found, area, strict=True) if a)
    assert inside > 0.9 * sum(found), "the rectangle was overlooked"
    assert inside / 255 > 0.1 * (sum(area) / 255), "nothing was found in it"


def case_a_selection_that_is_combined_is_no_hint(here):
    image = here.photo()
    done(NAME, image)
    subject = values(image.get_selection())
    half = half_selected(here)
    before = values(half.get_selection())
    done(NAME, half, operation="add")
    union = bytes(max(a, b) for a, b in zip(subject, before, strict=True))
    assert mean_difference(values(half.get_selection()), union) < 0.1


def case_what_is_not_clear_is_said_to_whoever_looks(here):
    log = here.out / "gimp.log"

    def told(image, mode):
        before = log.read_text("utf-8", "replace")
        done("select-subject", image, mode=mode)
        return log.read_text("utf-8", "replace")[len(before) :]

    patches = here.photo()  # fields of many colours, of which none stands out
    (layer,) = patches.get_layers()
    width, height = layer.get_width(), layer.get_height()
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            number = (x // 24 * 5 + y // 24 * 3) ** 2
            pixels += bytes(number * step % 256 for step in (90, 150, 210))
    write(layer, "R'G'B' u8", bytes(pixels))
    assert "was not clear" in told(patches, MODES.WITH_LAST_VALS)
    assert "was not clear" not in told(here.photo("balls"), MODES.WITH_LAST_VALS)
    assert "was not clear" not in told(patches.duplicate(), MODES.NONINTERACTIVE)
