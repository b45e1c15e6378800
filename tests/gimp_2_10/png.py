"""8-bit grey and RGB PNGs without any library; for Python 2.7 and 3."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3}


def write(path, width, height, channels, values):
    """Write rows of one byte a sample."""
    line = width * channels
    rows = b"".join(b"\0" + bytes(values[y * line : (y + 1) * line]) for y in range(height))
    colour_type = 0 if channels == 1 else 2
    with open(path, "wb") as out:
        out.write(SIGNATURE)
        for name, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        ):
            crc = zlib.crc32(name + data) & 0xFFFFFFFF
            out.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc))


def read(path):
    """Width, height, channels, and rows of one byte a sample (of 16 bits the upper)."""
    with open(path, "rb") as source:
        data = source.read()
    assert data.startswith(SIGNATURE)
    at, packed = len(SIGNATURE), b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if name == b"IHDR":
            width, height, depth, colour_type = struct.unpack(">IIBB", body[:10])
        elif name == b"IDAT":
            packed += body
        at += length + 12
    step = CHANNELS[colour_type] * depth // 8
    rows = _unfiltered(bytearray(zlib.decompress(packed)), width * step, step)
    return width, height, CHANNELS[colour_type], bytes(rows[:: depth // 8])


def _unfiltered(data, line, step):
    """Undo the filters of the PNG standard, row by row."""
    above, result = bytearray(line), bytearray()
    for start in range(0, len(data), line + 1):
        filter_type, row = data[start], data[start + 1 : start + 1 + line]
        for i in range(line):
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            guess = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))
            row[i] = (row[i] + guess[filter_type]) & 255
        result += row
        above = row
    return result


def _paeth(left, up, corner):
    base = left + up - corner
    return min((left, up, corner), key=lambda value: abs(base - value))
