"""Select by Pointing in GIMP's window: a real mouse clicks, corrects and applies."""

import subprocess
import time

from hands import Meanwhile, press, screenshot, window, xdotool
from stage import (
    MODES,
    Gimp,
    assert_same,
    call,
    done,
    mean_difference,
    read,
    refused,
    state,
    values,
)
from windows import shown, undone

NAME = "select-by-pointing"
DIALOG = "Select by Pointing"
GROUND = 46  # of 255: what lies around the picture
REST = 4  # seconds, after which an answer has settled on a busy machine
SIDE = 400
RESULTS = ("mask", "selection", "layer", "channel")
MARK = 8  # pixels around a click that its mark may cover
HAIR = ((120, 60), (150, 35), (190, 50))
FIRST_EYE = 36, 22  # from the view's upper right corner: the list begins beside it
ROCKET, HER, FLAG = (319, 110), (160, 290), (30, 60)  # in the sample of 400 × 400


class View:
    """The picture in the dialog, found by its looks: its own ground is all around it at 1:1."""

    def __init__(self, dialog):
        self.dialog = dialog
        press(dialog, "1")
        time.sleep(1)
        rows = screen()
        span = max(map(ground_of, rows))  # of a row with nothing of the picture in it
        inside = [y for y, row in enumerate(rows) if 100 < ground_of(row) < span - SIDE // 2]
        assert inside[-1] - inside[0] == SIDE - 1, f"the picture fills rows {inside}"
        whole = next(row for row in rows if ground_of(row) == span)
        start = whole.index(bytes([GROUND]) * 40)
        top = next(
            y for y, row in enumerate(rows) if row[start : start + 40] == whole[start : start + 40]
        )
        self.corner = end_of_ground(whole), top
        self.top = inside[0]
        self.left = min(map(end_of_ground, rows[self.top : self.top + SIDE]))

    def click(self, x, y, button=1):
        xdotool("mousemove", self.left + x, self.top + y)
        time.sleep(0.2)
        xdotool("click", button)
        time.sleep(REST)

    def drag(self, *points):
        for number, (x, y) in enumerate(points):
            xdotool("mousemove", self.left + x, self.top + y)
            time.sleep(0.1)
            if not number:
                xdotool("mousedown", 1)
        xdotool("mouseup", 1)
        time.sleep(REST)

    def matte(self, *clicks):
        """What is seen with the matte alone; None where the mark of a click covers it."""
        press(self.dialog, "k")
        xdotool("mousemove", 1, 1)
        time.sleep(1)
        picture = screen_rgb()
        shown_part = [row[self.left : self.left + SIDE] for row in picture]
        matte = [pixel[0] for row in shown_part[self.top : self.top + SIDE] for pixel in row]
        for x, y in clicks:
            for row in range(y - MARK, y + MARK + 1):
                for column in range(x - MARK, x + MARK + 1):
                    matte[SIDE * row + column] = None
        return matte


def screen_rgb():
    """Rows of (R, G, B)."""
    raw = subprocess.run(
        ["import", "-window", "root", "-depth", "8", "rgb:-"], capture_output=True, timeout=60
    ).stdout
    width = 1400
    assert len(raw) == 3 * width * 900
    pixels = list(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))
    return [pixels[start : start + width] for start in range(0, len(pixels), width)]


def screen():
    """The screen's rows as bytes: 46 where the view's ground is, else 0."""
    return [bytes(GROUND if pixel == (GROUND,) * 3 else 0 for pixel in row) for row in screen_rgb()]


def ground_of(row):
    return row.count(GROUND)


def end_of_ground(row):
    """Where the ground at the left of a row ends."""
    start = row.index(bytes([GROUND]) * 40)
    return next(x for x in range(start, len(row)) if row[x] != GROUND)


def sample(here):
    image = here.photo("large")
    image.scale(SIDE, SIDE)
    image.clean_all()
    return image


def choose_result(dialog, name):
    """Choose in the list of results by its keys; GIMP keeps the last choice."""
    press(dialog, "alt+t", "Home", *["Down"] * RESULTS.index(name))


def pointed(here, image, act, result="mask"):
    """Open the window on an image, act in it, and apply; gives the procedure's values."""

    def hands():
        dialog = window(DIALOG)
        time.sleep(REST)
        try:
            choose_result(dialog, result)
            act(View(dialog))
        except BaseException:
            screenshot(here.out / "pointing-failed.shot.png")
            press(dialog, "Escape")
            raise
        press(dialog, "alt+a")

    with Meanwhile(hands):
        return done(NAME, image, mode=MODES.INTERACTIVE)


