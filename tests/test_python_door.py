"""The Python door: what goes in, what comes out, and sessions of many pictures."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from tiny_model import make_looking_model

import mattelier
from mattelier import MattelierError


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A network that takes what is red for the subject."""
    looks = np.float32([8, -4, -4]).reshape(1, 3, 1, 1)
    make_looking_model(tmp_path, "red", looks, -1)
    return str(tmp_path / "red")


@pytest.fixture
def red() -> np.ndarray:
    picture = np.full((48, 64, 3), 60, np.uint8)
    picture[12:36, 16:48] = [230, 30, 20]
    return picture


def test_everything_that_holds_a_picture_is_taken(model, red, tmp_path):
    file = tmp_path / "red.png"
    image = Image.fromarray(red)
    image.save(file)
    data = file.read_bytes()
    expected = mattelier.matte(red, model=model).alpha
    with file.open("rb") as stream:
        for source in (file, str(file), data, bytearray(data), stream, io.BytesIO(data), image):
            np.testing.assert_array_equal(mattelier.matte(source, model=model).alpha, expected)
    half = np.zeros((48, 64), np.uint8)
    half[:, :32] = 255
    masks = [Image.fromarray(half), half]
    first, second = (mattelier.refine(red, mask=mask).alpha for mask in masks)
    np.testing.assert_array_equal(first, second)


def test_reversed_the_surroundings_stay(model, red):
    known = np.zeros((48, 64), np.uint8)
    known[10:38, 14:50] = 128
    known[14:34, 18:46] = 255
    subject = mattelier.cutout(red, model=model, trimap=known)
    around = mattelier.cutout(red, model=model, trimap=known, reverse=True)
    np.testing.assert_allclose(around.alpha, 1 - subject.alpha)
    assert around.rgba[24, 32, 3] == 0
    np.testing.assert_array_equal(around.rgba[2, 2], [60, 60, 60, 255])
    filled = mattelier.cutout(red, model=model, trimap=known, reverse=True, background="blue")
    filled = filled.rgba
    np.testing.assert_array_equal(filled[24, 32, :3], [0, 0, 255])
    np.testing.assert_array_equal(filled[2, 2, :3], [60, 60, 60])
    half = np.dstack([red, np.full((48, 64), 128, np.uint8)])  # what was clear is not more there
    assert mattelier.cutout(half, model=model, reverse=True).alpha.max() <= 128 / 255
    with pytest.raises(MattelierError, match="no subject is left"):
        mattelier.cutout(red, model=model, reverse=True, background="blur")


def test_pillow_images_keep_what_they_are(model, red):
    turned = Image.fromarray(red)
    exif = turned.getexif()
    exif[274] = 6  # lies on its side
    turned.info["exif"] = exif.tobytes()
    turned.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    again = Image.open(io.BytesIO(saved(turned, exif=exif, icc_profile=turned.info["icc_profile"])))
    result = mattelier.cutout(again, model=model)
    assert (result.picture.height, result.picture.width) == (64, 48)
    assert result.to_pil().info["icc_profile"] == turned.info["icc_profile"]
    for mode in ("L", "LA", "P", "RGBA", "1", "CMYK"):
        result = mattelier.cutout(Image.fromarray(red).convert(mode), model=model)
        assert result.rgba.shape == (48, 64, 4)
    deep = Image.fromarray(red[..., 0].astype(np.uint16) * 257)
    assert mattelier.denoise(deep).rgba.dtype == np.uint16


def saved(image: Image.Image, **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "png", **more)
    return file.getvalue()


@pytest.mark.parametrize("wrong", [None, 5, object(), ["a.png"], io.StringIO("text"), b"rubbish"])
def test_what_is_no_picture_is_one_sentence(wrong):
    with pytest.raises(MattelierError) as caught:
        mattelier.matte(wrong)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    "options", [{"quality": "finest"}, {"quality": 3}, {"nonsense": 1}, {"feather": "wide"}]
)
def test_wrong_options_are_one_sentence(red, options):
    with pytest.raises(MattelierError):
        mattelier.matte(red, **options)


def test_results_show_and_save_themselves(model, red, tmp_path):
    cut = mattelier.cutout(red, model=model)
    image = cut.to_pil()
    assert (image.mode, image.size) == ("RGBA", (64, 48))
    np.testing.assert_array_equal(np.asarray(image), cut.rgba)
    assert cut.rgba[24, 32, 3] > 200 > 100 > cut.rgba[2, 2, 3]
    again = np.asarray(Image.open(cut.save(tmp_path / "cut.png")))
    np.testing.assert_array_equal(again, cut.rgba)
    matte = mattelier.matte(red, model=model)
    grey = np.asarray(Image.open(matte.save(tmp_path / "matte.png")))
    np.testing.assert_allclose(grey / 255, matte.alpha, atol=1 / 255)
    np.testing.assert_array_equal(np.asarray(matte.to_pil()), grey)
    shown = Image.open(io.BytesIO(matte._repr_png_()))
    assert (shown.mode, shown.size) == ("L", (64, 48))
    linear = mattelier.enhance(red.astype(np.float32) / 255, saturation=0.2)
    assert np.asarray(linear.to_pil())[0, 0, 0] > 60  # display-encoded
    assert len(repr(cut)) < 120
    assert "48" in repr(cut)
    with pytest.raises(MattelierError, match="no picture"):
        _ = matte.rgba
    with pytest.raises(MattelierError):
        cut.save(tmp_path / "missing" / "cut.png")


def test_a_session_shares_options_and_networks(model, red):
    with mattelier.Session(model=model, refine=False, device="cpu") as session:
        plain = session.matte(red).alpha
        np.testing.assert_array_equal(plain, mattelier.matte(red, model=model, refine=False).alpha)
        assert not np.array_equal(session.matte(red, refine=True, feather=6).alpha, plain)
        assert session.enhance(red, contrast=0.2).picture is not None  # which has no `refine`
        assert {"cutout", "map", "close"} <= set(dir(session))
    with pytest.raises(MattelierError, match="closed"):
        session.matte(red)
    with pytest.raises(MattelierError, match="modell"):
        mattelier.Session(modell=model)
    with pytest.raises(AttributeError):
        _ = session.nonsense


def test_a_session_goes_through_many_pictures(model, red):
    session = mattelier.Session(model=model, quality="fast")
    given = [red, red[:, ::-1], b"rubbish", red[::-1]]
    told, failed = [], []
    results = list(
        session.map(
            "matte", given, progress=lambda *n: told.append(n), on_error=lambda *e: failed.append(e)
        )
    )
    assert [source is given[n] for (source, _), n in zip(results, (0, 1, 3), strict=True)]
    np.testing.assert_array_equal(results[1][1].alpha, session.matte(red[:, ::-1]).alpha)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [source for source, _ in failed] == [b"rubbish"]
    endless = session.map("matte", itertools.repeat(red))
    assert [source is red for _, (source, _) in zip(range(2), endless, strict=False)] == [True] * 2
    with pytest.raises(MattelierError):
        list(session.map("matte", given))
    with pytest.raises(MattelierError, match="no task"):
        next(session.map("paint", given))


def test_the_package_offers_what_it_is_for():
    """Completion shows tasks and types, and importing loads nothing heavy."""
    names = dir(mattelier)
    assert {"cutout", "upscale", "Session", "Result"} <= set(names)
    assert not {"TASKS", "Any", "annotations"} & set(names)
    script = "import sys, mattelier; dir(mattelier); print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
