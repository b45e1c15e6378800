"""How long each family of published networks takes for one picture, and what memory it needs.

Each is built in the size in which its authors publish it, with random weights that are scaled as
the parity tests scale theirs, saved as they are published, brought in by `models import`, and asked
through the Python door what it would be asked for: without following edges, which every network's
answer has in common. A photograph of 1 MP; enlargers and menders see a quarter of its side, as they
take a time per pixel. The first answer is not counted, unless it takes long.

Seconds are processor time, of all cores together: other work on the machine hardly changes it,
while it may multiply what a clock shows, which stands in brackets. The shipped cut-out network
takes turns with each, and the ratio is to its processor time. Memory is the process's largest.

Every family has a process of its own. What needs a package that is not here is left out, and so is
what needs more memory; with the tests' environment for torchvision's and spandrel's networks
(tests/torchvision_env.py) every family is measured.

    python benchmarks/families.py [NAME …] [--rounds 5] [--threads 2] [--memory-gb 8]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import zoo_folders  # noqa: E402
import zoo_weights  # noqa: E402

SAMPLE = ROOT / "install" / "sample.jpg"
SIDE_PX = 1024
SMALL_PX = 256
LONG_SECONDS = 30.0  # of processor time: of what takes longer, the first answer counts
LIMIT_SECONDS = 1500


@dataclass(frozen=True)
class Family:
    """One row: what is measured, and how it is made.

    Attributes
    ----------
    title : the variant whose size is measured
    ask : what is asked of it: a key of `_ASKED`
    make : saves it into a folder, and gives what `models import` is to be given: the file or
        folder, and flags
    needs : a package that has to be there
    """

    title: str
    ask: str
    make: Callable[[Path], tuple[Path, ...]]
    needs: str = "torch"


# Networks, as their authors publish them


def _save(state: Mapping[str, Any], path: Path) -> Path:
    import torch

    torch.save({name: torch.from_numpy(np.array(values)) for name, values in state.items()}, path)
    return path


def _drawn(module: Any) -> dict[str, Any]:
    """Scaled random weights for a module's names and shapes; what follows from its layout stays."""
    layout = module.state_dict()
    state = zoo_weights.weights((name, tuple(values.shape)) for name, values in layout.items())
    fixed = {name: v.numpy() for name, v in layout.items() if not v.is_floating_point()}
    return {**state, **fixed}


def _published(name: str, file: str = "weights.pth") -> Callable[[Path], tuple[Path, ...]]:
    """One whose vector in the tests is of the whole size."""
    return lambda folder: (_save(zoo_weights.published(name).state, folder / file),)


def _module(build: Callable[[], Any]) -> Callable[[Path], tuple[Path, ...]]:
    return lambda folder: (_save(_drawn(build()), folder / "weights.pth"),)


def _u2net() -> Any:
    from mattelier.networks.u2net.network import U2Net

    widths = {
        "stage1": (3, 32, 64), "stage2": (64, 32, 128), "stage3": (128, 64, 256),
        "stage4": (256, 128, 512), "stage5": (512, 256, 512), "stage6": (512, 256, 512),
        "stage5d": (1024, 256, 512), "stage4d": (1024, 128, 256), "stage3d": (512, 64, 128),
        "stage2d": (256, 32, 64), "stage1d": (128, 16, 64),
    }  # fmt: skip
    return U2Net(widths, halved=False)


def _segmenter() -> Any:
    from mattelier.networks.segmenter.network import Segmenter

    return Segmenter(768, 16, 32, 12, 150, mask_depth=2, distilled=False, overlap=False)


def _birefnet(width: int, depths: list[int], heads: list[int], window: int) -> Any:
    from mattelier.networks.birefnet.network import BiRefNet

    return BiRefNet(width, depths, heads, window)


def _modnet(folder: Path) -> tuple[Path, ...]:
    state = zoo_weights.published("modnet").state
    return (_save(state, folder / "modnet.ckpt"),)