def share(matte, x, y, reach=12):
    """How much of a square the matte covers."""
    rows = [
        matte[SIDE * row + x - reach : SIDE * row + x + reach]
        for row in range(y - reach, y + reach)
    ]
    return sum(map(sum, rows)) / 255 / (2 * reach) ** 2


def case_click_correct_apply_and_undo_once(here):
    image = sample(here)
    shown(image)
    before = state(image)
    seen = {}

    def act(view):
        screenshot(here.out / "pointing-start.shot.png")
        view.click(*ROCKET)
        screenshot(here.out / "pointing-click.shot.png")
        view.click(*HER, button=3)
        screenshot(here.out / "pointing-correct.shot.png")
        seen["corrected"] = view.matte(ROCKET, HER)
        screenshot(here.out / "pointing-matte.shot.png")

    mask, new = pointed(here, image, act)
    assert new is None
    matte = values(mask)
    assert share(matte, *ROCKET) > 0.8, "what was clicked on is not in the mask"
    assert share(matte, *HER) < 0.1, "what was clicked away is"
    compared = [(a, b) for a, b in zip(seen["corrected"], matte, strict=True) if a is not None]
    assert len(compared) > 0.99 * len(matte)
    far = max(abs(a - b) for a, b in compared)
    assert far <= 2, f"the preview showed {far}/255 else"
    after = state(image)
    undone(image, "ctrl+z", before, "pointing")
    undone(image, "ctrl+y", after, "pointing")


def case_a_box_a_brush_and_a_gesture_taken_back(here):
    image = sample(here)
    shown(image)

    def act(view):
        view.drag((275, 5), (320, 120), (368, 225))
        screenshot(here.out / "pointing-box.shot.png")
        press(view.dialog, "s")
        view.drag(FLAG, (FLAG[0] + 20, FLAG[1] + 5))
        press(view.dialog, "n")
        view.drag((315, 40), (322, 60))
        press(view.dialog, "p")
        view.click(*HER)
        press(view.dialog, "ctrl+z")
        time.sleep(REST)
        screenshot(here.out / "pointing-brush.shot.png")

    mask, _ = pointed(here, image, act)
    matte = values(mask)
    assert share(matte, FLAG[0] + 10, FLAG[1] + 2, 8) > 0.95, "what is sure is not in the mask"
    assert share(matte, 318, 50, 5) < 0.05, "what is not, is"
    assert share(matte, *ROCKET) > 0.5
    assert share(matte, *HER) < 0.1, "a gesture that was taken back counts"


def both(view):
    """Point at the rocket, and as another subject at her."""
    view.click(*ROCKET)
    view.click(*HER, button=3)
    press(view.dialog, "ctrl+n")
    view.click(*HER)
    view.click(*ROCKET, button=3)


def case_two_subjects_become_one_mask_as_it_was_seen(here):
    image = sample(here)
    shown(image)
    before = state(image)
    seen = {}

    def act(view):
        both(view)
        screenshot(here.out / "pointing-subjects.shot.png")
        seen["both"] = view.matte(ROCKET, HER)

    mask, _ = pointed(here, image, act)
    matte = values(mask)
    assert share(matte, *ROCKET) > 0.8
    assert share(matte, *HER) > 0.8
    compared = [(a, b) for a, b in zip(seen["both"], matte, strict=True) if a is not None]
    far = max(abs(a - b) for a, b in compared)
    assert far <= 2, f"the preview showed {far}/255 else"
    undone(image, "ctrl+z", before, "two subjects")


