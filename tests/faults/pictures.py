"""Mutated and lying picture files, through every reader."""

from __future__ import annotations

import random
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faults.child import MEMORY_BYTES, Case, Findings, main, run_cases
from faults.corpus import write_bombs, write_seeds
from faults.mutations import mutate
from mattelier.media import stills
from mattelier.media.depth_maps import read_depth
from mattelier.types.colour import MAX_SAMPLE
from mattelier.types.errors import MattelierError
from mattelier.types.picture import Picture

_MAX_SECONDS = 20  # of processor time for one file
_MAX_BYTES = MEMORY_BYTES // 2  # of memory for one file
_MAX_SENTENCE = 500


def attack(folder: Path, seed: int, first: int, last: int) -> Findings:
    """Read so many mutations of the seeds; a mutation is made again by its number and seed."""
    if not (folder / "seeds").exists():
        write_seeds(folder / "seeds")
    return run_cases("pictures", folder, seed, first, last)


def attack_with_bombs(folder: Path) -> Findings:
    """Read every lying header."""
    if not (folder / "seeds").exists():
        write_seeds(folder / "seeds")
    bombs = write_bombs(folder / "bombs", folder / "seeds")
    return run_cases("pictures", folder, -1, 0, len(bombs))


def _cases(folder: Path, seed: int) -> Case:
    """Mutations by a seed; with −1 the bombs as they are."""
    warnings.simplefilter("ignore")
    files = sorted((folder / ("bombs" if seed < 0 else "seeds")).iterdir())
    contents = [file.read_bytes() for file in files]
    alike: dict[str, list[bytes]] = {}
    for file, content in zip(files, contents, strict=True):
        alike.setdefault(file.suffix, []).append(content)
    scratch = Path(tempfile.mkdtemp(dir=folder))

    def case(number: int) -> tuple[str, Callable[[], str]]:
        file, content = files[number % len(files)], contents[number % len(files)]
        if seed < 0:
            return file.name, lambda: _read_all(file)
        content = mutate(content, random.Random(f"{seed}-{number}"), alike[file.suffix])
        path = scratch / f"case{file.suffix}"
        path.write_bytes(content)
        return file.name, lambda: _read_all(path)

    return case


def _read_all(path: Path) -> str:
    """`read`, `refused`, or what is wrong."""
    _forget_peak()
    started = time.process_time()
    results = [
        _try(lambda: _check(stills.read(path))),
        _try(lambda: _check_map(stills.read_grey(path))),
    ]
    if path.suffix in (".exr", ".tif", ".png"):
        results.append(_try(lambda: _check_map(read_depth(path).disparity)))
    if wrong := next((result for result in results if ":" in result), None):
        return wrong
    if (seconds := time.process_time() - started) > _MAX_SECONDS:
        return f"slow: {seconds:.0f} s"
    if (peak := _peak_bytes()) > _MAX_BYTES:
        return f"greedy: {peak / 1e9:.1f} GB"
    return results[0]


def _try(read: Callable[[], str]) -> str:
    try:
        return read()
    except MattelierError as error:
        sentence = str(error)
        is_one = "\n" not in sentence and len(sentence) < _MAX_SENTENCE
        return "refused" if is_one else f"wordy: {sentence[:200]}"
    except BaseException as error:
        return f"leaked: {type(error).__name__} {error}"


def _check(picture: Picture) -> str:
    colour, alpha = picture.colour, picture.alpha
    fits = colour.shape == (picture.height, picture.width, 3)
    fits &= alpha is None or (alpha.shape == colour.shape[:2] and alpha.dtype == colour.dtype)
    if not fits or colour.dtype not in (np.uint8, np.uint16, np.float32):
        return f"misshapen: {colour.shape} {colour.dtype}"
    if colour.dtype == np.float32 and not (np.abs(colour) <= MAX_SAMPLE).all():
        return "unbounded: colour"
    if alpha is not None and alpha.dtype == np.float32 and not ((alpha >= 0) & (alpha <= 1)).all():
        return "unbounded: alpha"
    return "read"


def _check_map(values: np.ndarray) -> str:
    sound = values.ndim == 2 and (values >= 0).all() and (values <= MAX_SAMPLE).all()
    return "read" if sound else "unbounded: map"


def _forget_peak() -> None:
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _peak_bytes() -> int:
    """The most memory that this process has had since it was told to forget; 0 where not known."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


if __name__ == "__main__":
    main(_cases)
