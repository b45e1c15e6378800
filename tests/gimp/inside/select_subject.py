"""Select Subject: how it combines with what is selected."""

from stage import Gimp, assert_a_matte, assert_same, done, mean_difference, state, values

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
        "replace": subject,
        "add": bytes(max(a, b) for a, b in zip(subject, half, strict=True)),
        "subtract": bytes(max(0, b - a) for a, b in zip(subject, half, strict=True)),
        "intersect": bytes(min(a, b) for a, b in zip(subject, half, strict=True)),
    }
    for operation, truth in expected.items():
        image = half_selected(here)
        done(NAME, image, operation=operation)
        assert mean_difference(values(image.get_selection()), truth) < 0.1, operation


def case_the_selection_is_no_hint_here(here):
    image, half = here.photo(), half_selected(here)
    done(NAME, image)
    done(NAME, half, operation="replace")
    assert values(half.get_selection()) == values(image.get_selection())
