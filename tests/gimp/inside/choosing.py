"""In GIMP's window: Objects, chosen by a real mouse; the dialogs of Erase and its like."""

import time

from hands import Meanwhile, press, screenshot, window, xdotool
from objects import WIDTH, held
from pointing import REST, screen_rgb
from stage import MODES, Gimp, assert_same, call, done, read, state, values
from windows import shown, undone

TITLE = "Objects"
BLUE, GREEN = 1, 2  # among the balls
EYE_PX = 24  # from a thumbnail's left side to the middle of its eye
SIDE_PX = 400  # of the dialog, right of the picture


def places(ball):
    """Where a ball is seen on the screen: in the picture, and (left, middle) in the list."""
    geometry = xdotool("getwindowgeometry", "--shell", window(TITLE)).splitlines()
    shape = dict(line.split("=") for line in geometry)
    left, top, width, height = (int(shape[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
    edge = left + width - SIDE_PX
    found = []
    for y, row in enumerate(screen_rgb()[top : top + height], start=top):
        for x, (red, green, blue) in enumerate(row[left : left + width], start=left):
            wanted = (blue, red) if ball == BLUE else (green, max(red, blue))
            if wanted[0] > wanted[1] + 60:
                found.append((x, y))
    in_picture = [one for one in found if one[0] < edge]
    in_list = [one for one in found if one[0] >= edge]
    assert len(in_picture) > 2000, f"the ball is seen in {len(in_picture)} pixels"
    assert len(in_list) > 500, f"its thumbnail is seen in {len(in_list)} pixels"
    middle = tuple(sorted(one[axis] for one in in_picture)[len(in_picture) // 2] for axis in (0, 1))
    rows = sorted(y for _x, y in in_list)
    return middle, (min(x for x, _y in in_list), rows[len(rows) // 2])


def walls(dialog):
    """How many pixels of a dialog have the colour of the wall behind the balls."""
    geometry = xdotool("getwindowgeometry", "--shell", dialog).splitlines()
    shape = dict(line.split("=") for line in geometry)
    left, top, width, height = (int(shape[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
    rows = [row[left : left + width] for row in screen_rgb()[top : top + height]]
    return sum(
        145 < red < 175 and 150 < green < 185 and 160 < blue < 195 and blue > red + 4
        for row in rows
        for red, green, blue in row
    )


def click_at(x, y):
    xdotool("mousemove", x, y)
    time.sleep(0.2)
    xdotool("click", 1)
    time.sleep(1)


def chosen(here, image, act):
    """Open Objects, act in it, and apply; gives the procedure's values."""

    def hands():
        dialog = window(TITLE)
        time.sleep(REST)
        try:
            act()
        except BaseException:
            screenshot(here.out / "objects-failed.shot.png")
            press(dialog, "Escape")
            raise
        press(dialog, "alt+a")

    with Meanwhile(hands):
        return done("objects", image, mode=MODES.INTERACTIVE)


def case_things_are_left_out_by_a_click_and_by_an_eye(here):
    image = here.photo("balls")
    shown(image)
    before = state(image)

    def act():
        screenshot(here.out / "objects.shot.png")
        in_picture, _in_list = places(BLUE)
        _in_picture, (left, middle) = places(GREEN)
        click_at(*in_picture)
        click_at(left - EYE_PX, middle)
        xdotool("mousemove", 1, 1)
        time.sleep(0.5)
        screenshot(here.out / "objects-chosen.shot.png")

    chosen(here, image, act)
    assert held(values(image.get_selection())) == [0]
    after = state(image)
    undone(image, "ctrl+z", before, "objects")
    undone(image, "ctrl+y", after, "objects")


def case_closing_objects_changes_nothing(here):
    image = here.photo("balls")
    shown(image)
    before = state(image)

    def hands():
        dialog = window(TITLE)
        time.sleep(1)
        press(dialog, "Escape")

    with Meanwhile(hands):
        answer = call("objects", image, mode=MODES.INTERACTIVE)
    assert answer.status == Gimp.PDBStatusType.CANCEL
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_erase_and_what_was_behind_show_what_will_come(here):
    """By eye: the preview; by measure: one undo step each."""
    image = here.photo("balls")
    (layer,) = image.get_layers()
    x, y, radius = 190, 110, 40
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x - radius, y - radius, 2 * radius, 2 * radius)
    shown(image)
    before = state(image)
    seen = {}

    def look(name, title):
        def hands():
            dialog = window(title)
            xdotool("mousemove", 1, 1)
            time.sleep(REST)
            screenshot(here.out / f"dialog-{name}.shot.png")
            seen[name] = walls(dialog)
            press(dialog, "alt+o")

        return hands

    with Meanwhile(look("erase", "Erase")):
        (new,) = done("erase", image, mode=MODES.INTERACTIVE)
    press(window("GIMP Message"), "Escape")  # that no model fills is said
    here_was = 3 * (y * WIDTH + x)
    red, _green, blue = read(new, "R'G'B' u8")[here_was : here_was + 3]
    assert blue - red < 60, "the ball is still there"
    after = state(image)
    undone(image, "ctrl+z", before, "erase")
    undone(image, "ctrl+y", after, "erase")
    undone(image, "ctrl+z", before, "erase")
    done("remove-background", image, layers=[layer])
    Gimp.Selection.none(image)
    Gimp.displays_flush()
    before = state(image)
    with Meanwhile(look("behind", "Fill What Was Behind")):
        (new,) = done("fill-what-was-behind", image, layers=[layer], mode=MODES.INTERACTIVE)
    press(window("GIMP Message"), "Escape")
    assert image.get_layers() == [layer, new]
    assert seen["erase"] > 60_000
    assert seen["behind"] > 20_000, "nothing behind the cut-out is seen in the preview"
    undone(image, "ctrl+z", before, "what was behind")
