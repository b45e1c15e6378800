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
    "Cutout",
    "Matte",
    "MattelierError",
    "Point",
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
    from mattelier.matting.cutout import Cutout
    from mattelier.matting.matte import Matte
    from mattelier.requests import Box, Point
    from mattelier.types.errors import MattelierError

_HOMES = {
    "Box": "mattelier.requests",
    "Point": "mattelier.requests",
    "MattelierError": "mattelier.types.errors",
    "Cutout": "mattelier.matting.cutout",
    "Matte": "mattelier.matting.matte",
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
