"""Lens blur on every frame of a shot, its focus pulled smoothly.

Mattes say who is in focus, depth maps how far everything is. What each frame asks for is measured
on small numbers first, kept in the work folder, and steadied over time (`shot.focus_pull`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mattelier.engines.model_cache import ModelCache
from mattelier.filters.bokeh.bokeh import bokeh
from mattelier.filters.bokeh.focus import Setting
from mattelier.filters.depth.depth import Scene, check_shape, from_matte
from mattelier.media.depth_maps import DEPTH_SUFFIXES, read_depth
from mattelier.media.frame_files import FrameFiles
from mattelier.media.matte_frames import MatteFrames, TrackedMatteFrames, open_mattes
from mattelier.requests import BokehRequest, FramesRequest, HintRequest, KeyRequest, RotoRequest
from mattelier.shot import roto
from mattelier.shot.filter_run import FramesRun
from mattelier.shot.focus_pull import measure_focus, pull_focus
from mattelier.shot.outputs import Target
from mattelier.shot.pipeline import run_pipeline
from mattelier.shot.plan import Shot
from mattelier.shot.result import FrameResult
from mattelier.shot.shot_run import FrameOutput
from mattelier.shot.steady import REACH_FRAMES
from mattelier.types.digest import digest
from mattelier.types.errors import OutputError, PictureError, UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.plain_files import read_json, write_json
from mattelier.types.progress import Cancelled, stage, tell

_DISPARITY_SAMPLES = 9  # depth maps, at most, by which the whole shot's range is judged


@dataclass(frozen=True, eq=False)
class BokehInput:
    """A frame, and what is known of its space."""

    picture: Picture
    scene: Scene


class BokehRun(FramesRun[BokehInput]):
    """Lens blur; see `ShotRun`."""

    def __init__(
        self, shot: Shot[FramesRequest], models: ModelCache, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, models, done)
        assert isinstance(self.request.options, BokehRequest)
        self._lens = self.request.options
        depth = self._lens.depth
        if depth.right is not None or depth.model not in ("auto", "matte"):
            raise UsageError(
                "The blur of a shot follows depth maps; make them of it with `mattelier depth`, "
                "which steadies a network's, and give them with --depth, or leave it to the mattes."
            )
        self.options["depth"] = {"kind": depth.kind}
        self._depths = FrameFiles.find(depth.file, DEPTH_SUFFIXES) if depth.file else None
        on_subject = self._lens.focus is None and self._lens.distance is None
        self._needs_mattes = on_subject or self._depths is None
        self._mattes: MatteFrames | None = None
        if self._needs_mattes and self.request.mattes is not None:
            self._mattes = open_mattes(self.request.mattes)
        elif self._needs_mattes and depth.matte.hint.trimap is not None:
            raise UsageError("A trimap says nothing of a shot; give --mattes, --hint or --box.")
        elif self._needs_mattes and (depth.matte.hint.object or depth.matte.hint.text):
            raise UsageError(
                "--object and --text are for pictures; give --mattes, --hint or --box."
            )
        self.refuse_overwrite([*(self._depths.paths() if self._depths else ()),
                    *(self._mattes.paths() if self._mattes else ())])  # fmt: skip
        self.prepare_share = 0.5 if self._needs_mattes and self._mattes is None else 0.1
        self._tracking_errors: dict[int, str] = {}
        self._settings: dict[int, Setting] = {}

    def open(self) -> None:
        pass

    def weights(self, target: Target) -> Mapping[str, str]:
        return {}

    def prepare(self, window: FrameRange) -> None:
        """Follow the subject where its mattes are not given, and measure the focus."""
        reach = REACH_FRAMES if self._lens.distance is None else 0
        near = FrameRange.of(
            other for frame in window for other in range(frame - reach, frame + reach + 1)
        )
        near &= self.plate.frames
        following = self._needs_mattes and self._mattes is None
        if following:
            with stage("following the subject", 0, 0.9):
                self._mattes = self._track_subject(near)
        with stage("measuring the focus", 0.9 if following else 0, 1):
            alone = self._measure_frames(near)
        for frame in window:
            if (setting := pull_focus(frame, alone, self._disparity_range, self._lens)) is not None:
                self._settings[frame] = setting

    def cache_inputs(self, frame: int) -> Any:
        setting = self._settings.get(frame)
        return [
            self._mattes.identity(frame) if self._mattes else "",
            self._depths.identity(frame) if self._depths else "",
            None if setting is None else _setting_to_json(setting),
        ]

    def read(self, frame: int) -> BokehInput:
        picture = self.plate.read(frame)
        return BokehInput(picture, self._scene(frame))

    def make(self, frame: int, frame_input: BokehInput, targets: Sequence[Target]) -> FrameOutput:
        setting = self._settings.get(frame)
        picture = self.to_working_space(frame_input.picture)
        result = bokeh(picture, frame_input.scene, self._lens, setting)
        focal = None if setting is None else round(setting.focal, 6)
        record = {"depth": frame_input.scene.depth.method, "focal": focal}
        return self.frame_output(frame_input.picture, result, targets, record)

    def _scene(self, frame: int) -> Scene:
        alpha = None
        if self._mattes is not None:
            if frame in self._tracking_errors:
                raise PictureError(self._tracking_errors[frame])
            alpha = self._mattes.read(frame)
            height, width = self.plate.height, self.plate.width
            if alpha.shape != (height, width):
                raise UsageError(
                    f"The matte of frame {frame} is {alpha.shape[1]}×{alpha.shape[0]} pixels but "
                    f"the plate is {width}×{height}."
                )
        if self._depths is None:
            assert alpha is not None
            return Scene(from_matte(alpha), alpha)
        depth = read_depth(self._depths.path(frame), self._lens.depth.kind)
        return Scene(check_shape(depth, self.plate.height, self.plate.width), alpha)

    @cached_property
    def _disparity_range(self) -> tuple[float, float] | None:
        """The farthest and the nearest disparity of the depth maps, from some of all over them."""
        if self._depths is None:
            return None
        frames = [f for f in self.plate.frames if f in (self._depths.frames or self.plate.frames)]
        steps = _DISPARITY_SAMPLES - 1
        places = {i * (len(frames) - 1) // steps for i in range(steps + 1)} if frames else set()
        picked = [frames[place] for place in sorted(places)]
        if self._depths.frames is None:
            picked = picked[:1]
        ends = []
        for frame in picked:
            try:
                disparity = read_depth(self._depths.path(frame), self._lens.depth.kind).disparity
            except PictureError:
                continue
            ends.append((float(disparity.min()), float(disparity.max())))
        if not ends:
            raise PictureError("None of the depth maps can be read; check --depth.")
        return min(low for low, _ in ends), max(high for _, high in ends)

    def _measure_frames(self, frames: FrameRange) -> dict[int, Setting]:
        """What each of these frames asks for alone, as far as it can be measured."""
        folder = self.layout.work / "focus"
        folder.mkdir(exist_ok=True)
        found: dict[int, Setting] = {}
        todo: list[int] = []
        problems: list[UsageError] = []
        lens = {name: self.options[name] for name in ("focus", "distance", "depth")}

        def measurement_key(frame: int) -> str:
            depth = self._depths.identity(frame) if self._depths else ""
            return digest(lens, depth, self._mattes.identity(frame) if self._mattes else "")

        for frame in frames:
            cached = _read_measurement(folder / f"{frame}.json", measurement_key(frame))
            if cached is None:
                todo.append(frame)
            elif cached["setting"] is not None:
                found[frame] = _setting_from_json(cached["setting"])

        def measure(frame: int, scene: Scene) -> Setting | None:
            return measure_focus(self.plate.height, self.plate.width, scene, self._lens)

        def keep(frame: int, setting: Setting | None) -> None:
            plain = None if setting is None else _setting_to_json(setting)
            if plain is not None:
                found[frame] = _setting_from_json(plain)  # as it will be read again
            write_json(folder / f"{frame}.json", {"of": measurement_key(frame), "setting": plain})

        def done(frame: int, error: Exception | None) -> None:
            tell(todo.index(frame) / len(todo))
            if isinstance(error, UsageError):
                problems.append(error)
            elif isinstance(error, OutputError):
                raise error
            # Whatever else it is, the frame says so itself when it is its turn.

        run_pipeline(todo, self._scene, measure, keep, done)
        if problems and not found:
            raise problems[0]
        return found

    def _track_subject(self, frames: FrameRange) -> MatteFrames:
        """The subject's mattes of these frames, made as `mattelier roto` makes them."""
        matte = self._lens.depth.matte
        hint, first = matte.hint, self.plate.frames.frames[0]
        keys = (KeyRequest(first, hint.mask, hint.box, hint.points),)
        output = self.layout.work / "mattes" / "subject.####.exr"
        result = roto.run(
            RotoRequest(
                self.request.plate,
                str(output),
                str(frames),
                keys if hint != HintRequest() else (),
                matte=replace(matte, hint=HintRequest()),
                colorspace=self.request.colorspace,
                overwrite=True,
            ),
            models=self.models,
        )
        if result.interrupted:
            raise Cancelled
        if result.problems:
            raise OutputError(" ".join(result.problems))
        self._tracking_errors = {
            ended.frame: ended.error for ended in result.results if ended.error
        }
        return TrackedMatteFrames(str(output))


def _setting_to_json(setting: Setting) -> dict[str, Any]:
    ground = None if setting.ground is None else [round(float(v), 7) for v in setting.ground]
    return {**asdict(replace(setting, ground=None)), "ground": ground}


def _setting_from_json(values: Mapping[str, Any]) -> Setting:
    ground = values["ground"]
    rows = None if ground is None else np.asarray(ground, np.float32)
    return Setting(values["focal"], values["subject"], rows, values["most"])


def _read_measurement(path: Path, measurement_key: str) -> dict[str, Any] | None:
    try:
        cached: dict[str, Any] = read_json(path)
    except (OSError, ValueError):
        return None
    return cached if cached.get("of") == measurement_key else None
