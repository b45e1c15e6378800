"""Mattelier: local AI cut-outs and mattes.

>>> import mattelier
>>> result = mattelier.cutout("photo.jpg")          # doctest: +SKIP
>>> result.save("photo-cutout.png")                 # doctest: +SKIP
>>> result.alpha, result.foreground, result.report  # doctest: +SKIP

There is a function for every task: `help(mattelier.cutout)` lists its options. Everything heavy is
imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mattelier.tasks.registry import TASKS

__version__ = "0.1.0"
__all__ = ["Box", "MattelierError", "Point", "Report", "Result", "Session", *TASKS]

if TYPE_CHECKING:
    from mattelier.api import Session
    from mattelier.api_result import Result
    from mattelier.requests import Box, Point
    from mattelier.types.errors import MattelierError
    from mattelier.types.result import Report

_HOMES = {
    "Box": "mattelier.requests",
    "Point": "mattelier.requests",
    "MattelierError": "mattelier.types.errors",
    "Report": "mattelier.types.result",
    "Result": "mattelier.api_result",
    "Session": "mattelier.api",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in TASKS:
        return importlib.import_module("mattelier.api").task_function(name)
    if name not in _HOMES:
        raise AttributeError(f"module 'mattelier' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