def _adain(folder: Path) -> tuple[Any, ...]:
    state = zoo_weights.published("adain").state
    files = {"vgg": "vgg_normalised.pth", "decoder": "decoder.pth"}
    for part, file in files.items():
        own = {k.partition(".")[2]: v for k, v in state.items() if k.startswith(part)}
        _save(own, folder / file)
    return folder / "decoder.pth", "--style-encoder", folder / "vgg_normalised.pth"


# Of spandrel and torchvision, by their own code


def _spandrel(module: str, name: str, **settings: Any) -> Callable[[Path], tuple[Path, ...]]:
    def build() -> Any:
        architectures = importlib.import_module(f"spandrel.architectures.{module}")
        return getattr(architectures, name)(**settings)

    return _module(build)


def _torchvision(group: str, name: str, **settings: Any) -> Callable[[Path], tuple[Path, ...]]:
    def make(folder: Path) -> tuple[Path, ...]:
        models = importlib.import_module(f"torchvision.models.{group}")
        state = _drawn(getattr(models, name)(weights=None, weights_backbone=None, **settings))
        for key, values in state.items():
            if key.endswith("bn3.weight"):  # or residuals add up without end
                values *= 0.2
            elif "bbox_pred" in key:  # or boxes leave the picture
                values *= 0.02
        return (_save(state, folder / "weights.pth"),)

    return make


# Folders of transformers

SQUARE = {"height": 1024, "width": 1024}


def _folder(
    kind: str, build: Callable[[Any], Any], numbers: dict[str, Any]
) -> Callable[[Path], tuple[Path, ...]]:
    def make(folder: Path) -> tuple[Path, ...]:
        import transformers

        place = folder / kind
        zoo_folders.save(build(transformers), numbers, place, kind)
        return (place,)

    return make


def _swin_tiny(t: Any, **settings: Any) -> Any:
    return t.SwinConfig(
        embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7,
        out_features=["stage1", "stage2", "stage3", "stage4"], **settings,
    )  # fmt: skip


def _vitmatte(t: Any) -> Any:
    backbone = t.VitDetConfig(
        num_channels=4, image_size=512, pretrain_image_size=224, patch_size=16, hidden_size=384,
        num_attention_heads=6, use_absolute_position_embeddings=True,
        use_relative_position_embeddings=True, window_size=14,
        window_block_indices=[0, 1, 3, 4, 6, 7, 9, 10], residual_block_indices=[2, 5, 8, 11],
        out_features=["stage12"],
    )  # fmt: skip
    return t.VitMatteForImageMatting(
        t.VitMatteConfig(
            backbone_config=backbone,
            hidden_size=384,
            convstream_hidden_sizes=[48, 96, 192],
            fusion_hidden_sizes=[256, 128, 64, 32],
        )
    )


def _edgetam(t: Any) -> Any:
    settings = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    backbone = t.TimmWrapperConfig(architecture="repvit_m1", model_args=settings)
    return t.EdgeTamVideoModel(
        t.EdgeTamVideoConfig(vision_config=t.EdgeTamVisionConfig(backbone_config=backbone))
    )


def _owlv2(t: Any) -> Any:
    vision = {"image_size": 960, "patch_size": 16}
    return t.Owlv2ForObjectDetection(t.Owlv2Config(vision_config=vision))


_COCO = {number: f"thing {number}" for number in range(80)}
_ADE = {number: f"class {number}" for number in range(150)}
_IMAGENET, _HALF = zoo_folders.IMAGENET, zoo_folders.HALF

