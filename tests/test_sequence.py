"""Plates of numbered files: every way to name them, and everything that is wrong with some."""

from fractions import Fraction

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from mattelier.media.colour_space import ColourSpace
from mattelier.media.frame_names import FrameNames
from mattelier.media.open_plate import open_plate
from mattelier.media.timecode import Timecode
from mattelier.types.colour import View
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture


def png(path, value=0, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), value, np.uint8)).save(path)


def exr(path, colour, *, at=(0, 0), full=None, **attributes):
    height, width = colour.shape[:2]
    spec = OpenImageIO.ImageSpec(width, height, 3, "half")
    spec.x, spec.y = at
    spec.full_width, spec.full_height = full or (width, height)
    for name, (attribute_type, value) in attributes.items():
        spec.attribute(name.replace("__", ":"), OpenImageIO.TypeDesc(attribute_type), value)
    file = OpenImageIO.ImageOutput.create(str(path))
    assert file.open(str(path), spec)
    assert file.write_image(np.ascontiguousarray(colour, np.float32))
    file.close()


@pytest.fixture
def shot(tmp_path):
    for frame in (999, 1000, 1001, 1003):
        png(tmp_path / f"hero_v001.{frame:04d}.png", frame % 200)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "hero_v001.####.png",
        "hero_v001.@@@@.png",
        "hero_v001.%04d.png",
        "hero_v001.$F4.png",
        "hero_v001.1001.png",
        "",
    ],
)
def test_a_plate_is_found_by_any_way_to_name_it(shot, name):
    plate = open_plate(str(shot / name))
    assert plate.name == "hero_v001"
    assert str(plate.frames) == "999-1001,1003"
    assert str(plate.missing) == "1002"
    assert (plate.width, plate.height, plate.fps) == (8, 6, None)
    assert plate.read(1003).colour[0, 0, 0] == 1003 % 200


def test_frames_on_twos_have_no_gaps(tmp_path):
    for frame in (1, 3, 5, 9):
        png(tmp_path / f"a.{frame:04d}.png")
    assert str(open_plate(str(tmp_path)).missing) == "7"


def test_names_are_written_as_they_are_read():
    names = FrameNames.parse("mattes/hero.%05d.exr")
    assert str(names.path(12)).replace("\\", "/") == "mattes/hero.00012.exr"
    assert str(names.path(-3)).replace("\\", "/") == "mattes/hero.-00003.exr"
    assert FrameNames.parse("hero.exr") is None
    with pytest.raises(UsageError, match="twice"):
        FrameNames.parse("a.####.%04d.exr")


def test_a_missing_frame_and_one_that_is_there_twice_are_named(shot):
    png(shot / "hero_v001.01001.png")
    plate = open_plate(str(shot / "hero_v001.####.png"))
    with pytest.raises(PictureError, match=r"hero_v001\.1002\.png does not exist"):
        plate.read(1002)
    with pytest.raises(PictureError, match=r"01001\.png and hero_v001\.1001\.png"):
        plate.read(1001)
    assert plate.read(1000).width == 8


@pytest.mark.parametrize("odd", [999, 1001, 1003])
def test_the_size_is_that_of_most_frames_and_others_are_named(shot, odd):
    png(shot / f"hero_v001.{odd:04d}.png", size=(4, 6))
    plate = open_plate(str(shot))
    assert (plate.width, plate.height) == (8, 6)
    with pytest.raises(PictureError, match="4×6 pixels but the plate is 8×6"):
        plate.read(odd)


def test_truncated_frames_are_named_and_never_decide_the_size(shot):
    for frame in (999, 1001, 1003):
        file = shot / f"hero_v001.{frame:04d}.png"
        file.write_bytes(file.read_bytes()[:50])
    plate = open_plate(str(shot))
    assert plate.read(1000).width == 8
    with pytest.raises(PictureError, match=r"1001\.png"):
        plate.read(1001)


