"""What a user asks for, as frozen values: the same objects from every door.

The command line builds them from flags, a host from its dialog, the worker from JSON.
Equal requests have equal digests, which name cached results.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from mattelier.types.errors import UsageError

_MOST_PIXELS = 500  # of any edge control; beyond it a wish is a slip of the keyboard

Request = TypeVar("Request")
Quality = Literal["fast", "balanced", "best"]
Device = Literal["auto", "cpu", "cuda", "mps"]
ShotOutput = Literal["matte", "foreground", "premult", "preview"]
FrameFormat = Literal["auto", "exr", "png", "tiff", "mov", "mkv", "mp4"]
MovieCodec = Literal["auto", "prores", "png", "ffv1", "h264"]
EffectName = Literal["upscale", "bokeh", "denoise", "enhance", "style"]

SUBJECT = "subject"
"""The name of an object that was given none."""


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}.")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} lies between {least:g} and {most:g}, not at {value:g}.")


@dataclass(frozen=True)
class Point:
    """A click at pixel (x, y) of the upright picture: on the subject, or on what is not it."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright picture that holds the whole subject."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (0 < self.width < float("inf") and 0 < self.height < float("inf")):
            raise UsageError(
                f"A box needs a positive width and height, not {self.width}×{self.height}."
            )


@dataclass(frozen=True)
class HintRequest:
    """Where the subject is, as far as the user says; all None/empty means: find it yourself.

    `mask` and `trimap` are file paths; the Python door takes arrays beside this request.
    """

    mask: str | None = None
    trimap: str | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class MatteRequest:
    """picture + optional hint → alpha.

    `edge_shift` moves the finished edge by so many pixels, outwards where positive; `feather`
    softens it over about so many. Both are in pixels of the picture.
    """

    hint: HintRequest = HintRequest()
    model: str = "default"
    device: Device = "auto"
    quality: Quality = "balanced"
    refine: bool = True
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        _one_of("quality", self.quality, get_args(Quality))
        _one_of("device", self.device, get_args(Device))
        _within("The edge shift", self.edge_shift, -_MOST_PIXELS, _MOST_PIXELS)
        _within("The feather", self.feather, 0, _MOST_PIXELS)


@dataclass(frozen=True)
class RefineRequest:
    """picture + mask → alpha: the mask's soft band solved again, along the picture's edges.

    `mask` is a file path; the worker and the Python door take pixels beside this request. The
    band reaches `width` pixels to each side of the mask's edge, and over all that is soft in it.
    """

    mask: str | None = None
    width: float = 12
    quality: Quality = "balanced"
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        _one_of("quality", self.quality, get_args(Quality))
        _within("The width", self.width, 1, _MOST_PIXELS)
        _within("The edge shift", self.edge_shift, -_MOST_PIXELS, _MOST_PIXELS)
        _within("The feather", self.feather, 0, _MOST_PIXELS)


@dataclass(frozen=True)
class CutoutRequest:
    """picture + optional hint → picture with alpha, or composited over a background.

    `background` is None (keep transparency), "blur", a colour, or a picture's path.
    `padding` is in pixels, around the subject's bounding box, when `crop` is set. `match_light`
    (0…1) is how far the subject takes on the light of a background picture.
    """

    matte: MatteRequest = MatteRequest()
    foreground: bool = True
    background: str | None = None
    crop: bool = False
    padding: int = 0
    match_light: float = 0

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise UsageError(f"Padding cannot be negative ({self.padding}).")
        _within("Matched light", self.match_light, 0, 1)


@dataclass(frozen=True)
class DepthRequest:
    """picture → depth map.

    `file` is a depth map's path, of the `kind` it holds ("auto": floats are distances, others
    nearness); `right` the path of the right picture of a stereo pair. With neither, `model` is a
    depth network's name, "matte" for what the subject's matte alone tells, or "auto": the first
    depth network that is on this computer, else the matte.
    """

    file: str | None = None
    kind: Literal["auto", "distance", "disparity"] = "auto"
    right: str | None = None
    model: str = "auto"
    device: Device = "auto"
    matte: MatteRequest = MatteRequest()

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, ("auto", "distance", "disparity"))
        _one_of("device", self.device, get_args(Device))
        if self.file is not None and self.right is not None:
            raise UsageError("A depth map and a stereo pair exclude each other; give one.")


