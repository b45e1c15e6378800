"""What is made of a shot's frames: mattes from key frames, or one effect on all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from mattelier.requests.effects import EFFECTS, EffectName, EffectRequest
from mattelier.requests.fields import check_choice, check_range
from mattelier.requests.hint import Box, HintRequest, Point
from mattelier.requests.matte import MatteRequest
from mattelier.types.errors import UsageError

ShotOutput = Literal["matte", "foreground", "premult", "preview"]

FrameFormat = Literal["auto", "exr", "png", "tiff", "mov", "mkv", "mp4"]

MovieCodec = Literal["auto", "prores", "png", "ffv1", "h264"]

SUBJECT = "subject"
"""The name of an object that was given none."""


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
            check_choice("An output", output, get_args(ShotOutput))
        check_choice("The format", self.format, get_args(FrameFormat))
        check_choice("The codec", self.codec, get_args(MovieCodec))
        if not self.outputs or len(set(self.outputs)) < len(self.outputs):
            raise UsageError("Name at least one output, and none twice.")
        if self.bits not in (0, 8, 16):
            raise UsageError(f"A matte has 8 or 16 bits, not {self.bits}.")
        if self.matte.hint != HintRequest():
            raise UsageError("A shot takes its hints as keys with a frame number.")
        check_range("The frame rate", self.fps, 0, 1000)
        check_range("Tuning", self.tune, 0, 86400)
        check_range("The window", self.window, 0, 1_000_000)
        check_range("The pre-roll", self.preroll, 0, 10_000)
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
        check_choice("The task", self.task, get_args(EffectName))
        check_choice("The format", self.format, get_args(FrameFormat))
        check_choice("The codec", self.codec, get_args(MovieCodec))
        if not isinstance(self.options, EFFECTS[self.task]):
            raise UsageError(f"A {type(self.options).__name__} does not ask for {self.task}.")
        if self.mattes is not None and self.task != "bokeh":
            raise UsageError(f"Mattes say what bokeh keeps sharp; {self.task} takes none.")
        if self.bits not in (0, 8, 16):
            raise UsageError(f"A picture has 8 or 16 bits, not {self.bits}.")
        check_range("The frame rate", self.fps, 0, 1000)

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
