"""The procedures that find a subject and its edge."""

from __future__ import annotations

from . import backdrop, refine_edge, remove_background, replace_background, select_subject
from .arguments import Choice, Colour, File, Flag, Integer, Layer, Real, Returned
from .entry import MODEL, Entry, dialog
from .i18n import N_
from .jobs import job

_QUALITY = Choice(
    "quality",
    N_("_Quality"),
    N_("How much time to spend on the edge"),
    (("fast", N_("Fast")), ("balanced", N_("Balanced")), ("best", N_("Best"))),
    "balanced",
)
_EDGE_SHIFT = Integer(
    "edge-shift",
    N_("_Edge shift"),
    N_("Pixels by which the edge moves: outwards when positive, inwards when negative"),
    -20,
    20,
    0,
)
_FEATHER = Integer(
    "feather", N_("_Feather"), N_("Pixels over which the edge is softened"), 0, 50, 0
)
OPERATION = Choice(
    "operation",
    N_("_Operation"),
    N_("How the subject combines with the selection"),
    (
        ("replace", N_("Replace the selection")),
        ("add", N_("Add to the selection")),
        ("subtract", N_("Subtract from the selection")),
        ("intersect", N_("Intersect with the selection")),
    ),
    "replace",
)

PROCEDURES = {
    "plug-in-mattelier-remove-background": Entry(
        1,
        N_("_Remove Background…"),
        N_("Make a layer mask that fits the subject, hair included"),
        N_(
            "Finds the subject of each selected layer. The result is a layer mask (the layer's "
            "pixels stay as they are), a new layer with a mask, a selection, or the layer itself "
            "cut out. A selection can hint at what the subject is."
        ),
        job(N_("Removing the background"), remove_background.question, remove_background.result),
        dialog(("decontaminate", "result", remove_background.WITH_COLOURS), models="matte"),
        (
            Choice(
                "result",
                N_("Resul_t"),
                N_("What becomes of the subject"),
                remove_background.RESULTS,
                "mask",
            ),
            MODEL,
            _QUALITY,
            Flag(
                "use-selection",
                N_("_Use the selection as a hint"),
                N_("The selection shows roughly where the subject is"),
                True,
            ),
            _EDGE_SHIFT,
            _FEATHER,
            Flag(
                "decontaminate",
                N_("Remove back_ground colour from the edge"),
                N_("Clean the colours of hair and soft edges, in a new layer or a cut-out"),
                True,
            ),
        ),
        (
            Returned("layer_mask", "mask", N_("Mask"), N_("The first layer's new mask, if any")),
            Returned("layer", "layer", N_("Layer"), N_("The first new layer, if any")),
        ),
    ),
    "plug-in-mattelier-select-subject": Entry(
        2,
        N_("_Select Subject"),
        N_("Select the subject of the layer, hair included"),
        N_(
            "Selects the subject of the selected layers, with soft edges. Called from the menu, it "
            "combines with the selection as AI Settings says."
        ),
        job(N_("Selecting the subject"), select_subject.question, select_subject.result),
        arguments=(OPERATION,),
    ),
    "plug-in-mattelier-refine-edge": Entry(
        3,
        N_("Refine _Edge…"),
        N_("Solve the edge of a selection or layer mask anew, as hair or fur"),
        N_(
            "Works along the edge of the layer mask or the selection, as wide as you say, and puts "
            "the result where the edge came from."
        ),
        job(N_("Refining the edge"), refine_edge.question, refine_edge.result),
        dialog(before=refine_edge.check),
        (
            Choice(
                "source",
                N_("Refine the e_dge of"),
                N_(
                    "Whose edge to refine; by itself it is the layer mask that is worked on, or "
                    "else the selection"
                ),
                refine_edge.SOURCES,
                "auto",
            ),
            Integer(
                "width",
                N_("_Width"),
                N_("Pixels to each side of the edge in which hair is looked for"),
                1,
                200,
                12,
            ),
            _EDGE_SHIFT,
            _FEATHER,
            _QUALITY,
        ),
        (Returned("layer_mask", "mask", N_("Mask"), N_("The first layer's new mask, if any")),),
    ),
    "plug-in-mattelier-replace-background": Entry(
        4,
        N_("Re_place Background…"),
        N_("Put a colour, another layer or a file behind the subject"),
        N_(
            "Makes a layer with the subject and one with the new background, scaled to cover the "
            "old layer, which is kept and hidden."
        ),
        job(N_("Replacing the background"), replace_background.question, replace_background.result),
        dialog(
            ("colour", "background", ("colour",)),
            ("layer", "background", ("layer",)),
            ("file", "background", ("file",)),
            models="matte",
            before=backdrop.complete,
        ),
        (
            Choice(
                "background",
                N_("_Background"),
                N_("What comes behind the subject"),
                replace_background.BACKGROUNDS,
                "colour",
            ),
            Colour(
                "colour", N_("Colo_ur"), N_("The new background's colour"), backdrop.DEFAULT_COLOUR
            ),
            Layer("layer", N_("La_yer"), N_("The layer that becomes the background")),
            File("file", N_("F_ile"), N_("The picture that becomes the background")),
            Real(
                "match-light",
                N_("Matched li_ght"),
                N_("How far the subject takes on the new background's light: 0 not, 1 fully"),
                0.0,
                1.0,
                0.0,
            ),
            MODEL,
            _QUALITY,
        ),
        (
            Returned("layer", "subject", N_("Subject"), N_("The first subject's layer")),
            Returned("layer", "background-layer", N_("Background"), N_("The first background")),
        ),
    ),
}