def test_a_folder_of_two_plates_and_one_of_none_are_refused(shot, tmp_path):
    png(shot / "other.0001.png")
    with pytest.raises(UsageError, match=r"several plates.*hero_v001.*other"):
        open_plate(str(shot))
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no frames"):
        open_plate(str(tmp_path / "empty"))
    with pytest.raises(PictureError, match="does not exist"):
        open_plate(str(tmp_path / "nothing.jpg"))
    with pytest.raises(PictureError, match="no frames"):
        open_plate(str(tmp_path / "nothing.####.jpg"))


def test_identity_changes_with_the_file(shot):
    plate = open_plate(str(shot))
    before = plate.identity(1001)
    png(shot / "hero_v001.1001.png", 7, size=(8, 6))
    assert plate.identity(1001) != before
    assert plate.identity(1002) == ""


def test_data_windows_of_their_own_are_laid_onto_the_plates(tmp_path):
    for frame, (x, y, width, height) in enumerate([(0, 0, 8, 6), (2, 1, 4, 3), (-1, 0, 9, 6)], 1):
        picture = np.full((height, width, 3), frame, np.float32)
        exr(tmp_path / f"a.{frame:04d}.exr", picture, at=(x, y), full=(8, 6))
    plate = open_plate(str(tmp_path))
    assert (plate.width, plate.height) == (8, 6)
    small = plate.read(2)
    assert small.colour.shape == (6, 8, 3)
    assert (small.colour[1:4, 2:6] == 2).all()
    assert small.colour.sum() == 2 * 3 * 4 * 3
    assert (plate.read(3).colour == 3).all()
    assert len({plate.read(frame).window for frame in (1, 2, 3)}) == 1


def test_rate_and_timecode_come_from_the_exr(tmp_path):
    start = Timecode.parse("10:00:00:22", Fraction(24))
    for frame in (1001, 1002, 1003):
        exr(
            tmp_path / f"a.{frame}.exr",
            np.ones((4, 4, 3)),
            FramesPerSecond=("rational", (24, 1)),
            smpte__TimeCode=("timecode", ((start + (frame - 1001)).pack(), 0)),
        )
    plate = open_plate(str(tmp_path))
    assert plate.fps == 24
    assert plate.timecode(1003) == "10:00:01:00"


def test_drop_frame_timecode_skips_labels_not_frames():
    rate = Fraction(30000, 1001)
    before = Timecode.parse("00:00:59;29", rate)
    assert str(before + 1) == "00:01:00;02"
    assert str(Timecode.parse("00:09:59;29", rate) + 1) == "00:10:00;00"
    for count in range(0, 60_000, 7):
        label = Timecode(count, 30, drop=True)
        assert Timecode.parse(str(label), rate) == label
        assert Timecode.unpack(label.pack(), rate) == label


class TestColourSpace:
    GREY = Picture(np.full((4, 4, 3), 0.18, np.float32), transfer="linear")

    def test_the_view_of_one_grey_is_the_same_from_every_space(self):
        resized = View(self.GREY, 1.0).resize(2, 2)
        encoded = Picture(np.full((4, 4, 3), 0.4613561, np.float32), transfer="linear")
        for name, plate in (("ACEScg", self.GREY), ("lin_rec709", self.GREY), ("sRGB", encoded)):
            assert ColourSpace(name).view(plate, 1.0).resize(2, 2) == pytest.approx(
                resized, abs=2e-3
            )

    def test_red_of_acescg_is_redder_than_rec709_can_hold(self):
        red = Picture(np.array([[[1, 0, 0]]], np.float32), transfer="linear")
        linear = ColourSpace("ACEScg").as_linear(red).colour[0, 0]
        assert linear == pytest.approx([1.7051, -0.1303, -0.0240], abs=2e-3)
        assert (red.colour == [1, 0, 0]).all()

    def test_an_unknown_space_is_refused(self):
        with pytest.raises(UsageError, match=r"nonsense.*ACEScg"):
            ColourSpace("nonsense")

    def test_one_exposure_serves_all_frames(self):
        dark, bright = (
            Picture(np.full((4, 4, 3), v, np.float32), transfer="linear") for v in (1e-3, 8.0)
        )
        space = ColourSpace()
        exposure = space.exposure((dark, self.GREY, bright))
        assert exposure == 1
        assert space.view(bright, exposure).exposure == space.view(dark, exposure).exposure == 1
        assert space.exposure(()) is None
