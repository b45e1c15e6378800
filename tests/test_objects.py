"""The things in a picture told apart: files for people and compositors, one of them cut out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from balls import BALLS, HEIGHT, WIDTH, ball, photo
from numpy.typing import NDArray
from PIL import Image
from worker_session import connect, start_worker, to_array, to_pixels

import mattelier
from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.media.cryptomatte import object_hash
from mattelier.media.object_files import draw_overview, object_names, write_objects
from mattelier.types.errors import OutputError
from mattelier.types.found import Found
from mattelier.types.picture import Picture
from mattelier.worker.client import WorkerError


@pytest.fixture(autouse=True)
def _no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    Image.fromarray(photo()).save(tmp_path / "balls.png")
    return tmp_path / "balls.png"


def grey(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as image:
        return np.asarray(image, np.float32) / 255


def which(alpha: NDArray[np.float32]) -> int:
    """The ball that an alpha is of, checked to be it and nothing else."""
    errors = [float(np.abs(alpha - ball(number)).mean()) for number in range(3)]
    assert min(errors) < 0.004
    return int(np.argmin(errors))


def test_each_has_a_numbered_matte_and_can_be_cut_out(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["objects", str(source), "--json"]) == 0
    told = capsys.readouterr()
    listed = json.loads(told.out)["objects"]
    assert "separate parts" in told.err  # says that no network told them apart
    mattes = [grey(source.with_name(f"balls-objects-{n}.png")) for n in (1, 2, 3)]
    assert sorted(map(which, mattes)) == [0, 1, 2]
    for entry, matte in zip(listed, mattes, strict=True):
        x, y, radius = BALLS[which(matte)]
        assert np.allclose(entry["box"], [x - radius, y - radius, 2 * radius, 2 * radius], atol=3)
        assert entry["share"] == pytest.approx(matte.mean(), abs=1e-3)
    with Image.open(source.with_name("balls-objects.png")) as overview:
        assert overview.size == (WIDTH, HEIGHT)

    out = source.with_name("second.png")
    assert main(["matte", str(source), "--object", "2", "-o", str(out)]) == 0
    assert which(grey(out)) == which(mattes[1])
    assert main(["matte", str(source), "--object", "4", "-o", str(source.with_name("x.png"))]) == 2
    assert "there are 3" in capsys.readouterr().err

    # Results of an earlier run are no pictures to be done.
    assert main(["objects", str(source.parent), "--json", "--overwrite"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [Path(json.loads(line)["input"]).name for line in lines] == ["balls.png", "second.png"]


def test_layers_hold_the_picture_and_each_object_cut_out(source: Path) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    for suffix in ("psd", "ora"):
        out = source.with_name(f"layers.{suffix}")
        assert main(["objects", str(source), "-o", str(out)]) == 0
        if suffix == "psd":
            file = psd_tools.PSDImage.open(out)
            assert [layer.name for layer in file] == ["picture", "3", "2", "1"]
            layers = [np.asarray(layer.topil().convert("RGBA")) for layer in file]
        else:
            with zipfile.ZipFile(out) as archive:
                layers = [
                    np.asarray(Image.open(archive.open(f"data/layer{n}.png")).convert("RGBA"))
                    for n in range(4)
                ]
        for layer in layers:
            np.testing.assert_array_equal(layer[..., :3], photo())
        assert layers[0][..., 3].min() == 255
        assert sorted(which(layer[..., 3] / np.float32(255)) for layer in layers[1:]) == [0, 1, 2]


def test_a_cryptomatte_holds_names_and_coverage(tmp_path: Path) -> None:
    import OpenImageIO

    found = [Found(ball(0), "person", 0.9), Found(ball(1), "Fire engine", 0.8)]
    both = Found(np.maximum(ball(0), ball(2)), "", 0.7)  # claims what is the first's already
    picture = Picture(photo())
    write_objects(tmp_path / "a.exr", [*found, both], picture)
    source = OpenImageIO.ImageInput.open(str(tmp_path / "a.exr"))
    spec, pixels = source.spec(), source.read_image("float")
    assert str(spec.format) == "float"
    key = f"cryptomatte/{object_hash('CryptoObject'):08x}"[:19]
    assert spec.getattribute(f"{key}/name") == "CryptoObject"
    assert spec.getattribute(f"{key}/hash") == "MurmurHash3_32"
    assert spec.getattribute(f"{key}/conversion") == "uint32_to_float32"
    manifest = json.loads(spec.getattribute(f"{key}/manifest"))
    assert list(manifest) == object_names([*found, both]) == ["1-person", "2-fire-engine", "3"]
    names = list(spec.channelnames)

    def coverage(name: str) -> NDArray[np.float32]:
        total = np.zeros((HEIGHT, WIDTH), np.float32)
        for layer in ("CryptoObject00", "CryptoObject01"):
            for one, other in ("RG", "BA"):
                ids = np.ascontiguousarray(pixels[..., names.index(f"{layer}.{one}")])
                mine = ids.view(np.uint32) == int(manifest[name], 16)
                total += np.where(mine, pixels[..., names.index(f"{layer}.{other}")], 0)
        return total

    assert np.allclose(coverage("2-fire-engine"), ball(1), atol=1e-6)
    claimed = np.maximum(ball(0) + both.mask, 1)  # of no pixel there is more than all of it
    assert np.allclose(coverage("1-person"), ball(0) / claimed, atol=1e-6)
    assert np.allclose(coverage("3"), both.mask / claimed, atol=1e-6)


def test_a_worker_makes_a_cryptomatte_of_a_shots_mattes(tmp_path: Path) -> None:
    import OpenImageIO

    for frame in (7, 8):
        for name, index in (("a", 0), ("b", 1)):
            stills.write_matte(tmp_path / f"{name}.{frame:04d}.exr", ball(index))
    options = {
        "mattes": {"Someone": str(tmp_path / "a.####.exr"), "b": str(tmp_path / "b.####.exr")},
        "frames": "7-8",
        "output": str(tmp_path / "c.####.exr"),
    }
    with start_worker(), connect() as worker:
        assert worker.run("cryptomatte", options).report == {"frames": 2}
        source = OpenImageIO.ImageInput.open(str(tmp_path / "c.0008.exr"))
        pixels = source.read_image("float")
        for name, index in (("Someone", 0), ("b", 1)):
            ids = np.ascontiguousarray(pixels[..., 0]).view(np.uint32)
            covered = np.where(ids == object_hash(name), pixels[..., 1], 0)
            inside = ball(index) == 1
            assert (covered[inside] == 1).all()
            assert not covered[ball(index) == 0].any()
        for wrong, told in (
            ({"mattes": {}}, "needs the mattes"),
            ({"mattes": {"a": str(tmp_path / "a.0007.exr")}}, "needs the mattes"),
            ({"output": "c.####.exr"}, "absolute paths"),
            ({"output": str(tmp_path / "c.exr")}, "name.####.exr"),
            ({"frames": "9"}, "9"),
            ({"more": 1}, "is asked for with frames, mattes, output"),
        ):
            with pytest.raises(WorkerError, match=told):
                worker.run("cryptomatte", {**options, **wrong})


def test_names_hash_as_murmur3_does_and_are_ordinary_floats() -> None:
    known = {"hello": 0x248BFA47, "hello, world": 0x149BBB7F,
             "The quick brown fox jumps over the lazy dog": 0x2E4FF723}  # fmt: skip
    for text, value in known.items():
        assert object_hash(text) == value
    assert f"{object_hash('CryptoObject'):08x}"[:7] == "3ae39a5"  # as Blender and Nuke name it
    hashes = np.array([object_hash(str(n)) for n in range(5000)], np.uint32)
    values = hashes.view(np.float32)
    assert np.isfinite(values).all()
    assert (np.abs(values) >= np.finfo(np.float32).tiny).all()


def test_nothing_is_written_over_and_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Found(ball(n), "", 1) for n in range(3)]
    picture = Picture(photo())
    (tmp_path / "a-2.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"a-2\.png exists already"):
        write_objects(tmp_path / "a.png", found, picture, overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.png"]
    assert (tmp_path / "a-2.png").read_bytes() == b"mine"

    def fail(*arguments: object, **settings: object) -> None:
        raise OutputError("full")

    monkeypatch.setattr("mattelier.media.stills.write_cutout", fail)
    with pytest.raises(OutputError):
        write_objects(tmp_path / "b.png", found, picture)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.png"]


def test_the_overview_shows_what_is_whose() -> None:
    found = [Found(ball(n), "", 1) for n in range(3)]
    shown = draw_overview(found, Picture(photo())).colour.astype(int)
    source = photo().astype(int)
    assert np.abs(shown[5, 5] - source[5, 5] / 2).max() <= 2  # the rest is dimmed
    tints = [shown[y + radius * 7 // 10, x] - source[y + radius * 7 // 10, x] * 0.55
             for x, y, radius in BALLS]  # fmt: skip
    for one in range(3):
        for other in range(one):
            assert np.abs(tints[one] - tints[other]).max() > 40


def test_an_empty_picture_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 48), (120, 130, 140)).save(tmp_path / "grey.png")
    assert main(["objects", str(tmp_path / "grey.png"), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["objects"] == []
    assert "No object was found" in told.err


def test_python_and_worker_give_the_same(tmp_path: Path) -> None:
    mine = mattelier.objects(photo())
    assert mine.objects is not None
    assert len(mine.objects) == 3
    with start_worker(), connect() as worker:
        answer = worker.run("objects", {}, {"picture": to_pixels(photo())}, depth="f32")
        theirs = {name: to_array(pixels) for name, pixels in answer.pictures.items()}
        assert list(theirs) == ["object-1", "object-2", "object-3"]
        for one, other in zip(mine.objects, theirs.values(), strict=True):
            assert np.allclose(one.mask, other, atol=1e-4)
        options = {"matte": {"hint": {"object": 3}}}
        cut = worker.run("cutout", options, {"picture": to_pixels(photo())}, depth="f32")
        assert which(to_array(cut.pictures["alpha"])) == which(theirs["object-3"])
        with pytest.raises(WorkerError, match="no model 'nobody'"):
            worker.run("objects", {"model": "nobody"}, {"picture": to_pixels(photo())})
