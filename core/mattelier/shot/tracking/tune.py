"""Shot tuning: the network fine-tuned on a shot's key frames, for that shot alone.

The few key frames are cropped, turned, bent and re-lit over and over, with hints as tracking gives
them; the early layers, which cost most and know least of subjects, stay as they are. The result
is a model folder of its own, which every engine runs like the model it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mattelier.catalogue import Card, Store
from mattelier.networks.cutout import ARCHITECTURE
from mattelier.shot.tracking.tuning_key import TuningKey
from mattelier.types.errors import ModelError, UsageError

_CACHE_VERSION = 6  # of what tuning does: older results are not used after it changes


def tune(card: Card, store: Store, keys: Mapping[int, TuningKey], steps: int, folder: Path) -> Path:
    """Fine-tune a model on key frames, or find what was tuned so before.

    Parameters
    ----------
    card : Card
        Of the model to start from: a cut-out network with weights that PyTorch reads.
    store : Store
        Where that model's files lie.
    keys : frame → TuningKey
    steps : int
        How many it learns for; about four a second on two processor cores.
    folder : Path
        Where tuned models are kept; made when missing.

    Returns
    -------
    Path
        A model folder in `folder`: `Store(user=folder)` knows it by the folder's name.

    Raises
    ------
    UsageError
        There are no keys, PyTorch is missing, or the model cannot be trained.
    OutputError
        The folder cannot be written.
    Cancelled
        The listener asked to stop; nothing is written.
    """
    if not any(key.matte.max() > 0.5 for key in keys.values()):
        raise UsageError("Tuning needs a key frame with a mask of the subject; give --key.")
    family = (card.architecture or "").partition(".")[0]
    if family != ARCHITECTURE.id or card.file(".safetensors") is None:
        raise UsageError(
            f"The model {card.name} cannot be tuned; choose the model “default” for that."
        )
    name = f"{card.name}-tuned-{_digest(card, keys, steps)}"
    target = folder / name
    if _is_cached(store, folder, name):
        return target
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError(
            "Tuning needs PyTorch; run `install/setup` without --light, "
            "or `pip install 'mattelier[torch]'`."
        ) from None
    from mattelier.shot.tracking.fine_tune import fine_tune

    paths = store.locate(card)
    network = fine_tune(paths[_weights(card)], list(keys.values()), steps)
    from mattelier.learning.model_folder import write_model

    ours = replace(card, name=name, title=f"{card.title}; tuned on one shot", quality={})
    write_model(network, ours, paths, target)
    return target


def _digest(card: Card, keys: Mapping[int, TuningKey], steps: int) -> str:
    content = hashlib.sha256()
    content.update(repr((_CACHE_VERSION, [file.sha256 for file in card.files], steps)).encode())
    for frame in sorted(keys):
        content.update(str(frame).encode())
        for array in keys[frame]:
            content.update(repr(array.shape).encode())
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:12]


def _is_cached(store: Store, folder: Path, name: str) -> bool:
    """Whether a whole tuned model of that name lies there."""
    if not (folder / name / "card.toml").is_file():
        return False
    ours = replace(store, user=folder)
    try:
        ours.locate(ours.card(name))
    except ModelError:
        return False
    return True


def _weights(card: Card) -> str:
    entry = card.file(".safetensors")
    assert entry is not None
    return entry.path
