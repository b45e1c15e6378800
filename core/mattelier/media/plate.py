"""What every plate of a shot offers: frames by their numbers, with size, rate and timecode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path

from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture


class Plate(ABC):
    """Frames by number; safe to read from several threads.

    Attributes
    ----------
    name : str
        What the shot is called: `hero` for hero.####.exr, the movie's stem.
    frames : FrameRange
        The frames that are there.
    missing : FrameRange
        Gaps between the first frame and the last, judged by the sequence's own step.
    width, height : int
        In pixels; of an EXR, the data window.
    fps : Fraction or None
        Frames per second, where the files say.
    samples : tuple of Picture
        One to three frames from all over the plate, small: what its exposure is judged by.
    """

    name: str
    frames: FrameRange
    missing: FrameRange
    width: int
    height: int
    fps: Fraction | None
    samples: tuple[Picture, ...]

    @abstractmethod
    def read(self, frame: int) -> Picture:
        """One frame, upright, of the plate's size.

        Raises
        ------
        PictureError
            The frame is missing, there twice, damaged, or of another size.
        """

    @abstractmethod
    def identity(self, frame: int) -> str:
        """What changes when the frame's file does; "" where there is none."""

    @abstractmethod
    def source(self, frame: int) -> Path:
        """The file that holds the frame."""

    def timecode(self, frame: int) -> str | None:
        """`hh:mm:ss:ff` of a frame, with `;` before the frames for drop-frame; None if unknown.

        An EXR's own lies in its `Picture.metadata`.
        """
        return None

    def close(self) -> None:  # noqa: B027 - a sequence holds nothing open
        """Let go of open files."""