@dataclass(frozen=True)
class BokehRequest:
    """picture + depth → the picture as a lens with a wide aperture draws it.

    The focus is on the subject, or at the point `focus`, or at `distance`, in the depth map's
    units. How much is blurred is said by the f-number `aperture` (of a full-frame camera; the
    `focal_length` in millimetres, of the same, is the picture's own or 50), or by the `radius`
    in pixels of the most blurred part; None for both is 1 % of the longer side. `blades` and
    `rotation` (degrees) shape the iris, round where 0; `cats_eye` (0…1) narrows it towards the
    corners. `highlights` gives clipped lights their brightness back. What is nearer than the
    focus stays sharp without `foreground_blur`.
    """

    depth: DepthRequest = DepthRequest()
    focus: Point | None = None
    distance: float | None = None
    aperture: float | None = None
    radius: float | None = None
    focal_length: float | None = None
    blades: int = 0
    rotation: float = 0
    cats_eye: float = 0
    highlights: bool = False
    foreground_blur: bool = False

    def __post_init__(self) -> None:
        if self.focus is not None and self.distance is not None:
            raise UsageError("The focus is at a point or at a distance, not both.")
        if self.aperture is not None and self.radius is not None:
            raise UsageError("An aperture and a radius exclude each other; give one.")
        if self.distance is not None and not 0 < self.distance < math.inf:
            raise UsageError(f"The focus cannot be at a distance of {self.distance:g}.")
        if self.aperture is not None:
            _within("The aperture's f-number", self.aperture, 0.05, 128)
        if self.radius is not None:
            _within("The blur radius", self.radius, 0, _MOST_PIXELS)
        if self.focal_length is not None:
            _within("The focal length", self.focal_length, 1, 5000)
        if self.blades and not 3 <= self.blades <= 16:
            raise UsageError(f"An iris has 3 to 16 blades, or 0 to be round, not {self.blades}.")
        _within("The rotation", self.rotation, -360, 360)
        _within("The cat's eye", self.cats_eye, 0, 1)


@dataclass(frozen=True)
class KeyRequest:
    """What the artist says of one object on one frame: a mask's file, a box, or clicks."""

    frame: int
    mask: str | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()
    object: str = SUBJECT


@dataclass(frozen=True)
class RotoRequest:
    """A plate and a few key frames → stable mattes of every frame, written as files.

    Attributes
    ----------
    plate : str
        `name.####.exr` (or `%04d`, `@@@@`, `$F4`), a folder, one file of a sequence, a movie.
    output : str
        A pattern or a movie's name for a single output; else a folder.
    frames : str
        A frame range such as `1001-1100x2,1150`; "": all.
    objects : tuple of str
        Their names; empty: those of the keys, or one subject that is found by itself.
    outputs : tuple
        "premult" is the foreground times the matte, "preview" it on a checkerboard.
    matte : MatteRequest
        Its hint stays empty: keys say where the subject is.
    format, codec, bits
        Of files in a folder, of movies, of PNG and TIFF mattes; "auto" and 0 go by the plate.
    colorspace : str or None
        What the plate's code values mean, by the OCIO config; None: as the files say.
    fps : float
        Of a movie made of a sequence, and in EXR headers; 0: as the plate says.
    tune : float
        Seconds of fine-tuning on the key frames, once a shot.
    window, preroll : int
        Frames tracked and matted together (0: all), and how many are looked at around them where
        there is no key.
    resume, overwrite : bool
        Keep frames that are done with these settings; replace files that are not Mattelier's.
    """

    plate: str
    output: str
    frames: str = ""
    keys: tuple[KeyRequest, ...] = ()
    objects: tuple[str, ...] = ()
    outputs: tuple[ShotOutput, ...] = ("matte",)
    matte: MatteRequest = MatteRequest()
    format: FrameFormat = "auto"
    codec: MovieCodec = "auto"
    bits: int = 0
    colorspace: str | None = None
    fps: float = 0
    tune: float = 0
    window: int = 0
    preroll: int = 64
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        for output in self.outputs:
            _one_of("An output", output, get_args(ShotOutput))
        _one_of("The format", self.format, get_args(FrameFormat))
        _one_of("The codec", self.codec, get_args(MovieCodec))
        if not self.outputs or len(set(self.outputs)) < len(self.outputs):
            raise UsageError("Name at least one output, and none twice.")
        if self.bits not in (0, 8, 16):
            raise UsageError(f"A matte has 8 or 16 bits, not {self.bits}.")
        if self.matte.hint != HintRequest():
            raise UsageError("A shot takes its hints as keys with a frame number.")
        _within("The frame rate", self.fps, 0, 1000)
        _within("Tuning", self.tune, 0, 86400)
        _within("The window", self.window, 0, 1_000_000)
        _within("The pre-roll", self.preroll, 0, 10_000)
        for name in (*self.objects, *(key.object for key in self.keys)):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
                raise UsageError(
                    f"An object's name is letters, digits, _ and - (it names files), not {name!r}."
                )

    @property
    def named_objects(self) -> tuple[str, ...]:
        """The objects, in the order in which they were first named."""
        return tuple(dict.fromkeys((*self.objects, *(key.object for key in self.keys)))) or (
            SUBJECT,
        )


