"""Uploads are decoded elsewhere: the same pixels, and a decoder that dies ends one request."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image, ImageCms
from service_session import to_array, to_png, wait_for, wait_until
from worker_session import photo

from mattelier.media.decoding import decoded_by
from mattelier.media.depth_maps import read_depth
from mattelier.media.stills import read, read_grey, write_cutout
from mattelier.types.errors import PictureError, PictureTooLarge
from mattelier.types.picture import Picture, Window

pytest.importorskip("fastapi", reason="needs mattelier[serve]")
from service_session import Service, start_service

from mattelier.service.decoders import Decoders

KILLS, HANGS, EATS = (13, 17), (13, 19), (13, 23)  # sizes at which the decoder below goes wrong
BAD_DECODER = f"""
import os, signal, time
from PIL import ImageFile

plain = ImageFile.ImageFile.load

def load(self):
    if self.size == {KILLS}:
        os.kill(os.getpid(), signal.SIGSEGV)
    if self.size == {HANGS}:
        time.sleep(3600)
    if self.size == {EATS}:
        eaten = [bytearray(1 << 28) for _ in range(200)]
    return plain(self)

ImageFile.ImageFile.load = load
"""


@pytest.fixture(scope="module")
def decoders() -> Decoders:
    return Decoders()


def jpeg(folder: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6  # turned
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(photo())
    image.save(path := folder / "photo.jpg", exif=exif.tobytes(), icc_profile=profile)
    return path


def exr(folder: Path) -> Path:
    values = np.random.default_rng(1).random((9, 12, 3), np.float32) * 4
    picture = Picture(
        values, alpha=values[..., 0].clip(0, 1), transfer="linear",
        window=Window(3, 4, 0, 0, 20, 30), metadata={"chromaticities": ("float[2]", (0.5, 0.25))},
    )  # fmt: skip
    write_cutout(path := folder / "light.exr", picture)
    return path


def deep(folder: Path) -> Path:
    values = np.random.default_rng(2).integers(0, 65536, (9, 12, 3), np.uint16)
    write_cutout(path := folder / "deep.png", Picture(values, alpha=values[..., 1]))
    return path


def grey(folder: Path) -> Path:
    Image.fromarray(photo()[..., 0]).save(path := folder / "grey.webp", lossless=True)
    return path


@pytest.mark.parametrize("make", [jpeg, exr, deep, grey])
def test_the_same_picture_as_here(make: object, decoders: Decoders, tmp_path: Path) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    here, mask = read(path), read_grey(path)
    with decoded_by(decoders.decode):
        there, other_mask = read(path), read_grey(path)
    np.testing.assert_array_equal(there.colour, here.colour)
    np.testing.assert_array_equal(other_mask, mask)
    assert there.colour.dtype == here.colour.dtype
    assert (there.alpha is None) == (here.alpha is None)
    if here.alpha is not None:
        np.testing.assert_array_equal(there.alpha, here.alpha)
    for name in ("transfer", "icc", "exif", "window", "grey", "metadata"):
        assert getattr(there, name) == getattr(here, name), name


def test_depth_and_warnings_travel_too(decoders: Decoders, tmp_path: Path) -> None:
    import OpenImageIO

    values = np.linspace(1, 9, 108, dtype=np.float32).reshape(9, 12, 1)
    values[0, 0] = np.nan
    spec = OpenImageIO.ImageSpec(12, 9, 1, "float")
    spec.channelnames = ("Z",)
    file = OpenImageIO.ImageOutput.create(str(path := tmp_path / "z.exr"))
    file.open(str(path), spec)
    file.write_image(values)
    file.close()
    here = read_depth(path)
    with decoded_by(decoders.decode), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = read_depth(path)
        read(path)
    np.testing.assert_array_equal(there.disparity, here.disparity)
    assert "cleaned" in str(caught[-1].message)


def test_errors_keep_their_kind_and_sentence(decoders: Decoders, tmp_path: Path) -> None:
    from mattelier.media.size_limits import limited_to

    (broken := tmp_path / "broken.png").write_bytes(to_png(photo())[:200])
    (large := tmp_path / "large.png").write_bytes(to_png(photo()))
    with decoded_by(decoders.decode):
        with pytest.raises(PictureError, match=r"broken\.png is damaged"):
            read(broken)
        with limited_to(100), pytest.raises(PictureTooLarge, match="128×96"):
            read(large)
        assert read(large).width == 128


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server on a system whose decoder goes wrong, in whatever process it runs."""
    if sys.platform == "win32":
        pytest.skip("signals")
    folder = tmp_path_factory.mktemp("spoiled")
    (folder / "sitecustomize.py").write_text(BAD_DECODER)
    variables = {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    flags = ("--max-seconds", "20", "--max-pixels", "1", "--parallel", "1")
    command = (sys.executable, "-m", "mattelier", "serve")
    with start_service(*flags, variables=variables, command=command) as service:
        yield service


def sent(size: tuple[int, int]) -> dict[str, bytes]:
    return {"picture": to_png(np.full((size[1], size[0], 3), 99, np.uint8))}


@pytest.mark.parametrize("size", [KILLS, EATS])
def test_a_decoder_that_dies_ends_one_request(spoiled: Service, size: tuple[int, int]) -> None:
    with spoiled.ask() as client:
        for place, name in (("/v1/matte", "picture"), ("/api/remove", "file")):
            answer = client.post(place, files={name: sent(size)["picture"]})
            assert answer.status_code == 422
            detail = answer.json()["detail"]
            assert detail.startswith(f"The {name} that was sent")
            assert ("ended the program" if size == KILLS else "memory") in detail
            assert to_array(client.post("/v1/matte", files=sent((40, 30)))).shape == (30, 40)
        mask = {**sent((40, 30)), "hint": sent(size)["picture"]}
        assert client.post("/v1/matte", files=mask).status_code == 422
    assert spoiled.process.poll() is None


def test_a_decoder_that_hangs_is_ended_with_its_job(spoiled: Service) -> None:
    def decoding() -> list[int]:
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if b"mattelier.service.decoder_process" in place.read_bytes():
                    status = (place.parent / "stat").read_text().rpartition(")")[2].split()
                    found.append((int(place.parent.name), int(status[1])))
            except OSError:
                continue
        mine = {spoiled.process.pid}
        for _ in range(2):  # its processes, and their copies
            mine |= {pid for pid, parent in found if parent in mine}
        return sorted(mine - {spoiled.process.pid})

    with spoiled.ask() as client:
        job = client.post("/v1/jobs/matte", files=sent(HANGS)).json()["id"]
        wait_for(job, client, "running")
        wait_until(lambda: len(decoding()) == 2)
        client.delete(f"/v1/jobs/{job}")
        started: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: started.append(client.post("/v1/matte", files=sent((40, 30))))
        )
        asking.start()
        asking.join(10)  # not the twenty seconds that a picture may take
        assert to_array(started[0]).shape == (30, 40)
        wait_until(lambda: len(decoding()) == 1)
