"""What joins a card to a graph: which file, which input, which output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mattelier.catalogue import Card
from mattelier.types.errors import ModelError


def require_file(card: Card, paths: Mapping[str, Path], suffix: str) -> Path:
    """The path of the model's file with that suffix."""
    for name, path in paths.items():
        if name.endswith(suffix):
            return path
    raise ModelError(f"The model {card.name} has no {suffix} file.")


def match_inputs(card: Card, names: list[str]) -> dict[str, str]:
    """The graph's input name for each role ("picture", "hint") the card gives it.

    Raises
    ------
    ModelError
        The graph has no such input, or has others that nothing would fill.
    """
    roles = {"picture": card.input.tensor or names[0]}
    if card.input.hint:
        roles["hint"] = card.input.hint
    if set(roles.values()) != set(names):
        raise ModelError(
            f"The model {card.name} does not fit its card: its inputs are {', '.join(names)}, "
            f"the card fills {', '.join(roles.values())}."
        )
    return roles


def answer(card: Card) -> str:
    """What the network's answer is called: "alpha", or "picture" of a network that enlarges."""
    return "alpha" if card.task == "matte" else "picture"


def one_line(error: BaseException) -> str:
    """What an engine said, short enough for a sentence."""
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__


def short_of_memory(error: BaseException) -> bool:
    """Whether an engine failed for want of memory; most say so only in their message."""
    said = str(error).lower()
    words = ("out of memory", "bad_alloc", "bad alloc", "not enough memory", "failed to allocate")
    return isinstance(error, MemoryError) or any(word in said for word in words)


def match_output(card: Card, names: list[str]) -> int:
    """Position of the graph's output that the card calls the answer."""
    wanted = card.output.tensor
    try:
        if isinstance(wanted, str):
            return names.index(wanted)
        return range(len(names))[wanted or 0]
    except (ValueError, IndexError):
        raise ModelError(
            f"The model {card.name} does not fit its card: its outputs are {', '.join(names)}, "
            f"the card wants {wanted!r}."
        ) from None