FAMILIES = {
    "u2net": Family("U²-Net, 44.0 M parameters", "matte", _module(_u2net)),
    "u2netp": Family("U²-Netp", "matte", _published("u2netp")),
    "isnet": Family("IS-Net, general use", "matte", _published("isnet")),
    "modnet": Family("MODNet", "matte", _modnet),
    "unet": Family("U-Net, 64 channels", "matte", _published("unet")),
    "segmenter": Family("Segmenter, B-Mask/16", "objects", _module(_segmenter)),
    "esrgan-x4": Family("Real-ESRGAN x4plus", "upscale", _spandrel("ESRGAN", "ESRGAN"), "spandrel"),
    "compact": Family(
        "Real-ESRGAN general x4v3",
        "upscale",
        _spandrel("Compact", "Compact", num_feat=64, num_conv=32, upscale=4, act_type="prelu"),
        "spandrel",
    ),
    "swinir": Family(
        "SwinIR, real-world, M",
        "upscale",
        _spandrel(
            "SwinIR",
            "SwinIR",
            embed_dim=180,
            depths=[6] * 6,
            num_heads=[6] * 6,
            window_size=8,
            mlp_ratio=2,
            upscale=4,
            img_size=64,
            upsampler="nearest+conv",
        ),
        "spandrel",
    ),
    "hat": Family(
        "HAT ×4",
        "upscale",
        _spandrel(
            "HAT",
            "HAT",
            embed_dim=180,
            depths=[6] * 6,
            num_heads=[6] * 6,
            window_size=16,
            mlp_ratio=2,
            upscale=4,
        ),
        "spandrel",
    ),
    "nafnet": Family(
        "NAFNet, width 64, SIDD",
        "restore",
        _spandrel(
            "NAFNet",
            "NAFNet",
            width=64,
            middle_blk_num=12,
            enc_blk_nums=[2, 2, 4, 8],
            dec_blk_nums=[2, 2, 2, 2],
        ),
        "spandrel",
    ),
    "gfpgan": Family("GFPGAN 1.4", "restore", _published("gfpgan"), "spandrel"),
    "lama": Family("LaMa, big", "erase", _published("lama", "best.ckpt"), "spandrel"),
    "adain": Family("AdaIN", "style", _adain),
    "gatys": Family("VGG-19, 500 iterations at 256", "style", _published("gatys")),
    "birefnet": Family(
        "BiRefNet, Swin-L",
        "matte",
        _module(lambda: _birefnet(192, [2, 2, 18, 2], [6, 12, 24, 48], 12)),
    ),
    "birefnet-lite": Family(
        "BiRefNet lite, Swin-T",
        "matte",
        _module(lambda: _birefnet(96, [2, 2, 6, 2], [3, 6, 12, 24], 7)),
    ),
    "sam": Family(
        "SAM, ViT-B: a look and a click",
        "click",
        _folder(
            "sam", lambda t: t.SamModel(t.SamConfig()), _IMAGENET | {"size": {"longest_edge": 1024}}
        ),
        "transformers",
    ),
    "sam2": Family(
        "SAM 2.1, tiny: a look and a click",
        "click",
        _folder("sam2", lambda t: t.Sam2Model(t.Sam2Config()), _IMAGENET | {"size": SQUARE}),
        "transformers",
    ),
    "sam2_video": Family(
        "SAM 2.1, tiny: a view of a shot",
        "follow",
        _folder(
            "sam2_video",
            lambda t: t.Sam2VideoModel(t.Sam2VideoConfig()),
            _IMAGENET | {"size": SQUARE},
        ),
        "transformers",
    ),
    "edgetam_video": Family(
        "EdgeTAM: a view of a shot",
        "follow",
        _folder("edgetam_video", _edgetam, _IMAGENET | {"size": SQUARE}),
        "timm",
    ),
    "cutie-base": Family("Cutie, base: a view of a shot", "follow", _published("cutie-base")),
    "cutie-small": Family("Cutie, small: a view of a shot", "follow", _published("cutie-small")),
    "mask2former": Family(
        "Mask2Former, Swin-T",
        "objects",
        _folder(
            "mask2former",
            lambda t: t.Mask2FormerForUniversalSegmentation(
                t.Mask2FormerConfig(backbone_config=_swin_tiny(t), num_queries=100, id2label=_COCO)
            ),
            _IMAGENET | {"size": {"height": 384, "width": 384}, "size_divisor": 32},
        ),
        "transformers",
    ),
    "maskformer": Family(
        "MaskFormer, Swin-T",
        "objects",
        _folder(
            "maskformer",
            lambda t: t.MaskFormerForInstanceSegmentation(
                t.MaskFormerConfig(
                    backbone_config=_swin_tiny(t), decoder_config=t.DetrConfig(), id2label=_ADE
                )
            ),
            _IMAGENET | {"size": {"shortest_edge": 640, "longest_edge": 2560}, "size_divisor": 32},
        ),
        "transformers",
    ),
    "segformer": Family(
        "SegFormer, B0",
        "objects",
        _folder(
            "segformer",
            lambda t: t.SegformerForSemanticSegmentation(t.SegformerConfig(id2label=_ADE)),
            _IMAGENET | {"size": 512},
        ),
        "transformers",
    ),
    "vitmatte": Family(
        "ViTMatte, S",
        "trimap",
        _folder(
            "vitmatte", _vitmatte, _HALF | {"do_resize": False, "do_pad": True, "size_divisor": 32}
        ),
        "transformers",
    ),
    "depth_anything": Family(
        "Depth Anything V2, small",
        "depth",
        _folder(
            "depth_anything",
            lambda t: t.DepthAnythingForDepthEstimation(t.DepthAnythingConfig()),
            _IMAGENET
            | {
                "size": {"height": 518, "width": 518},
                "keep_aspect_ratio": True,
                "ensure_multiple_of": 14,
            },
        ),
        "transformers",
    ),
    "grounding_dino": Family(
        "Grounding DINO, tiny",
        "find",
        _folder(
            "grounding_dino",
            lambda t: t.GroundingDinoForObjectDetection(t.GroundingDinoConfig()),
            _IMAGENET | {"size": {"shortest_edge": 800, "longest_edge": 1333}},
        ),
        "transformers",
    ),
    "owlv2": Family(
        "OWLv2, B/16",
        "find",
        _folder(
            "owlv2", _owlv2, _IMAGENET | {"size": {"height": 960, "width": 960}, "do_pad": True}
        ),
        "transformers",
    ),
    "resnet": Family(
        "ResNet-50, and the map",
        "classify",
        _folder(
            "resnet",
            lambda t: t.ResNetForImageClassification(t.ResNetConfig(num_labels=1000)),
            _IMAGENET | {"size": {"height": 224, "width": 224}},
        ),
        "transformers",
    ),
    "maskrcnn": Family(
        "Mask R-CNN, ResNet-50",
        "objects",
        _torchvision("detection", "maskrcnn_resnet50_fpn"),
        "torchvision",
    ),
    "deeplabv3-mobilenet": Family(
        "DeepLabV3, MobileNetV3",
        "objects",
        _torchvision("segmentation", "deeplabv3_mobilenet_v3_large", aux_loss=True),
        "torchvision",
    ),
    "deeplabv3-resnet": Family(
        "DeepLabV3, ResNet-50",
        "objects",
        _torchvision("segmentation", "deeplabv3_resnet50", aux_loss=True),
        "torchvision",
    ),
}
"""Rows of the table in docs/networks.md, in its order."""


