"""Mattes of a shot, files to files: our way and RobustVideoMatting's network, on the processor.

    python benchmarks/roto.py PLATE --key FRAME=MASK [--count 12] [--sizes 480,1080,2160]

RobustVideoMatting's published layout (Lin et al. 2021, arXiv:2108.11515: MobileNetV3-Large,
LR-ASPP, ConvGRU decoder, deep guided filter) is written here anew with random weights, in torch,
with downsample ratio 0.25 at 1080p as its authors advise. Both read the same JPEG frames and write
the same kind of PNG matte with the same code. Needs torch; --workers needs Dask as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mattelier.media import stills
from mattelier.media.open_plate import open_plate
from mattelier.requests import KeyRequest, RotoRequest
from mattelier.shot import farm, frame_mattes, roto

# kernel, expanded, out, squeeze-and-excitation, hard swish, stride, dilation
_BLOCKS = [
    (3, 16, 16, False, False, 1, 1), (3, 64, 24, False, False, 2, 1),
    (3, 72, 24, False, False, 1, 1), (5, 72, 40, True, False, 2, 1),
    (5, 120, 40, True, False, 1, 1), (5, 120, 40, True, False, 1, 1),
    (3, 240, 80, False, True, 2, 1), (3, 200, 80, False, True, 1, 1),
    (3, 184, 80, False, True, 1, 1), (3, 184, 80, False, True, 1, 1),
    (3, 480, 112, True, True, 1, 1), (3, 672, 112, True, True, 1, 1),
    (5, 672, 160, True, True, 1, 2), (5, 960, 160, True, True, 1, 2),
    (5, 960, 160, True, True, 1, 2),
]  # fmt: skip


def conv(inside: int, out: int, kernel: int = 1, act: type[nn.Module] | None = nn.ReLU,
         stride: int = 1, dilation: int = 1, groups: int = 1) -> nn.Sequential:  # fmt: skip
    pad = (kernel - 1) // 2 * dilation
    layers = [nn.Conv2d(inside, out, kernel, stride, pad, dilation, groups, bias=False),
              nn.BatchNorm2d(out)]  # fmt: skip
    return nn.Sequential(*layers, *([act()] if act else []))


class Squeeze(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // 4, 1), nn.ReLU(),
            nn.Conv2d(channels // 4, channels, 1), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Inverted(nn.Module):
    def __init__(self, inside: int, block: tuple[int, int, int, bool, bool, int, int]) -> None:
        super().__init__()
        kernel, wide, out, squeeze, swish, stride, dilation = block
        act = nn.Hardswish if swish else nn.ReLU
        layers = [conv(inside, wide, 1, act)] if wide != inside else []
        layers.append(conv(wide, wide, kernel, act, stride, dilation, wide))
        if squeeze:
            layers.append(Squeeze(wide))
        self.layers = nn.Sequential(*layers, conv(wide, out, 1, None))
        self.residual = stride == 1 and inside == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class Recurrent(nn.Module):
    """A ConvGRU over half of the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2
        self.gates = nn.Conv2d(channels, channels, 3, padding=1)
        self.state = nn.Conv2d(channels, self.half, 3, padding=1)
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        still, moving = x.split(self.half, 1)
        state = torch.zeros_like(moving) if self.state is None else self.state
        reset, update = self.gates(torch.cat([moving, state], 1)).sigmoid().chunk(2, 1)
        new = self.state(torch.cat([moving, reset * state], 1)).tanh()
        self.state = (1 - update) * state + update * new
        return torch.cat([still, self.state], 1)


class RobustVideoMatting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 16, 3, nn.Hardswish, 2)
        channels = [16, *(block[2] for block in _BLOCKS)]
        self.blocks = nn.ModuleList(map(Inverted, channels, _BLOCKS))
        self.last = conv(160, 960, 1, nn.Hardswish)
        self.aspp = conv(960, 128)
        self.attend = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(960, 128, 1, bias=False), nn.Sigmoid()
        )
        self.bottom = Recurrent(128)
        widths = [(128, 40, 80), (80, 24, 40), (40, 16, 32)]
        self.up = nn.ModuleList(conv(a + skip + 3, out, 3) for a, skip, out in widths)
        self.memory = nn.ModuleList(Recurrent(out) for _, _, out in widths)
        self.final = nn.Sequential(conv(32 + 3, 16, 3), conv(16, 16, 3))
        self.project = nn.Conv2d(16, 4, 1)
        self.box = nn.Conv2d(4, 4, 3, padding=1, bias=False, groups=4)
        self.guide = nn.Sequential(conv(24, 16), conv(16, 16), nn.Conv2d(16, 4, 1))

    def forward(self, fine: Tensor, ratio: float) -> Tensor:
        small = functional.interpolate(fine, scale_factor=ratio, mode="bilinear")
        x, kept = self.stem(small), {}
        for number, block in enumerate(self.blocks):
            x = block(x)
            kept[number] = x
        x = self.last(x)
        x = self.bottom(self.aspp(x) * self.attend(x))
        pooled = [small]
        for _ in range(3):
            pooled.append(functional.avg_pool2d(pooled[-1], 2, ceil_mode=True))
        skips = [(kept[5], pooled[3]), (kept[2], pooled[2]), (kept[0], pooled[1])]
        for up, memory, (skip, picture) in zip(self.up, self.memory, skips, strict=True):
            x = memory(up(torch.cat([_to(x, skip), _to(skip, skip), _to(picture, skip)], 1)))
        hidden = self.final(torch.cat([_to(x, small), small], 1))
        return self._refined(fine, small, self.project(hidden), hidden)

    def _refined(self, fine: Tensor, small: Tensor, y: Tensor, hidden: Tensor) -> Tensor:
        fine_x = torch.cat([fine, fine.mean(1, keepdim=True)], 1)
        x = torch.cat([small, small.mean(1, keepdim=True)], 1)
        mean_x, mean_y = self.box(x), self.box(y)
        cov, var = self.box(x * y) - mean_x * mean_y, self.box(x * x) - mean_x * mean_x
        slope = self.guide(torch.cat([cov, var, hidden], 1))
        offset = mean_y - slope * mean_x
        return (_to(slope, fine) * fine_x + _to(offset, fine))[:, 3:].clamp(0, 1)


