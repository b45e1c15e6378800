"""Open the plate of a shot: a sequence of files, or a movie."""

from __future__ import annotations

import os
from pathlib import Path

from mattelier.media.frame_names import FrameNames, sequences_in
from mattelier.media.movie_formats import MOVIE_SUFFIXES
from mattelier.media.plate import Plate
from mattelier.media.stills import INPUT_SUFFIXES
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture


def open_plate(text: str) -> Plate:
    """The plate that a pattern, a folder, one file of a sequence, or a movie stands for.

    Raises
    ------
    PictureError
        It does not exist, or holds nothing that can be read.
    UsageError
        A folder holds several sequences.
    """
    from mattelier.media.sequence import SequencePlate

    path = Path(text)
    if os.path.isdir(path):  # which takes any text, as a file's name of any length is here
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
    names = FrameNames.of_file(path) if os.path.exists(path) else FrameNames.parse(text)
    if names is None:
        why = "has no frame number in its name" if os.path.exists(path) else "does not exist"
        raise PictureError(
            f"{text} {why}; a plate is name.####.exr, a folder of numbered frames, or a movie."
        )
    return SequencePlate(names)


def read_example(path: str) -> Picture:
    """A picture's file, or the frame in the middle of a movie, which stands for it.

    Raises
    ------
    PictureError
        It cannot be read.
    """
    from mattelier.media.stills import read

    if not _is_movie(Path(path)):
        return read(path)
    plate = open_plate(path)
    try:
        return plate.read(plate.frames.frames[len(plate.frames) // 2])
    finally:
        plate.close()


def _is_movie(path: Path) -> bool:
    return path.suffix.lower() in MOVIE_SUFFIXES and os.path.isfile(path)
