"""Small pictures of every kind that is read, and headers that lie."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
from PIL import ExifTags, Image, ImageCms

WIDTH, HEIGHT = 72, 48
_LARGE = 17_300  # a side whose square is just below the engine's limit of pixels
_ZEROS = 100_000_000  # bytes that a compressed header entry unfolds to


def write_seeds(folder: Path) -> list[Path]:
    """Sound pictures, one of each kind: formats, depths, layouts, compressions, header entries."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = np.hypot(x - WIDTH / 2, y - HEIGHT / 2) < HEIGHT / 3
    rgb = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, disc * 200], -1).astype(np.uint8)
    rgba = np.dstack([rgb, disc * np.uint8(255)])
    _write_8_bit(folder, Image.fromarray(rgb), Image.fromarray(rgba))
    _write_deep(folder, rgb, rgba)
    return sorted(folder.iterdir())


def _write_8_bit(folder: Path, picture: Image.Image, cutout: Image.Image) -> None:
    grey, palette = picture.convert("L"), picture.convert("P")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    turned[ExifTags.Base.Make] = "Maker"
    exif = turned.tobytes()
    files: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "plain.jpg": (picture, {}),
        "turned.jpg": (picture, {"exif": exif}),
        "progressive.jpg": (picture, {"progressive": True}),
        "profile.jpg": (picture, {"icc_profile": profile}),
        "broken-profile.jpg": (picture, {"icc_profile": profile[:60] + b"\xff" * 200}),
        "cmyk.jpg": (picture.convert("CMYK"), {"icc_profile": profile}),
        "grey.jpg": (grey, {}),
        "two.jpg": (
            picture,
            {"format": "MPO", "save_all": True, "append_images": [picture.copy()]},
        ),
        "rgb.png": (picture, {}),
        "rgba.png": (cutout, {"icc_profile": profile, "exif": exif}),
        "palette.png": (palette, {"transparency": 3}),
        "one-bit.png": (picture.convert("1"), {}),
        "grey-alpha.png": (cutout.convert("LA"), {}),
        "moving.png": (picture, {"save_all": True, "append_images": [picture.rotate(9)]}),
        "lab.tif": (picture.convert("LAB"), {}),
        "fax.tif": (picture.convert("1"), {"compression": "group4"}),
        "palette.tif": (palette, {}),
        "lzw.tif": (picture, {"compression": "tiff_lzw"}),
        "deflate.tif": (cutout, {"compression": "tiff_adobe_deflate"}),
        "jpeg.tif": (picture, {"compression": "jpeg"}),
        "pages.tif": (picture, {"save_all": True, "append_images": [grey, cutout]}),
        "big.tif": (picture, {"big_tiff": True}),
        "lossy.webp": (picture, {}),
        "lossless.webp": (cutout, {"lossless": True, "exif": exif, "icc_profile": profile}),
        "moving.webp": (cutout, {"save_all": True, "append_images": [cutout.rotate(9)]}),
        "rgb.avif": (picture, {}),
        "rgba.avif": (cutout, {"exif": exif}),
        "plain.gif": (picture, {}),
        "moving.gif": (picture, {"save_all": True, "append_images": [picture.rotate(9)]}),
        "rgb.bmp": (picture, {}),
        "palette.bmp": (palette, {}),
    }
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        files["rgb.heic"], files["rgba.heic"] = (picture, {"exif": exif}), (cutout, {})
    for name, (image, options) in files.items():
        image.copy().save(folder / name, **options)  # JPEG leaves its settings on the image


