"""Reading a recipe whose file has just the fields of its class."""

from __future__ import annotations

from pathlib import Path

from mattelier.train.recipe import AnyRecipe, recipe_of, recipe_values


def load_flat_recipe(recipe_type: type[AnyRecipe], path: Path) -> AnyRecipe:
    """The recipe in a TOML file; the task's name is left out.

    Raises
    ------
    UsageError
        It cannot be read, or a key is unknown or missing.
    """
    _, values = recipe_values(path)
    return recipe_of(recipe_type, path, values)
