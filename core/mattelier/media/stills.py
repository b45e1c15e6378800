"""Read and write still pictures: any common file in, the same depth and meaning out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.media.decoding import decodes
from mattelier.media.provenance import Facts, as_text, as_tiff, own_facts
from mattelier.media.size_limits import check_size
from mattelier.types.atomic import replacing
from mattelier.types.colour import from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.errors import MattelierError, OutputError, PictureError
from mattelier.types.picture import Picture, Transfer

OUTPUT_SUFFIXES = frozenset((".png", ".webp", ".tif", ".tiff", ".exr", ".jpg", ".jpeg"))
INPUT_SUFFIXES = OUTPUT_SUFFIXES | {".jpe", ".avif", ".heic", ".heif", ".hif", ".bmp", ".gif"}
MATTE_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".exr"))
PREMULTIPLIED_SUFFIXES = frozenset((".tif", ".tiff", ".exr"))

# (offset, bytes, kind): what a file is, is read from its first bytes, never from its name.
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyp", "HEIF"),
    (0, b"\x76\x2f\x31\x01", "EXR"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
)
_MAX_SIDE_PX = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}
_HALF_MAX = float(np.finfo(np.float16).max)


def read(path: str | os.PathLike[str]) -> Picture:
    """Read a still picture, upright, at its file's own depth.

    JPEG, PNG, TIFF, WebP, AVIF, OpenEXR, BMP, GIF (first frame), and HEIC where pillow-heif is
    installed; told apart by content, not by name. Float files (EXR, 32-bit TIFF) are taken as
    scene-linear, as compositing programs do. An EXR's premultiplied colour becomes straight.
    Grey and CMYK files with a profile of their own are converted to sRGB.

    Raises
    ------
    PictureError
        Missing, empty, damaged, truncated, too large, or not a picture.

    Warns
    -----
    UserWarning
        When samples that are no light were replaced, or a profile did not fit.
    """
    return _read(Path(path), managed=True)


def without_metadata(picture: Picture) -> Picture:
    """The picture alone: what its pixels mean stays, what else its file said does not."""
    from mattelier.media.oiio_io import SAMPLE_TYPE

    kept = {key: value for key, value in picture.metadata.items() if key == SAMPLE_TYPE}
    return replace(picture, exif=None, metadata=kept)


def read_grey(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read a mask, trimap or matte: (H, W) float32 0…1, its values as stored (not managed).

    Where transparency varies, a file counts by its alpha when it is a cut-out (coloured) or when
    what is visible has one grey value (white paint on a clear layer), else by grey × alpha.

    Raises
    ------
    PictureError
        As `read`.
    """
    picture = _read(Path(path), managed=False)
    colour = picture.colour
    red, green, blue = (colour[..., c] for c in range(3))
    is_grey = picture.grey or bool(np.array_equal(red, green) and np.array_equal(green, blue))
    alpha = None if picture.alpha is None else to_float(picture.alpha)
    if alpha is not None and np.ptp(alpha) == 0:
        alpha = None
    if alpha is not None and not is_grey:
        return alpha
    grey = to_float(green) if is_grey else to_float(colour).mean(axis=-1, dtype=np.float32)
    grey = np.clip(grey, 0, 1)
    if alpha is None:
        return grey
    visible = grey[alpha > 0]
    return alpha if visible.size == 0 or np.ptp(visible) == 0 else grey * alpha