def _to(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


@torch.inference_mode()
def their_way(frames: list[Path], out: Path) -> float:
    """Frames per second."""
    network = RobustVideoMatting().eval()
    ratio = 0.25 * 1080 / stills.read(frames[0]).colour.shape[0]
    out.mkdir()
    begun = time.perf_counter()
    for file in frames:
        colour = stills.read(file).colour.astype(np.float32) / 255
        tensor = torch.from_numpy(colour).permute(2, 0, 1).unsqueeze(0).contiguous()
        alpha = network(tensor, min(1.0, ratio))[0, 0].numpy()
        stills.write_matte(out / f"{file.stem}.png", alpha)
    return len(frames) / (time.perf_counter() - begun)


def our_way(plate: Path, key: KeyRequest, out: Path, workers: int = 0) -> tuple[float, float]:
    """Frames per second, and seconds a frame in refining."""
    spent, refine = [0.0], frame_mattes.refine

    def timed(*arguments: object, **named: object) -> object:
        begun = time.perf_counter()
        try:
            return refine(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - begun

    request = RotoRequest(str(plate), str(out / "a.####.png"), keys=(key,))
    begun = time.perf_counter()
    frame_mattes.refine = timed
    try:
        if workers:
            result = farm.submit(farm.for_farm(request), local=workers, chunk=4)
        else:
            result = roto.run(request)
    finally:
        frame_mattes.refine = refine
    assert result.exit_code == 0, result
    count = len(result.requested)
    return count / (time.perf_counter() - begun), spent[0] / count


def enlarged(source: Path, mask: Path, frame: int, height: int, count: int, folder: Path):
    """A plate of that height made of the source's first frames, and its key."""
    folder.mkdir()
    plate = open_plate(str(source))
    files = []
    for number in [f for f in plate.frames if f >= frame][:count]:
        colour = plate.read(number).colour
        size = round(colour.shape[1] * height / colour.shape[0] / 2) * 2, height
        files.append(folder / f"a.{number:04}.jpg")
        cv2.imwrite(str(files[-1]), cv2.resize(colour, size)[..., ::-1])
    drawn = cv2.resize(stills.read_grey(mask), size, interpolation=cv2.INTER_LINEAR)
    key = folder.parent / f"key{height}.png"
    stills.write_matte(key, drawn)
    return files, KeyRequest(frame, mask=str(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plate", type=Path)
    parser.add_argument("--key", required=True, metavar="FRAME=MASK")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--sizes", default="480,1080,2160")
    parser.add_argument("--workers", default="1,2", help="of Dask, at 1080 lines; empty: none")
    args = parser.parse_args()
    frame, _, mask = args.key.partition("=")
    with tempfile.TemporaryDirectory() as scratch:
        for height in map(int, args.sizes.split(",")):
            root = Path(scratch) / str(height)
            files, key = enlarged(args.plate, Path(mask), int(frame), height, args.count, root)
            ours, refined = our_way(root, key, root.with_name(f"ours{height}"))
            print(f"{height:5} ours {ours:6.2f} fps (refining {refined:.3f} s a frame)", flush=True)
            if height != 1080:
                continue
            theirs = their_way(files, root.with_name("theirs"))
            print(f"{height:5} RVM  {theirs:6.2f} fps; ours {ours / theirs:.2f} ×", flush=True)
            for workers in filter(None, args.workers.split(",")):
                out = root.with_name(f"dask{workers}")
                speed, _ = our_way(root, key, out, int(workers))
                print(f"{height:5} ours {speed:6.2f} fps with {workers} Dask workers, started anew")


if __name__ == "__main__":
    main()
