"""The procedures that make a picture larger, cleaner, or another to look at.

A task that gives a picture for a picture joins by one `picture_filter.entry`.
"""

from __future__ import annotations

from . import picture_filter, portrait_blur, style, subject, upscale
from .arguments import Choice, Flag, Integer, Layer, Model, Real, ReferenceLayer, ReturnValue
from .entry import Entry, Preview
from .i18n import N_
from .jobs import Job

PROCEDURES = {
    "plug-in-mattelier-upscale": Entry(
        N_("_Upscale…"),
        N_("Enlarge a layer or the whole image, sharper than by scaling it"),
        N_(
            "Makes a new image of the selected layers, or new layers, with more pixels; or scales "
            "this whole image with all its layers. Masks are enlarged with their layers."
        ),
        Job(
            N_("Upscaling"),
            upscale.build_request,
            upscale.apply_results,
            layers=upscale.layers,
            changes_image=upscale.changes_image,
        ),
        (
            Choice(
                "result",
                N_("Resul_t"),
                N_("Where the larger picture goes"),
                upscale.RESULTS,
                default="image",
            ),
            Choice("scale", N_("_Enlarge"), N_("How much larger"), upscale.SCALES, default="2"),
            Integer(
                "width",
                N_("_Width"),
                N_("The new width in pixels, of the layer or the whole image; height follows"),
                minimum=1,
                maximum=262144,
                default=3840,
                when=("scale", (upscale.TO_WIDTH,)),
            ),
            Choice(
                "noise",
                N_("_Noise and JPEG blocks"),
                N_("Whether they are cleared"),
                (("auto", N_("As the picture shows")), ("manual", N_("By hand"))),
                default="auto",
            ),
            Real(
                "denoise",
                N_("_Remove"),
                N_("How much noise and compression to remove: 0 stays faithful, 1 removes most"),
                of="upscale.denoise",
                default=0.0,
                when=("noise", ("manual",)),
            ),
            Model("upscale"),
        ),
        (
            ReturnValue("image", "new-image", N_("Image"), N_("The new image, if any")),
            ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer, if any")),
        ),
        preview=Preview(
            part=200,
            instead={"result": {"layer": "image", "whole": "image"}, "scale": {"8": "4"}},
            lengths=("width",),
        ),
    ),
    "plug-in-mattelier-portrait-blur": picture_filter.entry(
        N_("Portrait _Blur…"),
        N_("Put what is behind the subject out of focus, as a lens does"),
        N_(
            "Makes a new layer in which the subject is sharp and the rest is blurred by its "
            "distance: as a layer of depth says, or as the subject tells."
        ),
        task="bokeh",
        title=N_("Blurring the background"),
        layer_name=N_("{name} portrait blur"),
        arguments=(
            Real(
                "radius",
                N_("Ra_dius (0: auto)"),
                N_("In pixels, of what is most blurred; 0 is a hundredth of the longer side"),
                of="bokeh.radius",
                null=0.0,
            ),
            Choice(
                "blades",
                N_("_Iris"),
                N_("The shape of lights"),
                portrait_blur.BLADES,
                of="bokeh.blades",
            ),
            Flag(
                "highlights",
                N_("Bri_ght lights"),
                N_("Give clipped lights their brightness back: they become bright discs"),
                of="bokeh.highlights",
            ),
            Flag(
                "foreground-blur",
                N_("Blur the _foreground"),
                N_("Blur also what is nearer than the subject"),
                of="bokeh.foreground_blur",
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
                default=True,
            ),
            subject.mask_argument(subject.START),
            Model("matte"),
        ),
        build_request=portrait_blur.build_request,
        limited=portrait_blur.limited,
        preview=Preview(),
    ),
    "plug-in-mattelier-denoise": picture_filter.entry(
        N_("_Denoise…"),
        N_("Remove noise, with the detail kept"),
        N_("Makes a new layer without the noise; a selection limits it through a layer mask."),
        task="denoise",
        title=N_("Removing noise"),
        layer_name=N_("{name} denoised"),
        arguments=(
            Choice(
                "strength",
                N_("Stren_gth"),
                N_("How much noise is taken to be there"),
                (("auto", N_("As the picture shows")), ("manual", N_("By hand"))),
                default="auto",
            ),
            Real(
                "amount",
                N_("_Amount"),
                N_("0 removes nothing, 1 the strongest noise"),
                of="denoise.strength",
                default=0.5,
                when=("strength", ("manual",)),
            ),
            Real(
                "grain",
                N_("_Keep grain"),
                N_("The share of the noise that stays"),
                of="denoise.grain",
            ),
            Model("denoise"),
        ),
        preview=Preview(part=320),
    ),
    "plug-in-mattelier-enhance": picture_filter.entry(
        N_("E_nhance…"),
        N_("Balance the light and colours, or take on those of another layer"),
        N_(
            "Makes a new layer; a selection limits it through a layer mask. What is at 0 changes "
            "nothing."
        ),
        task="enhance",
        title=N_("Enhancing"),
        layer_name=N_("{name} enhanced"),
        arguments=(
            Choice(
                "strength",
                N_("Stren_gth"),
                N_("How much is changed"),
                (("auto", N_("Automatic")), ("manual", N_("By hand"))),
                default="manual",
            ),
            Real(
                "white-balance",
                N_("_White balance"),
                N_("How far a colour cast is removed"),
                of="enhance.white_balance",
                when=("strength", ("manual",)),
            ),
            Real(
                "tone",
                N_("_Tone"),
                N_("How far exposure, shadows and lights are evened out"),
                of="enhance.tone",
                when=("strength", ("manual",)),
            ),
            Real(
                "contrast",
                N_("Local co_ntrast"),
                N_("More contrast of details, or less where negative"),
                of="enhance.contrast",
                when=("strength", ("manual",)),
            ),
            Real(
                "saturation",
                N_("Sat_uration"),
                N_("Stronger colours, or weaker where negative"),
                of="enhance.saturation",
                default=0.0,
                when=("strength", ("manual",)),
            ),
            Real(
                "sharpen",
                N_("Shar_pen"),
                N_("How much detail is sharpened"),
                of="enhance.sharpen",
                when=("strength", ("manual",)),
            ),
            ReferenceLayer(
                "match",
                N_("_Match the layer"),
                N_("The layer whose light and colours this one takes on; none for its own"),
            ),
            Real(
                "match-strength",
                N_("Matchin_g"),
                N_("How far it takes them on"),
                of="enhance.match_strength",
            ),
        ),
        preview=Preview(),
    ),
    "plug-in-mattelier-style": picture_filter.entry(
        N_("St_yle…"),
        N_("Paint a layer in the style of another"),
        N_(
            "Makes a new layer; a selection limits it through a layer mask. It needs a model for "
            "style, which does not come with Mattelier."
        ),
        task="style",
        title=N_("Painting in another style"),
        layer_name=N_("{name} in another style"),
        arguments=(
            ReferenceLayer(
                "reference",
                N_("St_yle of the layer"),
                N_("The layer whose style it takes on"),
                required=N_("Choose the layer whose style the picture takes on."),
            ),
            Real(
                "strength",
                N_("Stren_gth"),
                N_("How far it takes the style on"),
                of="style.strength",
            ),
            Model("style", N_("Name of the model; “default” is the first that is here")),
        ),
        build_request=style.build_request,
        before_dialog=style.check_model,
        in_menu=style.has_model,
    ),
}
