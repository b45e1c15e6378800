"""`mattelier evaluate`: how good results are whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from mattelier.evaluate import names as offered
from mattelier.requests import Device, MatteRequest, ObjectsRequest, Quality
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.data.coco import Truths
    from mattelier.evaluate.items import Item
    from mattelier.evaluate.predictors import Predictor
    from mattelier.evaluate.run import Outcome, Trial
    from mattelier.evaluate.summary import Row
    from mattelier.evaluate.worst_cases import Look
    from mattelier.metrics.measures import Column

_REPORT_PICTURES = 60
_REPORT_COLUMNS = 6  # results side by side

_folder = click.Path(exists=True, file_okay=False, path_type=Path)
_there = click.Path(exists=True, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  mattelier evaluate pictures --truth masks
  mattelier evaluate pictures --truth masks --model default --model u2netp --report out.html
  mattelier evaluate data/* --dev --hint none --hint click     (each holds images/ and masks/)
  mattelier evaluate --results mattes --truth alphas --measure mattes
  mattelier evaluate pictures --truth masks --under all
  mattelier evaluate shots/* --results out --measure video     (frames/ and masks/ in each)
  mattelier evaluate LR --truth HR --measure upscale --model upscale-x2
  mattelier evaluate LR --truth HR --measure looks --model upscale-x4 --lpips alexnet.pth alex.pth
  mattelier evaluate val2017 --truth instances_val2017.json --measure instances --model mask2former
  mattelier evaluate pictures --truth masks --report out.html --cam segformer-b0
  mattelier evaluate data/* --dev --measure clicks --model default --model ours"""
)
@click.argument("folders", nargs=-1, type=_folder)
@click.option(
    "--truth",
    type=_there,
    help="Folder of truths with the pictures' names, or COCO's JSON.",
)
@click.option(
    "--results",
    multiple=True,
    type=_there,
    help="Score this folder's results, or COCO's JSON of some, instead of running a model. "
    "Repeatable.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Run this. Repeatable.")
