"""The procedures of Filters → AI, in the menu's order: one entry each.

A task that gives a picture for a picture joins by a `picture_filter.entry` in `filters`; any other
by an `Entry` that runs `Job(title, build_request, apply_results)`.
"""

from __future__ import annotations

from . import ai_settings, batch, check, erase, filters, matting, models, objects, settings
from .arguments import Choice, File, Folder, Integer, ReturnValue
from .entry import Entry
from .i18n import N_

PROCEDURES = {
    **matting.PROCEDURES,
    **objects.PROCEDURES,
    **erase.PROCEDURES,
    **filters.PROCEDURES,
    "plug-in-mattelier-batch": Entry(
        N_("Ba_tch…"),
        N_("Do one of these to all open images, or to the pictures in a folder"),
        N_(
            "Each picture gets what the procedure did last, with its last settings. Open images "
            "change in one undo step each; results for a folder are saved in another, and no file "
            "is overwritten."
        ),
        batch.run,
        (
            Choice(
                "task",
                N_("_What to do"),
                N_("Done with its last settings"),
                batch.PROCEDURES,
                default="remove-background",
            ),
            Choice("where", N_("_To"), N_("What it is done to"), batch.WHERE, default="images"),
            Folder(
                "folder",
                N_("_Folder"),
                N_("The folder of the pictures"),
                when=("where", ("folder",)),
            ),
            Folder(
                "output",
                N_("_Results in"),
                N_("The folder that results are saved in"),
                when=("where", ("folder",)),
            ),
            Choice(
                "format",
                N_("F_ormat"),
                N_("Of the results; XCF keeps layers and masks"),
                batch.FORMATS,
                default="png",
                when=("where", ("folder",)),
            ),
        ),
        (ReturnValue("string", "report", N_("Report"), N_("What was done, as text")),),
        on_layers=False,
    ),
    "plug-in-mattelier-models": Entry(
        N_("_Models…"),
        N_("See which models there are, get one, remove one"),
        N_("Nothing is fetched unless you say so here. Scripts get the list as text."),
        models.run,
        returns=(ReturnValue("string", "models", N_("Models"), N_("A line for each, as text")),),
        own_window=True,
        on_layers=False,
    ),
    "plug-in-mattelier-settings": Entry(
        N_("AI Settin_gs…"),
        N_("Choose the engine and the device that the AI procedures use"),
        N_("What is set here holds for all procedures of Filters → AI on this machine."),
        ai_settings.run,
        (
            File(
                "engine",
                N_("Another _engine"),
                N_(
                    "The Python or “mattelier” command of an engine that is used instead of the "
                    "installed one; none is usual"
                ),
            ),
            Choice(
                "device",
                N_("_Device"),
                N_("Where the models run"),
                (
                    ("auto", N_("Automatic")),
                    ("cpu", N_("Processor (CPU)")),
                    ("cuda", N_("NVIDIA graphics (CUDA)")),
                    ("mps", N_("Apple graphics (MPS)")),
                ),
                default="auto",
            ),
            Integer(
                "keep-warm",
                N_("_Keep warm (minutes)"),
                N_("How long the models stay in memory after the last use"),
                minimum=1,
                maximum=settings.MAX_KEEP_WARM_MINUTES,
                default=settings.Settings().keep_warm,
            ),
            Choice(
                "operation",
                N_("Select Sub_ject"),
                N_("How Select Subject combines with the selection"),
                matting.OPERATIONS,
                default="replace",
            ),
        ),
        before_dialog=ai_settings.show_stored,
        on_layers=False,
    ),
    "plug-in-mattelier-check": Entry(
        N_("_Check Installation"),
        N_("Say what is installed, what is missing and how to mend it"),
        N_("Works with no image open. Scripts get the findings as text."),
        check.run,
        returns=(ReturnValue("string", "findings", N_("Findings"), N_("What was found, as text")),),
        on_layers=False,
    ),
}
