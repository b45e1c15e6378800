"""The procedures of Filters → AI, in the menu's order: one entry each.

A task that the engine learns joins by an entry in `cutting` or `enhancing`: its arguments, and
`job(title, question, result)` with what the worker is asked and what becomes of the answer.
"""

from __future__ import annotations

from . import ai_settings, check, cutting, enhancing, settings
from .arguments import Choice, File, Integer, Returned
from .cutting import OPERATION
from .entry import Entry
from .i18n import N_

PROCEDURES = {
    **cutting.PROCEDURES,
    **enhancing.PROCEDURES,
    "plug-in-mattelier-settings": Entry(
        10,
        N_("_AI Settings…"),
        N_("Choose the engine and the device that the AI procedures use"),
        N_("What is set here holds for all procedures of Filters → AI on this machine."),
        ai_settings.run,
        ai_settings.dialog,
        (
            File(
                "engine",
                N_("_Engine"),
                N_("The engine's Python or its “mattelier” command; none is the installed one"),
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
                "auto",
            ),
            Integer(
                "keep-warm",
                N_("_Keep warm (minutes)"),
                N_("How long the models stay in memory after the last use"),
                1,
                settings.LONGEST_WARM,
                settings.Settings().keep_warm,
            ),
            OPERATION._replace(
                label=N_("Select Sub_ject"),
                help=N_("How Select Subject combines with the selection"),
            ),
        ),
        on_layers=False,
    ),
    "plug-in-mattelier-check": Entry(
        11,
        N_("_Check Installation"),
        N_("Say what is installed, what is missing and how to mend it"),
        N_("Works with no image open. Scripts get the findings as text."),
        check.run,
        returns=(Returned("string", "findings", N_("Findings"), N_("What was found, as text")),),
        on_layers=False,
    ),
}
