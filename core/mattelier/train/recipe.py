"""A training recipe: everything that decides how a network comes out, read from a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mattelier.networks.cutout import input_multiple
from mattelier.train import RECIPES
from mattelier.types.errors import UsageError
from mattelier.types.plain_files import read_toml
from mattelier.types.plain_values import PlainValueError, from_plain

AnyRecipe = TypeVar("AnyRecipe")

SAMPLE_KINDS = ("photo", "paste", "over", "shape", "group", "several", "nothing", "followed")
HINT_KINDS = ("none", "mask", "clicks", "box", "trimap", "tracked")


@dataclass(frozen=True)
class Stage:
    """Training up to this share of the run uses this input size and batch."""

    until: float
    size: int
    batch: int


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes
    ----------
    seed : int
        Sample i of a run is a pure function of the seed and i.
    samples : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    stages : tuple of Stage
        Small pictures first, larger ones later.
    sets : mapping
        Folder of picture pairs → weight of drawing from it.
    cutouts, scenes : tuple
        Folders of RGBA cut-outs, and of pictures without a subject to paste on.
    left_out : mapping
        Folder → names (without endings) of pictures that would teach what is wrong: a truth that
        misses its subject, a scene that has one.
    one_of_several : mapping
        Folder → names of pictures whose truth is one of several subjects (the bicycle without its
        rider): a hint has to say which.
    loose : mapping
        Folder → how far its outlines may be off, in pixels of the size trained at: so near them
        nothing is taught.
    soft : tuple
        Folders whose truths are a network's answers: soft edges are alpha there, not unknown, and
        what is neither subject nor background over a wide area is not known.
    groups : mapping
        Folder → weight, as `sets`: whose subjects stand side by side in samples of kind "group".
    instances : mapping
        Folder → weight, as `sets`: photographs whose truths number their subjects
        (`data.subjects`), for samples of kind "several", in which a hint names one of them.
    mix : mapping
        Kind of sample (`SAMPLE_KINDS`) → share; "nothing" is a scene or a pattern without subject,
        "followed" a frame of a made clip of `groups`, with the hint that tracking has there.
    hints : mapping
        Kind of hint (`HINT_KINDS`) → share, for samples with one subject; `choose` is the share
        of pictures with several subjects in which a hint must pick one.
    fine : float
        How many times more thin parts, narrow gaps and holes weigh in the loss, on top of one.
    sharpness : float
        The finished network's logits are multiplied by this. Cross-entropy teaches how likely a
        pixel is subject, which in a matte looks like haze over what is merely unsure.
    kept : float 0…1
        The share of the weights it started from that the finished network keeps (Wortsman et al.
        2022, "Robust fine-tuning of zero-shot models"): the mean of both can be better than either.
    norm : bool
        Train with batch norm, as a long run needs; one from finished weights goes on better
        without: they were folded, and a norm's statistics have to be found first.
    detail : bool
        Whether the network has the second look of `DetailCutoutNet`.
    bfloat16 : bool
        Multiply in bfloat16, which processors and GPUs that know it do in half the time; weights,
        their averages and the loss stay float32.
    """

    seed: int
    samples: int
    stages: tuple[Stage, ...]
    sets: dict[str, float]
    cutouts: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    left_out: dict[str, list[str]] = field(default_factory=dict)
    one_of_several: dict[str, list[str]] = field(default_factory=dict)
    loose: dict[str, int] = field(default_factory=dict)
    soft: tuple[str, ...] = ()
    groups: dict[str, float] = field(default_factory=dict)
    instances: dict[str, float] = field(default_factory=dict)
    mix: dict[str, float] = field(default_factory=lambda: {"photo": 1.0})
    hints: dict[str, float] = field(default_factory=lambda: {"none": 1.0})
    choose: float = 0.6
    encoder_rate: float = 3e-4
    decoder_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: int = 800
    ema: float = 0.999
    fine: float = 0.0
    sharpness: float = 1.0
    kept: float = 0.0
    norm: bool = True
    detail: bool = False
    bfloat16: bool = False

    def stage(self, progress: float) -> Stage:
        """The stage that holds at this share (0…1) of the run."""
        return next((s for s in self.stages if progress < s.until), self.stages[-1])


def recipe_values(path: Path) -> tuple[str, dict[str, Any]]:
    """(task, values) of a recipe file; the task is "cutout" where the file names none.

    Where a file names a `base`, a recipe beside it or one of ours, that one's values hold wherever
    it says nothing itself; a table counts as a whole.

    Raises
    ------
    UsageError
        It cannot be read, or is its own base.
    """
    values: dict[str, Any] = {}
    file: Path | None = path
    read: list[Path] = []
    while file is not None:
        if file in read:
            raise UsageError(f"The recipe {path} cannot be read: {file.stem} is its own base.")
        read.append(file)
        try:
            found = read_toml(file)
        except (OSError, ValueError) as error:
            raise UsageError(f"The recipe {file} cannot be read: {error}.") from error
        base = found.pop("base", None)
        values = {**found, **values}
        file = None if base is None else _base(file, str(base))
    return values.pop("task", "cutout"), values


def _base(path: Path, name: str) -> Path:
    beside = path.with_name(f"{Path(name).name}.toml")
    return beside if beside.is_file() else RECIPES / beside.name


def recipe_of(recipe_type: type[AnyRecipe], path: Path, values: dict[str, Any]) -> AnyRecipe:
    """The recipe that a file's values describe.

    Raises
    ------
    UsageError
        A key is unknown or missing, or a value is of the wrong type.
    """
    try:
        return from_plain(recipe_type, values, "it")
    except PlainValueError as error:
        raise UsageError(f"The recipe {path} is not valid: {error}.") from None


def load_recipe(path: Path) -> Recipe:
    """Read a cut-out recipe; unknown keys are refused, so that a misspelt one is not ignored."""
    task, values = recipe_values(path)
    if task != "cutout":
        raise UsageError(f"The recipe {path} is for {task!r}, not for a cut-out network.")
    recipe = recipe_of(Recipe, path, values)
    if not recipe.stages:
        raise UsageError(f"The recipe {path} has no stages.")
    multiple = input_multiple(recipe.detail)
    if any(stage.size % multiple for stage in recipe.stages):
        raise UsageError(f"The recipe {path} needs stage sizes that are multiples of {multiple}.")
    if not 0 <= recipe.kept <= 1:
        raise UsageError(f"The recipe {path} needs a `kept` of 0…1.")
    for kind, table in (("group", "groups"), ("several", "instances"), ("followed", "groups")):
        if recipe.mix.get(kind) and not getattr(recipe, table):
            raise UsageError(f"The recipe {path} mixes in {kind!r} but names no [{table}].")
    for name, kinds in (("mix", SAMPLE_KINDS), ("hints", HINT_KINDS)):
        if odd := sorted(getattr(recipe, name).keys() - set(kinds)):
            raise UsageError(f"The recipe {path} has unknown {name}: {', '.join(odd)}.")
    return recipe
