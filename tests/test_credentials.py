"""What a result says of its making: signed manifests, the source type, and nothing where asked."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattelier.commands.main import main

c2pa = pytest.importorskip("c2pa")

NAMES = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


@pytest.fixture
def photo(tmp_path: Path, colours: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    picture = np.full((64, 64, 3), (0, 128, 0), np.uint8)
    picture[16:48, 16:48] = (200, 0, 0)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera 1"
    exif.get_ifd(0x8825)[2] = (50.0, 3.0, 10.0)  # GPSLatitude
    exif[0x8825] = exif.get_ifd(0x8825)
    Image.fromarray(picture).save("photo.jpg", exif=exif)
    return Path("photo.jpg")


def cut(*flags: str, source: str = "photo.jpg") -> int:
    return main(["cutout", source, "--model", "colours", *flags])


def manifest(path: Path) -> dict:
    """As the standard's own library reads it."""
    kind = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}[path.suffix]
    with path.open("rb") as file:
        reader = c2pa.Reader(kind, file)
        report = json.loads(reader.json())
        assert reader.get_validation_state() == "Valid", report.get("validation_status")
    return report


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif"])
def test_a_manifest_is_valid_and_says_what_was_done(photo: Path, name: str, capsys) -> None:
    assert cut("-o", name, "--credentials", "test", "--background", "white") == 0
    result = Path(name)
    np.testing.assert_array_equal(np.asarray(Image.open(result).convert("RGB"))[0, 0], 255)
    capsys.readouterr()
    assert main(["inspect", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["credentials"]
    assert told["valid"]
    assert told["is_test"]
    assert told["ingredients"] == ["photo.jpg"]
    assert told["actions"][-1] == "c2pa.edited: cutout"
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert told["process"] == {
        "task": "cutout", "model": "colours", "model_version": "1",
        "ingredient": "photo.jpg", "ingredient_sha256": digest,
    }  # fmt: skip
    if name != "a.tif":
        own = manifest(result)
        text = json.dumps(own)
        assert "digitalsourcetype/algorithmicallyEnhanced" in text
        assert "thumbnail" not in text  # a cut-out does not carry the photo


def test_one_changed_byte_is_refused(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cut("-o", "a.jpg", "--credentials", "test", "--background", "white") == 0
    data = bytearray(Path("a.jpg").read_bytes())
    at = next(at for at in range(len(data) - 40, 0, -1) if 0xFF not in data[at - 1 : at + 2])
    data[at] ^= 1  # among the packed pixels: any decoder still takes it
    Path("forged.jpg").write_bytes(data)
    Image.open("forged.jpg").load()
    capsys.readouterr()
    assert main(["inspect", "a.jpg"]) == 0
    assert "TEST key" in capsys.readouterr().out
    assert main(["inspect", "forged.jpg"]) == 3
    assert "REFUSED" in capsys.readouterr().out


def test_the_manifest_of_the_source_is_kept_as_ingredient(photo: Path) -> None:
    assert cut("-o", "first.png", "--credentials", "test") == 0
    assert main(["denoise", "first.png", "-o", "second.png", "--credentials", "test"]) == 0
    report = manifest(Path("second.png"))
    assert len(report["manifests"]) == 2
    text = json.dumps(report["manifests"][report["active_manifest"]])
    assert "compositeWithTrainedAlgorithmicMedia" in text


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_the_source_type_stands_in_the_xmp(photo: Path, name: str) -> None:
    assert cut("-o", name, "--credentials", "test", "--background", "white") == 0
    with Image.open(name) as picture:
        packet = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"]
    text = packet if isinstance(packet, str) else packet.decode()
    from xml.etree import ElementTree

    (entry,) = ElementTree.fromstring(text).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    assert entry.get(f"{{{NAMES}}}DigitalSourceType", "").endswith("/algorithmicallyEnhanced")


def test_a_key_of_ones_own(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mattelier.media.credentials import _test_key

    key, chain, _ = _test_key()
    Path("key.pem").write_bytes(key + chain)
    assert cut("-o", "a.png", "--credentials", "key.pem") == 0
    Path("bad.pem").write_bytes(chain)
    for bad in ("bad.pem", "gone.pem"):
        assert cut("-o", "b.png", "--credentials", bad) == 2
        assert not Path("b.png").exists()
    assert cut("-o", "b.exr", "--credentials", "test") == 3
    assert not Path("b.exr").exists()
    assert "holds no credentials" in capsys.readouterr().err


def test_stripped_files_tell_neither_place_nor_camera(photo: Path, capsys) -> None:
    assert cut("-o", "with.png") == 0
    assert cut("-o", "without.png", "--strip-metadata") == 0
    capsys.readouterr()
    assert main(["inspect", "with.png", "without.png", "--json"]) == 0
    kept, stripped = (json.loads(line)["exif"] for line in capsys.readouterr().out.splitlines())
    assert kept["camera"] == "Maker Camera 1"
    assert stripped == {}
    assert b"Camera 1" not in Path("without.png").read_bytes()


def test_without_the_library_the_rest_is_told(photo: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert main(["inspect", "photo.jpg"]) == 0
    out = capsys.readouterr().out
    assert "pip install 'mattelier[credentials]'" in out
    assert "Camera 1" in out
    assert cut("-o", "b.png", "--credentials", "test") == 2


def test_files_without_any_are_read_too(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "photo.jpg"]) == 0
    out = capsys.readouterr().out
    assert "none" in out
    assert "Camera 1" in out
    Path("broken.jpg").write_bytes(b"nothing")
    assert main(["inspect", "broken.jpg"]) == 3
