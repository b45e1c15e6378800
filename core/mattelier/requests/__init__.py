"""What a user asks for, as frozen values: the same objects from every door.

The command line builds them from flags, a host from its dialog, the worker from JSON.
Equal requests have equal digests, which name cached results.
"""

from __future__ import annotations

from mattelier.requests.bokeh import BokehRequest
from mattelier.requests.correct import CorrectRequest
from mattelier.requests.cutout import CutoutRequest
from mattelier.requests.denoise import DenoiseRequest
from mattelier.requests.depth import DepthRequest
from mattelier.requests.enhance import EnhanceRequest
from mattelier.requests.erase import EraseRequest
from mattelier.requests.fields import EffectRequest, Request
from mattelier.requests.hint import Box, HintRequest, Point
from mattelier.requests.keying import KeyingRequest
from mattelier.requests.matte import MatteRequest
from mattelier.requests.objects import ObjectsRequest
from mattelier.requests.point import PointRequest, Stroke
from mattelier.requests.product import ProductRequest
from mattelier.requests.refine import RefineRequest
from mattelier.requests.restore import RestoreRequest
from mattelier.requests.shared_fields import Device, Quality
from mattelier.requests.shot import (
    SUBJECT,
    FrameFormat,
    FramesRequest,
    KeyRequest,
    MovieCodec,
    RotoRequest,
    ShotOutput,
    ShotRequest,
)
from mattelier.requests.style import StyleRequest
from mattelier.requests.upscale import Size, UpscaleRequest
from mattelier.requests.wire import digest, from_json, to_json

__all__ = [
    "SUBJECT",
    "BokehRequest",
    "Box",
    "CorrectRequest",
    "CutoutRequest",
    "DenoiseRequest",
    "DepthRequest",
    "Device",
    "EffectRequest",
    "EnhanceRequest",
    "EraseRequest",
    "FrameFormat",
    "FramesRequest",
    "HintRequest",
    "KeyRequest",
    "KeyingRequest",
    "MatteRequest",
    "MovieCodec",
    "ObjectsRequest",
    "Point",
    "PointRequest",
    "ProductRequest",
    "Quality",
    "RefineRequest",
    "Request",
    "RestoreRequest",
    "RotoRequest",
    "ShotOutput",
    "ShotRequest",
    "Size",
    "Stroke",
    "StyleRequest",
    "UpscaleRequest",
    "digest",
    "from_json",
    "to_json",
]
