"""What a shot's mattes look like from frame to frame, measured on small views; nothing is edited.

Flicker is what is left of the change between two frames after the earlier matte is carried along
by optical flow. On key frames, whose mattes are the artist's masks or were found by them, they are
compared with the neighbours' mattes carried there. Every other frame is doubted as far as what
speaks for it beside the nearest key frame is weak (`doubt`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import SHOT_DEFAULT
from mattelier.engines.model_cache import ModelCache
from mattelier.media import stills
from mattelier.media.colour_space import ColourSpace
from mattelier.media.frame_names import FrameNames
from mattelier.media.open_plate import open_plate
from mattelier.metrics.masks import iou
from mattelier.shot.doubt import Signals, Witnesses, doubt, followed, suspicious
from mattelier.shot.outputs import WORK_FOLDER
from mattelier.shot.tracking.flow import optical_flow, warp
from mattelier.shot.tracking.memory import Embeddings
from mattelier.shot.tracking.track import track_size
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.plain_files import read_json
from mattelier.types.progress import tell

Map = NDArray[np.float32]
_SHEET_FRAMES = 24  # frames on the contact sheet
_OUTLIER_DEVIATIONS = 6.0  # from the shot's median, in median absolute deviations, that stand out
_MIN_FLICKER, _MIN_MOTION = 0.02, 0.1  # of the matte's area, below which nothing stands out
_AREA_JUMP = 0.3  # change of the area between two frames, of the larger one
_MIN_KEY_AGREEMENT, _MIN_CONFIDENCE = 0.8, 0.35  # lowest overlap with a key mask, lowest confidence
_EMPTY_AREA = 0.0005  # of the picture


@dataclass
class Curves:
    """One object's values by frame; what could not be measured is left out.

    Attributes
    ----------
    area : share of the picture, 0…1
    motion : change of the matte between two frames, as a share of its area
    flicker : the same after the motion is taken out by optical flow
    agreement : on key frames, overlap (IoU) of mask and the neighbours' mattes carried there
    confidence : of tracking, 0…1
    doubt : between key frames, the chance that less than 0.7 of the matte is right, 0…1
    """

    area: dict[int, float]
    motion: dict[int, float]
    flicker: dict[int, float]
    agreement: dict[int, float]
    confidence: dict[int, float]
    doubt: dict[int, float]


@dataclass(frozen=True)
class Findings:
    """Everything a report shows; `flags` are reasons with their frames, per object.

    `signals` is what each frame's doubt was made of, by object and frame.
    """

    shot: str
    frames: FrameRange
    failed: FrameRange
    curves: Mapping[str, Curves]
    flags: Mapping[str, Mapping[str, FrameRange]]
    sheet: Mapping[str, Sequence[tuple[int, Map, Map]]]
    signals: Mapping[str, Mapping[int, Signals]]

    @property
    def look_at(self) -> FrameRange:
        """Every frame that somebody should look at."""
        every = [frames for reasons in self.flags.values() for frames in reasons.values()]
        return FrameRange.of(frame for frames in [*every, self.failed] for frame in frames)

    def worst_first(self, name: str) -> list[int]:
        """An object's frames whose mattes may be wrong, the most doubtful first."""
        doubts = self.curves[name].doubt
        return sorted(
            (frame for frame, value in doubts.items() if value > suspicious()),
            key=lambda frame: (-doubts[frame], frame),
        )

    def next_key(self, name: str) -> int | None:
        """The frame at which a further key helps most; None where no matte is suspicious.

        A key helps to both of its sides: it belongs in the middle of the doubts, of those frames
        in a row that hold most of them.
        """
        doubts = self.curves[name].doubt
        rows: list[list[int]] = []
        for frame in sorted(self.worst_first(name)):
            if not rows or frame > rows[-1][-1] + 1:
                rows.append([])
            rows[-1].append(frame)
        if not rows:
            return None
        row = max(rows, key=lambda frames: sum(doubts[frame] for frame in frames))
        sums = np.cumsum([doubts[frame] for frame in row])
        return row[int(np.searchsorted(sums, sums[-1] / 2))]


