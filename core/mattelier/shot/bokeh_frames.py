"""Lens blur on every frame of a shot, its focus pulled smoothly.

Mattes say who is in focus, depth maps how far everything is. What each frame asks for is measured
on small numbers first, kept in the work folder, and steadied over time (`shot.focus_pull`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mattelier.catalogue import Store
from mattelier.filters.bokeh.bokeh import bokeh
from mattelier.filters.bokeh.focus import Setting
from mattelier.filters.depth.depth import Sight, checked, from_matte
from mattelier.matting.matte import Matte, Report
from mattelier.media.depth_maps import DEPTH_SUFFIXES, read_depth
from mattelier.media.frame_files import FrameFiles
from mattelier.media.matte_frames import FollowedMattes, Mattes, open_mattes
from mattelier.requests import BokehRequest, FramesRequest, HintRequest, KeyRequest, RotoRequest
from mattelier.shot import roto
from mattelier.shot.filter_frames import FramesRun
from mattelier.shot.focus_pull import REACH, measured, pulled
from mattelier.shot.outputs import Target
from mattelier.shot.pipeline import pipelined
from mattelier.shot.records import write_json
from mattelier.shot.run import Made
from mattelier.shot.shot import FrameResult, Shot
from mattelier.types.digest import digest
from mattelier.types.errors import OutputError, PictureError, UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.progress import Cancelled, stage, tell

_SPREAD = 9  # depth maps, at most, by which the whole shot's range is judged


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame, and what is known of its space."""

    picture: Picture
    sight: Sight


