"""The user's side of `mattelier train`: own pictures in, a model that `--model` takes out."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.types.errors import OutputError, UsageError
from mattelier.types.plain_files import read_json

if TYPE_CHECKING:
    from mattelier.catalogue import Card
    from mattelier.train.finetune import Judgement

_MAX_NAMED = 5  # pictures that are named when they cannot be used


def finetune(
    pictures: Path,
    masks: Path | None,
    output: Path,
    *,
    one_shot: bool,
    minutes: float,
    device: str,
) -> int:
    """Fine-tune the default network and write `output`; the run lies in `output`.training.

    Returns
    -------
    The exit code: 0, or 130 when it was interrupted and can go on.

    Raises
    ------
    UsageError
        The name does not do, there is something already, or the pictures cannot be trained on.
    OutputError
        A folder cannot be written.
    """
    import torch

    from mattelier.catalogue import Store
    from mattelier.learning.model_folder import write_model
    from mattelier.learning.param_groups import fast_bfloat16
    from mattelier.train.finetune import FineTune, custom_recipe

    name = output.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise UsageError(f"-o {output}: a model's name is made of a-z, 0-9, '.', '_' and '-'.")
    if output.exists():
        raise UsageError(f"{output} is there already; remove it or choose another -o.")
    if not output.resolve().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.resolve().parent}; make it first.")
    store = Store()
    card = store.card("default")
    paths = store.locate(card)
    weights = card.file(".safetensors")
    assert weights is not None
    folder = output.resolve().with_name(f"{name}.training")
    trained, validation_count = _open_dataset(pictures, masks, folder, card, one_shot=one_shot)
    judged_by = (
        f"{validation_count} held back" if validation_count else "judged by variations of them"
    )
    click.echo(f"Training on {trained} picture(s), {judged_by}, {minutes:g} min.", err=True)
    run = FineTune(
        custom_recipe(
            card.input.size,
            detail=card.architecture == "cutout.DetailCutoutNet",
            one_shot=one_shot,
            bfloat16=fast_bfloat16(torch.device(device)),
        ),
        folder / "data",
        folder,
        paths[weights.path],
        minutes=minutes,
        device=device,
        report=lambda judgement: click.echo(_judgement_line(judgement), err=True),
    )
    if not run.train(lambda line: click.echo(_step_line(line), err=True)):
        click.echo(f"Stopped at {run.progress:.0%}; the same command goes on.", err=True)
        return 130
    network, judgement, share = run.best()
    model_card = _make_card(card, name, trained, validation_count, judgement, share)
    write_model(network, model_card, paths, output.resolve())
    click.echo(_verdict(judgement, validation_count), err=True)
    model = output if len(output.parts) > 1 else f"./{output}"
    click.echo(f"Use it with --model {model}; previews are in {folder}.", err=True)
    click.echo(f"{output}")
    return 0


def _open_dataset(
    pictures: Path, masks: Path | None, folder: Path, card: Card, *, one_shot: bool
) -> tuple[int, int]:
    """Working copies in `folder`, made now or by an earlier call for the same pictures.

    Returns how many are trained on and how many are held back.
    """
    from mattelier.train.custom_dataset import digest_pairs, find_custom_pairs, prepare_dataset

    left_out: list[str] = []
    pairs = find_custom_pairs(pictures, masks, left_out.append)
    facts = {
        "pictures": digest_pairs(pairs),
        "one_shot": one_shot,
        "start": [file.sha256 for file in card.files],
    }
    note = folder / "run.json"
    if note.exists():
        try:
            earlier = read_json(note)
            counts = earlier.pop("counts")
        except (ValueError, KeyError, AttributeError):
            raise UsageError(f"{note} is damaged; remove {folder} to begin anew.") from None
        if earlier != facts:
            raise UsageError(
                f"{folder} is a run on other pictures or from another network; remove it to "
                "begin anew, or choose another -o."
            )
        return counts[0], counts[1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        counts = prepare_dataset(
            pairs,
            folder / "data",
            one_shot=one_shot,
            seed=1,
            report=left_out.append,
        )
        note.write_text(json.dumps(facts | {"counts": counts}), "utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); make room.") from error
    finally:
        for sentence in left_out[:_MAX_NAMED]:
            click.echo(sentence, err=True)
        if len(left_out) > _MAX_NAMED:
            click.echo(f"… and {len(left_out) - _MAX_NAMED} more.", err=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # only where nothing came of it
    return counts


def _step_line(line: dict[str, Any]) -> str:
    return f"{line['progress']:4.0%}  {line['elapsed'] / 60:5.1f} min  loss {line['loss']:.3f}"


def _judgement_line(judgement: Judgement) -> str:
    now, before = judgement.now, judgement.before
    return (
        f"{judgement.progress:4.0%}  {judgement.elapsed / 60:5.1f} min  "
        f"IoU {now['iou']:.3f} (start {before['iou']:.3f})  "
        f"MAE {now['mae']:.3f} ({before['mae']:.3f})  "
        f"max-F {now['max_f']:.3f} ({before['max_f']:.3f})"
    )


def _verdict(judgement: Judgement, validation_count: int) -> str:
    before, now = judgement.before["iou"], judgement.now["iou"]
    what = (
        f"the {validation_count} picture(s) held back"
        if validation_count
        else "variations of your pictures"
    )
    if judgement.helps and now - before < 0.001:
        return f"On {what} the IoU is {now:.3f}, as before; train for longer to change more."
    if judgement.helps:
        return f"On {what} the IoU rose from {before:.3f} to {now:.3f}."
    return (
        f"Training did not help: on {what} the IoU went from {before:.3f} to {now:.3f}, so the "
        "default network does as well; more pictures or other masks may."
    )


def _make_card(
    card: Card, name: str, trained: int, validation_count: int, judgement: Judgement, share: float
) -> Card:
    from mattelier.catalogue import Failure, TrainingSet

    quality: dict[str, object] = {
        "measured_on": f"{validation_count} own pictures held back"
        if validation_count
        else "variations of own pictures",
    }
    for key in ("max_f", "mae", "iou", "s_measure", "boundary_f"):
        quality[key] = round(judgement.now[key], 4)
        quality[f"{key}_of_start"] = round(judgement.before[key], 4)
    if share < 1:
        quality["share_of_training"] = share
    failures = (
        *card.failures,
        Failure(
            "other subjects",
            f"it has learned {trained} own picture(s), and finds what is unlike them less well "
            "than the network it started from",
        ),
    )
    if not judgement.helps:
        failures += (Failure("own pictures", "no better than the network it started from"),)
    return replace(
        card,
        name=name,
        title=f"{card.title}; fine-tuned on {trained} own picture(s)",
        version="1",
        source=f"fine-tuned with `mattelier train --pictures` from {card.name} {card.version}",
        training_data=(
            *card.training_data,
            TrainingSet(f"{trained} own picture(s), fine-tuned on last", "the user's own"),
        ),
        quality=quality,
        failures=failures,
    )
