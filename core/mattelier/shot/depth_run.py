"""A depth network's maps of every frame of a shot, steadied.

A network that sees one picture knows depth but for a factor and an offset, which differ a little
from frame to frame. Each frame's ends are steadied over time, and its map is averaged with those
of the frames beside it along the optical flow, where they agree. What the network answers, and the
small view that it saw, are kept in the work folder.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.engines.model_cache import ModelCache
from mattelier.filters.depth.depth import network_disparity, open_depth_source
from mattelier.media.depth_maps import write_depth
from mattelier.requests import DepthRequest, FramesRequest
from mattelier.shot.filter_run import FramesRun
from mattelier.shot.outputs import Target
from mattelier.shot.pipeline import run_pipeline
from mattelier.shot.plan import Shot
from mattelier.shot.result import FrameResult
from mattelier.shot.shot_run import FrameOutput, WriteFile
from mattelier.shot.steady import REACH_FRAMES, steadied
from mattelier.shot.tracking.flow import FlowCache, consistency, warp
from mattelier.tasks.task import on_available_device
from mattelier.types.atomic import replacing
from mattelier.types.colour import to_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.digest import digest
from mattelier.types.errors import EngineError, ModelError, OutputError, PictureError, UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.progress import stage, tell

_AVERAGED_FRAMES = 2  # to each side, that a frame's map is averaged with
_AGREEMENT = 0.05  # share of the depth's span by which maps may differ and are still averaged
_END_QUANTILES = (0.02, 0.98)  # of a map: less hangs on single pixels than on the extremes
_RANGE_FRAMES = 9  # at most, by which the whole shot's farthest and nearest are judged
_MAX_KEPT_MAPS = 16  # of the last frames, in memory


class _Seen(NamedTuple):
    """A frame as its network answered: disparity (h, w), and the view of that size, 0…255."""

    disparity: NDArray[np.float32]
    view: NDArray[np.uint8]

    @property
    def ends(self) -> NDArray[np.float64]:
        return np.quantile(self.disparity, _END_QUANTILES).astype(np.float64)


class DepthRun(FramesRun[Picture]):
    """Depth maps; see `ShotRun`."""

    prepare_share = 0.8

    def __init__(
        self, shot: Shot[FramesRequest], models: ModelCache, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, models, done)
        assert isinstance(self.request.options, DepthRequest)
        self._source = self.request.options
        if self._source.file is not None or self._source.right is not None:
            raise UsageError(
                "The depth of a shot is from a network; --depth and --right are for pictures."
            )
        if self._source.model == "matte":
            raise UsageError(
                "The subject's flat shape is no depth of a shot; bokeh takes mattes by --mattes."
            )
        self.options = {}  # the network alone decides
        self._folder = self.layout.work / "depth"
        self._ends: dict[int, NDArray[np.float64]] = {}
        self._seen = lru_cache(_MAX_KEPT_MAPS)(self._read_seen)
        self._flows = FlowCache(lambda frame: to_float(self._seen(frame).view))

    def open(self) -> None:
        network = open_depth_source(self._source, self.models)
        if network is None or network.task != "depth":
            raise ModelError(TASK_MODELS["depth"].none_ready)
        self._weights = {network.name: network.fingerprint}

    def weights(self, target: Target) -> Mapping[str, str]:
        return self._weights

    def prepare(self, window: FrameRange) -> None:
        """Let the network see these frames, those that steady them, and some of all the shot."""
        self._folder.mkdir(exist_ok=True)
        reach = REACH_FRAMES + _AVERAGED_FRAMES
        near = FrameRange.of(
            other for frame in window for other in range(frame - reach, frame + reach + 1)
        )
        with stage("looking", 0, 1):
            self._look_at(FrameRange.of({*(near & self.plate.frames), *self._sampled}))

    def cache_inputs(self, frame: int) -> Any:
        reach = REACH_FRAMES + _AVERAGED_FRAMES
        near = [other for other in self._ends if abs(other - frame) <= reach]
        return [self.plate.identity(other) for other in sorted({*near, *self._sampled})]

    def read(self, frame: int) -> Picture:
        return self.plate.read(frame)

    def make(self, frame: int, picture: Picture, targets: Sequence[Target]) -> FrameOutput:
        if frame not in self._ends:
            raise PictureError(f"Frame {frame} could not be looked at.")
        name = next(iter(self._weights))
        depth = DepthMap(self._averaged(frame), False, name)
        depth = depth.resize(self.plate.height, self.plate.width)
        writes = [self._write_map(depth, picture) for _ in targets]
        return FrameOutput(picture, writes, {"depth": name})

    def _write_map(self, depth: DepthMap, picture: Picture) -> WriteFile:
        return lambda path, facts: write_depth(
            path, depth, ends=self._range, like=picture, facts=facts
        )

    @cached_property
    def _sampled(self) -> list[int]:
        frames = self.plate.frames.frames
        steps = _RANGE_FRAMES - 1
        return sorted({frames[i * (len(frames) - 1) // steps] for i in range(steps + 1)})

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The farthest and the nearest of the shot, from frames all over it."""
        found = [self._seen(f).disparity for f in self._sampled if f in self._ends]
        found = found or [self._seen(f).disparity for f in list(self._ends)[:1]]
        return min(float(d.min()) for d in found), max(float(d.max()) for d in found)

    def _look_at(self, frames: FrameRange) -> None:
        todo = []
        for frame in frames:
            try:
                self._ends[frame] = self._read_seen(frame).ends
            except PictureError:
                todo.append(frame)

        def look(frame: int, picture: Picture) -> _Seen:
            view = self.space.view(picture, self.exposure)

            def answer() -> NDArray[np.float32]:
                network = open_depth_source(self._source, self.models)
                assert network is not None
                return network_disparity(view, network)

            disparity = on_available_device(self.models, answer)
            small = np.rint(view.resize(*disparity.shape) * 255).astype(np.uint8)
            return _Seen(np.asarray(disparity, np.float32), small)

        def keep(frame: int, seen: _Seen) -> None:
            with replacing(self._file(frame)) as temporary, temporary.open("wb") as file:
                np.savez_compressed(
                    file, of=self._identity(frame), disparity=seen.disparity, view=seen.view
                )
            self._ends[frame] = seen.ends

        def done(frame: int, error: Exception | None) -> None:
            tell((todo.index(frame) + 1) / len(todo))
            if isinstance(error, OutputError | EngineError):
                raise error
            # Whatever else it is, the frame says so itself when it is its turn.

        run_pipeline(todo, self.plate.read, look, keep, done)

    def _identity(self, frame: int) -> str:
        own = self.plate.identity(frame)
        return digest(own, self.exposure, self.space.identity, self._weights)

    def _file(self, frame: int) -> Path:
        return self._folder / f"{frame}.npz"

    def _read_seen(self, frame: int) -> _Seen:
        try:
            with np.load(self._file(frame)) as file:
                if str(file["of"]) == self._identity(frame):
                    return _Seen(file["disparity"], file["view"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            pass
        raise PictureError(f"Frame {frame} was not looked at yet.")

    def _steady(self, frame: int) -> NDArray[np.float32]:
        """A frame's map, stretched between its steadied ends."""
        near = {n: ends for n, ends in self._ends.items() if abs(n - frame) <= REACH_FRAMES}
        wanted = steadied(frame, near)
        assert wanted is not None
        (low, high), (far, close) = self._ends[frame], wanted
        gain = (close - far) / max(high - low, 1e-6)
        disparity = self._seen(frame).disparity
        return disparity * np.float32(gain) + np.float32(far - low * gain)

    def _averaged(self, frame: int) -> NDArray[np.float32]:
        """Its map and those beside it, seen along the flow, as far as they agree."""
        own = self._steady(frame)
        low, high = self._range
        tolerance = np.float32(_AGREEMENT * max(high - low, 1e-6))
        total, weight = own.copy(), np.ones_like(own)
        for other in range(frame - _AVERAGED_FRAMES, frame + _AVERAGED_FRAMES + 1):
            if other == frame or other not in self._ends:
                continue
            there, back = self._flows.between(frame, other)
            seen = warp(self._steady(other), there)
            trust = consistency(there, back) * np.exp(-(((seen - own) / tolerance) ** 2))
            total += trust * seen
            weight += trust
        return total / weight
