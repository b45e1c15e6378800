"""Networks that lie in a folder in pieces, as JavaScript packages carry them.

`resources.json` names the pieces of each file by their SHA-256, under which they lie beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mattelier.types.errors import ModelError

_LIST = "resources.json"


def is_in_pieces(folder: Path) -> bool:
    """Whether a folder lists a network's pieces."""
    return (folder / _LIST).is_file()


@contextmanager
def join_pieces(folder: Path) -> Iterator[Path]:
    """The largest network of a folder as one file, of the folder's name, for as long as needed.

    Raises
    ------
    ModelError
        The list names no pieces, or one of them is missing or damaged.
    """
    try:
        listed = json.loads((folder / _LIST).read_text("utf-8"))
        networks = [[str(one["hash"]) for one in file["chunks"]] for file in listed.values()]
        names = max(networks, key=len)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{folder / _LIST} lists no pieces of a network.") from None
    with tempfile.TemporaryDirectory(prefix="mattelier-") as scratch:
        whole = Path(scratch, f"{folder.resolve().name}.onnx")
        try:
            with whole.open("wb") as sink:
                for name in names:
                    _append(folder, name, sink)
        except OSError as error:
            raise ModelError(
                f"The pieces in {folder} cannot be put together ({error.strerror})."
            ) from error
        yield whole


def _append(folder: Path, name: str, sink: IO[bytes]) -> None:
    piece = folder / Path(name).name
    if not piece.is_file():
        raise ModelError(f"{folder} is half a network: its piece {name[:12]}… is not there.")
    with piece.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != name:
            raise ModelError(f"The piece {piece} is damaged: its checksum is not its name.")
        stream.seek(0)
        shutil.copyfileobj(stream, sink)
