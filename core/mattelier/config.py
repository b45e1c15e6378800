"""The user's config file: flags that are always meant, by their own names.

`config.toml` in the platform's config folder; `MATTELIER_CONFIG` names another, or none where it
is empty. What stands outside of tables is for every command that has such a flag.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mattelier.types.errors import UsageError
from mattelier.types.plain_files import read_toml

VARIABLE = "MATTELIER_CONFIG"


def config_path() -> Path | None:
    """Where it lies, or would lie; None where none shall be read."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_config_path

    return user_config_path("mattelier", appauthor=False) / "config.toml"


def read_config() -> dict[str, Any]:
    """What it says; nothing where there is no file.

    Raises
    ------
    UsageError
        It cannot be read, is no TOML, or a file that was named is not there.
    """
    path = config_path()
    if path is None:
        return {}
    try:
        return read_toml(path)
    except FileNotFoundError:
        if VARIABLE in os.environ:
            raise UsageError(f"{VARIABLE} names {path}, which does not exist.") from None
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise UsageError(f"{path} is not TOML: {error}.") from None
