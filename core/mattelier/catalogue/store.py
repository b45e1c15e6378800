"""Where models lie on this machine, and whether they are what their cards say.

Shipped cards (and the weights of the default network) come with the package; fetched and
imported ones lie in the user's folder, which the environment variable MATTELIER_MODELS moves.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal
from urllib.parse import urlsplit

from mattelier.catalogue.card import Card, FileEntry, read_card
from mattelier.types.atomic import replacing
from mattelier.types.errors import ModelError, OutputError, UsageError
from mattelier.types.file_lock import one_at_a_time
from mattelier.types.plain_files import read_json
from mattelier.types.progress import stage, tell
from mattelier.types.sentence import Sentence

# What the model name "default" stands for, on pictures, on shots and on live frames, which are done
# in a glance; their weights ship along.
DEFAULT, SHOT_DEFAULT, LIVE_DEFAULT = "cutout", "cutout-shot", "cutout-live"

_MAX_BYTES = 16 << 30  # of a file whose card gives no size

State = Literal["ready", "absent", "missing", "damaged", "cloud"]


def shipped_folder() -> Path:
    """The models that come with Mattelier: inside an installed package, or beside `core/`."""
    installed = Path(__file__).parents[1] / "models"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "models"


def user_folder() -> Path:
    """The folder for fetched and imported models: MATTELIER_MODELS, or the platform's own."""
    from platformdirs import user_data_path

    moved = os.environ.get("MATTELIER_MODELS")
    return Path(moved) if moved else user_data_path("mattelier", appauthor=False) / "models"


