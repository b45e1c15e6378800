"""Write a movie from pictures, with the sound and the timecode of the movie it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from mattelier.media.movie_formats import Codec
from mattelier.types.atomic import replacing
from mattelier.types.errors import OutputError
from mattelier.types.progress import remark


@dataclass(frozen=True)
class _Encoder:
    """FFmpeg's encoder, and its pixel format for 8-bit and deeper samples."""

    name: str
    pixel_format_8bit: str
    pixel_format_deep: str
    options: Mapping[str, str] = field(default_factory=dict)


_ENCODERS: Mapping[Codec, _Encoder] = {
    "prores": _Encoder(
        "prores_ks",
        "yuva444p10le",
        "yuva444p10le",
        {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"},
    ),
    "png": _Encoder("png", "rgba", "rgba64be"),
    "ffv1": _Encoder("ffv1", "bgra", "gbrap16le", {"level": "3", "slicecrc": "1"}),
    "h264": _Encoder("libx264", "yuv420p", "yuv420p", {"crf": "16", "preset": "medium"}),
}


@dataclass(frozen=True)
class Sound:
    """The sound between two moments (seconds) of a movie, copied as it is."""

    path: Path
    start: Fraction
    stop: Fraction


def write_movie(
    path: Path,
    frames: Iterable[NDArray[Any]],
    size: tuple[int, int],
    codec: Codec,
    fps: Fraction,
    *,
    deep: bool = False,
    timecode: str | None = None,
    sound: Sound | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write one movie.

    Parameters
    ----------
    path : file, named .mov, .mkv or .mp4; it appears whole or not at all
    frames : (H, W, 4) uint8 or uint16 arrays
        RGB and alpha as they shall stand in the file (straight or premultiplied), BT.709 where
        the codec holds luma and chroma. H.264 drops alpha.
    size : (height, width)
    deep : bool
        More than 8 bits, where the codec has a choice.
    timecode : of the first frame
    sound : left out, with a remark, where the new file cannot hold it
    metadata : written into the file

    Raises
    ------
    OutputError
        The system refuses.
    """
    encoder = _ENCODERS[codec]
    with replacing(path) as temporary:
        try:
            # bitexact: no time of day in the file, so the same frames make the same bytes.
            options = {"fflags": "+bitexact", "movflags": "use_metadata_tags+faststart"}
            with av.open(str(temporary), "w", container_options=options) as target:
                target.metadata.update(metadata or {})
                stream = target.add_stream(encoder.name, fps, options=dict(encoder.options))
                assert isinstance(stream, av.VideoStream)
                stream.height, stream.width = size
                stream.pix_fmt = _pixel_format(encoder, codec, size, deep=deep)
                context = stream.codec_context
                context.flags |= av.codec.context.Flags.bitexact
                context.thread_count = 0
                context.time_base = 1 / fps
                if not stream.format.is_rgb:
                    context.colorspace = int(Colorspace.ITU709)
                    context.color_range = int(ColorRange.MPEG)
                context.color_primaries = context.color_trc = 1  # BT.709
                if timecode:
                    stream.metadata["timecode"] = timecode
                packets = _sound_packets(target, sound) if sound else iter(())
                waiting = next(packets, None)
                for number, samples in enumerate(frames):
                    target.mux(stream.encode(_video_frame(samples, stream, number, 1 / fps)))
                    while waiting is not None and _seconds(waiting) <= (number + 1) / fps:
                        target.mux(waiting)
                        waiting = next(packets, None)
                target.mux(stream.encode(None))
                while waiting is not None:
                    target.mux(waiting)
                    waiting = next(packets, None)
        except av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise OutputError(f"{path} was not written: {error.strerror or error}.") from error


def read_movie_tag(path: Path, name: str) -> str | None:
    """What a movie's metadata say under a name; None where it cannot be read to its end."""
    try:
        with av.open(str(path)) as movie:
            tags = {key.lower(): text for key, text in movie.metadata.items()}
            return tags.get(name.lower())
    except (av.FFmpegError, OSError):
        return None


def _pixel_format(encoder: _Encoder, codec: Codec, size: tuple[int, int], *, deep: bool) -> str:
    if codec == "h264" and (size[0] % 2 or size[1] % 2):
        return "yuv444p"  # halved chroma needs even sides
    return encoder.pixel_format_deep if deep else encoder.pixel_format_8bit


def _video_frame(
    samples: NDArray[Any], stream: av.VideoStream, number: int, time_base: Fraction
) -> av.VideoFrame:
    deep = samples.dtype == np.uint16
    source = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(samples), "rgba64le" if deep else "rgba"
    )
    if stream.format.is_rgb:
        frame = source.reformat(format=stream.pix_fmt)
    else:
        frame = source.reformat(format=stream.pix_fmt, dst_colorspace=Colorspace.ITU709)
    frame.pts, frame.time_base = number, time_base
    return frame


def _seconds(packet: av.Packet[Any]) -> Fraction:
    return Fraction((packet.dts or 0) * packet.time_base)


def _sound_packets(target: av.container.OutputContainer, sound: Sound) -> Any:
    """Packets of the first sound track, moved to begin with the new movie."""
    try:
        source = av.open(str(sound.path))
    except (av.FFmpegError, OSError):
        return
    with source:
        tracks = source.streams.audio
        if not tracks:
            return
        track = tracks[0]
        try:
            copy = target.add_stream_from_template(track)
        except (av.FFmpegError, ValueError):
            remark(f"The sound ({track.codec_context.name}) cannot be kept in this kind of movie.")
            return
        base = track.time_base
        assert base is not None
        start = round(sound.start / base)
        for packet in source.demux(track):
            if packet.dts is None or packet.pts is None:
                continue
            if packet.pts * base >= sound.stop:
                break
            if packet.pts < start:
                continue
            packet.pts -= start
            packet.dts -= start
            packet.stream = copy
            yield packet