def write_cutout(
    path: str | os.PathLike[str],
    picture: Picture,
    *,
    quality: int = 92,
    facts: Facts | None = None,
    premultiplied: bool = False,
    emission: bool = False,
) -> None:
    """Write a picture, with its alpha when it has one, in the format its suffix names.

    PNG 8 or 16 bit (floats become 16); TIFF as the picture's own samples, unassociated alpha;
    EXR half, or float when the picture came from floats; WebP and JPEG 8 bit. Colour is written
    straight in all of them, also in EXR, whose header then holds `mattelier:alpha = straight`.
    Display pictures become linear for EXR, linear ones sRGB for the others but TIFF.

    Parameters
    ----------
    path : output file; written beside itself first, then moved into place
    picture : what to write; profile, EXIF, windows and metadata are kept
    quality : 1…100 of JPEG and of WebP's colour (WebP's alpha is always lossless)
    facts : header entries of EXR and TIFF, text of PNG and JPEG: `media.provenance` reads them
    premultiplied : multiply colour by alpha, in the encoding that is written; EXR and TIFF only
    emission : then leave colour where alpha is 0, which is light of its own: a glow, a flare

    Raises
    ------
    OutputError
        When the suffix is unknown, does not suit the picture, or the system refuses.
    """
    path = Path(path)
    suffix = _check_suffix(path, OUTPUT_SUFFIXES, "A picture")
    if premultiplied and suffix not in PREMULTIPLIED_SUFFIXES:
        raise OutputError(f"{path}: {suffix} holds straight colour; use .exr or .tif.")
    longest = _MAX_SIDE_PX.get(suffix)
    if longest and max(picture.height, picture.width) > longest:
        raise OutputError(
            f"{path}: {suffix} holds at most {longest} pixels a side; use .png or .tif."
        )
    if suffix in (".jpg", ".jpeg"):
        if picture.alpha is not None:
            raise OutputError(
                f"{path}: JPEG has no transparency; use .png or .webp, or a background."
            )
        comment = as_text(facts) or None
        _write_lossy(path, picture, "JPEG", quality=quality, subsampling=0, comment=comment)
    elif suffix == ".webp":
        # Method 2: half the time of Pillow's 4 for 3 % more bytes.
        _write_lossy(path, picture, "WEBP", quality=quality, method=2, alpha_quality=100)
    elif suffix == ".png":
        _write_png(path, picture, facts)
    else:
        _write_tiff_or_exr(
            path, picture, suffix, facts or {}, premultiplied=premultiplied, emission=emission
        )


def write_matte(
    path: str | os.PathLike[str],
    alpha: NDArray[np.float32],
    *,
    bits: int | None = None,
    like: Picture | None = None,
    facts: Facts | None = None,
) -> None:
    """Write an alpha alone, as data: no profile, no transfer curve.

    PNG and TIFF hold one grey channel. EXR holds half floats in one channel `Y`, which OpenEXR
    names for grey pictures and every viewer shows; its header says `mattelier:content = matte`.

    Parameters
    ----------
    path : output file
    alpha : (H, W) float32 0…1
    bits : 8, 16 or None
        None: 8 for 8-bit pictures, 16 for all others. EXR is half whatever this says.
    like : the picture the alpha belongs to: gives the depth, and an EXR's windows and metadata
    facts : header entries of EXR and TIFF, text of PNG: `media.provenance` reads them

    Raises
    ------
    OutputError
        When the suffix is unknown or the system refuses.
    """
    path = Path(path)
    suffix = _check_suffix(path, MATTE_SUFFIXES, "A matte")
    if suffix == ".exr":
        _write_layers(path, {"Y": alpha}, like, facts)
        return
    height, width = alpha.shape
    if bits is None:
        bits = 8 if like is None or like.dtype == np.uint8 else 16
    sample = np.dtype(np.uint8 if bits == 8 else np.uint16)

    def rows(y0: int, y1: int) -> NDArray[Any]:
        return from_float(alpha[y0:y1, :, None], sample)

    if suffix == ".png":
        from mattelier.media import png

        with replacing(path) as temporary, temporary.open("wb") as file:
            png.write(file, (height, width, 1), bits, rows, text=own_facts(facts))
        return
    from mattelier.media import oiio_io

    with replacing(path) as temporary:
        oiio_io.write(
            temporary,
            (height, width, 1),
            sample.name,
            rows,
            channels=("Y",),
            attributes={"mattelier:content": "matte", **as_tiff(facts)},
        )


def write_matte_layers(
    path: str | os.PathLike[str],
    alphas: Mapping[str, NDArray[np.float32]],
    *,
    like: Picture | None = None,
    facts: Facts | None = None,
) -> None:
    """Write several objects' alphas as layers of one EXR: half floats, channel `name.Y` for each.

    Parameters
    ----------
    path : output file, `.exr`
    alphas : object's name → (H, W) float32 0…1, all of one size
    like, facts : as for `write_matte`

    Raises
    ------
    OutputError
        When the suffix is another or the system refuses.
    """
    path = Path(path)
    _check_suffix(path, frozenset((".exr",)), "A file of layers")
    _write_layers(path, {f"{name}.Y": alpha for name, alpha in alphas.items()}, like, facts)