def cache_folder() -> Path:
    """The platform's cache folder for what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("mattelier", appauthor=False)


@dataclass(frozen=True)
class Store:
    """The models of this machine; its three folders need not exist.

    Examples
    --------
    >>> store = Store()
    >>> paths = store.locate(store.card("default"))  # doctest: +SKIP
    """

    shipped: Path = field(default_factory=shipped_folder)
    user: Path = field(default_factory=user_folder)
    cache: Path = field(default_factory=cache_folder)

    def names(self) -> list[str]:
        """Names of all models with a card, the default first."""
        cards = [card for root in (self.shipped, self.user) for card in root.glob("*/card.toml")]
        return sorted({card.parent.name for card in cards}, key=lambda n: (n != DEFAULT, n))

    def cards(self) -> Iterator[Card]:
        """The cards of all models; one that is not valid is passed over."""
        for name in self.names():
            with contextlib.suppress(ModelError):
                yield self.card(name)

    def card(self, name: str) -> Card:
        """The card of a model by its name, or by its folder's path; "default" is the shipped one.

        Raises
        ------
        UsageError
            No model has that name.
        ModelError
            Its card is not valid, or the default network is missing.
        """
        if name == "default":
            name = DEFAULT
        for root in (self.shipped, self.user):
            # A name is one folder below the root; "../x" or "a/b" is a path, if anything.
            if Path(name).name == name and (root / name / "card.toml").is_file():
                return read_card(root / name / "card.toml")
        if name and (Path(name) / "card.toml").is_file():  # a model that was trained here
            return read_card(Path(name).resolve() / "card.toml")
        if name == DEFAULT:
            raise ModelError(
                "The default network is missing from {shipped}: install Mattelier again.",
                shipped=self.shipped,
            )
        raise UsageError(
            "There is no model {name}; choose one of {names} (`mattelier models list`).",
            name=repr(name),
            names=", ".join(self.names()) or "(none found)",
        )

    def locate(self, card: Card) -> dict[str, Path]:
        """Verified paths of a model's files, by the names its card gives them.

        All lie in one folder, because an ONNX graph refers to its weights by file name. A
        checksum is computed once and remembered by size and time of change.

        Raises
        ------
        ModelError
            Files are missing, or are not what the card says; the sentence names the remedy.
        """
        if card.cloud is not None:
            raise ModelError(_elsewhere(card))
        damage = None
        for folder in self._folders(card):
            paths = {file.path: folder / file.path for file in card.files}
            if not all(path.is_file() for path in paths.values()):
                continue
            damage = next(
                filter(None, (self._find_damage(f, paths[f.path]) for f in card.files)), None
            )
            if damage is None:
                return paths
        raise ModelError(
            "{damage} {remedy}", damage=damage or self._missing(card), remedy=_remedy_sentence(card)
        )

    def state(self, card: Card, *, rehash: bool = False) -> tuple[State, str]:
        """How a model stands, and one sentence why when it is not "ready".

        "absent": nothing of it is here and `get` can bring it. "cloud": nothing of it ever is. With
        `rehash` nothing that was remembered about its checksums counts.
        """
        if card.cloud is not None:
            return "cloud", _elsewhere(card)
        if rehash:
            self._drop_verified(card)
        try:
            self.locate(card)
        except ModelError as error:
            here = [
                f for root in self._folders(card) for f in card.files if (root / f.path).exists()
            ]
            if not here:
                return ("absent" if card.fetchable else "missing"), str(error)
            return ("damaged" if len(here) >= len(card.files) else "missing"), str(error)
        return "ready", ""

    def get(
        self,
        name: str,
        *,
        accept_licence: bool = False,
        waiting: Callable[[], None] = lambda: None,
    ) -> dict[str, Path]:
        """Fetch a model's files, check them, and return their paths as `locate` does.

        A broken download goes on where it stopped. Proxies are taken from the environment. Of
        several at once one fetches, and the others wait for it; `waiting` is then called.

        Raises
        ------
        UsageError
            The licence needs acceptance that was not given.
        ModelError
            A file has no address, cannot be fetched, or is not what the card says.
        """
        card = self.card(name)
        if card.cloud is not None:
            raise ModelError(_elsewhere(card))
        try:
            return self.locate(card)
        except ModelError:
            pass
        if not card.fetchable:
            raise ModelError(
                "The model {name} cannot be fetched. {remedy}",
                name=name,
                remedy=_remedy_sentence(card),
            )
        if card.licence.needs_acceptance and not accept_licence:
            raise UsageError(
                "The weights of {name} are under {weights} ({restriction}); read {source} and run "
                "`mattelier models get {name} --accept-licence` if you accept that.",
                name=name,
                weights=card.licence.weights,
                restriction=restriction(card),
                source=card.source,
            )
        folder, todo = self.user / card.name, list(card.files)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with one_at_a_time(self.user / f".{card.name}.get", waiting):
                todo = [f for f in card.files if self._find_damage(f, folder / f.path)]
                if todo:
                    _check_free_space(folder, card)
                for number, file in enumerate(todo):
                    with stage("fetching", number / len(todo), (number + 1) / len(todo)):
                        _download(file, folder / file.path)
        except OSError as error:
            raise ModelError(
                "The model {name} could not be fetched ({reason}). Mend that and run "
                "`mattelier models get {name}` again, or put into {folder} by hand: {files}.",
                name=name,
                reason=_error_reason(error),
                folder=folder,
                files=" ".join(map(_address, todo)),
            ) from error
        return self.locate(card)

    def comes_along(self, card: Card) -> bool:
        """Whether a model's files come with Mattelier, and stay."""
        there = all((card.folder / file.path).is_file() for file in card.files)
        return card.folder.parent == self.shipped and there

    def remove(self, name: str) -> None:
        """Delete a model's files from the user's folder, and what was compiled of them.

        An imported one goes with its card.

        Raises
        ------
        UsageError
            It comes with Mattelier, or nothing of it was fetched.
        ModelError
            It cannot be deleted.
        """
        card = self.card(name)
        folder = self.user / card.name
        if self.comes_along(card):
            raise UsageError("The model {name} comes with Mattelier and stays.", name=card.name)
        if not folder.is_dir():
            raise UsageError("Nothing of the model {name} is on this computer.", name=card.name)
        self._drop_verified(card)
        try:
            with one_at_a_time(self.user / f".{card.name}.get", lambda: None):
                shutil.rmtree(folder)
            shutil.rmtree(self.compiled(card), ignore_errors=True)
        except OSError as error:
            raise ModelError(
                "The model {name} could not be removed ({reason}).",
                name=card.name,
                reason=_error_reason(error),
            ) from error

    def compiled(self, card: Card) -> Path:
        """Where a model's graphs are kept as this computer compiled them; it may not be there.

        OpenVINO recognises a kept graph by its own file alone, and would go on using old weights
        where only those beside it changed: so the checksums of all files name the folder.
        """
        import hashlib

        sums = "".join(file.sha256 for file in card.files)
        name = f"{card.name}-{hashlib.sha256(sums.encode()).hexdigest()[:16]}"
        return self.cache / "openvino" / name

    def _folders(self, card: Card) -> list[Path]:
        return list(dict.fromkeys([card.folder, self.user / card.name]))

    def _missing(self, card: Card) -> str:
        if card.fetchable:
            return Sentence("The model {name} is not on this computer yet.", name=card.name)
        names = [f.path for f in card.files if not (card.folder / f.path).is_file()]
        return Sentence(
            "The model {name} lacks {names} in {folder}.",
            name=card.name,
            names=", ".join(names),
            folder=card.folder,
        )

    def _find_damage(self, file: FileEntry, path: Path) -> str | None:
        """One sentence when a file is not what its card says; None when it is."""
        try:
            stat = path.stat()
            if file.bytes is not None and stat.st_size != file.bytes:
                return Sentence(
                    "{path} is damaged: {st_size} bytes where {bytes} belong.",
                    path=path,
                    st_size=stat.st_size,
                    bytes=file.bytes,
                )
            verified = self._read_verified()
            key = [stat.st_size, stat.st_mtime_ns, file.sha256]
            if verified.get(str(path)) == key:
                return None
            if sha256(path) != file.sha256:
                return Sentence(
                    "{path} is damaged or was tampered with: its checksum is not the card's.",
                    path=path,
                )
        except OSError as error:
            return Sentence(
                "{path} cannot be read ({reason}).", path=path, reason=_error_reason(error)
            )
        self._write_verified(verified | {str(path): key})
        return None

    def _read_verified(self) -> dict[str, list[object]]:
        try:
            verified = read_json(self.cache / "verified.json")
        except (OSError, ValueError):
            return {}
        return verified if isinstance(verified, dict) else {}

    def _write_verified(self, verified: dict[str, list[object]]) -> None:
        with contextlib.suppress(OSError, OutputError):  # only speed is lost
            self.cache.mkdir(parents=True, exist_ok=True)
            with replacing(self.cache / "verified.json") as temporary:
                temporary.write_text(json.dumps(verified), "utf-8")

    def _drop_verified(self, card: Card) -> None:
        own_files = {str(root / file.path) for root in self._folders(card) for file in card.files}
        verified = self._read_verified()
        if own_files & verified.keys():
            self._write_verified(
                {path: key for path, key in verified.items() if path not in own_files}
            )


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remedy_sentence(card: Card) -> str:
    if card.fetchable:
        accept = " --accept-licence" if card.licence.needs_acceptance else ""
        return Sentence(
            "Fetch it with `mattelier models get {name}{accept}`.", name=card.name, accept=accept
        )
    if card.folder.parent == shipped_folder():
        return Sentence("It comes with Mattelier: install Mattelier again.")
    return Sentence(
        "Bring it in again with `mattelier models import` (source: {source}).", source=card.source
    )