def case_two_subjects_become_a_layer_each(here):
    image = sample(here)
    shown(image)
    (layer,) = image.get_layers()
    before = state(image)

    def act(view):
        both(view)
        press(view.dialog, "a")
        time.sleep(REST)
        screenshot(here.out / "pointing-layers.shot.png")

    mask, new = pointed(here, image, act, "layer")
    layers = image.get_layers()
    assert len(layers) == 3
    assert layers[2] == layer
    assert not layer.get_visible()
    assert mask == new.get_mask()
    rocket, her = (
        values(new.get_mask()),
        values((layers[0] if new == layers[1] else layers[1]).get_mask()),
    )
    assert share(rocket, *ROCKET) > 0.8 > 0.2 > share(rocket, *HER)
    assert share(her, *HER) > 0.8 > 0.2 > share(her, *ROCKET)
    old, now = (read(one, "R'G'B' u8") for one in (layer, new))
    soft = {rocket[i // 3] for i in range(len(old)) if old[i] != now[i]}
    assert soft, "no edge colour was cleaned"
    assert not soft & {0, 255}
    undone(image, "ctrl+z", before, "a layer each")


def case_a_closed_eye_does_not_count(here):
    image = sample(here)
    shown(image)
    seen = {}

    def act(view):
        both(view)
        (right, top), (x, y) = view.corner, FIRST_EYE
        xdotool("mousemove", right + x, top + y)
        time.sleep(0.2)
        xdotool("click", 1)
        time.sleep(1)
        screenshot(here.out / "pointing-eye.shot.png")
        seen["her"] = view.matte(ROCKET, HER)

    pointed(here, image, act, "selection")
    matte = values(image.get_selection())
    assert share(matte, *HER) > 0.8
    assert share(matte, *ROCKET) < 0.1, "a subject with a closed eye counts"
    pairs = [(a, b) for a, b in zip(seen["her"], matte, strict=True) if a is not None]
    assert max(abs(a - b) for a, b in pairs) <= 2


def case_two_subjects_become_channels(here):
    image = sample(here)
    shown(image)
    before = state(image)
    pointed(here, image, both, "channel")
    channels = {channel.get_name(): values(channel) for channel in image.get_channels()}
    assert set(channels) == {"Subject 1", "Subject 2"}
    assert share(channels["Subject 1"], *ROCKET) > 0.8 > 0.2 > share(channels["Subject 1"], *HER)
    assert share(channels["Subject 2"], *HER) > 0.8
    undone(image, "ctrl+z", before, "channels")


def case_hair_brushed_becomes_a_selection(here):
    """What was brushed, and nothing else, is another selection."""
    found = []
    for brush in (False, True):
        image = sample(here)
        shown(image)

        def act(view, brush=brush):
            if brush:
                press(view.dialog, "h")
                view.drag(*HAIR)
                screenshot(here.out / "pointing-hair.shot.png")

        pointed(here, image, act, "selection")
        found.append(values(image.get_selection()))
    plain, brushed = found
    changed = [i for i in range(len(plain)) if abs(plain[i] - brushed[i]) > 4]
    assert changed, "the brush did nothing"
    xs, ys = zip(*HAIR, strict=True)
    away = 40
    for i in changed:
        x, y = i % SIDE, i // SIDE
        assert min(xs) - away < x < max(xs) + away
        assert min(ys) - away < y < max(ys) + away


def case_a_slider_moves_the_edge_that_is_seen(here):
    image = sample(here)
    shown(image)
    seen = {}

    def act(view):
        before = view.matte()
        press(view.dialog, "alt+e", "ctrl+a", "6", "Tab")
        time.sleep(REST)
        screenshot(here.out / "pointing-edge.shot.png")
        seen["moved"] = view.matte()
        assert sum(seen["moved"]) > sum(before) * 1.01, "the edge did not move"

    try:
        mask, _ = pointed(here, image, act)
        far = max(abs(a - b) for a, b in zip(seen["moved"], values(mask), strict=True))
        assert far <= 2, f"the preview showed {far}/255 else"
    finally:
        # GIMP keeps the last values: put the edge back for the cases that follow.
        pointed(here, sample_shown(here), reset_edge)


def reset_edge(view):
    press(view.dialog, "alt+e", "ctrl+a", "0", "Tab")
    time.sleep(1)


def sample_shown(here):
    image = sample(here)
    shown(image)
    return image


def case_it_begins_with_the_mask_that_is_there(here):
    image = sample(here)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 275, 0, 95, 228)
    first = values(done("remove-background", image)[0])
    Gimp.Selection.none(image)
    shown(image)
    mask, _ = pointed(here, image, lambda view: None)
    assert mean_difference(values(mask), first) < 4


def case_closing_the_window_changes_nothing(here):
    image = sample(here)
    shown(image)
    before = state(image)

    def hands():
        dialog = window(DIALOG)
        time.sleep(REST)
        View(dialog).click(*ROCKET)
        press(dialog, "Escape")

    with Meanwhile(hands):
        answer = call(NAME, image, mode=MODES.INTERACTIVE)
    assert answer.status == Gimp.PDBStatusType.CANCEL
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_a_script_is_told_what_to_call(here):
    assert "Remove Background" in refused(NAME, here.photo())
