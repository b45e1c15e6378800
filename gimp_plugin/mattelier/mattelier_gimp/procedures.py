"""The procedures of Filters → AI, in the menu's order: one entry each.

A task that gives a picture for a picture joins by a `picture_filter.entry` in `filters`; any other
by an `Entry` that runs `Job(title, build_request, apply_results)`.
"""

from __future__ import annotations

from . import ai_settings, check, filters, matting, settings
from .arguments import Choice, File, Integer, ReturnValue
from .entry import Entry
from .i18n import N_

PROCEDURES = {
    **matting.PROCEDURES,
    **filters.PROCEDURES,
    "plug-in-mattelier-settings": Entry(
        N_("_AI Settings…"),
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
