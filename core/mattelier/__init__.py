"""Mattelier: local AI cut-outs and mattes.

>>> import mattelier
>>> result = mattelier.cutout("photo.jpg")          # doctest: +SKIP
>>> result.alpha, result.foreground, result.report  # doctest: +SKIP

Everything heavy is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Box",
    "MattelierError",
    "Point",
    "Report",
    "Result",
    "bokeh",
    "cutout",
    "denoise",
    "depth",
    "enhance",
    "matte",
    "refine",
    "style",
    "upscale",
]

if TYPE_CHECKING:
    from mattelier.api import cutout, matte, refine
    from mattelier.api_pictures import bokeh, denoise, depth, enhance, style, upscale
    from mattelier.requests import Box, Point
    from mattelier.types.errors import MattelierError
    from mattelier.types.result import Report, Result

_HOMES = {
    "Box": "mattelier.requests",
    "Point": "mattelier.requests",
    "MattelierError": "mattelier.types.errors",
    "Report": "mattelier.types.result",
    "Result": "mattelier.types.result",
    "cutout": "mattelier.api",
    "matte": "mattelier.api",
    "refine": "mattelier.api",
    "bokeh": "mattelier.api_pictures",
    "denoise": "mattelier.api_pictures",
    "depth": "mattelier.api_pictures",
    "enhance": "mattelier.api_pictures",
    "style": "mattelier.api_pictures",
    "upscale": "mattelier.api_pictures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mattelier' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