def find_manifest(out: str) -> Path:
    """The manifest of the shot whose results were written to OUT.

    Raises
    ------
    UsageError
        There is none, or there are several.
    """
    path, names = Path(out), FrameNames.parse(out)
    if names is not None:
        found = [names.folder / WORK_FOLDER / names.stem / "manifest.json"]
    elif os.path.isdir(path):
        found = sorted(path.glob(f"{WORK_FOLDER}/*/manifest.json"))
    else:
        found = [path.parent / WORK_FOLDER / path.name / "manifest.json"]
    found = [file for file in found if os.path.isfile(file)]
    if len(found) != 1:
        what = "the results of several shots" if found else "no results of mattelier roto"
        raise UsageError(f"{out} holds {what}; name what -o named, such as mattes/hero.####.exr.")
    return found[0]


def examine(manifest: Path) -> Findings:
    """Measure a shot; tells its progress.

    Raises
    ------
    PictureError
        The manifest is damaged, the plate is gone, or no matte can be read.
    """
    try:
        shot = read_json(manifest)
        records = {record["frame"]: record for record in shot["records"]}
        files = {name: target for target in reversed(shot["outputs"])
                 for name in target["objects"] if target["output"] != "preview"}  # fmt: skip
        request, exposure = shot["request"], shot["exposure"]
        failed, done = FrameRange.parse(shot["failed"] or "0"), FrameRange.parse(shot["done"])
    except (OSError, ValueError, KeyError, UsageError) as error:
        raise PictureError(f"{manifest} cannot be read; run mattelier roto again.") from error
    if not shot["failed"]:
        failed = FrameRange()
    plate, space = open_plate(shot["plate"]), ColourSpace(request["colorspace"])
    size = track_size(plate.height, plate.width)
    keys = {
        name: {k["frame"]: k["mask"] for k in request["keys"] if k["object"] == name and k["mask"]}
        for name in files
    }
    curves = {name: Curves({}, {}, {}, {}, {}, {}) for name in files}
    signals: dict[str, dict[int, Signals]] = {name: {} for name in files}
    sheet: dict[str, list[tuple[int, Map, Map]]] = {name: [] for name in files}
    sheet_frames = set(done.frames[:: max(1, -(-len(done) // _SHEET_FRAMES))])
    before: tuple[int, Map, dict[str, Map]] | None = None
    device = request["matte"].get("device", "auto")
    models = ModelCache()
    witnesses = Witnesses(
        models.open(SHOT_DEFAULT, "matte", device),
        Embeddings(models.open("default", "track", device)),
    )

    def look(frame: int) -> tuple[Map, dict[str, Map]]:
        view = space.view(plate.read(frame), exposure).resize(*size)
        return view, {name: _matte(files[name], name, frame, size) for name in files}

    try:
        known = _KeyFrames(look, keys, done)
        for number, frame in enumerate(done):
            tell(number / len(done))
            try:
                view, alphas = look(frame)
            except PictureError:
                failed, before = failed | [frame], None
                continue
            flow = back = None
            if before is not None and before[0] == frame - 1:
                flow = optical_flow(view, before[1])
                if any(frame - 1 in drawn for drawn in keys.values()):
                    back = optical_flow(before[1], view)
            for name, alpha in alphas.items():
                curve = curves[name]
                curve.area[frame] = float(alpha.mean())
                confidence = records.get(frame, {}).get("confidence", {}).get(name)
                if confidence is not None:
                    curve.confidence[frame] = confidence
                if (nearest := known.nearest(name, frame)) is not None:
                    signals[name][frame] = witnesses.signals(view, alpha, *nearest)
                if before is not None and flow is not None:
                    earlier = before[2][name]
                    carried = warp(earlier, flow)
                    _compare_frames(curve, frame, alpha, earlier, carried)
                    if frame in keys[name]:
                        _record_agreement(curve, frame, alpha, carried)
                    if back is not None and frame - 1 in keys[name]:
                        _record_agreement(curve, frame - 1, earlier, warp(alpha, back))
                    if frame in signals[name]:
                        signals[name][frame] |= followed(alpha, carried)
                if frame in sheet_frames:
                    sheet[name].append((frame, view, alpha))
            before = (frame, view, alphas)
    finally:
        plate.close()
    if not any(curve.area for curve in curves.values()):
        raise PictureError(f"No mattes of {shot['shot']} can be read; run mattelier roto first.")
    for name, by_frame in signals.items():
        for frame, known_signals in by_frame.items():
            curves[name].doubt[frame] = doubt(known_signals)
    flags = {name: _flags(curve) for name, curve in curves.items()}
    return Findings(shot["shot"], done, failed, curves, flags, sheet, signals)


class _KeyFrames:
    """Views and mattes of the key frames that were drawn, as they are asked for in order.

    Parameters
    ----------
    look : gives a frame's view and its objects' mattes
    keys : object → its drawn key frames
    done : the frames that have mattes
    """

    def __init__(
        self,
        look: Callable[[int], tuple[Map, dict[str, Map]]],
        keys: Mapping[str, Iterable[int]],
        done: FrameRange,
    ) -> None:
        frames = set(done.frames)
        self._keys = {name: sorted(frames.intersection(drawn)) for name, drawn in keys.items()}
        self._look = lru_cache(maxsize=2)(look)

    def nearest(self, name: str, frame: int) -> tuple[Map, Map] | None:
        """View and matte of the object's key frame next to a frame; None: it is one, or none is."""
        keys = self._keys[name]
        if not keys or frame in keys:
            return None
        try:
            view, alphas = self._look(self.key_next_to(name, frame))
        except PictureError:
            return None
        return view, alphas[name]

    def key_next_to(self, name: str, frame: int) -> int:
        """The object's key frame that is nearest; it has some."""
        return min(self._keys[name], key=lambda key: abs(key - frame))


def _matte(target: Mapping[str, Any], name: str, frame: int, size: tuple[int, int]) -> Map:
    import cv2

    names = FrameNames.parse(target["files"])
    assert names is not None
    path = names.path(frame)
    alpha = _layer(path, name) if len(target["objects"]) > 1 else stills.read_grey(path)
    resized = cv2.resize(alpha, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32)


def _layer(path: Path, name: str) -> Map:
    import OpenImageIO

    file = OpenImageIO.ImageInput.open(str(path))
    if file is None:
        raise PictureError(f"{path} cannot be read.")
    try:
        channel = file.spec().channelnames.index(f"{name}.Y")
        samples = file.read_image(0, 0, channel, channel + 1, "float")
    except ValueError:
        samples = None
    finally:
        file.close()
    if samples is None:
        raise PictureError(f"{path} has no matte of {name}.")
    return np.asarray(samples, np.float32)[..., 0]


def _compare_frames(curve: Curves, frame: int, alpha: Map, earlier: Map, carried: Map) -> None:
    area = max(float(alpha.sum()), float(earlier.sum()), _EMPTY_AREA * alpha.size)
    curve.motion[frame] = float(np.abs(alpha - earlier).sum()) / area
    curve.flicker[frame] = float(np.abs(alpha - carried).sum()) / area


def _record_agreement(curve: Curves, frame: int, mask: Map, neighbour: Map) -> None:
    overlap = iou(neighbour > 0.5, mask > 0.5)
    curve.agreement[frame] = min(overlap, curve.agreement.get(frame, 1.0))


def _flags(curve: Curves) -> dict[str, FrameRange]:
    median_area = float(np.median(list(curve.area.values()))) if curve.area else 0.0
    jumps = [
        frame
        for frame, area in curve.area.items()
        if frame - 1 in curve.area
        and abs(area - curve.area[frame - 1]) > _AREA_JUMP * max(area, curve.area[frame - 1])
        and max(area, curve.area[frame - 1]) > _EMPTY_AREA
    ]
    reasons: dict[str, Iterable[int]] = {
        "the matte is empty": _where(curve.area, lambda v: v < _EMPTY_AREA <= median_area),
        "the area jumps": jumps,
        "the edge flickers": _outliers(curve.flicker, _MIN_FLICKER),
        "the edge moves suddenly": _outliers(curve.motion, _MIN_MOTION),
        "the key mask and the frames beside it disagree":
            _where(curve.agreement, lambda v: v < _MIN_KEY_AGREEMENT),
        "the matte may be wrong": _where(curve.doubt, lambda v: v > suspicious()),
        "tracking was unsure": _where(curve.confidence, lambda v: v < _MIN_CONFIDENCE),
    }  # fmt: skip
    flags = {reason: FrameRange.of(frames) for reason, frames in reasons.items()}
    return {reason: frames for reason, frames in flags.items() if frames}


def _where(values: Mapping[int, float], is_wrong: Callable[[float], bool]) -> list[int]:
    return [frame for frame, value in values.items() if is_wrong(value)]


def _outliers(values: Mapping[int, float], minimum: float) -> list[int]:
    if not values:
        return []
    every = np.array(list(values.values()))
    median = float(np.median(every))
    deviation = float(np.median(np.abs(every - median)))
    limit = max(minimum, 2 * median, median + _OUTLIER_DEVIATIONS * deviation)
    return _where(values, lambda value: value > limit)
