"""Enlarging ×4 with Real-ESRGAN's general-x4v3: our way, its own way, and the bare network.

    python benchmarks/upscale.py PICTURE WEIGHTS.bin [--size 768x512] [--tile 0]

All three run the same weights on the same picture, on the processor. "Its own way" is what
Real-ESRGAN's `inference_realesrgan.py --fp32` does between decoding and encoding: the network in
torch as it stands, the picture whole or (with --tile) in tiles with 10 pixels around each, pasted
beside each other; re-written here from its description. "Bare" is one pass of the whole picture
through our engine, without tiling, blending, rounding or keeping the picture's colour. The results
differ by that last step, which theirs lacks. Needs torch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import mattelier
from mattelier.catalogue import Store
from mattelier.engines.open import open_model
from mattelier.media.stills import read
from mattelier.networks.compact.ncnn import read_compact
from mattelier.networks.compact.network import CompactNet
from mattelier.networks.compact.weights import to_state

_TILE_PAD = 10  # Real-ESRGAN's default


def their_network(path: Path) -> CompactNet:
    network = CompactNet(64, 34, 4).eval()
    state = to_state(read_compact(path))
    network.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()})
    return network


@torch.inference_mode()
def their_way(network: CompactNet, colour: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 → (4H, 4W, 3) uint8."""
    picture = torch.from_numpy(colour.astype(np.float32) / 255).permute(2, 0, 1).unsqueeze(0)
    result = _tiled(network, picture, tile) if tile else network(picture)
    values = result.squeeze(0).float().clamp_(0, 1).numpy()
    return (values.transpose(1, 2, 0) * 255).round().astype(np.uint8)


def _tiled(network: CompactNet, picture: Tensor, tile: int) -> Tensor:
    _, _, height, width = picture.shape
    result = picture.new_zeros((1, 3, height * 4, width * 4))
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            bottom, right = min(y + tile, height), min(x + tile, width)
            top, left = max(y - _TILE_PAD, 0), max(x - _TILE_PAD, 0)
            window = picture[:, :, top : bottom + _TILE_PAD, left : right + _TILE_PAD]
            answer = network(window)
            rows = slice((y - top) * 4, (bottom - top) * 4)
            columns = slice((x - left) * 4, (right - left) * 4)
            result[:, :, y * 4 : bottom * 4, x * 4 : right * 4] = answer[:, :, rows, columns]
    return result


class Timed:
    """A way of doing it: its result, and seconds by the clock and of the processor, the least."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.result = work()  # does not count: engines prepare themselves
        self.clock = self.processor = float("inf")

    def again(self) -> None:
        clock, processor = time.perf_counter(), time.process_time()
        self.result = self._work()
        self.clock = min(self.clock, time.perf_counter() - clock)
        self.processor = min(self.processor, time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("weights", type=Path, help="Real-ESRGAN's general-x4v3 as ncnn's .bin")
    parser.add_argument("--size", default="640x480", help="the picture is cut to this first")
    parser.add_argument("--tile", type=int, default=0, help="of Real-ESRGAN's way; 0: none")
    parser.add_argument("--our-tile", type=int, default=0, help="of our way; 0: chosen")
    parser.add_argument("--times", type=int, default=2)
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    colour = read(args.picture).colour
    if colour.shape[0] < height or colour.shape[1] < width:
        colour = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA)
    colour = np.ascontiguousarray(colour[:height, :width])

    model = str(args.weights)
    network = their_network(args.weights)
    bare = open_model(args.weights, Store(), "cpu")
    ours = {"scale": 4, "model": model, "tile": args.our_tile, "device": "cpu"}
    planes = np.ascontiguousarray(colour.transpose(2, 0, 1)[None], np.float32) / np.float32(255)

    ways = {
        "bare": Timed(lambda: bare.run({"picture": planes})),
        "ours": Timed(lambda: mattelier.upscale(colour, **ours).picture.colour),
        "theirs": Timed(lambda: their_way(network, colour, args.tile)),
    }
    for _ in range(args.times):  # in turn, so that a busy machine is unfair to none
        for way in ways.values():
            way.again()
    mine = ways["ours"]
    print("        by the clock        of the processor (fairer where others use it too)")
    for name, way in ways.items():
        clock, processor = way.clock / mine.clock, way.processor / mine.processor
        print(
            f"{name:7} {way.clock:7.2f} s {clock:5.2f} × ours "
            f"{way.processor:7.2f} s {processor:5.2f} × ours"
        )
    difference = np.abs(mine.result.astype(int) - ways["theirs"].result)
    print(
        f"difference of results: at most {difference.max()}/255, mean {difference.mean():.3f}/255"
    )


if __name__ == "__main__":
    main()
