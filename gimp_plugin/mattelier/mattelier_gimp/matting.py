"""The procedures that find a subject and its edge."""

from __future__ import annotations

from . import (
    backdrop,
    clean_edge,
    pointing,
    refine_edge,
    remove_background,
    replace_background,
    select_by_text,
    select_subject,
    subject,
)
from .arguments import Choice, Colour, File, Flag, Integer, Layer, Model, Real, ReturnValue, Text
from .entry import Entry, Preview
from .i18n import N_
from .jobs import Job

OPERATIONS = (
    ("replace", N_("Replace the selection")),
    ("add", N_("Add to the selection")),
    ("subtract", N_("Subtract from the selection")),
    ("intersect", N_("Intersect with the selection")),
)


def _quality(request: str) -> Choice:
    return Choice(
        "quality",
        N_("_Quality"),
        N_("How much time to spend on the edge"),
        (("fast", N_("Fast")), ("balanced", N_("Balanced")), ("best", N_("Best"))),
        of=f"{request}.quality",
    )


def _edge_shift(request: str) -> Integer:
    return Integer(
        "edge-shift",
        N_("_Edge shift"),
        N_("Pixels by which the edge moves: outwards when positive, inwards when negative"),
        of=f"{request}.edge_shift",
        minimum=-20,
        maximum=20,
    )


def _feather(request: str) -> Integer:
    return Integer(
        "feather",
        N_("_Feather"),
        N_("Pixels over which the edge is softened"),
        of=f"{request}.feather",
        maximum=50,
    )


def _result(default: str) -> Choice:
    return Choice(
        "result",
        N_("Resul_t"),
        N_("What becomes of the subject"),
        remove_background.RESULTS,
        default=default,
    )


def _decontaminate() -> Flag:
    return Flag(
        "decontaminate",
        N_("Remove back_ground colour from the edge"),
        N_("Clean the colours of hair and soft edges, in a new layer or a cut-out"),
        default=True,
        when=("result", remove_background.WITH_COLOURS),
    )


_MADE = (
    ReturnValue("layer_mask", "mask", N_("Mask"), N_("The first layer's new mask, if any")),
    ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer, if any")),
)

