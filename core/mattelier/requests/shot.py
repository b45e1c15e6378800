"""What is made of a shot's frames: mattes from key frames, or one effect on all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, cast, get_args

from mattelier.requests.fields import EffectRequest, Field, Flag, Nested, Request, effect_requests
from mattelier.requests.hint import Box, HintRequest, Point
from mattelier.requests.matte import MatteRequest
from mattelier.types.errors import UsageError

ShotOutput = Literal["matte", "foreground", "premult", "preview"]
FrameFormat = Literal["auto", "exr", "png", "tiff", "mov", "mkv", "mp4"]
KeyEdge = Literal["rough", "exact", "matte"]
MovieCodec = Literal["auto", "prores", "png", "ffv1", "h264"]

SUBJECT = "subject"
"""The name of an object that was given none."""


def parse_outputs(text: str) -> tuple[ShotOutput, ...]:
    """The names that stand in a list with commas.

    Raises
    ------
    UsageError
        One of them is no output.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    allowed = get_args(ShotOutput)
    for name in names:
        if name not in allowed:
            raise UsageError(
                "{name} is none of {allowed}.", name=repr(name), allowed=", ".join(allowed)
            )
    return cast("tuple[ShotOutput, ...]", tuple(names))


Plate = Annotated[
    str,
    Field(
        "name.####.exr (also %04d, @@@@, $F4), a folder, one file of a sequence, or a movie.",
        flag=Flag(("plate",), required=True),
    ),
]
Output = Annotated[
    str,
    Field(
        "name.####.exr or name.mov for one output; else a folder.",
        flag=Flag(("-o", "--output"), metavar="OUT", required=True),
    ),
]
Frames = Annotated[
    str,
    Field(
        "A frame range such as 1001-1100x2,1150; empty: all.",
        flag=Flag(metavar="RANGE", help="Such as 1001-1100x2,1150."),
    ),
]
Format = Annotated[
    FrameFormat,
    Field(
        "Format of results in a folder; auto: EXR and TIFF stay what they are, else PNG.",
        label="The format",
        flag=Flag(
            help="Of results in a folder. Default: EXR and TIFF stay what they are, else PNG."
        ),
    ),
]
Codec = Annotated[
    MovieCodec,
    Field(
        "Codec of movies: .mov prores or png, .mkv ffv1 or png, .mp4 h264.",
        label="The codec",
        flag=Flag(help="Of movies: .mov prores or png, .mkv ffv1 or png, .mp4 h264."),
    ),
]
ColorSpace = Annotated[
    str | None,
    Field(
        "What the plate is in, by the OCIO config: ACEScg, sRGB, lin_rec709 (EXR's default) …",
        flag=Flag(metavar="NAME"),
    ),
]
FrameRate = Annotated[
    float,
    Field(
        "Frame rate; 0: as the plate says.",
        minimum=0,
        maximum=1000,
        unit="1/s",
        label="The frame rate",
        flag=Flag(help="Default: as the plate says.", bounds="minimum"),
    ),
]
Resume = Annotated[bool, Field("Keep frames that are done (on).")]
Overwrite = Annotated[bool, Field("Replace files that are not Mattelier's.")]


def _bits(refusal: str) -> Field:
    return Field(
        "Bits of a sample in PNG and TIFF files; 0: by the plate.",
        choices=(0, 8, 16),
        refusal=refusal,
        flag=Flag(help="Of PNG and TIFF files.", parse=int, default=None),
    )


@dataclass(frozen=True)
class KeyRequest:
    """What the artist says of one object on one frame: a mask's file, a box, or clicks.

    Attributes
    ----------
    edge : "rough", "exact" or "matte"
        Of the mask: it says where the subject is, and the edge is found anew; it is drawn where
        the edge is, and only made as soft as that is; or it is the finished matte.
    """

    frame: int
    mask: str | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()
    object: str = SUBJECT
    edge: KeyEdge = "rough"


