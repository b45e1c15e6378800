"""The cut-out network at other precisions: time of a pass, scores, and how far alpha moves.

    python benchmarks/precision.py DATA… [--model cutout] [--most 300] [--calibrate 64]

Each DATA folder holds `images/` and `masks/` of equal names. Pictures that training holds back
are scored (one pass, without refinement); int8 is calibrated on others, half of them with hints.
Precisions: f32, OpenVINO's bf16, and int8 of every convolution and what lies between (static
quantisation by onnxruntime, which with onnx is needed here). Times are processor milliseconds on
one thread, the precisions taking turns, so that a busy machine measures the same ratios.
`--worst FOLDER` keeps the pictures whose alpha moves most: picture, f32, the other one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from levels import SCORES, validation_pairs
from numpy.typing import NDArray
from PIL import Image

from mattelier.catalogue import DEFAULT, Card, Store
from mattelier.data.pairs import Pair, find_pairs
from mattelier.data.splits import split_pairs
from mattelier.engines.backends.openvino import core
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.evaluate.standard_hints import STANDARD_HINTS
from mattelier.matting.refine import stretch
from mattelier.media import stills
from mattelier.metrics.measures import MEASURES, Case, Scores
from mattelier.types.colour import View

Inputs = dict[str, NDArray[np.float32]]
Run = Callable[[Inputs], NDArray[np.float32]]

SIZES = ((256, 192), (256, 256), (320, 320), (512, 512))
WORST_CASES = 8  # of the pictures that move most
_HINTS = ("none", "box", "none", "click", "none", "blocks")
_QUANTISED = ["Conv", "Add", "Concat", "Resize", "AveragePool", "ReduceMean"]


def compiled(graph: Path, precision: str) -> Run:
    """The graph on OpenVINO, on one thread."""
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
    request = core().compile_model(str(graph), "CPU", settings).create_infer_request()

    def run(inputs: Inputs) -> NDArray[np.float32]:
        request.infer(inputs, share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)[0, 0]

    return run


def quantised(graph: Path, inputs: Iterator[Inputs], folder: Path) -> Path:
    """The graph with its convolutions in int8, one scale for each output channel."""
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader:
        def get_next(self) -> Inputs | None:
            return next(inputs, None)

    plain, result = folder / "plain.onnx", folder / "int8.onnx"
    quant_pre_process(str(graph), str(plain), skip_symbolic_shape=True)
    quantize_static(
        str(plain),
        str(result),
        Reader(),
        op_types_to_quantize=_QUANTISED,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return result


def network_inputs(card: Card, pair: Pair, hint: str = "none") -> Inputs:
    """What goes into the network of a picture, with a hint made from the truth."""
    view = View(stills.read(pair.picture))
    height, width = network_size(card.input, view.height, view.width)
    inside = stills.read_grey(pair.truth) > 0.75
    user_hint = STANDARD_HINTS[hint](inside) if inside.any() else None
    nothing = np.zeros((2, height, width), np.float32)
    evidence = nothing if user_hint is None else user_hint.evidence(height, width)
    return {"picture": preprocess(card.input, view, height, width), "hint": evidence[None]}


def clock(runs: dict[str, Run], passes: int) -> None:
    """Print milliseconds of a pass at each size."""
    print(f"| | {' | '.join(f'{h}×{w}' for h, w in SIZES)} |\n|---{'|---' * len(SIZES)}|")
    times: dict[str, list[str]] = {name: [] for name in runs}
    for height, width in SIZES:
        picture = np.random.default_rng(0).random((1, 3, height, width), np.float32)
        inputs = {"picture": picture, "hint": np.zeros((1, 2, height, width), np.float32)}
        milliseconds_of: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(passes + 1):
            for name, run in runs.items():
                start = time.process_time()
                run(inputs)
                if number:  # the first pass prepares for the shape
                    milliseconds_of[name].append(1000 * (time.process_time() - start))
        for name, milliseconds in milliseconds_of.items():
            times[name].append(f"{statistics.median(milliseconds):.1f} ms")
    for name, row in times.items():
        print(f"| {name} | {' | '.join(row)} |")


def score(card: Card, runs: dict[str, Run], pairs: list[Pair], worst: Path | None) -> None:
    """Print mean scores, and the largest change of alpha against the first precision."""
    measure, first = MEASURES["masks"], next(iter(runs))
    measured: dict[str, list[Scores]] = {name: [] for name in runs}
    moves: dict[str, list[float]] = {name: [] for name in runs}
    for pair in pairs:
        inputs, truth = network_inputs(card, pair), stills.read_grey(pair.truth)
        alphas = {name: run(inputs) for name, run in runs.items()}
        for name, alpha in alphas.items():
            measured[name].append(measure.score(Case(stretch(alpha, *truth.shape), truth)))
            moves[name].append(float(np.abs(alpha - alphas[first]).max()))
    titles = {column.key: column.title for column in measure.columns}
    heads = [*(titles[key] for key in SCORES), "alpha moves: median", "99 %", "most"]
    print(f"\n| | {' | '.join(heads)} |\n|---{'|---' * len(heads)}|")
    for name, scores in measured.items():
        means = measure.mean(scores)
        moved = [np.median(moves[name]), np.quantile(moves[name], 0.99), max(moves[name])]
        row = [*(f"{means[key]:.4f}" for key in SCORES), *(f"{value:.3f}" for value in moved)]
        print(f"| {name} | {' | '.join(row)} |")
    for name in list(runs)[1:] if worst else ():
        for rank, index in enumerate(np.argsort(moves[name])[::-1][:WORST_CASES]):
            inputs = network_inputs(card, pairs[index])
            alphas = [runs[first](inputs), runs[name](inputs)]
            panes = [inputs["picture"][0].transpose(1, 2, 0), *(a[..., None] for a in alphas)]
            sheet = np.hstack([np.broadcast_to(pane, panes[0].shape) for pane in panes])
            worst.mkdir(parents=True, exist_ok=True)
            path = worst / f"{name}-{rank}-{pairs[index].picture.stem}.png"
            Image.fromarray((sheet * 255).round().astype(np.uint8)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--most", type=int, help="held-back pictures to score")
    parser.add_argument("--calibrate", type=int, default=64, help="pictures to calibrate int8 on")
    parser.add_argument("--passes", type=int, default=10, help="timed at each size")
    parser.add_argument("--worst", type=Path, help="folder for the pictures that move most")
    args = parser.parse_args()
    store = Store()
    card = store.card(args.model)
    if (card.input.tensor, card.input.hint) != ("picture", "hint"):
        parser.error(f"{args.model} is no network of this project's layout")
    graph = next(p for name, p in store.locate(card).items() if name.endswith(".onnx"))
    trained = [pair for folder in args.data for pair in split_pairs(find_pairs(folder))[0]]
    count = min(args.calibrate, len(trained))
    some = [trained[i * len(trained) // count] for i in range(count)]
    with tempfile.TemporaryDirectory() as name:
        inputs = (
            network_inputs(card, pair, _HINTS[i % len(_HINTS)]) for i, pair in enumerate(some)
        )
        int8 = quantised(graph, inputs, Path(name))
        runs = {"f32": compiled(graph, "f32"), "bf16": compiled(graph, "bf16")}
        runs["int8"] = compiled(int8, "f32")
        clock(runs, args.passes)
        score(card, runs, validation_pairs(args.data, args.most), args.worst)


if __name__ == "__main__":
    main()
