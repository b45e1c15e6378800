"""What the plug-in needs of GIMP 2.10's `gimpfu`: register, and the three run modes of `_run`."""

import gimp

pdb = gimp.pdb

PF_INT32, PF_FLOAT, PF_STRING, PF_IMAGE, PF_DRAWABLE = 0, 3, 4, 13, 16
PF_TOGGLE, PF_SLIDER, PF_SPINNER, PF_RADIO, PF_OPTION = 1000, 1001, 1002, 1008, 1013
ADD_MASK_WHITE, MASK_DISCARD, CHANNEL_OP_REPLACE = 0, 1, 2

registered = {}
at_main = []  # what `drive.py` wants done, while the plug-in runs


class error(RuntimeError):
    pass


class CancelError(RuntimeError):
    pass


def register(proc_name, blurb, help, author, copyright, date, label, imagetypes, params, results,
             function, menu=None, domain=None, on_query=None, on_run=None):  # fmt: skip
    texts = [proc_name, blurb, help, author, copyright, date, label, imagetypes, menu]
    for parameter in params:
        assert type(parameter[0]) is int
        assert len(parameter) == (5 if parameter[0] in (PF_SPINNER, PF_OPTION) else 4)
        texts += parameter[1:3]
    for text in texts:
        assert type(text) is str
    for name in [proc_name] + [parameter[1] for parameter in params]:
        assert name.replace("-", "").replace("_", "").isalnum()
    assert proc_name.startswith("plug-in-")
    registered[proc_name] = (label, menu, imagetypes, params, function, on_run)


def call(name, image, drawable, arguments, interactive):
    """As GIMP does: with a dialog, whose fields have their defaults where `arguments` is short."""
    params, function, on_run = registered[name][3:]
    values = [parameter[3] for parameter in params[2:]]
    values[: len(arguments)] = arguments
    if interactive:
        on_run()
        # A spin button gives a float, whatever its default was.
        for i, parameter in enumerate(params[2:]):
            if parameter[0] == PF_SPINNER:
                values[i] = float(values[i])
    return function(image, drawable, *values)


def main():
    """Here GIMP asks what there is, and calls it."""
    at_main[0]()
