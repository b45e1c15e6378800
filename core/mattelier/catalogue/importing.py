"""Taking a user's own weights in: looked at by content, never executed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mattelier.catalogue.card import Card, check_name, to_toml
from mattelier.catalogue.store import Store, sha256
from mattelier.types.errors import ModelError, UsageError

_PICKLE_SUFFIXES = {".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin", ".joblib", ".t7"}


def detect_suffix(path: Path) -> Literal[".onnx", ".safetensors", ".pth"]:
    """What a weights file is by its content, whatever its suffix says; ".pth" is any pickle.

    Raises
    ------
    ModelError
        It cannot be read, or is none of these.
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
    is_zip = head.startswith(b"PK\x03\x04")
    is_pickle = head[:1] == b"\x80" and head[1:2] in b"\x01\x02\x03\x04\x05"
    if is_zip or is_pickle or path.suffix.lower() in _PICKLE_SUFFIXES:
        return ".pth"
    if size > 16 and head[0] in b"\x08\x12\x1a\x22\x3a\x42":  # a field tag of ONNX's ModelProto
        return ".onnx"
    raise ModelError(f"{path} is neither an ONNX graph nor weights that can be read here.")


def import_weights(store: Store, source: Path, name: str, describe: Callable[[Path], Card]) -> Card:
    """Copy an ONNX or safetensors file into the user's folder, with a card; both, or nothing.

    Parameters
    ----------
    describe : makes the card when given the copy, which lies alone in its folder as it will
        later; what it raises leaves nothing behind

    Raises
    ------
    UsageError
        The name is taken, or is none.
    ModelError
        The file is refused, or cannot be copied.
    """
    check_name(name)
    if name in store.names() or name == "default":
        raise UsageError(f"There is a model {name!r} already; choose another --name.")
    suffix = detect_suffix(source)
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
        raise _cannot_copy(source, store, error) from error
    return store.card(name)


def published_model(store: Store, source: Path) -> Card | None:
    """The model whose card names just this file, by its checksum; None: none does.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    try:
        size = source.stat().st_size
        cards = [
            card
            for card in store.cards()
            if any(file.bytes in (None, size) and file.url for file in card.files)
        ]
        digest = sha256(source) if cards else ""
    except OSError as error:
        raise ModelError(f"{source} cannot be read ({error.strerror}).") from error
    return next((c for c in cards if any(file.sha256 == digest for file in c.files)), None)


def take_published(
    store: Store, card: Card, source: Path, *, accept_licence: bool
) -> dict[str, Path]:
    """Put a file where `models get` would have put it; its model's paths, as `Store.locate`.

    Raises
    ------
    UsageError
        The licence needs acceptance that was not given.
    ModelError
        It cannot be copied, or another file of the model is not here yet.
    """
    if card.licence.needs_acceptance and not accept_licence:
        raise UsageError(
            f"The weights of {card.name} are under {card.licence.weights}; read {card.source} and "
            "add --accept-licence if you accept that."
        )
    digest = sha256(source)
    file = next(one for one in card.files if one.sha256 == digest)
    folder = store.user / card.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{file.path}.import"
        shutil.copyfile(source, part)
        os.replace(part, folder / file.path)
    except OSError as error:
        raise _cannot_copy(source, store, error) from error
    return store.locate(card)


def _cannot_copy(source: Path, store: Store, error: OSError) -> ModelError:
    return ModelError(f"{source} cannot be copied to {store.user} ({error.strerror or error}).")
