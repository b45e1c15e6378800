"""Which models a task takes where none is named, and what is said where one does not fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mattelier.catalogue.card import Card
from mattelier.catalogue.store import DEFAULT, Store
from mattelier.types.errors import MattelierError, ModelError, UsageError
from mattelier.types.sentence import Sentence

_TORCH_FILES = (".safetensors", ".pth", ".pt")
_NCNN_FILES = (".bin", ".param")


@dataclass(frozen=True)
class TaskModels:
    """One task's models.

    Attributes
    ----------
    names : models that "default" stands for, the best first; none: any of the task
    refusal : the sentence about a card of another task, with {name}
    none_ready : the sentence where "default" finds none on this computer
    suffixes : of weights files that may be named instead of a model
    missing_file : error and sentence, with {path}, where such a file is not there
    other_task : what a weights file's network does that turns out to be for another task: "… is a
        network that …"
    by_scale : where the network depends on how many times a picture is enlarged
    blended : the model for a request that mixes a network with its partner
    """

    names: tuple[str, ...]
    refusal: str
    none_ready: str = ""
    suffixes: tuple[str, ...] = ()
    missing_file: tuple[type[MattelierError], str] = (UsageError, "--model {path}: no such file.")
    other_task: str = "is for another task"
    by_scale: Mapping[int, str] = field(default_factory=dict)
    blended: str = ""


TASK_MODELS: Mapping[str, TaskModels] = {
    "matte": TaskModels(
        names=(DEFAULT,),
        refusal=Sentence("The model {name} makes no mattes; choose another."),
    ),
    "trimap": TaskModels(
        names=("trimap",),
        refusal=Sentence("The model {name} weighs no trimap's cues; choose another."),
        other_task="weighs no trimap's cues",
    ),
    "upscale": TaskModels(
        names=("upscale-x2", "upscale-x4", "upscale-photo-x4"),
        refusal=Sentence("The model {name} does not enlarge pictures; choose another."),
        suffixes=_TORCH_FILES + _NCNN_FILES,
        other_task="enlarges no pictures",
        by_scale={2: "upscale-x2", 4: "upscale-x4"},
        blended="upscale-photo-x4",
    ),
    "denoise": TaskModels(
        names=("denoise",),
        refusal=Sentence("The model {name} does not denoise pictures; choose another."),
        suffixes=_TORCH_FILES,
        other_task="enlarges pictures; see `upscale`",
    ),
    "depth": TaskModels(
        names=("depth-anything-v2-small", "midas-v2.1-small"),
        refusal=(
            Sentence(
                "The model {name} makes no depth; `mattelier models list` names those that do."
            )
        ),
        none_ready=(
            Sentence(
                "No depth network is on this computer yet; fetch one with `mattelier models get "
                "depth-anything-v2-small`."
            )
        ),
        suffixes=_TORCH_FILES,
        missing_file=(ModelError, "There is no weights file {path}."),
    ),
    "track": TaskModels(
        names=("track",),
        refusal=Sentence(
            "The model {name} does not tell places of a picture apart; choose another."
        ),
        suffixes=_TORCH_FILES,
        missing_file=(UsageError, "--tracker {path}: no such file."),
        other_task="follows no subjects",
    ),
    "style": TaskModels(
        names=(),
        refusal=Sentence("The model {name} paints no styles; choose another."),
        none_ready=(
            Sentence(
                "No style network comes with Mattelier, as none is known whose licence allows it; "
                "get decoder.pth and vgg_normalised.pth from "
                "https://github.com/naoto0804/pytorch-AdaIN/releases and name them with --model "
                "decoder.pth, or for good with `mattelier models import decoder.pth --name adain "
                "--style-encoder vgg_normalised.pth`; or bring torchvision's VGG-19 with "
                "`mattelier models import vgg19-dcbb9e9d.pth`, for slower painting."
            )
        ),
        suffixes=_TORCH_FILES,
    ),
    "objects": TaskModels(
        names=(),
        refusal=Sentence("The model {name} tells no objects apart; choose another."),
        none_ready=(
            Sentence(
                "No network that tells objects apart is on this computer; bring a folder of "
                "Mask2Former's, MaskFormer's or SegFormer's with `mattelier models import FOLDER`."
            )
        ),
        suffixes=_TORCH_FILES,
        other_task="tells no objects apart",
    ),
    "find": TaskModels(
        names=(),
        refusal=Sentence("The model {name} finds nothing by words; choose another."),
        none_ready=(
            Sentence(
                "No network that finds things by words is on this computer; bring a folder of "
                "Grounding DINO's or OWLv2's with `mattelier models import FOLDER`."
            )
        ),
        other_task="finds nothing by words",
    ),
    "classify": TaskModels(
        names=(),
        refusal=Sentence("The model {name} tells no pictures apart; choose another."),
        other_task="tells no pictures apart",
    ),
    "fill": TaskModels(
        names=(),
        refusal=Sentence("The model {name} fills no holes; choose another."),
        none_ready=(
            Sentence(
                "No network that fills holes is on this computer; bring LaMa's or MI-GAN's as ONNX "
                "with `mattelier models import FILE`."
            )
        ),
        suffixes=_TORCH_FILES,
        other_task="fills no holes",
    ),
}


def ready_models(task: str, store: Store) -> list[Card]:
    """The cards that "default" stands for and whose files are on this computer, the best first."""
    row = TASK_MODELS[task]
    # Where none comes with Mattelier, one that its user brought in will do.
    brought = store.names() if row.none_ready or not row.names else ()
    ready = []
    for name in dict.fromkeys((*row.names, *brought)):
        try:
            card = store.card(name)
        except MattelierError:  # no such model here, or its card is damaged
            continue
        if card.task == task and store.state(card)[0] == "ready":
            ready.append(card)
    return ready


def default_card(task: str, store: Store) -> Card:
    """The card that "default" stands for: the first that is ready, or the task's only one.

    Raises
    ------
    ModelError
        None is on this computer.
    UsageError
        The task's only one has no card here.
    """
    row = TASK_MODELS[task]
    if len(row.names) == 1:  # whoever opens it says what is wrong with its files
        return store.card(row.names[0])
    for card in ready_models(task, store):
        return card
    if row.none_ready:
        raise ModelError(row.none_ready)
    return store.card(row.names[0])
