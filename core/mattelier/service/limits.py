"""What one server allows its clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of what a client may send, make the server do, and leave there.

    Attributes
    ----------
    upload_bytes : of one request's body
    pixels : of a picture that is read or made
    direct_pixels : of a picture that is answered at once; larger ones are jobs
    seconds : that one picture may take
    queue : pictures that may wait
    parallel : pictures in work at once
    keep_seconds : how long a result is kept
    kept_bytes : of all files kept at once
    stall_seconds : without a byte of a request that was begun
    body_seconds : for the whole of a request's body
    sessions : pictures that are pointed at at once
    connections : clients connected at once
    """

    upload_bytes: int = 64_000_000
    pixels: int = 100_000_000
    direct_pixels: int = 25_000_000
    seconds: float = 300
    queue: int = 64
    parallel: int = 2
    keep_seconds: float = 3600
    kept_bytes: int = 4_000_000_000
    stall_seconds: float = 20
    body_seconds: float = 300
    sessions: int = 16
    connections: int = 256
