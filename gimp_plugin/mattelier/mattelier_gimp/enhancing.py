"""The procedures that make a picture larger, cleaner, or another to look at."""

from __future__ import annotations

from . import denoise, enhance, filters, portrait_blur, style, upscale
from .arguments import Choice, Flag, Integer, Layer, Real, Returned
from .entry import MODEL, Entry, dialog
from .i18n import N_
from .jobs import job

_LAYER = Returned("layer", "layer", N_("Layer"), N_("The first new layer"))

PROCEDURES = {
    "plug-in-mattelier-upscale": Entry(
        5,
        N_("_Upscale…"),
        N_("Enlarge a layer or the whole image, sharper than by scaling it"),
        N_(
            "Makes a new image of the selected layers, or new layers, with more pixels; or scales "
            "this whole image with all its layers. Masks are enlarged with their layers."
        ),
        job(
            N_("Upscaling"),
            upscale.question,
            upscale.result,
            layers=upscale.layers,
            changes_image=upscale.changes_image,
        ),
        dialog(("width", "scale", (upscale.TO_WIDTH,)), models="upscale"),
        (
            Choice(
                "result",
                N_("Resul_t"),
                N_("Where the larger picture goes"),
                upscale.RESULTS,
                "image",
            ),
            Choice("scale", N_("_Enlarge"), N_("How much larger"), upscale.SCALES, "2"),
            Integer(
                "width",
                N_("_Width"),
                N_("The new width in pixels, of the layer or the whole image; height follows"),
                1,
                262144,
                3840,
            ),
            Real(
                "denoise",
                N_("Remove _noise"),
                N_("How much noise and compression to remove: 0 stays faithful, 1 removes most"),
                0.0,
                1.0,
                0.0,
            ),
            MODEL,
        ),
        (
            Returned("image", "new-image", N_("Image"), N_("The new image, if any")),
            Returned("layer", "layer", N_("Layer"), N_("The first new layer, if any")),
        ),
    ),
    "plug-in-mattelier-portrait-blur": Entry(
        6,
        N_("Portrait _Blur…"),
        N_("Put what is behind the subject out of focus, as a lens does"),
        N_(
            "Makes a new layer in which the subject is sharp and the rest is blurred by its "
            "distance: as a layer of depth says, or as the subject tells."
        ),
        job(
            N_("Blurring the background"),
            portrait_blur.question,
            filters.result(N_("{name} portrait blur"), portrait_blur.limited),
        ),
        dialog(models="matte"),
        (
            Real(
                "radius",
                N_("Ra_dius (0: auto)"),
                N_("In pixels, of what is most blurred; 0 is a hundredth of the longer side"),
                0.0,
                500.0,
                0.0,
            ),
            Choice("blades", N_("_Iris"), N_("The shape of lights"), portrait_blur.BLADES, "0"),
            Flag(
                "highlights",
                N_("Bri_ght lights"),
                N_("Give clipped lights their brightness back: they become bright discs"),
                False,
            ),
            Flag(
                "foreground-blur",
                N_("Blur the _foreground"),
                N_("Blur also what is nearer than the subject"),
                False,
            ),
            Layer(
                "depth",
                N_("Layer of de_pth"),
                N_("Tells how near things are: white is near; none is found by itself"),
            ),
            Flag(
                "use-selection",
                N_("_Use the selection as a hint"),
                N_("The selection shows the subject; otherwise it limits the blur"),
                True,
            ),
            MODEL,
        ),
        (_LAYER,),
    ),
    "plug-in-mattelier-denoise": Entry(
        7,
        N_("_Denoise…"),
        N_("Remove noise, with the detail kept"),
        N_("Makes a new layer without the noise; a selection limits it through a layer mask."),
        job(
            N_("Removing noise"),
            denoise.question,
            filters.result(N_("{name} denoised")),
        ),
        dialog(("amount", "strength", (denoise.BY_HAND,)), models="denoise"),
        (
            Choice(
                "strength",
                N_("Stren_gth"),
                N_("How much noise is taken to be there"),
                denoise.STRENGTHS,
                "auto",
            ),
            Real(
                "amount",
                N_("_Amount"),
                N_("0 removes nothing, 1 the strongest noise"),
                0.0,
                1.0,
                0.5,
            ),
            Real(
                "grain",
                N_("_Keep grain"),
                N_("The share of the noise that stays"),
                0.0,
                1.0,
                0.0,
            ),
            MODEL,
        ),
        (_LAYER,),
    ),
    "plug-in-mattelier-enhance": Entry(
        8,
        N_("E_nhance…"),
        N_("Balance the light and colours, or take on those of another layer"),
        N_(
            "Makes a new layer; a selection limits it through a layer mask. What is at 0 changes "
            "nothing."
        ),
        job(
            N_("Enhancing"),
            enhance.question,
            filters.result(N_("{name} enhanced")),
        ),
        dialog(),
        (
            Real(
                "white-balance",
                N_("_White balance"),
                N_("How far a colour cast is removed"),
                0.0,
                1.0,
                0.5,
            ),
            Real(
                "tone",
                N_("_Tone"),
                N_("How far exposure, shadows and lights are evened out"),
                0.0,
                1.0,
                0.5,
            ),
            Real(
                "contrast",
                N_("Local co_ntrast"),
                N_("More contrast of details, or less where negative"),
                -1.0,
                1.0,
                0.2,
            ),
            Real(
                "saturation",
                N_("Sat_uration"),
                N_("Stronger colours, or weaker where negative"),
                -1.0,
                1.0,
                0.0,
            ),
            Real("sharpen", N_("Shar_pen"), N_("How much detail is sharpened"), 0.0, 1.0, 0.2),
            Layer(
                "match",
                N_("_Match the layer"),
                N_("The layer whose light and colours this one takes on; none for its own"),
            ),
            Real(
                "match-strength",
                N_("Matchin_g"),
                N_("How far it takes them on"),
                0.0,
                1.0,
                1.0,
            ),
        ),
        (_LAYER,),
    ),
    "plug-in-mattelier-style": Entry(
        9,
        N_("St_yle…"),
        N_("Paint a layer in the style of another"),
        N_(
            "Makes a new layer; a selection limits it through a layer mask. It needs a model for "
            "style, which does not come with Mattelier."
        ),
        job(
            N_("Painting in another style"),
            style.question,
            filters.result(N_("{name} in another style")),
        ),
        dialog(models="style", before=style.check),
        (
            Layer("reference", N_("St_yle of the layer"), N_("The layer whose style it takes on")),
            Real(
                "strength",
                N_("Stren_gth"),
                N_("How far it takes the style on"),
                0.0,
                1.0,
                1.0,
            ),
            MODEL._replace(help=N_("Name of the model; “default” is the first that is here")),
        ),
        (_LAYER,),
    ),
}
