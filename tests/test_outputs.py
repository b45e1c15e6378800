"""Which result goes where: decided before the work, distinct, never over an input."""

import os
import random
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattelier.batch.outputs import Plan, Source, check, expand, plan
from mattelier.types.errors import OutputError, UsageError

SUFFIXES = {".jpg", ".png", ".exr", ".tif"}


def touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [str(folder / name) for name in names]


def sources(*names: str) -> list[Source]:
    return [Source(Path("in", name), PurePath(name)) for name in names]


def names(plans: list[Plan]) -> list[str]:
    return [item.output.as_posix() for item in plans]


def found(*inputs: str) -> list[str]:
    return [source.relative.as_posix() for source in expand(inputs, SUFFIXES)[0]]


def test_a_folder_is_searched_in_order_without_hidden_files_and_other_things(tmp_path):
    touch(tmp_path, "b.jpg", "a.PNG", "sub/c.exr", ".d.jpg", ".git/e.jpg", "~$f.jpg", "notes.txt")
    assert found(str(tmp_path)) == ["a.PNG", "b.jpg", "sub/c.exr"]


def test_globs_are_expanded_where_the_shell_did_not(tmp_path):
    touch(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg", "x/d.txt")
    assert found(f"{tmp_path}/*.jpg") == ["a.jpg"]
    assert found(f"{tmp_path}/**/*") == ["a.jpg", "x/b.jpg", "x/y/c.jpg"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    (literal,) = touch(tmp_path, "a[1].jpg")
    touch(tmp_path, "a1.jpg")
    assert found(literal) == ["a[1].jpg"]


def test_the_same_picture_named_twice_is_done_once(tmp_path):
    (path,) = touch(tmp_path, "a.jpg")
    assert found(path, str(tmp_path), f"{tmp_path}/*.jpg") == ["a.jpg"]


def test_a_link_is_a_picture_of_its_own(tmp_path):
    (path,) = touch(tmp_path, "a.jpg")
    os.symlink(path, tmp_path / "b.jpg")
    assert found(str(tmp_path)) == ["a.jpg", "b.jpg"]


def test_two_folders_are_kept_apart(tmp_path):
    touch(tmp_path, "one/a.jpg", "two/a.jpg")
    assert found(str(tmp_path / "one"), str(tmp_path / "two")) == ["one/a.jpg", "two/a.jpg"]


@pytest.mark.parametrize("name", ["missing.jpg", "*.exr", "empty"])
def test_an_input_that_gives_no_picture_is_told_and_the_rest_stays(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (good,) = touch(tmp_path, "a.jpg")
    kept, missing, _ = expand([good, str(tmp_path / name)], SUFFIXES)
    assert len(kept) == 1
    assert [gap.name for gap in missing] == [str(tmp_path / name)]


def test_a_second_run_over_the_folder_does_the_same_pictures_again(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "b.tif", "c.jpg", "paper-cutout.jpg")
    first, _, _ = expand([str(tmp_path)], SUFFIXES)
    outputs = [item.output for item in plan(first, None, task="cutout", suffix=None)]
    assert not {path.name for path in outputs} & {path.name for path in tmp_path.iterdir()}
    for path in outputs:
        path.touch()
    second, _, earlier = expand([str(tmp_path)], SUFFIXES)
    assert second == first  # paper-cutout.jpg is a picture: no paper.* made it
    assert {source.path for source in earlier} == set(outputs)
    again = plan(second, None, task="cutout", suffix=None)
    assert [item.output for item in again] == outputs


def test_structure_is_kept_and_formats_that_hold_more_stay():
    planned = plan(
        sources("x/a.jpg", "x/y/b.exr", "c.TIFF"), Path("out"), task="cutout", suffix=None
    )
    assert names(planned) == ["out/x/a.png", "out/x/y/b.exr", "out/c.tif"]


def test_without_a_folder_results_lie_beside_their_pictures():
    planned = plan(sources("x/a.jpg"), None, task="matte", suffix=None)
    assert names(planned) == ["in/x/a-matte.png"]


def test_results_into_the_inputs_own_folder_are_told_apart_by_name():
    planned = plan(sources("a.png"), Path("in"), task="cutout", suffix=None)
    assert names(planned) == ["in/a-cutout.png"]


def test_colliding_names_get_their_suffix():
    planned = plan(
        sources("a.jpg", "a.png", "b.jpg", "a-jpg.webp"), Path("out"), task="cutout", suffix=None
    )
    assert names(planned) == ["out/a-jpg-2.png", "out/a-png.png", "out/b.png", "out/a-jpg.png"]


stem = st.sampled_from(["a", "A", "a-jpg", "a-2", "é", "e\u0301", "a-jpg-2", "a-confidence"])
suffix = st.sampled_from([".jpg", ".JPG", ".png", ".exr", ""])
folder = st.sampled_from(["", "x", "X"])


@given(
    st.lists(st.tuples(folder, stem, suffix), unique=True),
    st.sampled_from([None, ".png"]),
    st.booleans(),
)
def test_no_two_results_share_a_name_on_any_file_system(parts, ending, maps):
    import unicodedata

    items = sources(*(f"{place}/{name}{end}" for place, name, end in parts))
    planned = plan(items, Path("out"), task="cutout", suffix=ending, confidence=maps)
    written = [path.as_posix() for item in planned for path in item.written]
    keys = [unicodedata.normalize("NFC", name).casefold() for name in written]
    assert len(set(keys)) == len(keys) == len(items) * (1 + maps)
    assert [item.source for item in planned] == items
    assert planned == plan(items, Path("out"), task="cutout", suffix=ending, confidence=maps)


def problem(source: Path, output: Path, *, overwrite: bool = False):
    return check([Plan(Source(source, PurePath(source.name)), output)], overwrite=overwrite)[
        0
    ].problem


def test_an_input_is_never_overwritten(tmp_path):
    (path,) = map(Path, touch(tmp_path, "a.png"))
    link = tmp_path / "link.png"
    os.symlink(path, link)
    for output in (path, tmp_path / "x" / ".." / "a.png", tmp_path / "A.PNG", link):
        assert isinstance(problem(path, output, overwrite=True), UsageError), output


def test_an_existing_result_needs_overwrite(tmp_path):
    source, output = map(Path, touch(tmp_path, "a.jpg", "a.png"))
    assert "--overwrite" in str(problem(source, output))
    assert problem(source, output, overwrite=True) is None


def test_impossible_places_are_told_before_the_work(tmp_path):
    source, blocker = map(Path, touch(tmp_path, "a.jpg", "file"))
    (tmp_path / "folder.png").mkdir()
    assert isinstance(problem(source, blocker / "a.png"), OutputError)
    assert isinstance(problem(source, tmp_path / "folder.png", overwrite=True), OutputError)
    assert problem(source, tmp_path / "new" / "deep" / "a.png") is None


def test_a_read_only_folder_is_told_before_the_work(tmp_path, monkeypatch):
    (source,) = map(Path, touch(tmp_path, "a.jpg"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "read-only" in str(problem(source, tmp_path / "out" / "a.png"))


def test_the_order_of_a_folder_does_not_depend_on_the_disk(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{index}.jpg" for index in range(9)))
    walk = os.walk

    def shuffled(*arguments, **options):
        for place, folders, files in walk(*arguments, **options):
            random.Random(1).shuffle(files)
            yield place, folders, files

    monkeypatch.setattr(os, "walk", shuffled)
    assert found(str(tmp_path)) == [f"{index}.jpg" for index in range(9)]
