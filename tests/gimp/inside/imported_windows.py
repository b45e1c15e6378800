"""In GIMP's window: the dialogs of a user who has brought networks in."""

import time

from hands import Meanwhile, press, screenshot, window
from imported import MATTE, OBJECTS
from pointing import REST
from stage import MODES, done, values
from windows import shown


def seen(here, image, title, key, name, **options):
    """Apply a dialog that names a network, a screenshot of it before; gives the values."""
    shown(image)

    def hands():
        dialog = window(title)
        time.sleep(REST)
        screenshot(here.out / f"imported-{name}.shot.png")
        press(dialog, key)

    with Meanwhile(hands):
        return done(name, image, mode=MODES.INTERACTIVE, **options)


def case_the_dialogs_name_them(here):
    # First without dialogs, as the networks are opened then, which takes longer than hands rest.
    alone, _none = done("remove-background", here.photo("balls"), model=MATTE)
    done("objects", here.photo("balls"), model=OBJECTS)
    image = here.photo("balls")
    mask, _none = seen(here, image, "Remove Background", "alt+o", "remove-background", model=MATTE)
    assert values(mask) == values(alone)
    image = here.photo("balls")
    seen(here, image, "Objects", "alt+a", "objects", model=OBJECTS, result="channel")
    assert len(image.get_channels()) > 1
