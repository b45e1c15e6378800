"""Taking a user's own weights in: looked at by content, never executed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

from mattelier.catalogue.card import Card, FileEntry, check_name, to_toml
from mattelier.catalogue.store import Store, sha256
from mattelier.types.atomic import replacing
from mattelier.types.errors import MattelierError, ModelError, UsageError

_HEAD_BYTES = 1024
_SCRATCH = ".import-"
_NCNN = b"7767517"
_PICKLE_SUFFIXES = {".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin", ".joblib", ".t7"}


def detect_suffix(
    path: Path,
) -> Literal[".onnx", ".xml", ".pb", ".safetensors", ".param", ".pth"]:
    """What a network's file is by its content, whatever its suffix says.

    ".xml" is an OpenVINO network, ".pb" a frozen TensorFlow graph, ".param" either file of ncnn's
    pair, ".pth" any pickle.

    Raises
    ------
    ModelError
        It cannot be read, or is none of these.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            size = stream.seek(0, os.SEEK_END)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).") from error
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= header <= size - 8:
        return ".safetensors"
    beside = path.with_suffix(".param")  # weights of ncnn's own begin like anything
    if head.startswith(_NCNN) or (path.suffix.lower() == ".bin" and _begins(beside, _NCNN)):
        return ".param"
    is_zip = head.startswith(b"PK\x03\x04")
    is_pickle = head[:1] == b"\x80" and head[1:2] in b"\x01\x02\x03\x04\x05"
    if is_zip or is_pickle or path.suffix.lower() in _PICKLE_SUFFIXES:
        return ".pth"
    if re.match(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<net\s", head, re.DOTALL):
        return ".xml"
    if _is_tensorflow(head):
        return ".pb"
    if head[4:8] == b"TFL3" or path.suffix.lower() == ".pb":
        raise ModelError(
            f"{path} is no frozen TensorFlow graph; what TensorFlow saves otherwise is brought in "
            "as ONNX."
        )
    if size > 16 and head[0] in b"\x08\x12\x1a\x22\x3a\x42":  # a field tag of ONNX's ModelProto
        return ".onnx"
    raise ModelError(
        f"{path} is neither a graph (ONNX, OpenVINO, TensorFlow) nor weights that can be read here."
    )


def _begins(path: Path, head: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(head)) == head
    except OSError:
        return False


def _is_tensorflow(head: bytes) -> bool:
    """Whether a file begins as GraphDef does: with a node, which begins with its name."""
    if head[:1] != b"\n" or len(head) < 16:
        return False
    end = next((n for n in range(1, 6) if head[n : n + 1] < b"\x80"), 6)  # of the node's length
    name = head[end + 1 :]
    return name[:1] == b"\n" and name[2 + name[1] :][:1] == b"\x12"  # and then its operation


def import_weights(
    store: Store, source: Path, name: str, describe: Callable[[Path], Card], given: Path
) -> Card:
    """Copy a graph or a safetensors file into the user's folder, with a card; both, or nothing.

    Parameters
    ----------
    source : an .xml comes with the .bin beside it
    describe : makes the card when given the copy, which lies alone in its folder as it will
        later; what it raises leaves nothing behind, and names the file that was given
    given : the user's file, which `source` may have been made of

    Raises
    ------
    UsageError
        The name is taken.
    ModelError
        The name is none, or the file is refused, or cannot be copied.
    """
    suffix = detect_suffix(source)
    beside = weights_beside(source) if suffix == ".xml" else None

    def fill(folder: Path) -> Card:
        copy = folder / f"{name}{suffix}"
        shutil.copyfile(source, copy)
        if beside is not None:
            shutil.copyfile(beside, copy.with_suffix(beside.suffix))
        try:
            return describe(copy)
        except MattelierError as error:
            raise _naming(error, copy, given) from error

    return _take(store, given, name, fill)


def weights_beside(network: Path) -> Path:
    """The file with the weights of an OpenVINO network's .xml.

    Raises
    ------
    ModelError
        It is not there.
    """
    weights = network.with_suffix(".bin")
    if not weights.is_file():
        raise ModelError(
            f"{network.name} is half a network: its weights, {weights.name}, are not beside it."
        )
    return weights


def import_folder(
    store: Store,
    source: Path,
    name: str,
    files: Collection[str],
    describe: Callable[[Path], Card],
) -> Card:
    """Copy these files of a folder into the user's, with a card; all, or nothing.

    Parameters
    ----------
    files : names of what is taken, of those that are there
    describe : makes the card when given the folder's copy; see `import_weights`

    Raises
    ------
    UsageError, ModelError
        As of `import_weights`.
    """

    def fill(folder: Path) -> Card:
        for file in files:
            if (source / file).is_file():
                shutil.copyfile(source / file, folder / file)
        try:
            return describe(folder)
        except MattelierError as error:
            raise _naming(error, folder, source) from error

    return _take(store, source, name, fill)


def _naming(error: MattelierError, copy: Path, given: Path) -> MattelierError:
    """The error, which tells of a copy that is gone by then, as one of what the user gave."""
    scratch = re.escape(str(copy)[: str(copy).rindex(_SCRATCH)] + _SCRATCH)
    cut_off = re.compile(rf"{scratch}[\w./\\-]*")  # libraries' own words are kept short
    name = re.compile(rf"(?<![\w./\\-]){re.escape(copy.name)}(?![\w/\\-])")

    def change(text: str) -> str:
        text = cut_off.sub(lambda _: str(given), text.replace(str(copy), str(given)))
        return text if given.is_dir() else name.sub(lambda _: given.name, text)

    return error.reworded(change)


def _take(store: Store, source: Path, name: str, fill: Callable[[Path], Card]) -> Card:
    """A model's folder, filled and with the card that this gives; whole or not at all."""
    check_name(name)
    if name in store.names() or name == "default":
        raise UsageError(f"There is a model {name!r} already; choose another --name.")
    try:
        store.user.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=store.user) as scratch:
            folder = Path(scratch) / "model"
            folder.mkdir()
            card = fill(folder)
            (folder / "card.toml").write_text(to_toml(card), "utf-8")
            folder.replace(store.user / name)
    except OSError as error:
        raise _cannot_copy(source, store, error) from error
    return store.card(name)


