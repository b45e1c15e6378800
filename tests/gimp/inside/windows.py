"""In GIMP's window: the dialog, one undo step for each result, Cancel, the menu."""

import time

from hands import Meanwhile, click, image_window, press, screenshot, until, window, xdotool
from stage import (
    MODES,
    Gegl,
    Gimp,
    assert_a_matte,
    assert_same,
    call,
    done,
    refused,
    state,
    values,
    worker,
    worker_pid,
)

NAME = "remove-background"
DIALOG = "Remove Background"
CANCEL = 283, 20  # the button beside the progress, from the window's lower right corner
_displays = []


def shown(image):
    """Show this image alone in GIMP's window; gives the window."""
    while _displays:
        _displays.pop().delete()
    _displays.append(Gimp.Display.new(image))
    Gimp.displays_flush()
    time.sleep(0.5)
    return image_window()


def undone(image, key, expected, what):
    """Press the key and wait until the image is as expected."""
    press(image_window(), key)
    end = time.monotonic() + 8
    while state(image) != expected and time.monotonic() < end:
        time.sleep(0.1)
    assert_same(state(image), expected, f"{what}, after {key}")


def case_dialog_ok_and_undo(here):
    image = here.photo("large")
    shown(image)
    before = state(image)

    def press_ok():
        dialog = window(DIALOG)
        time.sleep(0.5)
        screenshot(here.out / "dialog.shot.png")
        press(dialog, "alt+o")

    with Meanwhile(press_ok):
        mask, _ = done(NAME, image, mode=MODES.INTERACTIVE)
    Gimp.displays_flush()
    time.sleep(1)
    screenshot(here.out / "result.shot.png")
    assert_a_matte(values(mask))
    after = state(image)
    undone(image, "ctrl+z", before, "the mask")
    undone(image, "ctrl+y", after, "the mask")


DIALOGS = {
    "upscale": "Upscale",
    "portrait-blur": "Portrait Blur",
    "denoise": "Denoise",
    "enhance": "Enhance",
}


def case_the_dialogs_of_the_filters_and_their_results(here):
    for name, title in DIALOGS.items():
        image = here.photo("large")
        shown(image)
        before = state(image)
        images = Gimp.get_images()

        def look(file=name, title=title):
            dialog = window(title)
            xdotool("mousemove", 1, 1)  # no tooltip
            time.sleep(0.7)
            screenshot(here.out / f"dialog-{file}.shot.png")
            press(dialog, "alt+o")

        with Meanwhile(look):
            done(name, image, mode=MODES.INTERACTIVE)
        Gimp.displays_flush()
        time.sleep(1.5)
        screenshot(here.out / f"result-{name}.shot.png")
        if name == "upscale":
            assert_same(state(image), before)
            (larger,) = set(Gimp.get_images()) - set(images)
            assert larger.get_width() == 2 * image.get_width()
            until(lambda: xdotool("search", "--name", "Untitled"), "the larger image's view")
        else:
            after = state(image)
            undone(image, "ctrl+z", before, name)
            undone(image, "ctrl+y", after, name)


def case_cancelling_the_dialog_does_nothing(here):
    image = here.photo()
    shown(image)
    before = state(image)
    with Meanwhile(lambda: press(window(DIALOG), "Escape")):
        answer = call(NAME, image, mode=MODES.INTERACTIVE)
    assert answer.status == Gimp.PDBStatusType.CANCEL
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_the_dialogs_values_are_the_last_values(here):
    image = here.photo()
    shown(image)

    def move_the_edge():
        dialog = window(DIALOG)
        time.sleep(0.5)
        press(dialog, "alt+e", "minus", "9")
        screenshot(here.out / "dialog-edge.shot.png")
        press(dialog, "alt+o")

    with Meanwhile(move_the_edge):
        mask, _ = done(NAME, image, mode=MODES.INTERACTIVE)
    again, _ = done(NAME, here.photo(), mode=MODES.WITH_LAST_VALS)
    plain, _ = done(NAME, here.photo())
    assert values(again) == values(mask) != values(plain)
    assert sum(values(mask)) < sum(values(plain))