# What is asked


def _picture(side: int) -> np.ndarray[Any, Any]:
    with Image.open(SAMPLE) as picture:
        return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


def _ball(side: int) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    return np.hypot(rows, columns) * 4  # 1 at a quarter of the side


def _question(ask: str, name: str) -> Callable[[], object]:
    """What is asked of a network that was brought in, as something to call."""
    import mattelier
    from mattelier.requests import Point

    session = mattelier.Session(device="cpu")
    large, small = _picture(SIDE_PX), _picture(SMALL_PX)
    distance = _ball(SIDE_PX)
    plain: dict[str, Any] = {"quality": "fast", "refine": False}
    trimap = np.where(distance < 0.9, 255, np.where(distance < 1.1, 128, 0)).astype(np.uint8)
    hole = np.where(distance < 0.5, 255, 0).astype(np.uint8)
    click = (Point(SIDE_PX / 2, SIDE_PX / 2, positive=True),)
    asked: dict[str, Callable[[], object]] = {
        "matte": lambda: session.matte(large, model=name, **plain),
        "click": lambda: session.matte(large, model=name, points=click, **plain),
        "trimap": lambda: session.matte(large, model=name, trimap=trimap, **plain),
        "objects": lambda: session.objects(large, objects_model=name, **plain),
        "depth": lambda: session.depth(large, depth_model=name),
        "upscale": lambda: session.upscale(small, scale=4, model=name),
        "restore": lambda: session.restore(small, model=name),
        "erase": lambda: session.erase(large, mask=hole, model=name),
        "style": lambda: session.style(large, reference=small, model=name, paint_size=256),
    }
    return asked[ask] if ask in asked else _question_of_engine(ask, name, large, distance)