@dataclass(frozen=True)
class Size:
    """A result's size in pixels; None: so that the picture keeps its shape."""

    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        sides = [side for side in (self.width, self.height) if side is not None]
        if not sides or min(sides) < 1:
            raise UsageError("A size needs a width or a height of at least 1 pixel.")


@dataclass(frozen=True)
class UpscaleRequest:
    """picture → the same picture with more pixels.

    `size` overrides `scale`. `model` is "default" (faithful to the picture), a model's name or
    a weights file. `denoise` (0…1) is how much noise and compression a network for photographs
    removes; with the default model it chooses that network. `tile` is the side in pixels of what
    the network sees at once; 0: chosen.
    """

    scale: float = 2
    size: Size | None = None
    model: str = "default"
    denoise: float | None = None
    tile: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        _one_of("device", self.device, get_args(Device))
        _within("The scale", self.scale, 1, 16)
        if self.denoise is not None:
            _within("Denoise", self.denoise, 0, 1)
        if self.tile and self.tile < 32:
            raise UsageError(f"A tile has at least 32 pixels a side, not {self.tile}.")


@dataclass(frozen=True)
class DenoiseRequest:
    """picture → the same picture without its noise.

    `strength` is how strong the noise is taken to be, from 0 (none: nothing is changed) to 1 (a
    standard deviation of 55 on a scale of 255); None: as strong as it is seen to be. A published
    network that takes no strength is used in full, and less than 1 mixes the picture in. `grain`
    (0…1) is the share of what was removed that is left in. `model` is "default", a model's name
    or a weights file; `tile` the side in pixels of what the network sees at once; 0: chosen.
    """

    strength: float | None = None
    model: str = "default"
    grain: float = 0
    tile: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        _one_of("device", self.device, get_args(Device))
        if self.strength is not None:
            _within("The strength", self.strength, 0, 1)
        _within("The grain", self.grain, 0, 1)
        if self.tile and self.tile < 32:
            raise UsageError(f"A tile has at least 32 pixels a side, not {self.tile}.")


@dataclass(frozen=True)
class EnhanceRequest:
    """picture → the same picture under better light; 0 leaves each quality as it is.

    `white_balance` (0…1) is how much of the light's cast is taken away, `tone` (0…1) how far
    exposure, shadows and haze are mended, `contrast` (−1…1) that of what lies side by side,
    `saturation` (−1…1) down to grey, `sharpen` 0…1. `match` is the path of a picture whose look
    is taken on, as far as `match_strength` (0…1) says.
    """

    white_balance: float = 0
    tone: float = 0
    contrast: float = 0
    saturation: float = 0
    sharpen: float = 0
    match: str | None = None
    match_strength: float = 1

    def __post_init__(self) -> None:
        _within("White balance", self.white_balance, 0, 1)
        _within("Tone", self.tone, 0, 1)
        _within("Contrast", self.contrast, -1, 1)
        _within("Saturation", self.saturation, -1, 1)
        _within("Sharpening", self.sharpen, 0, 1)
        _within("The match's strength", self.match_strength, 0, 1)


@dataclass(frozen=True)
class StyleRequest:
    """picture + reference → the picture as if painted in the reference's style.

    `reference` is a picture's path. `model` is "default" (the weights that the user has put in
    the models' folder), or a file of such weights. `strength` is 0…1.
    """

    reference: str | None = None
    strength: float = 1
    model: str = "default"
    device: Device = "auto"

    def __post_init__(self) -> None:
        _one_of("device", self.device, get_args(Device))
        _within("The style's strength", self.strength, 0, 1)


EffectRequest = UpscaleRequest | BokehRequest | DenoiseRequest | EnhanceRequest | StyleRequest

