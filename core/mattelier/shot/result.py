"""What became of a shot and of each of its frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mattelier.types.frame_range import FrameRange


@dataclass(frozen=True)
class FrameResult:
    """What became of one frame; `error` is None when all its files are there.

    `kept` frames were done before, with the same settings.
    """

    frame: int
    error: str | None = None
    kept: bool = False
    seconds: float = 0.0


@dataclass
class ShotResult:
    """What became of a shot.

    Attributes
    ----------
    outputs : list of str
        Patterns and movies, as people name them.
    manifest : Path
    results : list of FrameResult
        In the order in which they ended.
    problems : list of str
        What went wrong beyond single frames.
    interrupted : bool
    """

    outputs: list[str]
    manifest: Path
    requested: FrameRange
    results: list[FrameResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def written(self) -> FrameRange:
        return FrameRange.of(r.frame for r in self.results if r.error is None and not r.kept)

    @property
    def kept(self) -> FrameRange:
        return FrameRange.of(r.frame for r in self.results if r.kept)

    @property
    def failed(self) -> FrameRange:
        return FrameRange.of(r.frame for r in self.results if r.error is not None)

    @property
    def undone(self) -> FrameRange:
        """Frames that were not come to."""
        return self.requested - (result.frame for result in self.results)

    @property
    def exit_code(self) -> int:
        """0 all is written, 3 something failed, 130 interrupted."""
        if self.interrupted:
            return 130
        return 3 if self.failed or self.undone or self.problems else 0
