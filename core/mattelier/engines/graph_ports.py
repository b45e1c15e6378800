"""What a graph tells of itself: its ports, and how much it learned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """One input or output of a graph.

    Attributes
    ----------
    name : the graph's name of it
    shape : length of each axis; None: any
    whole : it holds whole numbers
    """

    name: str
    shape: tuple[int | None, ...]
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('any' if n is None else str(n) for n in self.shape)})"


@dataclass(frozen=True)
class Signature:
    """What a graph tells of itself.

    Attributes
    ----------
    inputs, outputs : in the graph's order
    kernel_values : how many values the kernels of its convolutions and the matrices of its
        products have in all (`Card.kernel_values`); None: the engine here cannot tell
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    kernel_values: int | None = None
