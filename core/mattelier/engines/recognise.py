"""Which family a graph is of, told from what it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mattelier.catalogue import Card
from mattelier.engines.graph_ports import Signature


def graph_family(graph: Signature, cards: Iterable[Card]) -> Card | None:
    """The first card whose network is built as this graph is, whatever weights it holds.

    Two graphs of one family have as many kernel values; families that differ have not. A graph of
    fixed size must have the card's too, as it was cut to what its pictures were made to.
    """
    sides = fixed_sides(graph)
    for card in cards:
        if card.kernel_values is not None and card.kernel_values == graph.kernel_values:
            size = card.input.size
            if sides is None or card.input.resize != "stretch" or sides == (size, size):
                return card
    return None


def nearest_families(graph: Signature, cards: Iterable[Card], count: int = 3) -> list[Card]:
    """Cards of other families, the most alike in kernel values first; [] where none can be told."""
    if not graph.kernel_values:
        return []
    families = {card.kernel_values: card for card in cards if card.kernel_values}
    ratio = {values: abs(math.log(values / graph.kernel_values)) for values in families}
    return [families[values] for values in sorted(ratio, key=ratio.__getitem__)[:count]]


def fixed_sides(graph: Signature) -> tuple[int, int] | None:
    """Height and width that the graph's first input demands; None: it takes any."""
    shape = graph.inputs[0].shape if graph.inputs else ()
    if len(shape) != 4 or shape[2] is None or shape[3] is None:
        return None
    return shape[2], shape[3]