class BokehRun(FramesRun[Seen]):
    """Lens blur; see `ShotRun`."""

    def __init__(
        self, shot: Shot[FramesRequest], store: Store, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, store, done)
        assert isinstance(self.request.options, BokehRequest)
        self._lens = self.request.options
        depth = self._lens.depth
        if depth.right is not None or depth.model not in ("auto", "matte"):
            raise UsageError(
                "A network or a stereo pair sees each frame's depth by itself, so the blur of a "
                "shot would flicker; give depth maps with --depth, or leave it to the mattes."
            )
        self.options["depth"] = {"kind": depth.kind}
        self._depths = FrameFiles.named(depth.file, DEPTH_SUFFIXES) if depth.file else None
        on_subject = self._lens.focus is None and self._lens.distance is None
        self._needs_mattes = on_subject or self._depths is None
        self._mattes: Mattes | None = None
        if self._needs_mattes and self.request.mattes is not None:
            self._mattes = open_mattes(self.request.mattes)
        elif self._needs_mattes and depth.matte.hint.trimap is not None:
            raise UsageError("A trimap says nothing of a shot; give --mattes, --hint or --box.")
        self.spare([*(self._depths.paths() if self._depths else ()),
                    *(self._mattes.paths() if self._mattes else ())])  # fmt: skip
        self.preparing = 0.5 if self._needs_mattes and self._mattes is None else 0.1
        self._untracked: dict[int, str] = {}
        self._settings: dict[int, Setting] = {}

    def open(self) -> None:
        pass

    def weights(self, target: Target) -> Mapping[str, str]:
        return {}

    def prepare(self, window: FrameRange) -> None:
        """Follow the subject where its mattes are not given, and measure the focus."""
        reach = REACH if self._lens.distance is None else 0
        near = FrameRange.of(
            other for frame in window for other in range(frame - reach, frame + reach + 1)
        )
        near &= self.plate.frames
        following = self._needs_mattes and self._mattes is None
        if following:
            with stage("following the subject", 0, 0.9):
                self._mattes = self._followed(near)
        with stage("measuring the focus", 0.9 if following else 0, 1):
            alone = self._measured(near)
        for frame in window:
            if (setting := pulled(frame, alone, self._span, self._lens)) is not None:
                self._settings[frame] = setting

    def decided(self, frame: int) -> Any:
        setting = self._settings.get(frame)
        return [
            self._mattes.identity(frame) if self._mattes else "",
            self._depths.identity(frame) if self._depths else "",
            None if setting is None else _plain(setting),
        ]

    def read(self, frame: int) -> Seen:
        picture = self.plate.read(frame)
        return Seen(picture, self._sight(frame))

    def make(self, frame: int, given: Seen, targets: Sequence[Target]) -> Made:
        setting = self._settings.get(frame)
        picture = self.lit(given.picture)
        result = bokeh(picture, given.sight, self._lens, setting)
        focal = None if setting is None else round(setting.focal, 6)
        record = {"depth": given.sight.depth.method, "focal": focal}
        return self.made(given.picture, result, targets, record)

    def _sight(self, frame: int) -> Sight:
        matte = None
        if self._mattes is not None:
            if frame in self._untracked:
                raise PictureError(self._untracked[frame])
            alpha = self._mattes.read(frame)
            height, width = self.plate.height, self.plate.width
            if alpha.shape != (height, width):
                raise UsageError(
                    f"The matte of frame {frame} is {alpha.shape[1]}×{alpha.shape[0]} pixels but "
                    f"the plate is {width}×{height}."
                )
            matte = Matte(alpha, Report("", "", ""))
        if self._depths is None:
            assert matte is not None
            return Sight(from_matte(matte.alpha), matte)
        depth = read_depth(self._depths.path(frame), self._lens.depth.kind)
        return Sight(checked(depth, self.plate.height, self.plate.width), matte)

    @cached_property
    def _span(self) -> tuple[float, float] | None:
        """The farthest and the nearest disparity of the depth maps, from some of all over them."""
        if self._depths is None:
            return None
        frames = [f for f in self.plate.frames if f in (self._depths.frames or self.plate.frames)]
        picked = sorted({frames[i * (len(frames) - 1) // (_SPREAD - 1)] for i in range(_SPREAD)}
                        if frames else ())  # fmt: skip
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

    def _measured(self, frames: FrameRange) -> dict[int, Setting]:
        """What each of these frames asks for alone, as far as it can be measured."""
        folder = self.layout.work / "focus"
        folder.mkdir(exist_ok=True)
        found: dict[int, Setting] = {}
        todo: list[int] = []
        problems: list[UsageError] = []
        lens = {name: self.options[name] for name in ("focus", "distance", "depth")}

        def mark(frame: int) -> str:
            depth = self._depths.identity(frame) if self._depths else ""
            return digest(lens, depth, self._mattes.identity(frame) if self._mattes else "")

        for frame in frames:
            known = _remembered(folder / f"{frame}.json", mark(frame))
            if known is None:
                todo.append(frame)
            elif known["setting"] is not None:
                found[frame] = _as_setting(known["setting"])

        def measure(frame: int, sight: Sight) -> Setting | None:
            return measured(self.plate.height, self.plate.width, sight, self._lens)

        def keep(frame: int, setting: Setting | None) -> None:
            plain = None if setting is None else _plain(setting)
            if plain is not None:
                found[frame] = _as_setting(plain)  # as it will be read again
            write_json(folder / f"{frame}.json", {"of": mark(frame), "setting": plain})

        def done(frame: int, error: Exception | None) -> None:
            tell(todo.index(frame) / len(todo))
            if isinstance(error, UsageError):
                problems.append(error)
            elif isinstance(error, OutputError):
                raise error
            # Whatever else it is, the frame says so itself when it is its turn.

        pipelined(todo, self._sight, measure, keep, done)
        if problems and not found:
            raise problems[0]
        return found

    def _followed(self, frames: FrameRange) -> Mattes:
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
            store=self.store,
        )
        if result.interrupted:
            raise Cancelled
        if result.problems:
            raise OutputError(" ".join(result.problems))
        self._untracked = {ended.frame: ended.error for ended in result.results if ended.error}
        return FollowedMattes(str(output))


def _plain(setting: Setting) -> dict[str, Any]:
    ground = None if setting.ground is None else [round(float(v), 7) for v in setting.ground]
    return {**asdict(replace(setting, ground=None)), "ground": ground}


def _as_setting(values: Mapping[str, Any]) -> Setting:
    ground = values["ground"]
    rows = None if ground is None else np.asarray(ground, np.float32)
    return Setting(values["focal"], values["subject"], rows, values["most"])


def _remembered(path: Path, mark: str) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return known if known.get("of") == mark else None
