"""Write PNG on every core: stripes are filtered and deflated side by side, then chained.

Pillow holds no 16-bit colour and compresses on one core; this writes the same file format
(W3C PNG, third edition) several times faster, with profile and EXIF byte for byte.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

deflate: ModuleType
try:  # Intel's ISA-L deflates about four times faster at the same size
    from isal import isal_zlib as deflate
except ImportError:  # no wheel for this machine
    deflate = zlib

# ISA-L's level 2 is as quick as its level 1 here and smaller; zlib's level 1 is its quickest.
_LEVEL = 1 if deflate is zlib else 2
_STRIPE_BYTES = 1 << 20
# Of each stripe, deflated by themselves. ISA-L's fast loop, where it meets the first byte of a
# stream, hashes an address in place of a pixel (igzip_icf_body_h1_gr_bt.asm, .write_first_byte,
# as of 2.32): about one file in ten thousand came out with other bytes for the same pixels. Four
# to sixteen bytes go another way, which is sound, and the loop starts behind them.
_HEAD_BYTES = 8
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
_SUB, _UP, _AVERAGE = 1, 2, 3

Rows = Callable[[int, int], NDArray[Any]]


def write(
    file: BinaryIO,
    shape: tuple[int, int, int],
    bits: int,
    rows: Rows,
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write one PNG.

    Parameters
    ----------
    file : binary file open for writing
    shape : (height, width, channels)
        Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha (straight).
    bits : 8 or 16
    rows : function (y0, y1) → (y1−y0, width, channels) uint8 or uint16
        Gives samples stripe by stripe, so the whole file is never in memory; called from
        several threads.
    icc, exif : bytes or None
        Profile; EXIF block with or without its "Exif" prefix.
    text : mapping, optional
        Keywords (at most 79 Latin letters) with what they say, ahead of the pixels.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    height, width, channels = shape
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPE[channels], 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header))
    if icc:
        file.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if exif:
        file.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    for keyword, value in (text or {}).items():
        file.write(_chunk(b"tEXt", f"{keyword}\0{value}".encode("latin-1", "replace")))

    step = max(1, _STRIPE_BYTES // (width * channels * bits // 8))

    def stripe(y: int) -> tuple[bytes, int, int]:
        # One row more than the stripe: its filters look at the row above.
        samples = rows(max(y - 1, 0), min(y + step, height))
        if bits == 16:
            samples = samples.astype(">u2")
        filtered = _filter(samples, channels * bits // 8, first=y == 0)
        last = y + step >= height
        packed = _deflate(filtered.reshape(-1), last=last)
        return _chunk(b"IDAT", packed), zlib.adler32(filtered.data), filtered.size

    file.write(_chunk(b"IDAT", b"\x78\x01"))  # zlib header: 32 K window, fastest
    checksum = 1
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for chunk, part, length in pool.map(stripe, range(0, height, step)):
            file.write(chunk)
            checksum = _combine_adler32(checksum, part, length)
    finally:
        pool.shutdown(cancel_futures=True)
    file.write(_chunk(b"IDAT", struct.pack(">I", checksum)) + _chunk(b"IEND", b""))


def _chunk(chunk_type: bytes, data: bytes) -> bytes:
    return b"%b%b%b%b" % (
        struct.pack(">I", len(data)),
        chunk_type,
        data,
        struct.pack(">I", zlib.crc32(data, zlib.crc32(chunk_type))),
    )


def _deflate(stripe: NDArray[np.uint8], *, last: bool) -> bytes:
    """A raw deflate stream (RFC 1951) or, but for the last stripe, a part to be continued.

    The same bytes give the same stream, whatever runs beside it.
    """
    packer = deflate.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed: bytes = packer.compress(stripe[:_HEAD_BYTES]) + packer.flush(zlib.Z_SYNC_FLUSH)
    packed += packer.compress(stripe[_HEAD_BYTES:])
    packed += packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
    return packed


def _filter(samples: NDArray[Any], pixel: int, *, first: bool) -> NDArray[np.uint8]:
    """Rows as bytes, each led by its filter's number; the stripe's best of sub, up, average."""
    lines = samples.reshape(samples.shape[0], -1).view(np.uint8)
    if first:
        lines = np.concatenate([np.zeros_like(lines[:1]), lines])
    trial = slice(None, None, 16)
    best = min(
        (_SUB, _UP, _AVERAGE),
        key=lambda filter_type: _cost(
            _residual(lines[1:][trial], lines[:-1][trial], pixel, filter_type)
        ),
    )
    filtered = np.empty((lines.shape[0] - 1, lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = best
    _residual(lines[1:], lines[:-1], pixel, best, out=filtered[:, 1:])
    return filtered


def _residual(
    lines: NDArray[np.uint8],
    above: NDArray[np.uint8],
    pixel: int,
    filter_type: int,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Bytes less their prediction, modulo 256 (PNG specification, 9.2)."""
    if filter_type == _UP:
        return np.subtract(lines, above, out=out)
    left = np.zeros_like(lines)
    left[:, pixel:] = lines[:, :-pixel]
    if filter_type == _AVERAGE:  # floor((left + above) / 2) without leaving eight bits
        half = (left ^ above) >> 1
        left &= above
        left += half
    return np.subtract(lines, left, out=out)


def _cost(residual: NDArray[np.uint8]) -> int:
    return int(np.minimum(residual, -residual).sum(dtype=np.int64))


def _combine_adler32(first: int, second: int, second_length: int) -> int:
    """Adler-32 of two pieces from the Adler-32 of each (as zlib's adler32_combine)."""
    base = 65521
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % base
    high = ((first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)) % base
    return high << 16 | low
