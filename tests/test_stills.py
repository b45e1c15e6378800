"""Pictures in and out: depth, meaning and metadata kept; bad files and disks in one sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO
import pytest
from faults.corpus import exr, exr_entry, write_seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import ExifTags, Image, ImageCms

from mattelier.media import png, stills
from mattelier.media.depth_maps import read_depth
from mattelier.types.colour import linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.errors import OutputError, PictureError
from mattelier.types.picture import Picture, Window

RNG = np.random.default_rng(3)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    return cv2.resize(noise(4, 5, channels), (width, height), interpolation=cv2.INTER_LINEAR)


def save_oiio(path: Path, samples: np.ndarray, names: str | tuple = "RGBA", **attributes) -> None:
    oiio_types = {"float32": "float", "float16": "half"}
    height, width, count = samples.shape
    sample_type = oiio_types.get(samples.dtype.name, samples.dtype.name)
    spec = OpenImageIO.ImageSpec(width, height, count, sample_type)
    spec.channelnames = tuple(names[:count])
    if "A" in spec.channelnames:
        spec.alpha_channel = spec.channelnames.index("A")
    for name in ("x", "y", "full_x", "full_y", "full_width", "full_height"):
        if name in attributes:
            setattr(spec, name, attributes.pop(name))
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    target = OpenImageIO.ImageOutput.create(str(path))
    assert target.open(str(path), spec), target.geterror()
    assert target.write_image(samples), target.geterror()
    target.close()


def oiio_header(path: Path) -> OpenImageIO.ImageSpec:
    source = OpenImageIO.ImageInput.open(str(path))
    assert source is not None, OpenImageIO.geterror()
    spec = source.spec()
    source.close()
    return spec


def icc(space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ ") -> bytes:
    """A small ICC version 2 profile (ICC.1:2001-04, 6.1)."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"test\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"wtpt": white, b"desc": name, b"cprt": b"text\0\0\0\0" + text, **tags}
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    device = b"prtr" if space == b"CMYK" else b"mntr"
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, bytes(4), 0x02400000, device, space, connection,
                         bytes(12), b"acsp")  # fmt: skip
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


GREY_LINEAR = icc(b"GRAY", {b"kTRC": b"curv\0\0\0\0\0\0\0\1\1\0\0\0"})
IDENTITY = bytes(range(256))


def cmyk_profile() -> bytes:
    """CMYK → Lab of a press whose cyan is neutral grey and whose other inks do nothing."""
    corners = b"".join(bytes((80 if c else 255, 128, 128)) for c in (0, 1) for _ in range(8))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0))
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += IDENTITY * 4 + corners + IDENTITY * 3
    return icc(b"CMYK", {b"A2B0": table, b"A2B1": table}, b"Lab ")


