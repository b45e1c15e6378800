"""Digests that name cached results: of the settings, and of the plate's files behind a matte."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from mattelier.media.plate import Plate
from mattelier.types.digest import digest

_STABILISED_FRAMES = 4  # frames ahead that steady a tracked matte
_SEED_SEARCH_FRAMES = 96  # frames ahead that an unaided track may start from


def plate_digests(plate: Plate, keys: Iterable[int]) -> dict[int, str]:
    """For each frame a digest of the files that decide its matte.

    Those are the frames from the key before to the key after. Past the last key (or before the
    first one) they are those that the matte came by, and a few more that steady it. Without keys
    the frames that tracking starts from may lie further ahead.
    """
    frames = plate.frames.frames
    identities = {frame: plate.identity(frame) for frame in frames}
    key_frames = sorted(set(keys))
    chains: dict[int, str] = {}
    for first, last in itertools.pairwise(key_frames):
        between = [frame for frame in frames if first < frame < last]
        span_digest = digest([identities[frame] for frame in frames if first <= frame <= last])
        chains |= dict.fromkeys(between, span_digest)
    if not key_frames:
        return _chain_digests(frames, identities, _SEED_SEARCH_FRAMES)
    chains |= _chain_digests(
        [frame for frame in frames if frame >= key_frames[-1]], identities, _STABILISED_FRAMES
    )
    chains |= _chain_digests(
        [frame for frame in reversed(frames) if frame <= key_frames[0]],
        identities,
        _STABILISED_FRAMES,
    )
    return chains | {frame: digest(identities[frame]) for frame in key_frames}


def _chain_digests(
    frames: Sequence[int], identities: Mapping[int, str], ahead: int
) -> dict[int, str]:
    chains, chain = {}, ""
    for position, frame in enumerate(frames):
        chain = digest(chain, identities[frame])
        beyond = frames[position + 1 : position + 1 + ahead]
        chains[frame] = digest(chain, [identities[later] for later in beyond])
    return chains
