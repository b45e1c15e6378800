"""The tasks that make a picture of a picture, and what each is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mattelier.requests.bokeh import BokehRequest
from mattelier.requests.denoise import DenoiseRequest
from mattelier.requests.enhance import EnhanceRequest
from mattelier.requests.fields import EffectRequest
from mattelier.requests.style import StyleRequest
from mattelier.requests.upscale import UpscaleRequest

EffectName = Literal["upscale", "bokeh", "denoise", "enhance", "style"]

EFFECTS: Mapping[EffectName, type[EffectRequest]] = {
    "upscale": UpscaleRequest,
    "bokeh": BokehRequest,
    "denoise": DenoiseRequest,
    "enhance": EnhanceRequest,
    "style": StyleRequest,
}
"""Tasks that make a picture of a picture, and what each is asked."""
