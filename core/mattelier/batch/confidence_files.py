"""A result and its confidence map are written together, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.batch.outputs import confidence_file
from mattelier.media import stills
from mattelier.types.atomic import replacing
from mattelier.types.errors import OutputError
from mattelier.types.picture import Picture

Save = Callable[[Path], object]


def with_confidence(
    save: Save, confidence: NDArray[np.float32], like: Picture, bits: int = 16
) -> Save:
    """What writes a result as `save` does, and the map of it beside it.

    Parameters
    ----------
    confidence : (H, W) float32 0…1
    like : the picture, whose windows an EXR takes
    bits : 8 or 16, of PNG and TIFF
        Most of a picture is nearly sure, and 8 bits do not tell how nearly: of the wrong pixels,
        the least sure tenth then holds 66 % instead of 74 % (measured).
    """

    def save_both(path: Path) -> None:
        with _replacing_both(path, confidence_file(path)) as (result, beside):
            save(result)
            facts = {"mattelier:content": "confidence"}
            stills.write_matte(beside, confidence, bits=bits, like=like, facts=facts)

    return save_both


@contextmanager
def _replacing_both(path: Path, beside: Path) -> Iterator[tuple[Path, Path]]:
    """As `replacing`, for two files; what a failure finds half done is put back."""
    old = beside.with_name(f".{beside.stem[:40]}.{secrets.token_hex(4)}{beside.suffix}")
    with ExitStack() as undo:
        with replacing(path) as first, replacing(beside) as second:
            try:
                yield first, second
            except OutputError as error:  # people know the files by their own names
                message = (
                    str(error).replace(str(first), str(path)).replace(str(second), str(beside))
                )
                raise OutputError(message) from error
            # `beside` is moved first; should `path` refuse then, what was there comes back.
            if os.path.lexists(beside):
                os.replace(beside, old)
                undo.callback(os.replace, old, beside)
            else:
                undo.callback(beside.unlink, missing_ok=True)
        undo.pop_all()
    old.unlink(missing_ok=True)
