"""Models: what is there, what for, under which licence; get one, remove one."""

from __future__ import annotations

import os

from . import engine
from .i18n import N_, _
from .jobs import Call

TASKS = {
    "matte": N_("Cutting out"),
    "trimap": N_("Cutting out"),
    "upscale": N_("Upscaling"),
    "denoise": N_("Denoising"),
    "depth": N_("Depth"),
    "style": N_("Style"),
    "objects": N_("Objects"),
    "fill": N_("Erasing"),
    "prompt": N_("Pointing"),
    "track": N_("Tracking"),
    "classify": N_("Classifying"),
}
STATES = {
    "ready": N_("Here"),
    "absent": N_("Not fetched"),
    "missing": N_("Incomplete"),
    "damaged": N_("Damaged"),
}

FETCHING = N_("fetching")  # what the engine says while it does


def run(call: Call) -> list:
    """Show the window; gives a line for each model."""
    if call.interactive:
        from . import models_window  # GIMP's interface library is slow to load

        models = models_window.show(call.settings)
    else:
        models = ask(call.settings)
    return ["\n".join(" · ".join(columns(model)) for model in models)]


def ask(settings, progress=None, **options) -> list:
    """The models, after what the options ask for.

    Raises
    ------
    PluginError, WorkerError
    """
    with engine.connect(settings) as worker:
        found = worker.run("models", options, progress=progress).report["models"]
    if options.get("action", "list") != "list":
        # GIMP asks a plug-in that is newer than its record anew, what its menu shows.
        os.utime(os.path.join(engine.PLUGIN_FOLDER, "mattelier.py"))
    return found


def columns(model: dict) -> tuple[str, ...]:
    """What stands in a model's line: name, what it is for, size, licence, state."""
    task = TASKS.get(model.get("task", ""), model.get("task", ""))
    size = model.get("bytes")
    return (
        model["name"],
        _(task) if task else "",
        _("{megabytes} MB").format(megabytes=round(size / 1e6)) if size else "",
        str(model.get("licence", "")),
        _(STATES.get(model["state"], model["state"])),
    )