def _question_of_engine(
    ask: str, name: str, picture: np.ndarray[Any, Any], distance: np.ndarray[Any, Any]
) -> Callable[[], object]:
    """What only other tasks ask."""
    from mattelier.engines.activation import activate
    from mattelier.engines.find import find_boxes
    from mattelier.engines.follow import follow, open_follower
    from mattelier.engines.model_cache import ModelCache
    from mattelier.types.colour import View
    from mattelier.types.picture import Picture

    cache = ModelCache()
    model = open_follower(cache, name, "cpu") if ask == "follow" else cache.open(name, ask, "cpu")
    if ask == "find":
        return lambda: find_boxes(model, View(Picture(picture)), "the red car")
    if ask == "classify":
        return lambda: activate(model, View(Picture(picture)))
    view = np.ascontiguousarray(picture, np.float32) / 255
    rest = follow(model, view, (distance < 1).astype(np.float32)[None], repeat(view))
    return lambda: next(rest)


# One family


def _measure(name: str, options: argparse.Namespace) -> None:
    """In a process of its own: seconds, ratio and memory as one line of JSON."""
    limit = int(options.memory_gb * (1 << 30))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    import torch

    torch.set_num_threads(options.threads)
    ask = _question(FAMILIES[name].ask, "measured")
    own = [first] if (first := _seconds(ask))[0] > LONG_SECONDS else []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    reference = _question("matte", "default")
    reference()
    others = [_seconds(reference) for _ in range(3)]
    for _ in range(0 if own else options.rounds):
        own.append(_seconds(ask))
        others += [_seconds(reference) for _ in range(3)]
    seconds, clock = (statistics.median(values) for values in zip(*own, strict=True))
    measure = statistics.median(value for value, _ in others)
    told = {"seconds": seconds, "clock": clock, "ratio": seconds / measure, "gib": peak}
    print(json.dumps(told | {"reference": measure}))


def _bring_in(name: str) -> None:
    from mattelier.commands.main import main as mattelier_command

    with tempfile.TemporaryDirectory(prefix="families-") as scratch:
        arguments = [str(one) for one in FAMILIES[name].make(Path(scratch))]
        sys.exit(mattelier_command(["models", "import", *arguments, "--name", "measured"]))


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of processor time, and by the clock."""
    start, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - start, time.perf_counter() - clock


def _row(name: str, arguments: list[str], threads: int) -> str:
    family = FAMILIES[name]
    if importlib.util.find_spec(family.needs) is None:
        return f"{name:20} left out: {family.needs} is not here"
    with tempfile.TemporaryDirectory(prefix="families-") as folder:
        environment = {
            **os.environ,
            "MATTELIER_MODELS": str(Path(folder, "models")),
            "PYTHONPATH": str(ROOT / "core"),
            "OMP_WAIT_POLICY": "PASSIVE",  # a core that waits for the other is not at work
            "OMP_NUM_THREADS": str(threads),
        }
        for step in ("--bring-in", "--measure"):
            command = [sys.executable, __file__, name, step, *arguments]
            try:
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
                )
            except subprocess.TimeoutExpired:
                return f"{name:20} left out: it takes more than {LIMIT_SECONDS} s"
            if done.returncode:
                last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
                return f"{name:20} left out: {last}"
    told = json.loads(done.stdout.splitlines()[-1])
    return (
        f"{name:20} {told['seconds']:8.2f} s ({told['clock']:.2f} s) {told['ratio']:8.1f} × "
        f"{told['reference']:.2f} s {told['gib']:6.1f} GiB   {family.title}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="Of families; all by default.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-gb", type=float, default=8)
    parser.add_argument("--bring-in", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bring_in:
        _bring_in(*options.names)
    elif options.measure:
        _measure(*options.names, options)
    else:
        arguments = [f"--rounds={options.rounds}", f"--threads={options.threads}"]
        arguments.append(f"--memory-gb={options.memory_gb}")
        for name in options.names or FAMILIES:
            print(_row(name, arguments, options.threads), flush=True)


if __name__ == "__main__":
    main()
