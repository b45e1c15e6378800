"""Any published network that the package spandrel knows, and that gives a picture."""

from __future__ import annotations

from pathlib import Path

from mattelier.networks.architecture import Architecture, Descriptor, Entry, State


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
    fallback=True,
)
