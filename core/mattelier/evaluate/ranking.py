"""How good and how fast the networks here cut out on this machine: measured once, remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from mattelier import __version__
from mattelier.catalogue import LIVE_DEFAULT, SHOT_DEFAULT, Card, Store
from mattelier.types.atomic import replacing
from mattelier.types.errors import MattelierError
from mattelier.types.plain_files import read_json

TASK = "matte"
NOISE = 0.01  # of quality: networks that differ by less are alike, and the faster one comes first


@dataclass(frozen=True)
class Standing:
    """`quality`: mean soft IoU with the drawn mattes, 0…1; `seconds`: median for one picture."""

    quality: float
    seconds: float


def can_be_measured(card: Card) -> bool:
    """Whether it cuts pictures out, and without being told where the subject is."""
    return (
        card.task == TASK and card.name not in (SHOT_DEFAULT, LIVE_DEFAULT) and not card.input.needs
    )


def measure(card: Card, store: Store) -> Standing:
    """Cut the drawn pictures out as `cutout --model` would, and remember how that went.

    Raises
    ------
    MattelierError
        The network cannot be opened, or fails.
    """
    import numpy as np

    from mattelier.engines.model_cache import ModelCache
    from mattelier.evaluate.drawn import drawn_pictures
    from mattelier.requests import MatteRequest
    from mattelier.tasks.registry import run

    models, request = ModelCache(store), MatteRequest(model=card.name)
    overlaps, seconds = [], []
    for number, drawn in enumerate(drawn_pictures()):
        if number == 0:  # the first pass also opens and compiles
            run(request, drawn.picture, models)
        start = time.perf_counter()
        alpha = run(request, drawn.picture, models).alpha
        seconds.append(time.perf_counter() - start)
        assert alpha is not None
        both = np.minimum(alpha, drawn.alpha).sum(), np.maximum(alpha, drawn.alpha).sum()
        overlaps.append(float(both[0] / both[1]))
    standing = Standing(float(np.mean(overlaps)), float(np.median(seconds)))
    path = store.cache / "ranking" / _file_name(card)
    with contextlib.suppress(OSError, MattelierError):  # without a cache it is measured again
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(json.dumps(asdict(standing)), "utf-8")
    return standing


def remembered(card: Card, store: Store) -> Standing | None:
    """What was measured of these weights, by this version and on this machine; None: nothing."""
    try:
        values = read_json(store.cache / "ranking" / _file_name(card))
        return Standing(float(values["quality"]), float(values["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def rank(standings: Iterable[tuple[Card, Standing]]) -> list[tuple[Card, Standing]]:
    """The best first; those whose licence has to be accepted come after all others.

    Of those within `NOISE` of the best that is left, the fastest is next.
    """
    ranked = []
    left = list(standings)
    while left:
        free = [one for one in left if not one[0].licence.needs_acceptance] or left
        best = max(standing.quality for _, standing in free)
        alike = [one for one in free if one[1].quality >= best - NOISE]
        chosen = min(alike, key=lambda one: one[1].seconds)
        ranked.append(chosen)
        left = [one for one in left if one is not chosen]
    return ranked


def _file_name(card: Card) -> str:
    told = [file.sha256 for file in card.files]
    told += [repr(card.input), repr(card.output), __version__]
    told += [platform.node(), platform.machine(), str(os.cpu_count())]
    return f"{card.name}-{hashlib.sha256(' '.join(told).encode()).hexdigest()[:16]}.json"