def exif_block(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Mattelier"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber] = 2.8
    exif[ExifTags.IFD.Exif] = exif.get_ifd(ExifTags.IFD.Exif)
    return exif


def read_exif(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P"])
def test_eight_bit_files_give_their_samples(tmp_path, suffix, mode):
    if (suffix, mode) in {(".bmp", "LA"), (".bmp", "RGBA"), (".webp", "P")} or suffix == ".gif":
        mode = "P" if suffix == ".gif" else "RGB"
    image = Image.fromarray(noise(17, 23, 4))
    image = image.convert("RGB").convert(mode) if mode == "P" else image.convert(mode)
    path = tmp_path / f"a{suffix}"
    image.save(path, **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    expected = np.asarray(image.convert("RGBA"))
    picture = stills.read(path)
    np.testing.assert_array_equal(picture.colour, expected[..., :3])
    assert picture.colour.dtype == np.uint8
    assert picture.transfer == "display"
    if mode in ("RGBA", "LA"):
        np.testing.assert_array_equal(picture.alpha, expected[..., 3])
    else:
        assert picture.alpha is None
    if suffix in (".png", ".tif"):
        assert picture.grey == (mode in ("L", "LA", "1"))


def test_palette_with_transparency(tmp_path):
    image = Image.fromarray(noise(9, 9) % 4, "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    image.save(tmp_path / "a.png", transparency=bytes((0, 128, 255, 255)))
    picture = stills.read(tmp_path / "a.png")
    assert set(np.unique(picture.alpha)) == {0, 128, 255}
    np.testing.assert_array_equal(picture.colour[picture.alpha == 128], [[0, 255, 0]] * (
        np.count_nonzero(picture.alpha == 128)))  # fmt: skip


def test_avif_is_read(tmp_path):
    image = Image.fromarray(smooth(40, 48))
    image.save(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    np.testing.assert_allclose(stills.read(tmp_path / "a.avif").colour, np.asarray(image), atol=6)


def test_heic_is_read_or_names_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    heif = pytest.importorskip("pillow_heif")
    samples = smooth(64, 48)
    heif.from_pillow(Image.fromarray(samples)).save(path, quality=100, chroma=444)
    np.testing.assert_allclose(stills.read(path).colour, samples, atol=8)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"mattelier\[heif\]"):
        stills.read(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("names", ["Y", "YA", "RGB", "RGBA"])
def test_sixteen_bits_stay_sixteen(tmp_path, suffix, names):
    samples = noise(20, 30, len(names), dtype=np.uint16)
    path = tmp_path / f"a{suffix}"
    save_oiio(path, samples, tuple(names), oiio__UnassociatedAlpha=1)
    picture = stills.read(path)
    colour = samples[..., : 3 if names.startswith("RGB") else 1]
    np.testing.assert_array_equal(picture.colour, np.broadcast_to(colour, (20, 30, 3)))
    assert picture.colour.dtype == np.uint16
    if "A" in names:
        np.testing.assert_array_equal(picture.alpha, samples[..., -1])
    else:
        assert picture.alpha is None
    assert picture.grey == names.startswith("Y")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("associated", [True, False])
def test_tiff_alpha_is_straight_however_it_was_stored(tmp_path, dtype, associated):
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    straight = np.full((8, 8, 4), full * 0.5, dtype)
    straight[..., 3] = full
    straight[:4, :, 3] = full / 4
    stored = straight.copy()
    if associated:
        stored[..., :3] = (straight[..., :3] / full * straight[..., 3:]).astype(dtype)
    save_oiio(tmp_path / "a.tif", stored, **({} if associated else {"oiio__UnassociatedAlpha": 1}))
    picture = stills.read(tmp_path / "a.tif")
    np.testing.assert_allclose(picture.colour / full, 0.5, atol=0.01 if dtype == np.uint8 else 1e-4)
    np.testing.assert_array_equal(picture.alpha, straight[..., 3])
    assert picture.transfer == ("linear" if dtype == np.float32 else "display")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_exr_keeps_light_above_one_windows_and_metadata(tmp_path, dtype):
    colour = (RNG.random((6, 10, 3)) * 50).astype(np.float32)
    alpha = np.tile(np.array([0, 0.25, 0.5, 1, 1], np.float32), (6, 2))
    stored = np.dstack([colour * np.where(alpha > 0, alpha, 1)[..., None], alpha]).astype(dtype)
    where = {"x": -3, "y": 5, "full_x": 0, "full_y": 0, "full_width": 100, "full_height": 50}
    save_oiio(tmp_path / "a.exr", stored, shotName="sq10_sh020", **where)
    picture = stills.read(tmp_path / "a.exr")
    np.testing.assert_allclose(picture.colour, colour, rtol=2e-3 if dtype == np.float16 else 1e-5)
    np.testing.assert_array_equal(picture.alpha, alpha)
    assert picture.transfer == "linear"
    assert picture.window == Window(-3, 5, 0, 0, 100, 50)

    stills.write_cutout(tmp_path / "b.exr", picture)
    header = oiio_header(tmp_path / "b.exr")
    assert str(header.format) == ("half" if dtype == np.float16 else "float")
    assert header.getattribute("mattelier:alpha") == "straight"
    assert header.getattribute("shotName") == "sq10_sh020"
    again = stills.read(tmp_path / "b.exr")
    assert again.window == picture.window
    np.testing.assert_allclose(again.colour, picture.colour, rtol=1e-3)
    np.testing.assert_array_equal(again.alpha, alpha)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("Y",), (0, 0, 0)), (("beauty.R", "beauty.G", "beauty.B"), (0, 1, 2)), (("Z", "Y"), None)],
)
def test_exr_finds_its_colour_among_channels(tmp_path, names, expected):
    samples = RNG.random((4, 4, len(names)), dtype=np.float32)
    save_oiio(tmp_path / "a.exr", samples, names)
    colour = stills.read(tmp_path / "a.exr").colour
    index = list(expected or (names.index("Y"),) * 3)
    np.testing.assert_array_equal(colour, samples[..., index])


def test_exr_with_nan_and_infinity_is_cleaned_with_a_warning(tmp_path):
    samples = np.full((4, 4, 4), 0.5, np.float32)
    samples[0, 0, 0], samples[1, 1, 1], samples[2, 2, 3] = np.nan, np.inf, np.nan
    save_oiio(tmp_path / "a.exr", samples)
    with pytest.warns(UserWarning, match="3 samples that were NaN"):
        picture = stills.read(tmp_path / "a.exr")
    assert np.isfinite(picture.colour).all()
    assert np.isfinite(picture.alpha).all()
    assert picture.colour[0, 0, 0] == 0
    assert picture.colour[1, 1, 1] > 1000
    np.testing.assert_array_equal(picture.colour[3, 3], 1)  # neighbours are untouched


# What damages float files, and what is merely rare: all of it comes as light that can be reckoned.
ODD_FLOATS = st.one_of(
    st.floats(width=32),  # NaN, infinities and denormals among them
    st.sampled_from([1e-39, 6e-8, -1.0, 1e6, 1e30, 3e38, -3e38, np.nan, np.inf, -np.inf]),
)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float32, (3, 4, 4), elements=ODD_FLOATS.map(np.float32)),
    st.sampled_from([".exr", ".tif"]),
    st.sampled_from(["half", "float", "double"]),
    st.booleans(),
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_read_is_finite_and_bounded(samples, suffix, sample, premultiplied):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        spec = OpenImageIO.ImageSpec(4, 3, 4, sample)
        spec.attribute("oiio:UnassociatedAlpha", int(not premultiplied))
        target = OpenImageIO.ImageOutput.create(str(path))
        assert target.open(str(path), spec)
        assert target.write_image(samples)
        target.close()
        picture, grey = stills.read(path), stills.read_grey(path)
        with contextlib.suppress(PictureError):  # all one value
            disparity = read_depth(path).disparity
            assert ((disparity >= 0) & (disparity <= 1e6)).all()
    assert (np.abs(picture.colour) <= 1e6).all()
    assert ((picture.alpha >= 0) & (picture.alpha <= 1)).all()
    assert ((grey >= 0) & (grey <= 1)).all()


def test_light_as_bright_as_the_sun_is_kept(tmp_path):
    samples = np.full((4, 4, 4), 0.5, np.float32)
    samples[1, 1] = (4e5, 2e5, 1e5, 1)
    save_oiio(tmp_path / "a.exr", samples)
    np.testing.assert_array_equal(stills.read(tmp_path / "a.exr").colour[1, 1], (4e5, 2e5, 1e5))


def test_a_glow_over_next_to_no_alpha_stays_as_it_is(tmp_path):
    samples = np.zeros((4, 4, 4), np.float32)
    samples[1, 1] = (0.5, 0.4, 0.3, 6e-8)
    save_oiio(tmp_path / "a.exr", samples)
    picture = stills.read(tmp_path / "a.exr")
    np.testing.assert_array_equal(picture.colour[1, 1], np.float32((0.5, 0.4, 0.3)))
    assert picture.alpha[1, 1] == 0


@pytest.mark.parametrize("suffix", [".exr", ".tif"])
def test_header_text_in_latin_1_is_carried_on(tmp_path, suffix):
    entry = exr_entry(b"owner", b"string", "Jürgen Müller".encode("latin-1"))
    entry += exr_entry("Straße".encode("latin-1"), b"string", b"x")
    header = exr(4, 2, [b"B", b"G", b"R"], 0, entry)
    rows = [struct.pack("<ii", y, 24) + np.full(12, 0.5, np.float16).tobytes() for y in range(2)]
    starts = struct.pack("<QQ", len(header) + 16, len(header) + 16 + len(rows[0]))
    (tmp_path / "a.exr").write_bytes(header + starts + b"".join(rows))
    stills.write_cutout(tmp_path / f"b{suffix}", stills.read(tmp_path / "a.exr"))
    again = stills.read(tmp_path / f"b{suffix}")
    np.testing.assert_allclose(again.colour, 0.5)
    if suffix == ".exr":
        texts = {name: value for name, (_, value) in again.metadata.items()}
        assert ("Jürgen Müller" in texts.values(), texts["Straße"]) == (True, "x")


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX can")
def test_a_picture_that_would_not_fit_is_refused_from_its_header(tmp_path):
    seeds = {path.name: path for path in write_seeds(tmp_path / "seeds")}
    canvas = bytearray(seeds["moving.webp"].read_bytes())
    canvas[24:30] = b"\xff\x3f\0\xff\x3f\0"  # 16384 × 16384 in the header of a small animation
    (tmp_path / "canvas.webp").write_bytes(canvas)
    save_oiio(tmp_path / "thin.tif", np.zeros((2, 150_000, 3), np.uint16), "RGB")
    code = (
        "import resource, sys; limit = 4 << 30\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "from mattelier.media import stills\n"
        "for path in sys.argv[1:]:\n"
        "    try: stills.read(path)\n"
        "    except stills.PictureError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, "canvas.webp", "thin.tif"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    canvas_said, thin_said = done.stdout.splitlines()
    assert "takes about 5.4 GB to read, more than half of the 4.3 GB" in canvas_said
    assert "sides up to 100000 pixels" in thin_said


# ---------------------------------------------------------------- orientation, EXIF, ICC


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", "16.png", "16.tif"])
def test_orientation_is_applied_once_and_reset(tmp_path, orientation, suffix):
    upright = smooth(24, 16)
    # What each tag value says of row 0 and column 0 (EXIF 2.32, 4.6.4.A), inverted.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    path = tmp_path / f"a{suffix}"
    if suffix.startswith("16"):
        save_oiio(path, stored.astype(np.uint16) * 257, "RGB", Orientation=orientation)
        upright = upright.astype(np.uint16) * 257
    else:
        options = {"lossless": True} if suffix == ".webp" else {}
        image = Image.fromarray(np.ascontiguousarray(stored))
        image.save(path, exif=exif_block(orientation), **options)
    picture = stills.read(path)
    np.testing.assert_array_equal(picture.colour, upright)
    if picture.exif:
        assert read_exif(picture.exif).get(ExifTags.Base.Orientation) == 1


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif", "a.exr"])
def test_profile_and_exif_reach_the_result(tmp_path, name):
    Image.fromarray(smooth(20, 30)).save(
        tmp_path / "in.jpg", exif=exif_block(6), icc_profile=SRGB, quality=95
    )
    picture = stills.read(tmp_path / "in.jpg")
    assert picture.icc == SRGB
    out = tmp_path / name
    stills.write_cutout(out, picture)
    if name == "a.exr":  # linear now, so the display profile no longer speaks of these samples
        assert oiio_header(out).getattribute("Make") == "Mattelier"
        assert oiio_header(out).getattribute("FNumber") == pytest.approx(2.8)
        return
    with Image.open(out) as image:
        assert image.info["icc_profile"] == SRGB
        exif = image.getexif()
        assert exif[ExifTags.Base.Make] == "Mattelier"
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber] == pytest.approx(2.8)
        assert image.size == (20, 30)


def test_broken_exif_never_costs_the_picture(tmp_path):
    block = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(90))
    Image.fromarray(smooth(8, 8)).save(tmp_path / "a.jpg", exif=block)
    assert stills.read(tmp_path / "a.jpg").colour.shape == (8, 8, 3)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profile_becomes_srgb(tmp_path, mode):
    image = Image.fromarray(np.full((4, 4), 128, np.uint8)).convert(mode)
    image.save(tmp_path / "a.png", icc_profile=GREY_LINEAR)
    picture = stills.read(tmp_path / "a.png")
    expected = linear_to_srgb(np.float32(128 / 255)) * 255
    np.testing.assert_allclose(picture.colour, expected, atol=1.5)
    assert picture.grey
    assert picture.icc[16:20] == b"RGB "
    assert stills.read_grey(tmp_path / "a.png")[0, 0] == np.float32(128 / 255)  # a mask is data


