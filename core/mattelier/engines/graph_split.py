"""An OpenVINO graph cut in two: what needs the picture alone, and what is asked of that."""

from __future__ import annotations

from typing import Any


def split(graph: Any, late: str) -> tuple[Any, Any]:
    """Two graphs that do what one does, run one after the other.

    Parameters
    ----------
    graph : openvino.Model
        It is taken apart, and of no use afterwards.
    late : str
        The input that the second is given; the first has all others.

    Returns
    -------
    The first, whose outputs are the second's first inputs in their order, and the second, whose
    last input is `late`
    """
    import openvino
    from openvino import opset13

    asked = next(one for one in graph.get_parameters() if late in one.output(0).names)
    early = [one for one in graph.get_parameters() if one is not asked]
    after = _reached([asked])
    of_early = _reached(early)
    seams = [
        (output, users)
        for node in graph.get_ordered_ops()
        if node.get_name() in of_early and node.get_name() not in after
        for output in node.outputs()
        if (users := [u for u in output.get_target_inputs() if u.get_node().get_name() in after])
    ]
    first = openvino.Model([opset13.result(output) for output, _users in seams], early, "look")
    given = []
    for output, users in seams:
        value = opset13.parameter(output.get_partial_shape(), output.get_element_type())
        for user in users:
            user.replace_source_output(value.output(0))
        given.append(value)
    return first, openvino.Model(graph.get_results(), [*given, asked], "ask")


def _reached(nodes: list[Any]) -> set[str]:
    """Names of what depends on any of these, theirs included."""
    reached: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node.get_name() not in reached:
            reached.add(node.get_name())
            waiting += [u.get_node() for o in node.outputs() for u in o.get_target_inputs()]
    return reached