@decodes("still")
def _read(path: Path, *, managed: bool) -> Picture:
    from PIL import UnidentifiedImageError

    file_format = detect_format(path)
    try:
        picture = _decode(path, file_format, managed=managed)
    except MattelierError:
        raise
    except MemoryError as error:
        raise PictureError(f"{path} needs more memory than this computer has free.") from error
    except Exception as error:  # decoders raise whatever a damaged file makes them trip over
        reason = " ".join(str(error).replace(str(path), path.name).split())[:120].rstrip(".")
        if isinstance(error, UnidentifiedImageError):
            reason = "its header makes no sense"
        raise PictureError(
            f"{path} is damaged or truncated and cannot be read ({reason})."
        ) from error
    return picture


def detect_format(path: Path) -> str:
    """What a file is by its first bytes: "JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "EXR" ….

    Raises
    ------
    PictureError
        It is no picture that can be read, or not there.
    """
    if path.is_dir():
        raise PictureError(f"{path} is a folder, not a picture.")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except FileNotFoundError:
        raise PictureError(f"{path} does not exist.") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read: no permission; change its access.") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{path} cannot be opened: {error}.") from error
    if not head:
        raise PictureError(f"{path} is empty (0 bytes).")
    for offset, signature, file_format in _SIGNATURES:
        if head.startswith(signature, offset):
            return file_format
    raise PictureError(
        f"{path} is not a picture of a kind that can be read (JPEG, PNG, TIFF, EXR …)."
    )


def _decode(path: Path, file_format: str, *, managed: bool) -> Picture:
    from PIL import Image, UnidentifiedImageError

    from mattelier.media import pillow_io

    if file_format == "HEIF":
        return pillow_io.read_heif(path)
    if file_format != "EXR":
        exif = Image.Exif()
        try:
            with pillow_io.open_header(path, file_format) as image:
                if not pillow_io.deeper_than_8_bits(image):
                    check_size(path, *image.size, pillow_io.bytes_per_pixel(image))
                    return pillow_io.read(image, managed=managed)
                exif.load(image.info.get("exif", b""))
        except UnidentifiedImageError:
            if file_format != "TIFF":  # float TIFFs are beyond Pillow
                raise
    from mattelier.media import oiio_io

    if file_format == "EXR":
        return oiio_io.read_exr(path)
    with path.open("rb") as file:
        if file_format == "TIFF":  # a TIFF is laid out as an EXIF block is
            exif.load_from_fp(file)
        return oiio_io.read_deep(path, exif, managed=managed)


