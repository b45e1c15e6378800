"""How long a look and a click take, through the doors that hosts use, beside the bare network.

Takes the name of a network of prompts that was brought in (SAM 2.1's). "Bare" is its encoder alone,
by torch and as it runs here, on a picture that is prepared already; the first look is all that
the first click's mask costs. All sides take turns in one run; medians.

    python benchmarks/prompt.py sam2.1-hiera-tiny [--picture photo.jpg] [--rounds 5] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mattelier.catalogue import Store
from mattelier.engines.backends import torch as torch_backend
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.network_file import read_network
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.matting.hint import make_hint
from mattelier.matting.prompted import answer
from mattelier.media.stills import read
from mattelier.requests import Point
from mattelier.types.colour import View

SAMPLE = Path(__file__).resolve().parents[1] / "install" / "sample.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--picture", type=Path, default=SAMPLE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    store = Store()
    card = store.card(options.model)
    model = ModelCache(store).open(options.model, "matte", "cpu")
    network = read_network(next(iter(store.locate(card).values())).parent)
    bare = torch_backend.TorchSession("bare", network.module(), "cpu", network.entries,
                                      channels_last=False)  # fmt: skip
    picture = read(options.picture)
    size = network_size(model.input, picture.height, picture.width)
    prepared = {"picture": preprocess(model.input, View(picture), *size)}
    random = np.random.default_rng(0)

    def click(view: View, count: int) -> None:
        places = random.uniform(0.2, 0.8, (count, 2)) * (picture.width, picture.height)
        points = tuple(Point(float(x), float(y), positive=True) for x, y in places)
        answer(view, make_hint(picture.height, picture.width, points=points), model)

    bare.run(prepared, "look")
    click(View(picture), 1)
    by_torch, quick, first, further = [], [], [], []
    for _ in range(options.rounds):
        by_torch.append(_seconds(bare.run, prepared, "look"))
        quick.append(_seconds(model.run, prepared, "look"))
        view = View(picture)
        first.append(_seconds(click, view, 1))
        further += [_seconds(click, view, count) for count in (1, 2, 3, 4)]
    torch_s, quick_s, first_s, further_s = map(statistics.median, (by_torch, quick, first, further))
    print(f"{options.model} by {model.engine}, {picture.width}×{picture.height}")
    print(f"bare encoder      {torch_s:7.3f} s by torch, {quick_s:.3f} s by {model.engine}")
    print(
        f"first look, click {first_s:7.3f} s   {first_s / torch_s:.2f} ×, {first_s / quick_s:.2f} ×"
    )
    print(f"each click after  {1000 * further_s:7.0f} ms")


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
