"""The values at the bottom of Blender's add-on, without a Blender."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattelier.hosts.blender import addon_folder

DATA = addon_folder() / "data"
NAME = "addon_data"  # the add-on itself, of which it is a part, needs Blender
MODULES = sorted(file.stem for file in DATA.glob("*.py") if file.stem != "__init__")


def load(module: str):
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            NAME, DATA / "__init__.py", submodule_search_locations=[str(DATA)]
        )
        sys.modules[NAME] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{NAME}.{module}")


bake_files, frames, names, stamps = map(load, ("bake_files", "frames", "names", "stamps"))
plate, sequence, Failure = load("plate"), load("sequence"), load("failure").Failure


@pytest.mark.parametrize("module", MODULES)
def test_none_of_them_asks_for_blender(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    monkeypatch.delitem(sys.modules, f"{NAME}.{module}", raising=False)
    load(module)


@pytest.fixture
def shot(tmp_path):
    """A sequence with a gap that shows from frame 11 on."""
    for number in (101, 102, 104):
        (tmp_path / f"sh010_v2.{number:04d}.exr").write_bytes(b"%d" % number)
    return plate.sequence_plate(tmp_path / "sh010_v2.0102.exr", 11, (32, 16), "ACEScg", "plate")


def test_a_plate_is_all_files_of_its_name(shot, tmp_path):
    assert (shot.numbers, shot.gaps) == ((101, 102, 104), [103])
    assert shot.shown_name == "sh010_v2.####.exr 101–104"
    assert shot.name == "sh010_v2"
    assert shot.pattern == str(tmp_path / "sh010_v2.####.exr")
    assert shot.source(104).read_bytes() == b"104"


def test_scene_frames_and_numbers_are_each_others_inverse(shot):
    for number in range(90, 120):
        assert shot.number(shot.scene_frame(number)) == number
    assert shot.shown_number(14) == 104
    for frame in (10, 13, 15):
        with pytest.raises(Failure, match=f"no frame {frame};"):
            shot.shown_number(frame)


def test_the_engine_is_told_spaces_that_it_would_not_guess(shot, tmp_path):
    assert shot.engine_space == "ACEScg"
    for file, space, told in (
        ("a.1.exr", "Linear Rec.709", None),
        ("b.1.png", "sRGB", None),
        ("b.1.png", "Non-Color", None),
        ("b.1.png", "Linear Rec.709", "lin_rec709"),
        ("a.1.exr", "sRGB", "sRGB"),
    ):
        (tmp_path / file).touch()
        found = plate.sequence_plate(tmp_path / file, 1, (1, 1), space, "plate")
        assert found.engine_space == told, (file, space)


def test_what_is_no_plate_is_one_sentence(tmp_path):
    (tmp_path / "still.png").touch()
    for make, told in (
        (lambda: plate.sequence_plate(tmp_path / "still.png", 1, (1, 1), "", "matte"), "a matte"),
        (lambda: plate.sequence_plate(tmp_path / "no.01.png", 1, (1, 1), "", "plate"), "no.##.png"),
        (lambda: plate.movie_plate(tmp_path / "no.mov", 5, 1, (1, 1), "", "plate"), "no.mov"),
    ):
        with pytest.raises(Failure) as failure:
            make()
        assert told in str(failure.value)


@given(st.sets(st.integers(-2000, 5000), max_size=40))
def test_lists_of_frames_are_read_as_they_are_written(some):
    assert frames.parse_frames(frames.format_frames(some)) == tuple(sorted(some))


@given(st.integers(0, 10**6), st.integers(1, 7))
def test_files_are_found_by_their_numbers(number, digits):
    found = sequence.Sequence.of_file(Path("shots", f"a.b_2.{number:0{digits}d}.left.png"))
    assert (found.head, found.tail) == ("a.b_2.", ".left.png")
    assert found.number(found.file(number)) == number


def test_a_stamp_is_what_a_file_holds(tmp_path):
    file, copy = tmp_path / "a.exr", tmp_path / "sub" / "b.exr"
    file.write_bytes(b"head" + bytes(200_000) + b"tail")
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    os.utime(copy, (0, 0))
    assert stamps.file_stamp(copy) == stamps.file_stamp(file)
    before = os.stat(file)
    file.write_bytes(b"HEAD" + bytes(200_000) + b"tail")  # as large, and as old
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert stamps.file_stamp(file) not in ("", stamps.file_stamp(copy))
    assert stamps.file_stamp(tmp_path / "none.exr") == ""


def test_what_was_baked_is_noted_and_read(tmp_path, shot):
    assert bake_files.read_made_from(tmp_path) == ("", "", {})
    bake_files.note_made_from(tmp_path, "s", "g", {101: "a", 102: "b"})
    bake_files.note_made_from(tmp_path, "s2", "g", {102: "c"})
    assert bake_files.read_made_from(tmp_path) == ("s2", "g", {101: "a", 102: "c"})
    matte, colour = (bake_files.pass_files(tmp_path, shot, name) for name in ("matte", "fg"))
    for files, numbers in ((matte, (101, 102)), (colour, (102, 104))):
        for number in numbers:
            files.file(number).parent.mkdir(exist_ok=True)
            files.file(number).touch()
    assert list(bake_files.baked_frames(tmp_path, shot, ["matte", "fg"])) == [102]
    (tmp_path / "made_from.json").write_text('{"frames": 5}', "utf-8")
    assert bake_files.read_made_from(tmp_path) == ("", "", {})


def test_names_are_found_in_small_letters_and_capitals():
    assert names.names_with("net", ["IS-Net", "U2NETP", "cutout"]) == ["IS-Net", "U2NETP"]
    assert names.unused_name("Car", {"Car", "Car 2"}) == "Car 3"
    assert names.unused_name("Car", set()) == "Car"