@click.option(
    "--measure",
    default="masks",
    show_default=True,
    type=click.Choice(offered.MEASURES),
    help="What the results are.",
)
@click.option(
    "--hint",
    "hints",
    multiple=True,
    default=("none",),
    show_default=True,
    type=click.Choice(offered.HINTS),
    help="Give this hint, made from the truth. Repeatable.",
)
@click.option(
    "--trimaps", type=_folder, help="Trimaps with the pictures' names: the band, and --hint trimap."
)
@click.option(
    "--under",
    metavar="LIST|all",
    help=f"Also score under these conditions; all: {offered.CORRUPTIONS}.",
)
@click.option(
    "--by",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Group by kind instead of by folder: lines of a picture's name and its kind.",
)
@click.option("--dev", is_flag=True, help="Only files held back from training (by name's SHA-1).")
@click.option("--limit", type=click.IntRange(1), help="At most so many pictures of each folder.")
@click.option(
    "--border",
    type=click.IntRange(0),
    help="Pixels left out with --measure upscale. Default: the scale; without FOLDERS 0.",
)
@click.option(
    "--lpips",
    nargs=2,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="BACKBONE LINEAR",
    help="Weights for --measure looks: torchvision's AlexNet, VGG-16 or SqueezeNet 1.1, and the "
    "package lpips' alex.pth, vgg.pth or squeeze.pth.",
)
@click.option(
    "--report",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write tables and the worst pictures here, as one HTML file.",
)
@click.option(
    "--cam",
    metavar="NAME|FOLDER",
    help="Show in the report what this classifying network takes each worst picture's subject for, "
    "and where it sees that.",
)
@click.option("--device", default="auto", type=click.Choice(get_args(Device)), show_default=True)
@click.option(
    "--quality", default="balanced", type=click.Choice(get_args(Quality)), show_default=True
)
@click.option("--refine/--no-refine", default=True, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line of the table.")
def evaluate(
    folders: tuple[Path, ...],
    truth: Path | None,
    trimaps: Path | None,
    measure: str,
    hints: tuple[str, ...],
    by: Path | None,
    dev: bool,
    limit: int | None,
    border: int | None,
    lpips: tuple[Path, Path] | None,
    page: Path | None,
    cam: str | None,
    as_json: bool,
    **flags: Any,
) -> int:
    """Score mattes, shots or enlarged pictures against their truth.

    FOLDERS hold pictures, and --truth their truths under the same names; or each holds images/ (or
    frames/) and masks/ (or alphas/). Without FOLDERS, --results is scored against --truth alone.

    \b
    masks    max-F, mean F, weighted F, S, E, MAE, IoU, relaxed boundary F, boundary IoU;
             truth above 192 is subject, below 64 background, between them not scored
    detail   F of the outline within 1 and 2 px and 0.75 % of the diagonal (BF), share of holes left
             open and of thin parts kept, over the pictures that have such; truth as for masks
    mattes   SAD, MAD, MSE, gradient, connectivity: whole, and (°) in the unknown band
    video    DAVIS's J and F, dtSSD, MAD, MSE
    upscale  PSNR and SSIM on luma, of pictures enlarged, or mended at their own size
    looks    LPIPS by weights that you bring (--lpips), and the same two
    instances  COCO's average precision of what `objects` tells apart: AP, AP50, AP75
    clicks   NoC and NoF at an IoU of 0.85 and 0.9, IoU after 1, 2, 3, 5 clicks, each set where the
             model's answer is most wrong, at most 20; truth as for masks

    \b
    masks, detail and clicks take COCO's JSON as --truth, too: of pictures that show several
    subjects each is one to be found, by --hint click or box or by --measure clicks.
    """
    from mattelier.commands.console import progress_bar
    from mattelier.evaluate.instances import evaluate_instances
    from mattelier.evaluate.items import find_items, group_by_category
    from mattelier.evaluate.run import evaluate as measure_all
    from mattelier.evaluate.subjects import MEASURES as OF_SUBJECTS
    from mattelier.evaluate.subjects import find_subjects
    from mattelier.evaluate.summary import summarise, tally_causes
    from mattelier.evaluate.worst_cases import WorstCases

    if not folders and truth is None:
        raise UsageError("Name a folder of pictures, or say with --truth where the truth is.")
    if not folders and not flags["results"]:
        raise UsageError("Name a folder of pictures for the model to look at, or give --results.")
    annotated = bool(folders) and measure in OF_SUBJECTS and truth is not None and truth.is_file()
    folders_only = (*flags["results"], None if annotated else truth)
    if measure != "instances" and (
        odd := next((path for path in folders_only if path and path.is_file()), None)
    ):
        raise UsageError(f"{odd} is a file; --measure {measure} wants a folder.")
    if annotated and (flags["results"] or trimaps):
        raise UsageError("COCO's JSON as --truth needs a model, and no --results or --trimaps.")
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {page} is an HTML file; name it so.")
    if (measure == "looks") != (lpips is not None):
        raise UsageError("--measure looks and --lpips belong together; give both or neither.")
    if cam is not None and page is None:
        raise UsageError("--cam is shown in the report; add --report FILE.html.")
    look = None if cam is None else _open_look(cam, flags["device"])
    looks = None
    if lpips is not None:
        from mattelier.engines.perceptual import PerceptualDistance

        looks = PerceptualDistance(*lpips, device=flags["device"])
    if measure == "instances" or annotated:
        truths, numbers, unpaired = _known_objects(folders, truth)
        found = find_subjects(numbers, truths) if annotated else list(numbers)
    else:
        found, unpaired = find_items(folders, truth, trimaps)
    items = _select_items(found, dev, limit, whole=measure == "video")
    groups = group_by_category(items, by) if by else {item: item.group for item in found}
    if measure == "instances":
        trials = _make_instance_trials(truths, hints, **flags)
    else:
        trials = _make_trials(measure, hints, **flags)
    clean_trials = [n for n, trial in enumerate(trials) if trial.corruption.name == "clean"]
    worst = (
        WorstCases(measure, tuple(clean_trials[:_REPORT_COLUMNS]), _REPORT_PICTURES, look)
        if page
        else None
    )
    with progress_bar(len(items)) as advance:
        if measure == "instances":
            asked = {item: numbers[item] for item in items}
            outcome = evaluate_instances(asked, truths, trials, worst=worst, advance=advance)
        else:
            outcome = measure_all(
                items,
                trials,
                measure,
                worst=worst,
                border=border,
                looks=looks,
                advance=advance,
            )
    if outcome.failures and not outcome.records:
        raise outcome.failures[0][1]
    rows = summarise(outcome, groups)
    remarks = _remarks(outcome, unpaired, len(items))
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows, outcome)
    for remark in remarks:
        click.echo(remark, err=True)
    if page is not None and worst is not None:
        from mattelier.evaluate.report import render_report
        from mattelier.types.atomic import replacing

        names = ", ".join(dict.fromkeys(trial.predictor.name for trial in trials))
        tallies = tally_causes(worst.causes, trials, groups)
        title = f"Evaluation of {names}"
        html = render_report(title, outcome, rows, tallies, worst.in_order(), remarks)
        with replacing(page) as temporary:
            temporary.write_text(html, "utf-8")
        click.echo(f"{page}: {len(items)} pictures.", err=True)
    return 3 if outcome.failures else 0


