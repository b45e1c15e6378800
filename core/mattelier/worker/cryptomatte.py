"""The job "cryptomatte": the mattes of a shot's subjects as one Cryptomatte a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mattelier.types.errors import UsageError
from mattelier.types.sentence import Sentence

_OPTIONS = {"mattes", "frames", "output"}


def cryptomatte(options: Any) -> dict[str, Any]:
    """Write the mattes of several subjects as Cryptomattes; gives how many frames there are.

    Parameters
    ----------
    options : {"mattes": {name: pattern}, "frames": range, "output": pattern}
        Paths are absolute. Names are what compositors pick subjects by. Where mattes together
        cover more of a pixel than there is, each has its share.

    Raises
    ------
    UsageError
        The options are not those, or mattes of a frame have different sizes.
    PictureError
        A matte is missing or damaged.
    OutputError
        The system refuses.
    """
    from mattelier.media import stills
    from mattelier.media.cryptomatte import write_cryptomatte
    from mattelier.media.frame_names import FrameNames
    from mattelier.media.matte_frames import open_mattes
    from mattelier.media.object_files import shared
    from mattelier.types.frame_range import FrameRange
    from mattelier.types.progress import stage

    if not isinstance(options, dict) or options.keys() != _OPTIONS:
        raise UsageError(
            "A Cryptomatte is asked for with {options}.", options=", ".join(sorted(_OPTIONS))
        )
    mattes, output = options["mattes"], str(options["output"])
    if not isinstance(mattes, dict) or not mattes:
        raise UsageError("A Cryptomatte needs the mattes of its subjects, by their names.")
    for path in (*map(str, mattes.values()), output):
        if not Path(path).is_absolute():
            raise UsageError("The worker needs absolute paths, not {path}.", path=path)
    names = FrameNames.parse(output)
    if names is None or names.extension != ".exr":
        raise UsageError("A Cryptomatte is written as name.####.exr, not {path}.", path=output)
    first = FrameNames.parse(str(next(iter(mattes.values()))))
    if first is None:
        raise UsageError("A Cryptomatte needs the mattes of its subjects, by their names.")
    frames = FrameRange.parse(str(options["frames"]))
    files = {str(name): open_mattes(str(pattern)) for name, pattern in mattes.items()}
    for index, frame in enumerate(frames):
        with stage(
            Sentence("frame {frame}", frame=frame), index / len(frames), (index + 1) / len(frames)
        ):
            alphas = [one.read(frame) for one in files.values()]
            if len({alpha.shape for alpha in alphas}) > 1:
                raise UsageError("The mattes have different sizes.")
            like = stills.read(first.path(frame))  # for its windows
            write_cryptomatte(
                names.path(frame), dict(zip(files, shared(alphas), strict=True)), like
            )
    return {"frames": len(frames)}
