"""The movie of a shot, made of the frames that lie in its work folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.media import stills
from mattelier.media.plate import Plate
from mattelier.media.provenance import CACHE_KEY, read_provenance
from mattelier.shot.outputs import Target
from mattelier.types.colour import from_float, to_float
from mattelier.types.digest import digest
from mattelier.types.errors import OutputError, PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import tell


def frame_rate(plate: Plate, requested_fps: float) -> Fraction | None:
    """The shot's frames per second: what was asked for, else what the plate says.

    29.97, 23.976 and 59.94 are the rates of television: 30000/1001 and so on.
    """
    if not requested_fps:
        return plate.fps
    television = Fraction(round(requested_fps * 1.001) * 1000, 1001)
    if requested_fps != round(requested_fps) and abs(
        television - Fraction(requested_fps)
    ) < Fraction(1, 200):
        return television
    return Fraction(requested_fps).limit_denominator(1001)


def make_movie(
    target: Target, plate: Plate, frames: Sequence[int], fps: float, facts: Mapping[str, str]
) -> bool:
    """Write a target's movie unless it is there already, made of just these frames' files.

    A frame that failed is empty in the movie, so that what follows keeps its time. The sound of a
    plate that is a movie is kept where the frames are its own from first to last without gaps.

    Returns
    -------
    Whether it was written.

    Raises
    ------
    UsageError
        The plate has no frame rate and none was given.
    OutputError
        The system refuses.
    """
    from mattelier.media.movie_writing import read_movie_tag, write_movie

    assert target.movie is not None
    assert target.codec is not None
    rate = frame_rate(plate, fps)
    if rate is None:
        raise UsageError(
            f"{target.movie} needs a frame rate, which the plate does not say; add --fps."
        )
    frame_keys = [
        (f, getattr(read_provenance(target.names.path(f)), "cache_key", None)) for f in frames
    ]
    cache_key = digest("movie", frame_keys, str(rate), target.codec)
    if target.movie.exists() and read_movie_tag(target.movie, CACHE_KEY) == cache_key:
        return False
    first = _first_readable(target, frames)
    if first is None:
        raise OutputError(f"{target.movie} was not written, because none of its frames was made.")
    size, deep = (first.height, first.width), first.dtype == np.uint16
    write_movie(
        target.movie,
        _movie_samples(target, frames, size, deep=deep),
        size,
        target.codec,
        rate,
        deep=deep,
        timecode=plate.timecode(frames[0]),
        sound=_sound(plate, frames),
        metadata={**facts, CACHE_KEY: cache_key},
    )
    return True


def _sound(plate: Plate, frames: Sequence[int]) -> Any:
    from mattelier.media.movie_writing import Sound
    from mattelier.media.movies import MoviePlate

    if not isinstance(plate, MoviePlate) or len(frames) != frames[-1] - frames[0] + 1:
        return None
    stop = plate.seconds(frames[-1]) + (1 / plate.fps if plate.fps else 0)
    return Sound(plate.source(frames[0]), plate.seconds(frames[0]), stop)


def _first_readable(target: Target, frames: Sequence[int]) -> Picture | None:
    for frame in frames:
        with suppress(PictureError):
            return stills.read(target.names.path(frame))
    return None


def _movie_samples(
    target: Target, frames: Sequence[int], size: tuple[int, int], *, deep: bool
) -> Iterator[NDArray[Any]]:
    sample = np.uint16 if deep else np.uint8
    for number, frame in enumerate(frames):
        tell(number / len(frames))
        result = np.zeros((*size, 4), sample)
        try:
            picture = stills.read(target.names.path(frame))
        except PictureError:
            yield result
            continue
        result[..., :3] = from_float(to_float(picture.colour), sample)
        full_scale = np.iinfo(sample).max
        result[..., 3] = (
            full_scale if picture.alpha is None else from_float(to_float(picture.alpha), sample)
        )
        yield result