EFFECTS: Mapping[EffectName, type[EffectRequest]] = {
    "upscale": UpscaleRequest,
    "bokeh": BokehRequest,
    "denoise": DenoiseRequest,
    "enhance": EnhanceRequest,
    "style": StyleRequest,
}
"""Tasks that make a picture of a picture, and what each is asked."""


@dataclass(frozen=True)
class FramesRequest:
    """A plate → one such task done on every frame, written as files.

    Attributes
    ----------
    plate, output, frames, format, codec, colorspace, fps, resume, overwrite
        As of `RotoRequest`.
    task : str
    options : the request of the task for one picture
        Of bokeh, `depth.file` may be a pattern of depth maps, numbered as the plate, or one map
        for all frames.
    mattes : str or None
        For bokeh: who the subject is, frame by frame, as a pattern, a folder, a movie, or one
        picture for all frames; None: it is followed through the shot, from the hint of `options`
        on the plate's first frame, where there is one.
    bits : int
        Of PNG and TIFF files; 0: by the plate.
    """

    plate: str
    output: str
    task: EffectName
    options: EffectRequest
    frames: str = ""
    mattes: str | None = None
    format: FrameFormat = "auto"
    codec: MovieCodec = "auto"
    bits: int = 0
    colorspace: str | None = None
    fps: float = 0
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        _one_of("The task", self.task, get_args(EffectName))
        _one_of("The format", self.format, get_args(FrameFormat))
        _one_of("The codec", self.codec, get_args(MovieCodec))
        if not isinstance(self.options, EFFECTS[self.task]):
            raise UsageError(f"A {type(self.options).__name__} does not ask for {self.task}.")
        if self.mattes is not None and self.task != "bokeh":
            raise UsageError(f"Mattes say what bokeh keeps sharp; {self.task} takes none.")
        if self.bits not in (0, 8, 16):
            raise UsageError(f"A picture has 8 or 16 bits, not {self.bits}.")
        _within("The frame rate", self.fps, 0, 1000)

    @property
    def outputs(self) -> tuple[EffectName, ...]:
        """What is written of each frame."""
        return (self.task,)

    @property
    def named_objects(self) -> tuple[str, ...]:
        """The whole picture belongs to no object."""
        return ()


ShotRequest = RotoRequest | FramesRequest
"""Whatever makes files of every frame of a plate."""


def to_json(request: Any) -> dict[str, Any]:
    """The request as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(request)))
    return values


def from_json(kind: type[Request], values: Any) -> Request:
    """The request that `to_json` made these values of; what is left out has its default.

    Raises
    ------
    UsageError
        A name is unknown, or a value is of the wrong type or out of range.
    """
    if not isinstance(values, dict):
        raise UsageError(f"A {kind.__name__} is a JSON object, not {_shown(values)}.")
    types = get_type_hints(kind)
    if kind is FramesRequest:  # its task says what its options are
        types["options"] = _options_of(values.get("task"))
    if unknown := sorted(set(values) - set(types)):
        raise UsageError(f"A {kind.__name__} has no {', '.join(unknown)}.")
    try:
        return kind(**{name: _value(name, types[name], value) for name, value in values.items()})
    except TypeError:
        raise UsageError(f"A {kind.__name__} needs more than {sorted(values)}.") from None


def _options_of(task: Any) -> type[EffectRequest]:
    for name, options in EFFECTS.items():
        if name == task:
            return options
    raise UsageError(f"The task is one of {', '.join(EFFECTS)}, not {_shown(task)}.")


def _value(name: str, wanted: Any, value: Any) -> Any:
    """A JSON value as a field of that type wants it."""
    if get_origin(wanted) is UnionType:  # only `X | None` occurs
        if value is None:
            return None
        wanted = next(kind for kind in get_args(wanted) if kind is not NoneType)
    if dataclasses.is_dataclass(wanted):
        return from_json(cast(Any, wanted), value)
    if get_origin(wanted) is tuple and isinstance(value, list):
        return tuple(_value(name, get_args(wanted)[0], item) for item in value)
    if get_origin(wanted) is Literal and isinstance(value, str):
        return value  # the class itself knows which ones, and says so
    if wanted is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if type(value) is wanted:
        return value
    raise UsageError(f"{name} cannot be {_shown(value)}.")


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"


def digest(request: Any) -> str:
    """First 16 hex digits of the SHA-256 of the request's canonical JSON.

    Equal requests have equal digests, also where one holds 2 and the other 2.0.
    """
    numbers = json.loads(json.dumps(to_json(request)), parse_int=float)
    canonical = json.dumps(numbers, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