@dataclass(frozen=True)
class RotoRequest(Request, task="roto"):
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
    written : tuple of str
        Those whose results are written; empty: all. The others are followed, too, so that a pixel
        that is theirs is no other's.
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
    proxy : float 0.05…1
        The share of the plate's size that results are made at; the tracking stays the same.
    tune : int
        Steps for which the network is first fine-tuned on the key frames that have masks, once a
        shot; 0: not at all.
    tracker : str or None
        The model that carries key frames' mattes to the others; None: the network of `matte`, by
        optical flow and memory.
    track_folder : str or None
        Where tracking keeps its small mattes and views, by the objects' names: shots of one plate
        that name the same folder share them, whatever else is set; None: beside the results.
    window, preroll : int
        Frames tracked and matted together (0: all), and how many are looked at around them where
        there is no key.
    resume, overwrite : bool
        Keep frames that are done with these settings; replace files that are not Mattelier's.
    """

    plate: Plate
    output: Output
    frames: Frames = ""
    keys: Annotated[
        tuple[KeyRequest, ...],
        Field("What the artist says of single frames: masks, boxes, clicks.", flag=None),
    ] = ()
    objects: Annotated[
        tuple[str, ...],
        Field(
            "Names of the objects; empty: those of the keys.",
            flag=Flag(("--object",), metavar="NAME", help="Name an object.", multiple=True),
        ),
    ] = ()
    written: Annotated[
        tuple[str, ...],
        Field(
            "The objects whose results are written; empty: all. Pixels are shared among all.",
            flag=None,
        ),
    ] = ()
    outputs: Annotated[
        tuple[ShotOutput, ...],
        Field(
            "What is written of each frame: foreground is straight, premult times the matte.",
            label="An output",
            flag=Flag(
                metavar="LIST",
                help="Of matte, foreground (straight), premult and preview, with commas.",
                parse=parse_outputs,
                default="matte",
                show_default=True,
            ),
        ),
    ] = ("matte",)
    matte: Annotated[
        MatteRequest,
        Nested(
            omit=("hint",),
            help={
                "refine": "Follow the edge at full resolution (on), or stretch the small matte.",
                "edge_shift": "+ moves outwards.",
                "feather": "",
            },
        ),
    ] = MatteRequest()
    format: Format = "auto"
    codec: Codec = "auto"
    bits: Annotated[int, _bits("A matte has 8 or 16 bits, not {value}.")] = 0
    colorspace: ColorSpace = None
    fps: FrameRate = 0
    proxy: Annotated[
        float,
        Field(
            "Share of the plate's size that results are made at; the tracking stays the same.",
            minimum=0.05,
            maximum=1,
            label="The proxy",
            flag=Flag(
                metavar="SHARE",
                help="Make results at this share of the plate's size, 0.25 for a first look. The "
                "tracking is the same, and used again by the run at full size.",
                bounds="minimum",
            ),
        ),
    ] = 1
    tune: Annotated[
        int,
        Field(
            "Steps of fine-tuning the network on the key frames with masks; 0: none.",
            minimum=0,
            maximum=100_000,
            label="Tuning",
            flag=Flag(metavar="STEPS", show_default=True, bounds="minimum"),
        ),
    ] = 80
    tracker: Annotated[
        str | None,
        Field(
            "A video network (SAM 2.1, EdgeTAM, Cutie) that was brought in; None: our own "
            "tracking.",
            flag=Flag(
                metavar="NAME",
                help="A video network (SAM 2.1, EdgeTAM, Cutie) that was brought in, to follow "
                "the subject from key frames. Default: our own tracking.",
            ),
        ),
    ] = None
    track_folder: Annotated[
        str | None,
        Field(
            "Folder that tracking keeps its work in, for all settings; None: beside the results.",
            flag=Flag(
                metavar="DIR",
                help="Keep tracking's work there, where other settings of the shot find it. "
                "Default: beside the results.",
            ),
        ),
    ] = None
    window: Annotated[
        int,
        Field(
            "Track and finish so many frames at a time; 0: track all first.",
            minimum=0,
            maximum=1_000_000,
            unit="frames",
            label="The window",
            flag=Flag(
                metavar="N",
                help="Track and finish so many frames at a time. Default: track all first.",
                bounds="minimum",
            ),
        ),
    ] = 0
    preroll: Annotated[
        int,
        Field(
            "Frames looked at around the range or a window where there is no key.",
            minimum=0,
            maximum=10_000,
            unit="frames",
            label="The pre-roll",
            flag=Flag(
                metavar="N",
                help="Frames looked at around --frames or a window where there is no key.",
                show_default=True,
                bounds="minimum",
            ),
        ),
    ] = 64
    resume: Resume = True
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.outputs or len(set(self.outputs)) < len(self.outputs):
            raise UsageError("Name at least one output, and none twice.")
        if self.matte.hint != HintRequest():
            raise UsageError("A shot takes its hints as keys with a frame number.")
        for name in (*self.objects, *(key.object for key in self.keys)):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
                raise UsageError(
                    "An object's name is letters, digits, _ and - (it names files), not {name}.",
                    name=repr(name),
                )

        if unknown := [name for name in self.written if name not in self.named_objects]:
            raise UsageError(
                "The objects are {objects}, so nothing of {name} can be written.",
                objects=", ".join(self.named_objects),
                name=unknown[0],
            )

    @property
    def written_objects(self) -> tuple[str, ...]:
        """The objects whose results are written, in the order in which they were first named."""
        return tuple(n for n in self.named_objects if not self.written or n in self.written)

    @property
    def named_objects(self) -> tuple[str, ...]:
        """The objects, in the order in which they were first named."""
        return tuple(dict.fromkeys((*self.objects, *(key.object for key in self.keys)))) or (
            SUBJECT,
        )


@dataclass(frozen=True)
class FramesRequest(Request, task="frames"):
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

    plate: Plate
    output: Output
    task: Annotated[str, Field("What is done.", label="The task", flag=None)]
    options: Annotated[EffectRequest, Field("As for one picture.", flag=None)]
    frames: Frames = ""
    mattes: Annotated[
        str | None,
        Field(
            "The subject's mattes; None: it is followed from the hint on the first frame.",
            flag=Flag(
                metavar="PATTERN|MOVIE",
                help="Of a shot: its subject's mattes. Default: the subject is followed, from "
                "--box or --point on the plate's first frame.",
            ),
        ),
    ] = None
    format: Format = "auto"
    codec: Codec = "auto"
    bits: Annotated[int, _bits("A picture has 8 or 16 bits, not {value}.")] = 0
    colorspace: ColorSpace = None
    fps: FrameRate = 0
    resume: Resume = True
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        super().__post_init__()
        requests = effect_requests()
        if self.task not in requests:
            raise UsageError(
                "The task is one of {known}, not {task}.",
                known=", ".join(requests),
                task=repr(self.task),
            )
        if not isinstance(self.options, requests[self.task]):
            raise UsageError(
                "A {name} does not ask for {task}.",
                name=type(self.options).__name__,
                task=self.task,
            )
        if self.mattes is not None and self.task != "bokeh":
            raise UsageError(
                "Mattes say what bokeh keeps sharp; {task} takes none.", task=self.task
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is written of each frame."""
        return (self.task,)

    @property
    def written_objects(self) -> tuple[str, ...]:
        """The whole picture belongs to no object."""
        return ()


ShotRequest = RotoRequest | FramesRequest
"""Whatever makes files of every frame of a plate."""
