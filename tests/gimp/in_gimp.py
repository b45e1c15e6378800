"""The cases inside GIMP as tests see them: their names, their pictures and what they left."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from real_gimp import INSIDE, SAMPLE

PHOTO = (160, 107)
PSD_NAMES = ("Straße", "日本語", "Ωmega")
_BACKDROP = (90, 90)


@dataclass(frozen=True)
class Batch:
    """What the cases left in a folder: results.jsonl, dumps, and GIMP's own output."""

    folder: Path
    log: Path

    def check(self, case: str) -> None:
        """Fail as the case did."""
        results = self.folder / "results.jsonl"
        lines = results.read_text("utf-8").splitlines() if results.exists() else []
        records = [record for record in map(json.loads, lines) if record["case"] == case]
        if not records:
            output = self.log.read_text("utf-8", "replace").splitlines()
            end = "\n".join([line for line in output if line and "Broken pipe" not in line][-12:])
            pytest.fail(f"GIMP ended before this case:\n{end}", pytrace=False)
        if records[-1]["failure"]:
            pytest.fail(records[-1]["failure"], pytrace=False)


def cases_in(*modules: str) -> list[str]:
    """The names of the cases in modules of `inside`, as the runner takes them."""
    return [
        f"{module}.{node.name}"
        for module in modules
        for node in ast.parse((INSIDE / f"{module}.py").read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("case_")
    ]


def make_pictures(folder: Path) -> None:
    """photo.png and large.png, the sample; backdrop.png, a square gradient; balls.png, three.

    names.psd has layers with names of several scripts.
    """
    import balls
    import numpy as np
    from PIL import Image, ImageOps

    from mattelier.media.layered import Layer, write_layers
    from mattelier.types.picture import Picture

    with Image.open(SAMPLE) as sample:
        sample.convert("RGB").save(folder / "large.png")
        ImageOps.fit(sample.convert("RGB"), PHOTO).save(folder / "photo.png")
    Image.fromarray(balls.photo()).save(folder / "balls.png")
    y, x = np.mgrid[: _BACKDROP[1], : _BACKDROP[0]]
    gradient = np.stack([2 * x + 20, 2 * y + 40, 0 * x + 90], -1)
    Image.fromarray(gradient.astype(np.uint8)).save(folder / "backdrop.png")
    plain = Picture(np.full((30, 40, 3), 90, np.uint8))
    write_layers(folder / "names.psd", [Layer(name, plain) for name in PSD_NAMES], plain)