def _write_deep(folder: Path, rgb: np.ndarray, rgba: np.ndarray) -> None:
    deep, light = rgb.astype(np.uint16) * 257, rgba.astype(np.float32) / 255
    layers = np.dstack([light, light, light[..., :1]])
    names = ("R", "G", "B", "A", "bg.R", "bg.G", "bg.B", "bg.A", "Z")
    compressions = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44a", "dwaa", "dwab")
    for compression in compressions:
        _write(folder / f"{compression}.exr", light, "half", compression=compression)
    _write(folder / "float.exr", light, "float")
    _write(folder / "layers.exr", layers, "half", names)
    _write(folder / "depth.exr", light[..., :1] + 1, "float", ("Z",))
    _write(folder / "chroma.exr", light[..., :3], "half", ("RY", "Y", "BY"))
    _write(folder / "window.exr", light, "half", window=(-10, 5, 200, 100))
    _write(folder / "tiles.exr", light, "half", tile=16)
    _write(folder / "rgb16.png", deep, "uint16")
    _write(folder / "rgba16.png", np.dstack([deep, deep[..., 0]]), "uint16")
    _write(folder / "rgb16.tif", deep, "uint16", compression="zip")
    _write(folder / "planes16.tif", deep, "uint16", planarconfig="separate")
    _write(folder / "float.tif", light, "float")
    _write(folder / "half.tif", light[..., :3], "half")
    _write(folder / "double.tif", light[..., :3].astype(np.float64), "double")


def _write(
    path: Path,
    samples: np.ndarray,
    sample: str,
    names: tuple[str, ...] = (),
    *,
    tile: int = 0,
    window: tuple[int, int, int, int] | None = None,
    **attributes: Any,
) -> None:
    samples = np.ascontiguousarray(samples)
    height, width, count = samples.shape
    spec = OpenImageIO.ImageSpec(width, height, count, sample)
    if names:
        spec.channelnames = names
    if window:
        spec.x, spec.y, spec.full_width, spec.full_height = window
    spec.tile_width = spec.tile_height = tile
    for name, value in attributes.items():
        spec.attribute(name, value)
    file = OpenImageIO.ImageOutput.create(str(path))
    assert file.open(str(path), spec), file.geterror()
    assert file.write_image(samples), file.geterror()
    file.close()


