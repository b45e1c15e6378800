"""Taking a user's own weights in: looked at by content, never executed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mattelier.catalogue.card import Card, to_toml
from mattelier.catalogue.store import Store
from mattelier.types.errors import ModelError, UsageError

_PICKLE_SUFFIXES = {".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin", ".joblib", ".t7"}


def weights_suffix(path: Path) -> Literal[".onnx", ".safetensors"]:
    """What a weights file is by its content, whatever its suffix says.

    Raises
    ------
    ModelError
        It cannot be read, or is a pickle (which can execute code, so it is never opened), or
        neither ONNX nor safetensors.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
            size = stream.seek(0, os.SEEK_END)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).") from error
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= header <= size - 8:
        return ".safetensors"
    zipped = head.startswith(b"PK\x03\x04")
    pickled = head[:1] == b"\x80" and head[1:2] in b"\x01\x02\x03\x04\x05"
    if zipped or pickled or path.suffix.lower() in _PICKLE_SUFFIXES:
        raise ModelError(
            f"{path} is refused because it is a pickle, which can run any code when it is read; "
            "bring the weights as safetensors or ONNX."
        )
    if size > 16 and head[0] in b"\x08\x12\x1a\x22\x3a\x42":  # a field tag of ONNX's ModelProto
        return ".onnx"
    raise ModelError(f"{path} is neither an ONNX nor a safetensors file.")


def import_weights(store: Store, source: Path, name: str, describe: Callable[[Path], Card]) -> Card:
    """Copy a weights file into the user's folder, with a card; both are there, or nothing is.

    Parameters
    ----------
    describe : makes the card when given the copy, which lies alone in its folder as it will later

    Raises
    ------
    UsageError
        The name is taken.
    ModelError
        The file is refused, or cannot be copied.
    """
    suffix = weights_suffix(source)
    if name in store.names() or name == "default":
        raise UsageError(f"There is a model {name!r} already; choose another --name.")
    try:
        store.user.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=store.user) as scratch:
            folder = Path(scratch) / "model"
            folder.mkdir()
            copy = folder / f"{name}{suffix}"
            shutil.copyfile(source, copy)
            card = describe(copy)
            (folder / "card.toml").write_text(to_toml(card), "utf-8")
            folder.replace(store.user / name)
    except OSError as error:
        raise ModelError(
            f"{source} cannot be copied to {store.user} ({error.strerror or error})."
        ) from error
    return store.card(name)