def published_file(store: Store, source: Path) -> tuple[Card, FileEntry] | None:
    """The model whose card names just this file, by its checksum, and its entry; None: none does.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    try:
        size = source.stat().st_size
        entries = [
            (card, file)
            for card in store.cards()
            if any(file.bytes in (None, size) and file.url for file in card.files)
            for file in card.files
        ]
        digest = sha256(source) if entries else ""
    except OSError as error:
        raise ModelError(f"{source} cannot be read ({error.strerror}).") from error
    return next(((card, file) for card, file in entries if file.sha256 == digest), None)


def take_published(
    store: Store, card: Card, file: FileEntry, source: Path, *, accept_licence: bool
) -> dict[str, Path]:
    """Put a model's file where `models get` would have put it; its paths, as `Store.locate`.

    Raises
    ------
    UsageError
        The licence needs acceptance that was not given.
    ModelError, OutputError
        It cannot be copied, or another file of the model is not here yet.
    """
    if card.licence.needs_acceptance and not accept_licence:
        raise UsageError(
            f"The weights of {card.name} are under {card.licence.weights}; read {card.source} and "
            "add --accept-licence if you accept that."
        )
    folder = store.user / card.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_copy(source, store, error) from error
    with replacing(folder / file.path) as part:
        shutil.copyfile(source, part)
    return store.locate(card)


def _cannot_copy(source: Path, store: Store, error: OSError) -> ModelError:
    return ModelError(f"{source} cannot be copied to {store.user} ({error.strerror or error}).")
