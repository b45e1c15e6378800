"""What joins roles ("picture", "hint", "alpha" …) to a graph's own inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mattelier.types.errors import ModelError


@dataclass(frozen=True)
class Binding:
    """A graph's inputs by role, and the one output that counts.

    Attributes
    ----------
    inputs : the graph's name of each role's input; None: its first, which has no name
    output : position of the output
    role : what that output is
    """

    inputs: Mapping[str, str]
    output: int
    role: str


@dataclass(frozen=True)
class Ports:
    """What is to be bound, as a card says it.

    Attributes
    ----------
    picture : the graph's input for the picture; None: its first
    hint : the graph's input for the hint, or the mask; None: it takes none
    output : the graph's output by name or position, or a module's by position; None: its first
    role : what that output is: "alpha", "picture", "depth"
    torch_sigmoid : a torch module gives its logits
    hint_role : what the second input is: "hint", "mask"
    """

    picture: str | None
    hint: str | None
    output: str | int | None
    role: str
    torch_sigmoid: bool = False
    hint_role: str = "hint"


def bind(model: str, ports: Ports, inputs: list[str], outputs: list[str]) -> Binding:
    """Where each role goes in a graph with these inputs and outputs.

    Raises
    ------
    ModelError
        The graph lacks what the card names, or has inputs that nothing would fill.
    """
    roles = {"picture": ports.picture or inputs[0]}
    if ports.hint:
        roles[ports.hint_role] = ports.hint
    if set(roles.values()) != set(inputs):
        raise ModelError(
            "The model {model} does not fit its card: its inputs are {inputs}, the card "
            "fills {filled}.",
            model=model,
            inputs=", ".join(inputs),
            filled=", ".join(roles.values()),
        )
    return Binding(roles, _position(model, ports.output, outputs), ports.role)


def _position(model: str, output: str | int | None, outputs: list[str]) -> int:
    try:
        if isinstance(output, str):
            return outputs.index(output)
        return range(len(outputs))[output or 0]
    except (ValueError, IndexError):
        raise ModelError(
            "The model {model} does not fit its card: its outputs are {outputs}, the card "
            "wants {output}.",
            model=model,
            outputs=", ".join(outputs),
            output=repr(output),
        ) from None
