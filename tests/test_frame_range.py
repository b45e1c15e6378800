"""Frame ranges: what artists write is read, and written back the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattelier.types.errors import UsageError
from mattelier.types.frame_range import FrameRange

FRAMES = st.sets(st.integers(-50, 400), max_size=40)


@pytest.mark.parametrize(
    ("text", "frames", "written"),
    [
        ("7", [7], "7"),
        ("1001-1004", [1001, 1002, 1003, 1004], "1001-1004"),
        ("1001-1006x2,1150", [1001, 1003, 1005, 1150], "1001-1005x2,1150"),
        (" 5, 1-3 ,2 ", [1, 2, 3, 5], "1-3,5"),
        ("-3--1,0", [-3, -2, -1, 0], "-3-0"),
        ("1,9", [1, 9], "1,9"),
    ],
)
def test_ranges_are_read_as_artists_write_them(text, frames, written):
    assert list(FrameRange.parse(text)) == frames
    assert str(FrameRange.parse(text)) == written


@given(FRAMES)
def test_a_range_written_and_read_is_the_same(frames):
    frame_range = FrameRange.of(frames)
    if frames:
        assert FrameRange.parse(str(frame_range)) == frame_range
        assert FrameRange.parse(frame_range.openjd().replace(":", "x")) == frame_range
    assert list(frame_range) == sorted(frames)


@given(FRAMES, FRAMES)
def test_ranges_are_sets(first, second):
    one, other = FrameRange.of(first), FrameRange.of(second)
    assert set(one & other) == first & second
    assert set(one | other) == first | second
    assert set(one - other) == first - second


@given(FRAMES, st.integers(1, 9))
def test_chunks_hold_every_frame_once_in_order(frames, size):
    chunks = FrameRange.of(frames).chunks(size)
    assert [frame for chunk in chunks for frame in chunk] == sorted(frames)
    assert all(len(chunk) == size for chunk in chunks[:-1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "character 1"),
        ("1001-", "character 5"),
        ("1-5,,7", "character 5"),
        ("1001-1100:2", "character 10"),
        ("9-1", "backwards"),
        ("1-9x0", "step is 0"),
        ("1-9999999999", "more than"),
        ("twelve", "1001-1100x2"),
    ],
)
def test_what_is_no_range_is_refused_with_the_place(text, words):
    with pytest.raises(UsageError, match=words):
        FrameRange.parse(text)
