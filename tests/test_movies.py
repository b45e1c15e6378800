"""Movies: every frame by its number, and what is written comes back with sound and timecode."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mattelier.media.movie_writing import Sound, read_movie_tag, write_movie
from mattelier.media.movies import MoviePlate
from mattelier.types.errors import OutputError, PictureError
from mattelier.types.progress import heard_by

RATE = Fraction(24000, 1001)
FRAMES = 30
HEIGHT, WIDTH = 96, 160


def still(number):
    """Frame n: a red bar at column 4n, and a top whose brightness is 6n."""
    picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    picture[:, 4 * number : 4 * number + 4] = 200, 30, 20
    picture[:16] = 6 * number
    return picture


def number_of(picture):
    redness = picture.colour[50, :, 0].astype(int) - picture.colour[50, :, 1]
    return int(np.argmax(redness)) // 4


def film(path, frames=FRAMES):
    """H.264 with B-frames and a key frame every 12, with a second and a half of sound."""
    with av.open(str(path), "w") as movie:
        video = movie.add_stream("libx264", RATE, options={"bf": "3", "g": "12"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.metadata["timecode"] = "01:00:00:00"
        audio = movie.add_stream("aac", 48000, layout="mono")
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(still(number), "rgb24")
            frame.pts, frame.time_base = number, 1 / RATE
            movie.mux(video.encode(frame))
        movie.mux(video.encode(None))
        tone = np.sin(np.arange(72_000) / 17).astype(np.float32)
        for start in range(0, len(tone) - 1024, 1024):
            piece = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
            piece.sample_rate, piece.pts, piece.time_base = 48000, start, Fraction(1, 48000)
            movie.mux(audio.encode(piece))
        movie.mux(audio.encode(None))
    return path


@pytest.fixture(scope="module", params=[".mov", ".mkv", ".mp4"])
def movie(request, tmp_path_factory):
    return film(tmp_path_factory.mktemp("movie") / f"clip{request.param}")


def test_any_frame_is_the_right_one_in_any_order(movie):
    plate = MoviePlate(movie)
    assert list(plate.frames) == list(range(1, FRAMES + 1))
    assert (plate.width, plate.height, plate.fps) == (WIDTH, HEIGHT, RATE)
    for frame in (1, 2, 3, 30, 20, 7, 8, 12, 13, 11, 1, 29):
        assert number_of(plate.read(frame)) == frame - 1, frame
    assert plate.timecode(26) == "01:00:01:01"
    assert plate.identity(3) != plate.identity(4)
    with pytest.raises(PictureError, match="no frame 31"):
        plate.read(31)
    plate.close()


def test_a_truncated_movie_gives_the_frames_that_are_there(tmp_path):
    with (
        av.open(str(film(tmp_path / "clip.mov"))) as whole,
        av.open(
            str(tmp_path / "cut.mov"), "w", container_options={"movflags": "faststart"}
        ) as front,
    ):
        track = front.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.dts is not None:
                packet.stream = track
                front.mux(packet)
    content = (tmp_path / "cut.mov").read_bytes()
    (tmp_path / "cut.mov").write_bytes(content[: len(content) * 3 // 4])
    plate = MoviePlate(tmp_path / "cut.mov")
    assert len(plate.frames) == FRAMES
    assert number_of(plate.read(5)) == 4
    with pytest.raises(PictureError, match="truncated"):
        plate.read(FRAMES)
    assert number_of(plate.read(6)) == 5


@pytest.mark.parametrize("content", [b"", b"no movie at all", b"\0\0\0\x20ftypqt  "])
def test_what_is_no_movie_is_refused_in_one_sentence(tmp_path, content):
    file = tmp_path / "clip.mov"
    file.write_bytes(content)
    with pytest.raises(PictureError, match=r"clip\.mov"):
        MoviePlate(file)


def gradient_frames(deep=False):
    ramp = np.linspace(0, 255, WIDTH).astype(np.uint8)[None].repeat(HEIGHT, 0)
    frames = [np.dstack([still(number), ramp]) for number in range(FRAMES)]
    return [frame.astype(np.uint16) * 257 for frame in frames] if deep else frames


@pytest.mark.parametrize(
    ("name", "codec", "deep", "error"),
    [
        ("a.mov", "png", False, 0),
        ("a.mov", "png", True, 0),
        ("a.mkv", "ffv1", False, 0),
        ("a.mkv", "ffv1", True, 0),
        ("a.mov", "prores", True, 257 * 3),
    ],
)
def test_what_is_written_comes_back(tmp_path, name, codec, deep, error):
    frames = gradient_frames(deep)
    write_movie(tmp_path / name, frames, (HEIGHT, WIDTH), codec, RATE, deep=deep)
    plate = MoviePlate(tmp_path / name)
    assert (len(plate.frames), plate.fps) == (FRAMES, RATE)
    picture = plate.read(9)
    wrong = np.abs(picture.colour.astype(int) - frames[8][..., :3])
    # ProRes compresses: edges of saturated bars may be further off than flat colour.
    assert np.median(wrong) <= error
    assert np.abs(picture.alpha.astype(int) - frames[8][..., 3]).max() <= error


def test_the_same_frames_make_the_same_bytes(tmp_path):
    for name in ("a.mov", "b.mov"):
        write_movie(tmp_path / name, gradient_frames(), (HEIGHT, WIDTH), "prores", RATE)
    assert (tmp_path / "a.mov").read_bytes() == (tmp_path / "b.mov").read_bytes()


def test_sound_timecode_and_facts_are_kept(tmp_path):
    source = film(tmp_path / "clip.mov")
    write_movie(
        tmp_path / "cut.mov",
        gradient_frames()[12:24],
        (HEIGHT, WIDTH),
        "prores",
        RATE,
        timecode="01:00:00:12",
        sound=Sound(source, 12 / RATE, 24 / RATE),
        metadata={"mattelier:settings": "abc"},
    )
    assert MoviePlate(tmp_path / "cut.mov").timecode(1) == "01:00:00:12"
    assert read_movie_tag(tmp_path / "cut.mov", "mattelier:settings") == "abc"
    with av.open(str(tmp_path / "cut.mov")) as movie:
        heard = np.concatenate([f.to_ndarray()[0] for f in movie.decode(movie.streams.audio[0])])
    assert len(heard) / 48000 == pytest.approx(0.5, abs=0.05)
    assert np.abs(heard[4000:20000]).max() > 0.5


def test_sound_that_the_new_movie_cannot_hold_is_left_out_and_said(tmp_path):
    with av.open(str(tmp_path / "clip.mkv"), "w") as movie:
        audio = movie.add_stream("pcm_u8", 48000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.uint8), "u8", "mono")
        piece.sample_rate = 48000
        movie.mux(audio.encode(piece))
        movie.mux(audio.encode(None))
    sound = Sound(tmp_path / "clip.mkv", Fraction(0), Fraction(1))
    with heard_by(lambda *_: None) as remarks:
        write_movie(
            tmp_path / "a.mp4", gradient_frames(), (HEIGHT, WIDTH), "h264", RATE, sound=sound
        )
    assert len(MoviePlate(tmp_path / "a.mp4").frames) == FRAMES
    assert any("pcm_u8" in remark for remark in remarks)


def test_a_folder_that_is_missing_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_movie(tmp_path / "no" / "a.mov", gradient_frames(), (HEIGHT, WIDTH), "png", RATE)
    assert not list(tmp_path.iterdir())
