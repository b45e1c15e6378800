"""Checks of a request's fields, and the choices that several of them share."""

from __future__ import annotations

from typing import Literal

from mattelier.types.errors import UsageError

MAX_EDGE_PX = 500  # of any edge control; beyond it a wish is a slip of the keyboard

Quality = Literal["fast", "balanced", "best"]

Device = Literal["auto", "cpu", "cuda", "mps"]


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}.")


def check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} lies between {least:g} and {most:g}, not at {value:g}.")
