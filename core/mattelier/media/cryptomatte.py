"""Cryptomatte: objects by name in an EXR, as compositors pick them (Friedman and Jones, 2015).

Of each pixel the objects that cover it most are kept, as pairs of a name's hash and a coverage;
names and hashes stand in the header. Specification 1.2.0, Psyop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.atomic import replacing
from mattelier.types.picture import Picture

LAYER = "CryptoObject"
_RANKS = 6  # objects that are kept of a pixel; two share a layer of four channels
_WORD = 0xFFFFFFFF


def write_cryptomatte(path: Path, alphas: Mapping[str, NDArray[np.float32]], like: Picture) -> None:
    """Write objects as one EXR.

    Parameters
    ----------
    path : output file, `.exr`
    alphas : object's name → (H, W) float32 0…1; what they cover together is at most 1 of a pixel
    like : the picture they are of: gives the windows, and the size where there is no object

    Raises
    ------
    OSError
        The file cannot be written.
    """
    from mattelier.media import oiio_io

    names = list(alphas)
    hashes = {name: object_hash(name) for name in names}
    planes = [alphas[name] for name in names]
    ids = np.array([*(_as_float(hashes[name]) for name in names), 0], np.float32)
    ranks = min(_RANKS, max(len(names), 1))
    layers = -(-ranks // 2)
    key = f"cryptomatte/{object_hash(LAYER):08x}"[: len("cryptomatte/") + 7]
    manifest = {name: f"{value:08x}" for name, value in hashes.items()}
    attributes: dict[str, Any] = {
        f"{key}/name": LAYER,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": json.dumps(manifest, ensure_ascii=False),
    }

    def rows(y0: int, y1: int) -> NDArray[np.float32]:
        band = np.zeros((y1 - y0, like.width, 4 * layers), np.float32)
        if not planes:
            return band
        cover = np.stack([plane[y0:y1] for plane in planes], -1)
        order = np.argsort(-cover, axis=-1, kind="stable")[..., :ranks]
        best = np.take_along_axis(cover, order, -1)
        band[..., 0 : 2 * ranks : 2] = np.where(best > 0, ids[order], 0)
        band[..., 1 : 2 * ranks : 2] = best
        return band

    channels = tuple(f"{LAYER}{layer:02}.{one}" for layer in range(layers) for one in "RGBA")
    with replacing(path) as temporary:
        oiio_io.write(
            temporary,
            (like.height, like.width, 4 * layers),
            "float32",
            rows,
            channels=channels,
            attributes=attributes,
            window=like.window,
        )


def object_hash(name: str) -> int:
    """A name's hash, such that its bits are an ordinary float32: neither subnormal nor infinite."""
    value = _murmur3(name.encode())
    exponent = value >> 23 & 255
    return value ^ 1 << 23 if exponent in (0, 255) else value


def _as_float(value: int) -> float:
    return float(np.array([value], np.uint32).view(np.float32)[0])


def _murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0 (Appleby, 2011)."""
    value, whole = 0, len(data) // 4 * 4
    for place in range(0, whole, 4):
        value ^= _mix(int.from_bytes(data[place : place + 4], "little"))
        value = (_rotate(value, 13) * 5 + 0xE6546B64) & _WORD
    value ^= _mix(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = (value ^ value >> shift) * factor & _WORD
    return value


def _mix(word: int) -> int:
    return _rotate(word * 0xCC9E2D51 & _WORD, 15) * 0x1B873593 & _WORD


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD
