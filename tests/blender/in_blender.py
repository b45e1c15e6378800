"""The cases inside Blender as tests see them: their names, their plates and what they left."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import pictures
from depth_model import make_depth_model
from real_blender import INSIDE


@dataclass(frozen=True)
class Cases:
    """Why each case failed; None: it did not."""

    failures: dict[str, str | None]
    log: Path

    @classmethod
    def read(cls, folder: Path, log: Path) -> Cases:
        results = folder / "results.jsonl"
        lines = results.read_text("utf-8").splitlines() if results.exists() else []
        entries = [json.loads(line) for line in lines]
        return cls({entry["case"]: entry["failure"] for entry in entries}, log)

    def failure(self, case: str) -> str | None:
        """Why a case failed; None: it did not."""
        end = self.log.read_text("utf-8", "replace")[-2000:]
        return self.failures.get(case, f"Blender ended before this case:\n{end}")


def cases_in(*modules: str) -> list[str]:
    """The names of the cases in modules of `inside`, as the runner takes them."""
    return [
        f"{module}.{node.name}"
        for module in modules
        for node in ast.parse((INSIDE / f"{module}.py").read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("case_")
    ]


def make_stage(folder: Path) -> None:
    """The plates that the cases work on, and a depth network."""
    plates = folder / "plates"
    plates.mkdir(parents=True)
    pictures.make_plates(plates)
    pictures.make_shot(plates)
    make_depth_model(plates)
