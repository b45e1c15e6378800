"""Before and after in the dialogs: what is seen is what comes, and nothing is left behind."""

import time

from hands import Meanwhile, press, screenshot, size, window, xdotool
from pointing import screen_rgb
from stage import MODES, Gegl, Gimp, assert_same, call, done, state
from windows import shown

PICTURE = 12, 472  # the preview's columns in a dialog
PATIENCE = 25  # seconds for a look on a busy machine
DIALOGS = {
    "remove-background": "Remove Background",
    "replace-background": "Replace Background",
    "portrait-blur": "Portrait Blur",
    "enhance": "Enhance",
    "denoise": "Denoise",
    "upscale": "Upscale",
}


def geometry(where):
    lines = xdotool("getwindowgeometry", "--shell", where).splitlines()
    shape = dict(line.split("=") for line in lines)
    return (int(shape["X"]), int(shape["Y"]), *size(where))


def seen(dialog):
    """All pixels of a dialog."""
    xdotool("mousemove", 1, 1)
    time.sleep(0.3)
    x, y, width, height = geometry(dialog)
    return [row[x : x + width] for row in screen_rgb()[y : y + height]]


def changed_columns(one, other):
    """The columns in which two views of a dialog differ, left to right."""
    columns = set()
    for before, after in list(zip(one, other, strict=True))[:380]:
        columns |= {x for x, pair in enumerate(zip(before, after, strict=True)) if far(*pair)}
    return sorted(columns)


def far(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > 6


def settled(dialog):
    """The dialog when it has been still for two seconds."""
    end = time.monotonic() + PATIENCE
    last = seen(dialog)
    while time.monotonic() < end:
        time.sleep(2)
        now = seen(dialog)
        if now == last:
            return now
        last = now
    raise AssertionError("the preview does not come to rest")


def case_every_dialog_shows_before_and_after(here):
    for name, title in DIALOGS.items():
        image = here.photo("large")
        shown(image)
        before = state(image)
        images = Gimp.get_images()

        def look(file=name, title=title):
            dialog = window(title)
            try:
                time.sleep(1)
                settled(dialog)
                screenshot(here.out / f"preview-{file}.shot.png")
            finally:
                press(dialog, "Escape")

        with Meanwhile(look):
            answer = call(name, image, mode=MODES.INTERACTIVE)
        assert answer.status == Gimp.PDBStatusType.CANCEL, name
        assert_same(state(image), before)
        assert not image.is_dirty(), name
        assert set(Gimp.get_images()) == set(images), f"{name} leaves an image behind"


def case_a_slider_changes_what_is_right_of_the_line(here):
    image = here.photo("large")
    shown(image)
    found = {}

    def act():
        dialog = window("Enhance")
        try:
            time.sleep(1)
            still = settled(dialog)
            press(dialog, "alt+u", "ctrl+a", "minus", "1", "Tab")
            time.sleep(1)
            moved = settled(dialog)
            screenshot(here.out / "preview-grey.shot.png")
            found["columns"] = changed_columns(still, moved)
        except BaseException:
            press(dialog, "Escape")
            raise
        press(dialog, "alt+o")

    with Meanwhile(act):
        (new,) = done("enhance", image, mode=MODES.INTERACTIVE)
    pixels = new.get_buffer().get(
        Gegl.Rectangle.new(0, 0, 50, 50), 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE
    )
    greys = [max(pixels[i : i + 3]) - min(pixels[i : i + 3]) for i in range(0, len(pixels), 3)]
    assert max(greys) < 30, "the slider's value did not count"
    left, right = PICTURE
    picture = [x for x in found["columns"] if left < x < right]
    assert picture, "nothing changed in the preview"
    assert min(picture) >= (left + right) // 2 - 6, "what lies left of the line changed"