def _elsewhere(card: Card) -> Sentence:
    assert card.cloud is not None
    return Sentence(
        "The model {name} has no files: others' computers do its work, at {url}.",
        name=card.name,
        url=card.cloud.url,
    )


def restriction(card: Card) -> str:
    """What the licence of a model that needs acceptance does not allow, or asks for, in a word."""
    return "no commercial use" if card.licence.commercial == "no" else "copyleft"


def _check_free_space(folder: Path, card: Card) -> None:
    free = shutil.disk_usage(folder).free
    if card.bytes and free < card.bytes:
        raise ModelError(
            "The model {name} needs {needed} MB but {folder} has {free} MB free; make room "
            "or set MATTELIER_MODELS to another folder.",
            name=card.name,
            needed=f"{card.bytes / 1e6:.0f}",
            folder=folder,
            free=f"{free / 1e6:.0f}",
        )


class _TooLarge(Exception):  # noqa: N818 - the caller says what that means
    """More came than was announced."""


class _Bounded:
    """A file that takes no more than `most` bytes altogether."""

    def __init__(self, sink: IO[bytes], most: int) -> None:
        self._sink, self._most, self._left = sink, most, most - sink.tell()

    def write(self, block: bytes) -> int:
        self._left -= len(block)
        if self._left < 0:
            raise _TooLarge
        tell(1 - self._left / self._most)
        return self._sink.write(block)

    def flush(self) -> None:
        self._sink.flush()


def _download(file: FileEntry, target: Path) -> None:
    """Fetch to `….part`, going on where a broken try stopped; moved in place once verified."""
    from pooch import HTTPDownloader

    part = target.with_name(f"{target.name}.part")
    most = _MAX_BYTES if file.bytes is None else file.bytes
    if part.is_symlink() or (part.exists() and part.stat().st_size > most):
        part.unlink()
    start = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    fetch = HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30, headers=headers)
    try:
        with part.open("ab") as sink:
            fetch(file.url, _Bounded(sink, most), None)
        intact = sha256(part) == file.sha256
    except _TooLarge:
        intact = False
    except OSError as error:
        # A server that refuses the range (416) has nothing to add: begin again.
        if not start or getattr(getattr(error, "response", None), "status_code", None) != 416:
            if not part.stat().st_size:  # there is nothing to go on from
                part.unlink()
                with contextlib.suppress(OSError):
                    target.parent.rmdir()
            raise
        intact = False
    if intact:
        os.replace(part, target)  # by hand: a broken download goes on in the same part
        return
    part.unlink()
    if not start:
        raise ModelError(
            "What {url} gave is not the {path} that the card describes (its size or "
            "checksum differs); it was thrown away. Try again, or tell the project if it "
            "stays so.",
            url=file.url,
            path=file.path,
        )
    _download(file, target)


def _address(file: FileEntry) -> str:
    """Where a file of a published model is, and how large it is said to be."""
    return f"{file.url} ({file.bytes / 1e6:.0f} MB)" if file.bytes else f"{file.url}"


def _error_reason(error: OSError) -> str:
    # The download library's errors bear the request, and the answer where there was one.
    address = getattr(getattr(error, "request", None), "url", None)
    if address and getattr(error, "response", None) is None:
        return Sentence(
            "{hostname} cannot be reached: is there a network?", hostname=urlsplit(address).hostname
        )
    return error.strerror or " ".join(str(error).split())[:200] or type(error).__name__