def _check_suffix(path: Path, allowed: frozenset[str], what: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in allowed:
        raise OutputError(
            f"{path}: {what} is written as {', '.join(sorted(allowed))}, not {suffix!r}."
        )
    return suffix


def _encoded_rows(
    picture: Picture, sample: str, transfer: Transfer
) -> Callable[[int, int], NDArray[Any]]:
    """Function (y0, y1) → colour and alpha side by side, as `sample`s under `transfer`."""
    curve = srgb_to_linear if transfer == "linear" else linear_to_srgb

    def convert(samples: NDArray[Any], *, encoded: bool) -> NDArray[Any]:
        if samples.dtype.name == sample and not (encoded and transfer != picture.transfer):
            return samples
        values = to_float(samples)
        if encoded and transfer != picture.transfer:
            values = curve(values)
        if sample == "float16":
            return np.clip(values, -_HALF_MAX, _HALF_MAX).astype(np.float16)
        return from_float(values, sample)

    def rows(y0: int, y1: int) -> NDArray[Any]:
        colour = convert(picture.colour[y0:y1], encoded=True)
        if picture.alpha is None:
            return colour
        return np.dstack((colour, convert(picture.alpha[y0:y1], encoded=False)))

    return rows


def encoded(picture: Picture, sample: str, transfer: Transfer) -> NDArray[Any]:
    """Colour and, where there is one, alpha (H, W, 3 or 4) as `sample`s under `transfer`; a copy.

    Parameters
    ----------
    sample : "uint8", "uint16" or "float32"
    """
    return np.array(_encoded_rows(picture, sample, transfer)(0, picture.height))


def _shape(picture: Picture) -> tuple[int, int, int]:
    return picture.height, picture.width, 3 if picture.alpha is None else 4


def _write_layers(
    path: Path,
    planes: Mapping[str, NDArray[np.float32]],
    like: Picture | None,
    facts: Facts | None,
) -> None:
    """An EXR of half floats with these channels, in the order of their names."""
    from mattelier.media import oiio_io

    ordered = dict(sorted(planes.items()))
    height, width = next(iter(ordered.values())).shape
    attributes = {**(like.metadata if like is not None else {}), **(facts or {})}
    attributes["mattelier:content"] = (facts or {}).get("mattelier:content", "matte")

    def rows(y0: int, y1: int) -> NDArray[Any]:
        return np.stack([plane[y0:y1] for plane in ordered.values()], -1).astype(np.float16)

    with replacing(path) as temporary:
        oiio_io.write(
            temporary,
            (height, width, len(ordered)),
            "float16",
            rows,
            channels=tuple(ordered),
            attributes=attributes,
            window=None if like is None else like.window,
        )


def _write_png(path: Path, picture: Picture, facts: Facts | None) -> None:
    from mattelier.media import png

    sample = "uint8" if picture.dtype == np.uint8 else "uint16"
    with replacing(path) as temporary, temporary.open("wb") as file:
        png.write(
            file,
            _shape(picture),
            np.dtype(sample).itemsize * 8,
            _encoded_rows(picture, sample, "display"),
            icc=picture.icc if picture.transfer == "display" else None,
            exif=picture.exif,
            text=own_facts(facts),
        )


def _write_lossy(path: Path, picture: Picture, file_format: str, **options: Any) -> None:
    from PIL import Image

    samples = _encoded_rows(picture, "uint8", "display")(0, picture.height)
    if picture.icc and picture.transfer == "display":
        options["icc_profile"] = picture.icc
    if picture.exif:
        options["exif"] = picture.exif
    with replacing(path) as temporary, temporary.open("wb") as file:
        Image.fromarray(samples).save(file, file_format, **options)


def _write_tiff_or_exr(
    path: Path,
    picture: Picture,
    suffix: str,
    facts: Facts,
    *,
    premultiplied: bool,
    emission: bool,
) -> None:
    from mattelier.media import oiio_io
    from mattelier.media.exif import as_attributes

    exr = suffix == ".exr"
    transfer: Transfer = "linear" if exr else picture.transfer
    sample = picture.dtype.name
    if exr:
        came_from_floats = picture.dtype == np.float32 and not oiio_io.was_half(picture)
        sample = "float32" if came_from_floats else "float16"
    attributes = dict(picture.metadata)
    if picture.exif:
        attributes.update(as_attributes(picture.exif))
    if exr and picture.alpha is not None and not premultiplied:
        attributes[oiio_io.ALPHA] = "straight"
    attributes.update(facts if exr else as_tiff(facts))
    rows = _encoded_rows(picture, sample, transfer)
    with replacing(path) as temporary:
        oiio_io.write(
            temporary,
            _shape(picture),
            sample,
            _premultiplied_rows(rows, emission=emission) if premultiplied else rows,
            channels=("R", "G", "B", "A")[: _shape(picture)[2]],
            attributes=attributes,
            window=picture.window if exr else None,
            icc=picture.icc if transfer == picture.transfer else None,
            premultiplied=premultiplied,
        )


def _premultiplied_rows(
    rows: Callable[[int, int], NDArray[Any]], *, emission: bool
) -> Callable[[int, int], NDArray[Any]]:
    """Rows of straight colour with alpha, multiplied."""

    def multiply(y0: int, y1: int) -> NDArray[Any]:
        band = rows(y0, y1)
        values = band if band.dtype == np.float16 else to_float(band)
        cover = values[..., 3:]
        times = np.where(cover == 0, np.ones_like(cover), cover) if emission else cover
        values = np.concatenate([values[..., :3] * times, cover], -1)
        return values if band.dtype == np.float16 else from_float(values, band.dtype)

    return multiply