def _select_items(items: list[Item], dev: bool, limit: int | None, *, whole: bool) -> list[Item]:
    """The items that are wanted: evenly spread over each folder, of a `whole` shot the first."""
    from mattelier.data.splits import is_validation

    candidates = [item for item in items if not dev or is_validation(item.file_name)]
    selected: list[Item] = []
    for folder in dict.fromkeys(item.group.split("/")[0] for item in candidates):
        inside = [item for item in candidates if item.group.split("/")[0] == folder]
        if limit is not None and len(inside) > limit:
            step = 1 if whole else (len(inside) - 1) / max(limit - 1, 1)
            inside = [inside[int(number * step)] for number in range(limit)]
        selected += inside
    return selected


def _open_look(model: str, device: Device) -> Look:
    """What says what a network takes pictures for, by a class activation map."""
    from functools import partial

    from mattelier.engines.activation import activate
    from mattelier.engines.model_cache import ModelCache
    from mattelier.networks.transformers import describe_folder, is_folder

    models = ModelCache()
    if is_folder(folder := Path(model)):
        task = describe_folder(folder).task
    else:
        task = "objects" if folder.is_file() else models.store.card(model).task
    if task not in ("objects", "classify"):
        raise UsageError(f"The network {model} tells no classes apart; choose another for --cam.")
    return partial(activate, models.open(model, task, device))


def _known_objects(
    folders: tuple[Path, ...], truth: Path | None
) -> tuple[Truths, dict[Item, int], int]:
    """The truths' file, its pictures with their numbers there, and how many others there are."""
    from mattelier.data.coco import read_truths
    from mattelier.evaluate.instances import find_pictures

    if truth is None or truth.is_dir():
        raise UsageError("--measure instances wants COCO's JSON as --truth.")
    truths = read_truths(truth)
    return truths, *find_pictures(truths, folders)


def _make_instance_trials(
    truths: Truths,
    hints: Sequence[str],
    *,
    results: tuple[Path, ...],
    models: tuple[str, ...],
    under: str | None,
    device: Device,
    quality: Quality,
    refine: bool,
) -> list[Trial]:
    from mattelier.evaluate.instances import InstancePredictor, ObjectsModel, StoredObjects
    from mattelier.evaluate.run import Trial

    if under or set(hints) != {"none"}:
        raise UsageError("--hint and --under are for mattes, not for --measure instances.")
    if folder := next((path for path in results if path.is_dir()), None):
        raise UsageError(f"{folder} is a folder; results of --measure instances are COCO's JSON.")
    predictors: list[InstancePredictor] = [StoredObjects(path, truths) for path in results]
    for model in models or (() if results else ("auto",)):
        request = ObjectsRequest(
            model=model, min_score=0, refine=refine, quality=quality, device=device
        )
        predictors.append(ObjectsModel(request, truths.labels.values()))
    if len({predictor.name for predictor in predictors}) < len(predictors):
        raise UsageError("Two of the models or results have the same name; rename one file.")
    return [Trial(predictor) for predictor in predictors]


