"""Files of plain values, JSON and TOML: whatever lies there is read, or refused by `ValueError`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mattelier.types.atomic import replacing


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no JSON, or nested deeper than Python's parser goes.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as a JSON file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1), "utf-8")


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds; raises as `read_json`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