def test_sixteen_bit_grey_profile_becomes_srgb_without_steps(tmp_path):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    profile = np.frombuffer(GREY_LINEAR, np.uint8)
    spec = OpenImageIO.ImageSpec(256, 256, 1, "uint16")
    spec.attribute("ICCProfile", OpenImageIO.TypeDesc(f"uint8[{profile.size}]"), profile)
    target = OpenImageIO.ImageOutput.create("a.tif")
    assert target.open(str(tmp_path / "a.tif"), spec)
    target.write_image(ramp)
    target.close()
    picture = stills.read(tmp_path / "a.tif")
    expected = linear_to_srgb(ramp.astype(np.float32) / 65535) * 65535
    np.testing.assert_allclose(picture.colour[..., :1], expected, atol=1)
    assert picture.icc[16:20] == b"RGB "


def test_cmyk_goes_through_its_profile(tmp_path):
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    image.save(tmp_path / "plain.jpg", quality=100)
    image.save(tmp_path / "managed.jpg", quality=100, icc_profile=cmyk_profile())
    assert stills.read(tmp_path / "plain.jpg").icc is None
    np.testing.assert_allclose(stills.read(tmp_path / "plain.jpg").colour[0, 0], [0, 255, 255], 3)
    managed = stills.read(tmp_path / "managed.jpg")
    assert np.ptp(managed.colour[0, 0]) <= 3  # that press prints cyan as grey
    assert managed.icc[16:20] == b"RGB "


