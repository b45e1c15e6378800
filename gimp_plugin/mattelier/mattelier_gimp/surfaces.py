"""Pixels as cairo's surfaces, without numpy.

A picture is made BGRx by slices of bytes, because babl looks for a second for a way to a format of
four channels.
"""

from __future__ import annotations

import cairo


def picture_surface(width: int, height: int, rgb: bytes) -> cairo.ImageSurface:
    pixels = bytearray(b"\xff") * (4 * width * height)
    pixels[0::4], pixels[1::4], pixels[2::4] = rgb[2::3], rgb[1::3], rgb[0::3]
    return cairo.ImageSurface.create_for_data(pixels, cairo.FORMAT_RGB24, width, height, 4 * width)


def alpha_surface(width: int, height: int, values: bytes) -> cairo.ImageSurface:
    stride = cairo.ImageSurface.format_stride_for_width(cairo.FORMAT_A8, width)
    rows = bytearray(values)
    if stride != width:
        padding = bytes(stride - width)
        starts = range(0, width * height, width)
        rows = bytearray(b"".join(values[y : y + width] + padding for y in starts))
    return cairo.ImageSurface.create_for_data(rows, cairo.FORMAT_A8, width, height, stride)
