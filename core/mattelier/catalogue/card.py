"""A model's card: what it is, whose it is, what goes in and what comes out, as frozen values.

`models/<name>/card.toml` is read with `read_card`; a key that is not known is refused, so that
a misspelt licence or convention cannot pass silently.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mattelier.catalogue.cloud import Cloud
from mattelier.types.errors import ModelError
from mattelier.types.plain_files import read_toml
from mattelier.types.plain_values import PlainValueError, from_plain

Triple = tuple[float, float, float]
NetworkTask = Literal[
    "matte",
    "trimap",
    "upscale",
    "depth",
    "denoise",
    "style",
    "track",
    "objects",
    "find",
    "fill",
    "classify",
]
"""What a network is for; `networks.contracts` says what each is asked, and what it answers."""
_MAX_NAME_CHARS = 100  # file systems take 255 bytes, and a suffix comes after it


def check_name(name: str) -> None:
    """Refuse what cannot be a model's name, which is also its folder's.

    Raises
    ------
    ModelError
        It holds more than a-z, 0-9, '.', '_' and '-', begins with a mark, or is too long.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) or len(name) > _MAX_NAME_CHARS:
        raise ModelError(
            f"name {name[:_MAX_NAME_CHARS]!r} may hold only a-z, 0-9, '.', '_' and '-'"
        )


@dataclass(frozen=True)
class Licence:
    """Under what terms the weights may be used (the training data have their own)."""

    weights: str
    commercial: Literal["yes", "no", "unknown"]
    copyleft: bool = False
    note: str = ""

    @property
    def needs_acceptance(self) -> bool:
        """Whether the user must accept these terms explicitly before the weights are fetched."""
        return self.commercial == "no" or self.copyleft


@dataclass(frozen=True)
class TrainingSet:
    """A set of pictures the network learned from, and that set's licence."""

    set: str
    licence: str


@dataclass(frozen=True)
class Failure:
    """What the network is known to do badly, for one kind of subject."""

    subject: str
    what: str


@dataclass(frozen=True)
class FileEntry:
    """One file of the model: a plain name in its folder, with its checksum."""

    path: str
    sha256: str
    bytes: int | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(
            r"[\w][\w.+-]*\.(onnx|xml|bin|safetensors|pth|pt|json|txt|model)", self.path
        ):
            raise ModelError(f"file {self.path!r} is not a plain .onnx or .safetensors name")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ModelError(f"{self.path} has no full lower-case sha256")


@dataclass(frozen=True)
class Input:
    """What the network wants to see.

    Attributes
    ----------
    size : int
        In pixels. `resize="stretch"` squashes the picture to size × size. `resize="fit"` keeps
        its aspect: sides are multiples of `multiple`, and `measure` says what `size` holds for
        (the square root of the area, the short side, or the long side). `resize="tile"` shows
        the picture itself, in tiles of at most about size × size. `resize="whole"` shows it once,
        whole, and made smaller where it is larger than `size` says.
    margin : int
        With "tile": how many pixels around its own a tile must see to be right there.
    mean, std : three floats
        Of RGB 0…1: the network gets (value - mean) / std.
    order : "rgb" or "bgr"
        Of the channels that it is given; `mean` and `std` are of RGB all the same.
    scale_by_max : bool
        The picture is divided by its own largest sample first (U-2-Net's convention).
    tensor : str or None
        The graph's input for the picture; None: its first.
    hint : str or None
        The graph's input for the hint (1, 2, h, w); None: it takes no hint.
    needs : "", "hint" or "prompt"
        What it cannot work without: a hint, or clicks, a box or a mask that it is asked with after
        one look at the picture.
    follows : bool
        It follows a subject from view to view.
    lightness : bool
        It sees a picture's luma alone (one channel), and gives that; colours are carried along.
    mirror : bool
        Its answer and that on the mirror image, averaged, are better than its answer alone by
        more than the second pass costs; asked for by all levels of quality but "fast".
    """

    size: int
    resize: Literal["fit", "stretch", "tile", "whole"]
    multiple: int = 32
    measure: Literal["area", "short", "long"] = "area"
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    scale_by_max: bool = False
    order: Literal["rgb", "bgr"] = "rgb"
    tensor: str | None = None
    hint: str | None = None
    margin: int = 0
    mirror: bool = False
    needs: Literal["", "hint", "prompt"] = ""
    follows: bool = False
    lightness: bool = False

    def __post_init__(self) -> None:
        if self.size < 1 or self.multiple < 1:
            raise ModelError("input size and multiple must be positive")
        if min(self.std) <= 0:
            raise ModelError("input std must be positive")