# ---------------------------------------------------------------- writing

INTEGERS = st.sampled_from([np.uint8, np.uint16])
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from([".png", ".tif"]), INTEGERS, SHAPES, st.booleans())
def test_what_is_written_losslessly_is_read_back(data, suffix, dtype, shape, has_alpha):
    colour = data.draw(arrays.arrays(dtype, (*shape, 3)))
    alpha = data.draw(arrays.arrays(dtype, shape)) if has_alpha else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        stills.write_cutout(path, Picture(colour, alpha))
        again = stills.read(path)
    assert again.dtype == dtype
    np.testing.assert_array_equal(again.colour, colour)
    if has_alpha:
        np.testing.assert_array_equal(again.alpha, alpha)
    else:
        assert again.alpha is None


@settings(max_examples=15, deadline=None)
@given(
    arrays.arrays(np.float32, (5, 7, 3), elements=st.floats(-100, 6e4, width=16)),
    arrays.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=16)),
    st.sampled_from([".tif", ".exr"]),
)
def test_float_colour_is_kept_unclipped_and_straight(colour, alpha, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        stills.write_cutout(path, Picture(colour, alpha, transfer="linear"))
        again = stills.read(path)
    np.testing.assert_array_equal(again.colour, colour)
    np.testing.assert_array_equal(again.alpha, alpha)


@pytest.mark.parametrize(("height", "width"), [(700, 900), (1, 30000), (30000, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_is_valid_to_other_readers(tmp_path, height, width, dtype):
    colour = cv2.resize(noise(5, 5, 3, dtype=dtype), (width, height))
    alpha = noise(height, width, dtype=dtype)
    path = tmp_path / "a.png"
    stills.write_cutout(path, Picture(colour, alpha))
    data = path.read_bytes()
    body, at = b"", 8
    while at < len(data):  # every checksum, and zlib's own over the joined stripes
        (length,) = struct.unpack_from(">I", data, at)
        chunk_type, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        assert crc == zlib.crc32(chunk_type + chunk)
        body += chunk if chunk_type == b"IDAT" else b""
        at += 12 + length
    pixel = 4 * colour.itemsize
    assert len(zlib.decompress(body)) == height * (1 + width * pixel)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(other, np.dstack([colour[..., ::-1], alpha]))


def test_a_png_has_the_same_bytes_wherever_memory_lies():
    """One in 8192 addresses of ISA-L's state made another file: three runs of four would notice."""
    samples = np.zeros((8, 90, 1), np.uint8)
    occupied = []  # untouched pages, which move what is allocated after them

    def rows(y0, y1):
        occupied.append(np.zeros(90_000, np.uint8))
        return samples[y0:y1]

    files = set()
    for _ in range(12_000):
        file = io.BytesIO()
        png.write(file, samples.shape, 8, rows)
        files.add(file.getvalue())
    assert len(files) == 1


def test_linear_picture_becomes_srgb_in_a_16_bit_png(tmp_path):
    colour = np.full((3, 3, 3), 0.2140411, np.float32)
    colour[0, 0] = 40
    alpha = np.full((3, 3), 0.5, np.float32)
    stills.write_cutout(tmp_path / "a.png", Picture(colour, alpha, transfer="linear"))
    again = stills.read(tmp_path / "a.png")
    assert again.dtype == np.uint16
    np.testing.assert_allclose(again.colour[1, 1] / 65535, 0.5, atol=1e-4)
    assert again.colour[0, 0, 0] == 65535
    assert again.alpha[0, 0] == 32768  # alpha is data: no curve


def test_display_picture_becomes_linear_half_in_exr(tmp_path):
    colour = smooth(8, 8)
    stills.write_cutout(tmp_path / "a.exr", Picture(colour, np.full((8, 8), 255, np.uint8)))
    assert str(oiio_header(tmp_path / "a.exr").format) == "half"
    again = stills.read(tmp_path / "a.exr")
    np.testing.assert_allclose(again.colour, srgb_to_linear(to_float(colour)), rtol=1e-3, atol=1e-6)


def test_exr_halves_never_overflow_to_infinity(tmp_path):
    picture = Picture(
        np.full((2, 2, 3), 1e6, np.float32),
        transfer="linear",
        metadata={"mattelier:sample": ("string", "half")},
    )
    stills.write_cutout(tmp_path / "a.exr", picture)
    np.testing.assert_array_equal(stills.read(tmp_path / "a.exr").colour, 65504)


def test_webp_keeps_alpha_exactly_and_colour_closely(tmp_path):
    colour, alpha = smooth(90, 120), smooth(90, 120, 1).reshape(90, 120)
    alpha[:, :20] = 0
    stills.write_cutout(tmp_path / "a.webp", Picture(colour, alpha))
    again = stills.read(tmp_path / "a.webp")
    np.testing.assert_array_equal(again.alpha, alpha)
    visible = alpha > 0
    assert np.abs(again.colour.astype(int) - colour)[visible].mean() < 3


def test_jpeg_takes_opaque_pictures_only(tmp_path):
    colour = smooth(40, 40)
    stills.write_cutout(tmp_path / "a.jpg", Picture(colour))
    np.testing.assert_allclose(stills.read(tmp_path / "a.jpg").colour, colour, atol=12)
    with pytest.raises(OutputError, match="no transparency"):
        stills.write_cutout(tmp_path / "b.jpg", Picture(colour, np.zeros((40, 40), np.uint8)))


@pytest.mark.parametrize(
    ("name", "bits", "like", "depth"),
    [
        ("a.png", 8, np.uint16, 8),
        ("a.png", None, np.uint8, 8),
        ("a.png", None, np.uint16, 16),
        ("a.png", 16, None, 16),
        ("a.tif", 8, None, 8),
        ("a.tif", None, np.float32, 16),
        ("a.exr", None, np.float32, 0),
    ],
)
def test_matte_is_one_grey_channel_of_the_right_depth(tmp_path, name, bits, like, depth):
    alpha = np.linspace(0, 1, 35 * 21, dtype=np.float32).reshape(35, 21)
    picture = None if like is None else Picture(np.zeros((35, 21, 3), like), icc=SRGB)
    path = tmp_path / name
    stills.write_matte(path, alpha, bits=bits, like=picture)
    header = oiio_header(path)
    assert header.nchannels == 1
    assert str(header.format) == {8: "uint8", 16: "uint16", 0: "half"}[depth]
    assert header.getattribute("ICCProfile") is None
    again = stills.read_grey(path)
    np.testing.assert_allclose(again, alpha, atol={8: 0.51 / 255, 16: 0.51 / 65535, 0: 3e-4}[depth])
    assert (again[0, 0], again[-1, -1]) == (0, 1)


def test_exr_matte_keeps_the_windows(tmp_path):
    window = Window(4, 2, 0, 0, 40, 30)
    plate = Picture(np.zeros((5, 6, 3), np.float32), transfer="linear", window=window)
    stills.write_matte(tmp_path / "a.exr", np.ones((5, 6), np.float32), like=plate)
    again = stills.read(tmp_path / "a.exr")
    assert again.window == window
    assert tuple(oiio_header(tmp_path / "a.exr").channelnames) == ("Y",)


# ---------------------------------------------------------------- masks


def test_read_grey_takes_alpha_of_painted_layers_and_cut_outs(tmp_path):
    alpha = noise(12, 12)
    white = np.dstack([np.full((12, 12, 3), 255, np.uint8) * (alpha > 0)[..., None], alpha])
    photo = np.dstack([noise(12, 12, 3), alpha])
    for samples in (white, photo):
        Image.fromarray(samples.astype(np.uint8)).save(tmp_path / "a.png")
        np.testing.assert_array_equal(stills.read_grey(tmp_path / "a.png"), alpha / np.float32(255))


def test_read_grey_ignores_an_alpha_that_says_nothing(tmp_path):
    grey = noise(12, 12)
    Image.fromarray(grey).convert("RGBA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(stills.read_grey(tmp_path / "a.png"), grey / np.float32(255))


def test_read_grey_multiplies_painted_grey_by_alpha(tmp_path):
    grey, alpha = noise(12, 12), noise(12, 12)
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]).save(tmp_path / "a.png")
    np.testing.assert_allclose(
        stills.read_grey(tmp_path / "a.png"), grey / 255 * (alpha / 255), atol=1e-6
    )


# ---------------------------------------------------------------- bad files


def sentence(error: pytest.ExceptionInfo[BaseException], path: Path) -> str:
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def png_header(width: int, height: int) -> bytes:
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + data + struct.pack(">I", zlib.crc32(data))
    return start + b"\0\0\0\x08IDAT" + zlib.compress(b"")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jpg", b"", "empty"),
        ("notes.png", b"Dear diary, today I renamed a text file.", "not a picture"),
        ("start.png", b"\x89PNG\r\n\x1a\n", "damaged or truncated"),
        ("zero.png", png_header(0, 0), "damaged"),
        ("bomb.png", png_header(20000, 20000), "up to 300 megapixels"),
        ("bomb2.png", png_header(2**31 - 1, 2**31 - 1), "up to 300 megapixels"),
        ("bmw.bmp", b"BMW is a car", "damaged"),
        ("short.exr", b"\x76\x2f\x31\x01", "damaged"),
        ("short.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "damaged"),
        ("short.tif", b"II*\0\x08\0\0\0", "damaged"),
    ],
)
def test_bad_content_is_one_sentence(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PictureError, match=says) as error:
        stills.read(path)
    sentence(error, path)


def test_exr_that_claims_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.exr"
    save_oiio(path, np.zeros((1, 1, 3), np.float16), "RGB")
    data = path.read_bytes()
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    path.write_bytes(data[:at] + struct.pack("<4i", 0, 0, 29999, 29999) + data[at + 16 :])
    with pytest.raises(PictureError):
        stills.read(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(PictureError, match="does not exist"):
        stills.read(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        stills.read(tmp_path)


def test_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.new("RGB", (2, 2)).save(path)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match="permission"):
        stills.read(path)


@pytest.mark.parametrize(
    "file_type", ["jpg", "progressive.jpg", "png", "webp", "tif", "16.png", "exr"]
)
def test_truncated_files_never_give_half_a_picture(tmp_path, file_type):
    whole = tmp_path / f"whole{file_type if file_type.startswith('.') else '.' + file_type}"
    samples = smooth(200, 160)
    if file_type == "16.png":
        stills.write_cutout(whole, Picture(samples.astype(np.uint16) * 257))
    elif file_type == "exr":
        stills.write_cutout(whole, Picture(samples))
    else:
        options = {"progressive": True} if file_type == "progressive.jpg" else {}
        options |= {"compression": "tiff_lzw"} if file_type == "tif" else {}
        Image.fromarray(samples).save(whole, **options)
    data = whole.read_bytes()
    path = tmp_path / f"cut{whole.suffix}"
    for share in (0.1, 0.4, 0.7, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(PictureError, match="damaged or truncated") as error:
            stills.read(path)
        sentence(error, path)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes_give_a_picture_or_a_sentence(file_type, flips):
    buffer = io.BytesIO()
    Image.fromarray(smooth(24, 24)).save(buffer, file_type)
    data = bytearray(buffer.getvalue())
    for where, value in flips:
        data[int(where * len(data))] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        path.write_bytes(data)
        with contextlib.suppress(PictureError):
            assert stills.read(path).colour.ndim == 3


@pytest.mark.parametrize("file_type", ["PNG", "JPEG", "TIFF", "16"])
def test_content_counts_not_the_name(tmp_path, file_type):
    samples = np.full((9, 7, 3), 77, np.uint8)
    for suffix in (".jpg", ".png", ".exr", ".tif", ".txt"):
        path = tmp_path / f"{file_type}{suffix}"
        if file_type == "16":
            stills.write_cutout(tmp_path / "b.png", Picture(samples.astype(np.uint16) * 257))
            (tmp_path / "b.png").replace(path)
            samples_read = stills.read(path).colour // 257
        else:
            Image.fromarray(samples).save(path, file_type)
            samples_read = stills.read(path).colour
        np.testing.assert_array_equal(samples_read, samples)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 30000), (30000, 1)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
def test_extreme_shapes_go_in_and_out(tmp_path, width, height, suffix):
    colour = noise(height, width, 3, dtype=np.uint16)
    stills.write_cutout(tmp_path / f"a{suffix}", Picture(colour))
    assert stills.read(tmp_path / f"a{suffix}").colour.shape == (height, width, 3)


def test_pillows_own_limit_is_left_as_it_was(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (2, 2)).save(path)
    before = Image.MAX_IMAGE_PIXELS
    stills.read(path)
    assert before == Image.MAX_IMAGE_PIXELS


# ---------------------------------------------------------------- bad outputs

OUTPUTS = ["a.png", "a.webp", "a.tif", "a.exr"]


def opaque(height: int = 6, width: int = 6) -> Picture:
    return Picture(noise(height, width, 3), np.full((height, width), 255, np.uint8))


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.bmp"])
def test_unknown_suffix_lists_the_known_ones(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.png, \.tif"):
        stills.write_cutout(tmp_path / name, opaque())
    with pytest.raises(OutputError, match=r"\.png, \.tif"):
        stills.write_matte(tmp_path / name, np.ones((2, 2), np.float32))


def test_output_that_is_a_folder_or_in_no_folder(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        stills.write_cutout(tmp_path / "a.png", opaque())
    for name in OUTPUTS:
        with pytest.raises(OutputError, match="does not exist") as error:
            stills.write_cutout(tmp_path / "nowhere" / name, opaque())
        sentence(error, tmp_path / "nowhere" / name)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize(
    ("code", "says"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "no permission")]
)
def test_refusing_disk_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, name, code, says
):
    path = tmp_path / name
    path.write_bytes(b"old")

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match=says):
        stills.write_cutout(path, opaque())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to stand for a full disk")
@pytest.mark.parametrize("name", OUTPUTS)
def test_write_that_fails_half_way_leaves_nothing(tmp_path, name):
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match="was not written") as error:
            stills.write_cutout(tmp_path / name, opaque(400, 400))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    sentence(error, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    for name in OUTPUTS:
        with pytest.raises(KeyboardInterrupt):
            stills.write_cutout(tmp_path / name, opaque())
    assert list(tmp_path.iterdir()) == []