def _make_trials(
    measure: str,
    hints: Sequence[str],
    *,
    results: tuple[Path, ...],
    models: tuple[str, ...],
    under: str | None,
    device: Device,
    quality: Quality,
    refine: bool,
) -> list[Trial]:
    from mattelier.evaluate.corruptions import CLEAN, parse_corruptions
    from mattelier.evaluate.predictors import MatteModel, PictureModel, StoredResults
    from mattelier.evaluate.run import Trial
    from mattelier.metrics.measures import MEASURES

    corruptions = [CLEAN, *(parse_corruptions(under) if under else ())]
    if results and (len(corruptions) > 1 or set(hints) != {"none"}) and not models:
        raise UsageError("--hint and --under need a model; results of --results are made already.")
    colour = MEASURES[measure].colour
    if colour and (len(corruptions) > 1 or set(hints) != {"none"}):
        raise UsageError(f"--hint and --under are for mattes, not for --measure {measure}.")
    if measure == "clicks" and (results or set(hints) != {"none"}):
        raise UsageError("--measure clicks makes its own clicks; leave out --results and --hint.")
    predictors: list[Predictor] = [StoredResults(folder, colour=colour) for folder in results]
    for model in models or (() if results else ("default",)):
        if colour:
            predictors.append(PictureModel(model, device))
        else:
            request = MatteRequest(model=model, device=device, quality=quality, refine=refine)
            predictors.append(MatteModel(request))
    trials = []
    for predictor in predictors:
        if predictor.uses_picture:
            trials += [Trial(predictor, h, c) for h in dict.fromkeys(hints) for c in corruptions]
        else:
            trials.append(Trial(predictor))
    if len({trial.key for trial in trials}) < len(trials):
        raise UsageError("Two of the models or results have the same name; rename one folder.")
    return trials


def _remarks(outcome: Outcome, unpaired: int, count: int) -> list[str]:
    remarks = []
    if unpaired:
        remarks.append(f"{unpaired} picture(s) have no truth and are left out.")
    names_by_error: dict[str, list[str]] = {}
    for name, error in outcome.failures:
        names_by_error.setdefault(str(error), []).append(name)
    for sentence, names in names_by_error.items():
        which = names[0] if len(names) == 1 else f"{len(names)} pictures, as {names[0]}"
        remarks.append(f"  failed: {which}: {sentence}")
    if outcome.failures:
        failed = len({name for name, _ in outcome.failures})
        remarks.append(f"{failed} of {count} pictures could not be scored and do not count.")
    return remarks


def _print_json(rows: Sequence[Row]) -> None:
    for row in rows:
        model, hint, condition = row.trial.key
        values: dict[str, Any] = {"folder": row.group, "model": model, "hint": hint}
        values |= {"under": condition, "count": row.count, **row.scores, "hint_iou": row.hint_iou}
        values = {key: None if value != value else value for key, value in values.items()}  # NaN
        click.echo(json.dumps(values))


def _print_table(rows: Sequence[Row], outcome: Outcome) -> None:
    from mattelier.evaluate.report import format_score, trial_label
    from mattelier.metrics.measures import MEASURES

    columns: Sequence[Column] = MEASURES[outcome.measure].columns
    several = len(outcome.trials) > 1
    names = [trial_label(row.trial, outcome.trials) for row in rows]
    name_width = max(map(len, names)) + 2
    folder_width = max(len("folder"), *(len(row.group) for row in rows)) + 2
    with_hints = any(row.hint_iou is not None for row in rows)
    head = f"{'folder':<{folder_width}}{'':<{name_width if several else 0}}{'count':>5}"
    head += "".join(f"{column.title:>8}" for column in columns)
    click.echo(head + ("  hint IoU" if with_hints else ""))
    for row, name in zip(rows, names, strict=True):
        line = f"{row.group:<{folder_width}}{f'{name:<{name_width}}' if several else ''}"
        line += f"{row.count:>5}"
        line += "".join(f"{format_score(row.scores[column.key], column):>8}" for column in columns)
        click.echo(line + (f"{row.hint_iou:>10.3f}" if row.hint_iou is not None else ""))