@dataclass(frozen=True)
class Output:
    """What the network gives.

    Attributes
    ----------
    tensor : str, int or None
        The graph's output that is the matte or picture, by name or position (-1: last); None: its
        first.
    activation : "none", "sigmoid", "softmax", "shares" or "number"
        What still has to be applied to the ONNX graph's output to have 0…1; of one that tells
        classes apart "softmax" of their scores, or "number": it gives each pixel its class's. A
        matte may be of two classes, the background and the subject: "softmax" of their scores, or
        their "shares".
    torch_activation : "none" or "sigmoid"
        The same for the torch class named by the card's `architecture`.
    min_max : bool
        The network's authors stretch its range to 0…1.
    scale : int
        How many times larger than its input the answer is (super-resolution).
    white : float
        What white is in a picture that it gives.
    """

    tensor: str | int | None = None
    activation: Literal["none", "sigmoid", "softmax", "shares", "number"] = "none"
    torch_activation: Literal["none", "sigmoid"] = "none"
    min_max: bool = False
    scale: int = 1
    white: float = 1.0


@dataclass(frozen=True)
class Card:
    """Everything Mattelier knows about one model; `folder` is where the card was read from.

    `quality` and `speed` hold measured numbers by name, or tables of them by kind of subject.
    `kernel_values` is how many values the kernels and matrices of its graph have in all, without
    biases and norms: graphs of one family have it in common, however they were exported.
    `labels` name the classes that a graph tells apart, in the order of its answer. `proof` says
    what is known of how it runs here: "equal", as its authors' code does (a test holds that),
    "runs", it was shown a picture, or "none". `cloud` of one that has no files and works elsewhere.
    """

    name: str
    title: str
    version: str
    source: str
    licence: Licence
    training_data: tuple[TrainingSet, ...]
    files: tuple[FileEntry, ...]
    input: Input
    output: Output
    task: NetworkTask = "matte"
    architecture: str | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    speed: Mapping[str, Any] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    kernel_values: int | None = None
    labels: tuple[str, ...] = ()
    proof: Literal["none", "runs", "equal"] = "none"
    cloud: Cloud | None = None
    folder: Path = Path()

    def __post_init__(self) -> None:
        check_name(self.name)
        if bool(self.files) == (self.cloud is not None):
            raise ModelError("it names no files" if self.cloud is None else "it works elsewhere")
        if self.cloud is not None and (self.task != "matte" or self.input.resize != "whole"):
            raise ModelError("what works elsewhere is for mattes, and sees a picture whole")
        pickled = [file.path for file in self.files if file.path.endswith((".pth", ".pt"))]
        if pickled and self.task == "matte":  # elsewhere they are read, and as weights only
            raise ModelError(f"file {pickled[0]!r} is not a plain .onnx or .safetensors name")
        if self.architecture is not None and not re.fullmatch(
            r"[a-z_]\w*\.[A-Za-z_]\w*", self.architecture
        ):
            raise ModelError(f"architecture {self.architecture!r} is not of the form module.Class")

    def file(self, suffix: Literal[".onnx", ".safetensors"]) -> FileEntry | None:
        """The file with that suffix, if the model has one."""
        return next((file for file in self.files if file.path.endswith(suffix)), None)

    @property
    def graph(self) -> FileEntry | None:
        """The file of its graph, ONNX or OpenVINO's, if the model has one."""
        return next((file for file in self.files if file.path.endswith((".onnx", ".xml"))), None)

    @property
    def is_folder(self) -> bool:
        """Whether its files are a folder as the package transformers writes them."""
        return any(file.path == "config.json" for file in self.files)

    @property
    def bytes(self) -> int | None:
        """Size of all files together; None when a size is not known."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def fetchable(self) -> bool:
        """Whether `models get` can bring every file."""
        return bool(self.files) and all(file.url for file in self.files)


def read_card(path: Path) -> Card:
    """The card in a TOML file.

    Raises
    ------
    ModelError
        When it cannot be read, a key is unknown, missing, or of the wrong type.
    """

    try:
        values = read_toml(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"The model card {path} cannot be read: {error}.") from error
    try:
        card = from_plain(Card, values, "it")
    except (ModelError, PlainValueError, RecursionError) as error:
        raise ModelError(f"The model card {path} is not valid: {error}.") from error
    if card.name != path.parent.name:
        raise ModelError(
            f"The model card {path} is not valid: name {card.name!r} is not its folder's name."
        )
    return dataclasses.replace(card, folder=path.parent)


def to_toml(card: Card) -> str:
    """The card as TOML, such that `read_card` gives an equal one."""
    import tomli_w

    values = dataclasses.asdict(card)
    del values["folder"]
    return tomli_w.dumps(_without_none(values))


def _without_none(value: Any) -> Any:
    """The same tables and lists without what TOML cannot say."""
    if isinstance(value, Mapping):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(item) for item in value] if isinstance(value, tuple | list) else value
