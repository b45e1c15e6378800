"""GIMP and its plug-in in German: what is seen has no English in it."""

import time

from hands import Meanwhile, press, screenshot, window, xdotool
from stage import MODES, Gimp, bring_in, call, refused
from windows import shown

DIALOGS = {  # as far as xdotool can read them in any locale
    "select-by-pointing": "Durch Zeigen",
    "select-by-text": "Nach Text ausw",
    "remove-background": "Hintergrund entfernen",
    "replace-background": "Hintergrund ersetzen",
    "enhance": "Verbessern",
    "objects": "Objekte",
    "upscale": "Vergr",
    "models": "Modelle",
    "batch": "Stapelverarbeitung",
    "settings": "KI-Einstellungen",
}


def case_every_dialog_is_german(here):
    bring_in("words", "find")  # or one that asks for words is told of none
    image = here.photo("large")
    where = shown(image)
    for name, title in DIALOGS.items():

        def look(name=name, title=title):
            try:
                dialog = window(title)
            except AssertionError:
                screenshot(here.out / "german-failed.shot.png")
                xdotool("key", "Escape")
                raise
            xdotool("mousemove", 1, 1)
            time.sleep(4)
            screenshot(here.out / f"german-{name}.shot.png")
            press(dialog, "Escape")

        alone = name in ("models", "batch", "settings")
        with Meanwhile(look):
            answer = call(name, None if alone else image, mode=MODES.INTERACTIVE)
        assert answer.ok or answer.status == Gimp.PDBStatusType.CANCEL, (name, answer.message)
    press(where, "alt+r", "Up", "Right")
    time.sleep(1)
    screenshot(here.out / "german-menu.shot.png")
    press(where, "Escape", "Escape", "Escape")


def case_errors_are_german(here):
    image = here.photo()
    assert refused("refine-edge", image).startswith("Erstellen Sie zuerst eine Auswahl")
    layer = image.get_layers()[0]
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    assert "keine Kante" in refused("refine-edge", image)
    assert refused("remove-background", image, model="no-such").startswith("Ein Modell")
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, layer.get_width(), layer.get_height())
    assert refused("erase", image).startswith("Die Maske bedeckt das Bild")
    Gimp.Selection.none(image)
    too_large = refused("upscale", image, scale="width", width=20_000)
    assert "ist zu groß: Bilder werden bis" in too_large, too_large
    assert "20000" in too_large, too_large
