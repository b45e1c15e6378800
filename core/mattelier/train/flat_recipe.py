"""Reading a recipe whose file has just the fields of its class."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from mattelier.train.recipe import recipe_values
from mattelier.types.errors import UsageError

Recipe = TypeVar("Recipe")


def load_flat_recipe(kind: type[Recipe], path: Path) -> Recipe:
    """The recipe in a TOML file; lists become tuples, the task's name is left out.

    Raises
    ------
    UsageError
        It cannot be read, or a key is unknown or missing.
    """
    _, values = recipe_values(path)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := values.keys() - known:
        raise UsageError(f"The recipe {path} has unknown keys: {', '.join(sorted(unknown))}.")
    flat: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    try:
        return kind(**flat)
    except TypeError as error:
        raise UsageError(f"The recipe {path} is incomplete: {error}.") from error
