"""Any published network that the package spandrel knows, and that gives a picture."""

from __future__ import annotations

from pathlib import Path

from mattelier.networks.architecture import Architecture, Descriptor, Entry, Published, State

SOURCE = "https://github.com/chaiNNer-org/spandrel"  # which names its networks' authors
# By the names that spandrel has for them, and that these do not share with others here.
PUBLISHED = {
    "ESRGAN": Published(
        "ESRGAN, Real-ESRGAN", "upscale", "https://github.com/xinntao/Real-ESRGAN", proven=True
    ),
    "SwinIR": Published("SwinIR", "upscale", "https://github.com/JingyunLiang/SwinIR", proven=True),
    "HAT": Published("HAT", "upscale", "https://github.com/XPixelGroup/HAT", proven=True),
    "NAFNet": Published(
        "NAFNet", "denoise", "https://github.com/megvii-research/NAFNet", proven=True
    ),
    "GFPGAN": Published("GFPGAN", "denoise", "https://github.com/TencentARC/GFPGAN", proven=True),
    "LaMa": Published("LaMa", "fill", "https://github.com/advimman/lama", proven=True),
}


def _describe(state: State, path: Path) -> Descriptor:
    from mattelier.networks.spandrel.network import describe

    return describe(state, path)


ARCHITECTURE = Architecture(
    id="spandrel",
    title="what spandrel knows",
    tasks=("upscale", "denoise", "fill"),
    classes=(),
    detect=lambda state: True,  # whether it knows the weights is told when they are described
    describe=_describe,
    entries={"forward": Entry(("picture",), ("picture",))},
    published=tuple(PUBLISHED.values()),
    fallback=True,
)