PROCEDURES = {
    "plug-in-mattelier-select-by-pointing": Entry(
        N_("Select by Po_inting…"),
        N_("Point at what you mean, see it, correct it, and apply it"),
        N_(
            "Opens a window with the layer: a click means this, a right click not this, a drag is "
            "a box, brushes mark hair, what is sure and what is not. It begins with the layer's "
            "mask or the selection, where there is one."
        ),
        pointing.run,
        (
            Choice(
                "result",
                N_("Resul_t"),
                N_("What becomes of the subject"),
                pointing.RESULTS,
                default="mask",
            ),
            Model("matte"),
            Integer(
                "edge-width",
                N_("Edge _width"),
                N_(
                    "Pixels to each side of the edge in which hair is looked for; 0 where it is "
                    "soft alone"
                ),
                minimum=0,
                maximum=100,
                default=0,
            ),
            _edge_shift("matte"),
            _feather("matte"),
            Flag(
                "decontaminate",
                N_("Remove back_ground colour from the edge"),
                N_("Clean the colours of hair and soft edges, in new layers"),
                default=True,
                when=("result", pointing.WITH_COLOURS),
            ),
        ),
        (
            ReturnValue("layer_mask", "mask", N_("Mask"), N_("The layer's new mask, if any")),
            ReturnValue("layer", "layer", N_("Layer"), N_("The new layer, if any")),
        ),
        own_window=True,
    ),
    "plug-in-mattelier-select-by-text": Entry(
        N_("Select by Te_xt…"),
        N_("Say in words what you mean, and have it selected"),
        N_(
            "Finds what the words mean in each selected layer, hair included, as a selection, a "
            "layer mask, a new layer with a mask, or the layer itself cut out. A model that knows "
            "words is brought in; most know English alone."
        ),
        Job(
            N_("Looking for what the words mean"),
            select_by_text.build_request,
            remove_background.apply_results,
        ),
        (
            Text("text", N_("_Words"), N_("What is meant, such as “the red car”")),
            _result("selection"),
            Model(
                "matte",
                N_("Which model finds things by words"),
                networks="find",
                of="matte.hint.text_model",
                automatic=N_("The first that is here"),
            ),
            _quality("matte"),
            _edge_shift("matte"),
            _feather("matte"),
            _decontaminate(),
        ),
        _MADE,
        select_by_text.check_model,
    ),
    "plug-in-mattelier-remove-background": Entry(
        N_("_Remove Background…"),
        N_("Make a layer mask that fits the subject, hair included"),
        N_(
            "Finds the subject of each selected layer. The result is a layer mask (the layer's "
            "pixels stay as they are), a new layer with a mask, a selection, or the layer itself "
            "cut out. A selection can hint at what the subject is."
        ),
        Job(
            N_("Removing the background"),
            remove_background.build_request,
            remove_background.apply_results,
        ),
        (
            _result("mask"),
            Model("matte"),
            _quality("matte"),
            subject.selection_argument(),
            subject.mask_argument(subject.START),
            _edge_shift("matte"),
            _feather("matte"),
            _decontaminate(),
        ),
        _MADE,
        preview=Preview(instead={"result": {"selection": "mask"}}),
    ),
    "plug-in-mattelier-select-subject": Entry(
        N_("_Select Subject"),
        N_("Select the subject of the layer, hair included"),
        N_(
            "Selects the subject of the selected layers, with soft edges. Called from the menu, it "
            "combines with the selection as AI Settings says."
        ),
        Job(
            N_("Selecting the subject"), select_subject.build_request, select_subject.apply_results
        ),
        (
            Choice(
                "operation",
                N_("_Operation"),
                N_("How the subject combines with the selection"),
                OPERATIONS,
                default="replace",
            ),
        ),
    ),
    "plug-in-mattelier-refine-edge": Entry(
        N_("Refine _Edge…"),
        N_("Solve the edge of a selection or layer mask anew, as hair or fur"),
        N_(
            "Works along the edge of the layer mask or the selection, as wide as you say, and puts "
            "the result where the edge came from."
        ),
        Job(N_("Refining the edge"), refine_edge.build_request, refine_edge.apply_results),
        (
            Choice(
                "source",
                N_("Refine the e_dge of"),
                N_(
                    "Whose edge to refine; by itself it is the layer mask that is worked on, or "
                    "else the selection"
                ),
                refine_edge.SOURCES,
                default="auto",
            ),
            Integer(
                "width",
                N_("_Width"),
                N_("Pixels to each side of the edge in which hair is looked for"),
                of="refine.width",
                maximum=200,
            ),
            _edge_shift("refine"),
            _feather("refine"),
            _quality("refine"),
        ),
        (ReturnValue("layer_mask", "mask", N_("Mask"), N_("The first layer's new mask, if any")),),
        refine_edge.check_edge,
    ),
    "plug-in-mattelier-clean-edge-colours": Entry(
        N_("Clean Edge Co_lours"),
        N_("Take the old background's colour out of a mask's soft edge"),
        N_(
            "Works from the layer's mask as it is now, also after you have painted on it. The "
            "result is a new layer with the same mask; the old one is kept and hidden."
        ),
        Job(N_("Cleaning edge colours"), clean_edge.build_request, clean_edge.apply_results),
        returns=(ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer")),),
    ),
    "plug-in-mattelier-replace-background": Entry(
        N_("Re_place Background…"),
        N_("Put a colour, another layer, a file or a blur behind the subject"),
        N_(
            "Makes a layer with the subject and one with the new background, scaled to cover the "
            "old layer, which is kept and hidden."
        ),
        Job(
            N_("Replacing the background"),
            replace_background.build_request,
            replace_background.apply_results,
        ),
        (
            Choice(
                "background",
                N_("_Background"),
                N_("What comes behind the subject"),
                replace_background.BACKGROUNDS,
                default="colour",
            ),
            Colour(
                "colour",
                N_("Colo_ur"),
                N_("The new background's colour"),
                default=backdrop.DEFAULT_COLOUR,
                when=("background", ("colour",)),
            ),
            Layer(
                "layer",
                N_("La_yer"),
                N_("The layer that becomes the background"),
                when=("background", ("layer",)),
            ),
            File(
                "file",
                N_("F_ile"),
                N_("The picture that becomes the background"),
                when=("background", ("file",)),
            ),
            Integer(
                "blur",
                N_("Bl_ur"),
                N_("How far what is there is blurred, in pixels"),
                minimum=1,
                maximum=500,
                default=40,
                when=("background", ("blur",)),
            ),
            Real(
                "match-light",
                N_("Matched li_ght"),
                N_("How far the subject takes on the new background's light: 0 not, 1 fully"),
                of="cutout.match_light",
                when=("background", ("colour", "layer", "file")),
            ),
            Model("matte"),
            _quality("matte"),
            subject.selection_argument(),
            subject.mask_argument(subject.KEEP),
        ),
        (
            ReturnValue("layer", "subject", N_("Subject"), N_("The first subject's layer")),
            ReturnValue("layer", "background-layer", N_("Background"), N_("The first background")),
        ),
        backdrop.fill_default_colour,
        preview=Preview(lengths=("blur",)),
    ),
}