def write_bombs(folder: Path, seeds: Path) -> list[Path]:
    """Files of at most some hundred kilobytes that announce much: size, channels, text, loops."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**_png_bombs(), **_tiff_bombs(), **_exr_bombs()}.items():
        (folder / name).write_bytes(content)
    plain = (seeds / "plain.jpg").read_bytes()
    frame = plain.index(b"\xff\xc0") + 5
    progressive = (seeds / "progressive.jpg").read_bytes()
    place, scan = progressive.index(b"\xff\xc2") + 5, progressive.rindex(b"\xff\xda")
    large = struct.pack(">HH", 3000, 3000)
    moving = bytearray((seeds / "moving.webp").read_bytes())
    moving[24:30] = b"\xff\x3f\0\xff\x3f\0"  # a canvas of 16384 × 16384
    bmp = struct.pack("<IiiHHIIiiII", 40, _LARGE, -_LARGE, 1, 24, 0, 0, 0, 0, 0, 0)
    others = {
        "huge.jpg": plain[:frame] + b"\xff\xdc\xff\xdc" + plain[frame + 4 :],
        "nothing.jpg": plain[:frame] + b"\0\0\0\0" + plain[frame + 4 :],
        "scans.jpg": progressive[:place] + large + progressive[place + 4 : -2]
        + progressive[scan:-2] * 200 + b"\xff\xd9",
        "canvas.webp": bytes(moving),
        "huge.gif": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\x02L\x01\0;",
        "huge.bmp": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + bmp,
        "empty.png": b"",
        "page.jpg": b"<html>",
        "box.heic": b"\0\0\0\x18ftypheic",
        "magic.exr": b"\x76\x2f\x31\x01",
    }  # fmt: skip
    for name, content in others.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def _png_bombs() -> dict[str, bytes]:
    zeros = zlib.compress(b"\0" * _ZEROS, 9)
    line = zlib.compress(b"\0" * 100)
    compressor = zlib.compressobj(9)
    rows = b"".join(compressor.compress(b"\0" * (_LARGE * 8 + 1)) for _ in range(500))
    small = zlib.compress(b"\0" * 193 * 64)
    return {
        "largest.png": _png(2**31 - 1, 2**31 - 1, 8, 6, line),
        "cut-off.png": _png(_LARGE, _LARGE, 8, 6, line),
        "cut-off-16.png": _png(_LARGE, _LARGE, 16, 6, line),
        "thin.png": _png(1, 299_999_999, 8, 0, line),
        "flat-16.png": _png(299_999_999, 1, 16, 0, line),
        "first-rows-16.png": _png(_LARGE, _LARGE, 16, 6, rows + compressor.flush()),
        "text.png": _png(64, 64, 8, 2, small, _chunk(b"iTXt", b"k\0\1\0\0\0" + zeros) * 3),
        "profile.png": _png(64, 64, 8, 2, small, _chunk(b"iCCP", b"p\0\0" + zeros)),
    }


def _png(width: int, height: int, bits: int, kind: int, data: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _tiff_bombs() -> dict[str, bytes]:
    def tiff(width: int, height: int, bits: int, compression: int = 1, **other: int) -> bytes:
        tags = {
            256: width, 257: height, 258: bits, 259: compression, 262: 1, 273: 200, 277: 1,
            278: height, 279: 100, **{int(tag[1:]): value for tag, value in other.items()},
        }  # fmt: skip
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in sorted(tags.items()))
        return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0" * 400

    files = {
        f"compression-{number}-{bits}.tif": tiff(_LARGE, _LARGE, bits, number)
        for number in (1, 5, 7, 8, 32773, 34712, 50000)
        for bits in (8, 16)
    }
    loop = struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 10) + struct.pack("<I", 8)
    return files | {
        "float.tif": tiff(_LARGE, _LARGE, 32, t339=3),
        "double.tif": tiff(_LARGE, _LARGE, 64, t339=3),
        "channels.tif": tiff(1000, 1000, 16, t277=65535),
        "largest.tif": tiff(2**32 - 1, 2**32 - 1, 16),
        "no-rows.tif": tiff(100, 100, 16, t278=0),
        "loop.tif": b"II*\0\x08\0\0\0" + loop,
    }


def _exr_bombs() -> dict[str, bytes]:
    many = [f"a{number:04d}.R".encode() for number in range(1000)]
    files = {
        f"compression-{number}.exr": exr(4096, 4096, [b"B", b"G", b"R"], number) + b"\0" * 40_000
        for number in range(11)
    }
    return files | {
        "cut-off.exr": exr(_LARGE, _LARGE, [b"A", b"B", b"G", b"R"]),
        "largest.exr": exr(2**31 - 2, 2**31 - 2, [b"R"]),
        "negative.exr": exr(-5, -5, [b"R"]),
        "channels.exr": exr(4096, 4096, [*many, b"R", b"zz.A"]) + b"\0" * 4000,
        "no-channels.exr": exr(64, 64, []),
        "twice.exr": exr(64, 64, [b"R", b"R"]) + b"\0" * 4000,
    }


def exr(
    width: int, height: int, channels: list[bytes], compression: int = 3, extra: bytes = b""
) -> bytes:
    """The header of an OpenEXR file of half floats."""
    box = struct.pack("<iiii", 0, 0, width - 1, height - 1)
    listed = b"".join(name + b"\0" + struct.pack("<iB3xii", 1, 0, 1, 1) for name in channels)
    return (
        b"\x76\x2f\x31\x01\x02\0\0\0"
        + exr_entry(b"channels", b"chlist", listed + b"\0")
        + exr_entry(b"compression", b"compression", bytes([compression]))
        + exr_entry(b"dataWindow", b"box2i", box)
        + exr_entry(b"displayWindow", b"box2i", box)
        + exr_entry(b"lineOrder", b"lineOrder", b"\0")
        + exr_entry(b"pixelAspectRatio", b"float", struct.pack("<f", 1))
        + exr_entry(b"screenWindowCenter", b"v2f", b"\0" * 8)
        + exr_entry(b"screenWindowWidth", b"float", struct.pack("<f", 1))
        + extra
        + b"\0"
    )


def exr_entry(name: bytes, kind: bytes, value: bytes) -> bytes:
    """One entry of such a header."""
    return name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value
