"""The plate of a shot: frames by their numbers, from a sequence of files or from a movie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.media.movie_formats import MOVIE_SUFFIXES
from mattelier.types.errors import PictureError, UsageError

if TYPE_CHECKING:
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


def open_plate(text: str) -> Plate:
    """The plate that a pattern, a folder, one file of a sequence, or a movie stands for.

    Raises
    ------
    PictureError
        It does not exist, or holds nothing that can be read.
    UsageError
        A folder holds several sequences.
    """
    from mattelier.media.frame_names import FrameNames, sequences_in
    from mattelier.media.sequence import SequencePlate
    from mattelier.media.stills import INPUT_SUFFIXES

    path = Path(text)
    if path.is_dir():
        found = sequences_in(path, INPUT_SUFFIXES)
        movies = [file for file in sorted(path.iterdir()) if _is_movie(file)]
        if len(found) + len(movies) > 1:
            listed = ", ".join(map(str, [*found, *movies][:4]))
            raise UsageError(f"{path} holds several plates; name one of them: {listed}.")
        if movies:
            path = movies[0]
        elif found:
            return SequencePlate(found[0])
        else:
            raise PictureError(f"{path} holds no frames: no numbered pictures and no movie.")
    if _is_movie(path):
        from mattelier.media.movies import MoviePlate

        return MoviePlate(path)
    # A file's own name is looked for first: "50%done.0001.png" is no pattern.
    names = FrameNames.of_file(path) if path.exists() else FrameNames.parse(text)
    if names is None:
        why = "has no frame number in its name" if path.exists() else "does not exist"
        raise PictureError(
            f"{text} {why}; a plate is name.####.exr, a folder of numbered frames, or a movie."
        )
    return SequencePlate(names)


def _is_movie(path: Path) -> bool:
    return path.suffix.lower() in MOVIE_SUFFIXES and path.is_file()