def case_each_result_is_one_undo_step(here):
    def with_mask(image):
        (layer,) = image.get_layers()
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))

    def selected(image):
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 40, 10, 80, 90)

    def nothing(image):
        pass

    blue = Gegl.Color.new("blue")
    trials = [
        (nothing, NAME, {"result": "mask"}),
        (with_mask, NAME, {"result": "mask"}),
        (nothing, NAME, {"result": "layer"}),
        (selected, NAME, {"result": "selection"}),
        (nothing, NAME, {"result": "cut"}),
        (selected, NAME, {"result": "cut"}),
        (nothing, "select-subject", {}),
        (selected, "select-subject", {"operation": "add"}),
        (selected, "refine-edge", {"source": "selection"}),
        (lambda image: (selected(image), with_mask(image)), "refine-edge", {"source": "mask"}),
        (nothing, "replace-background", {"colour": blue, "match_light": 0.5}),
        (nothing, "upscale", {"result": "layer"}),
        (with_mask, "upscale", {"result": "layer"}),
        (nothing, "upscale", {"result": "whole"}),
        (lambda image: (selected(image), with_mask(image)), "upscale", {"result": "whole"}),
        (nothing, "portrait-blur", {"radius": 5.0}),
        (selected, "portrait-blur", {"radius": 5.0, "use_selection": False}),
        (lambda image: (selected(image), with_mask(image)), "enhance", {}),
        (nothing, "denoise", {}),
    ]
    for prepare, name, options in trials:
        image = here.photo()
        prepare(image)
        shown(image)
        before = state(image)
        done(name, image, layers=image.get_layers(), **options)
        Gimp.displays_flush()  # a script's own business; only then may the window's Undo be used
        after = state(image)
        assert after != before, (name, options)
        undone(image, "ctrl+z", before, f"{name} {options}")
        undone(image, "ctrl+y", after, f"{name} {options}")


def case_cancel_leaves_the_image_alone_and_the_worker_warm(here):
    done(NAME, here.photo())
    image = here.photo()
    image.scale(4800, 3200)
    where = shown(image)
    before = state(image)
    pid = worker_pid()

    def jobs():
        with worker() as running:
            return running.run("status", {}).report["jobs"]

    def cancel():
        until(jobs, "the engine's work")
        time.sleep(0.1)
        screenshot(here.out / "cancel.shot.png")
        click(where, *CANCEL)

    with Meanwhile(cancel):
        answer = call(NAME, image, quality="best")
    assert not answer.ok, "it was not cancelled"
    until(lambda: not jobs(), "the end of work for nobody")
    assert worker_pid() == pid
    assert_same(state(image), before)


def case_a_layer_that_is_gone_meanwhile_is_one_sentence(here):
    done(NAME, here.photo())
    image = here.photo()
    image.scale(4800, 3200)
    (layer,) = image.get_layers()
    new = layer.copy()
    image.insert_layer(new, None, 0)
    shown(image)

    def jobs():
        with worker() as running:
            return running.run("status", {}).report["jobs"]

    def take_it_back():
        until(jobs, "the engine's work")
        press(image_window(), "ctrl+z")

    with Meanwhile(take_it_back):
        text = refused(NAME, image, layers=[new], quality="best")
    assert image.get_layers() == [layer], "the layer is still there"
    assert "was deleted meanwhile, so nothing was changed" in text, text
    assert layer.get_mask() is None


def case_the_menu_has_the_procedures_in_their_order(here):
    image = here.photo()
    where = shown(image)
    press(where, "alt+r", "Up", "Right")
    time.sleep(1)
    screenshot(here.out / "menu.shot.png")
    xdotool("key", "s")
    until(lambda: not Gimp.Selection.is_empty(image), "Select Subject from the menu")
    assert_a_matte(values(image.get_selection()))
