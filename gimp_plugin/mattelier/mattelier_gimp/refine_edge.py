"""Refine Edge: the soft band of a selection or layer mask, solved anew as hair and fur."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gimp

from . import pixels, results
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, LayerRequest, LayerResult

SOURCES = (
    ("auto", N_("Layer mask or selection")),
    ("mask", N_("Layer mask only")),
    ("selection", N_("Selection only")),
)
_MIXED_LINE = 128  # a row or column that is neither empty nor full
_MARGIN_PX = 64  # of picture around the band, for the solver to learn the colours from


class Target(NamedTuple):
    """Where the result goes: an area of a layer's mask, or of the selection (image pixels)."""

    source: str
    area: pixels.Area


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest | None:
    """Request the band's surroundings only; None for a layer beyond the first with a selection."""
    source = _source(call, layer)
    area = pixels.whole(layer)
    x = y = 0
    if source == "mask":
        drawable = layer.get_mask()
    else:
        # One selection, one picture to refine it by: the first of the chosen layers.
        if layer is not call.layers[0]:
            return None
        drawable = call.image.get_selection()
        _found, x, y = layer.get_offsets()
        area = area.clipped(pixels.whole(call.image).moved(-x, -y))
    reach = call["width"] + abs(call["edge-shift"]) + call["feather"]
    band = _band(drawable, area.moved(x, y)).moved(-x, -y)
    if not band.width:
        raise PluginError(_("There is no edge to refine in the layer “{name}”.").format(
            name=layer.get_name()
        ))  # fmt: skip
    around = band.grown(int(reach * 2) + _MARGIN_PX).clipped(area)
    depth = pixels.matte_depth(layer)
    return LayerRequest(
        "refine",
        call.request_fields("refine"),
        {
            "picture": pixels.picture(layer, pixels.choose_encoding(layer), around),
            "mask": pixels.mask(drawable, depth, around.moved(x, y)),
        },
        depth,
        Target(source, around.moved(x, y)),
    )


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Put the mattes where their masks came from; gives the first new mask."""
    masks = []
    for layer, request, pictures in layer_results:
        target = request.context
        if target.source == "mask":
            masks.append(results.replace_in_mask(layer, target.area, pictures["alpha"]))
        else:
            results.replace_in_selection(call.image, target.area, pictures["alpha"])
    return [masks[0] if masks else None]


def check_edge(call: Call) -> None:
    """Refuse, before the dialog, when there is no edge anywhere.

    Raises
    ------
    PluginError
    """
    masked = any(layer.get_mask() is not None for layer in call.layers)
    if not masked and Gimp.Selection.is_empty(call.image):
        raise PluginError(
            _("Make a selection or a layer mask first; Refine Edge works on its edge.")
        )


def _source(call: Call, layer: Gimp.Layer) -> str:
    check_edge(call)
    wanted = call["source"]
    has_mask = layer.get_mask() is not None
    selected = not Gimp.Selection.is_empty(call.image)
    if wanted == "auto":
        wanted = "mask" if has_mask and (layer.get_edit_mask() or not selected) else "selection"
    if wanted == "mask" and not has_mask:
        raise PluginError(
            _("The layer “{name}” has no mask; add one or refine the selection.").format(
                name=layer.get_name()
            )
        )
    if wanted == "selection" and not selected:
        raise PluginError(_("Nothing is selected; make a selection or refine a layer mask."))
    return wanted


def _band(drawable, area: pixels.Area) -> pixels.Area:
    """The smallest area that holds all edges of a mask; its width is 0 when there are none."""
    if not (area.width and area.height):
        return area._replace(width=0)
    rows = bytearray()
    some, every = 0, -1  # per column: the bits set in any row, in all rows
    for strip in pixels.read(drawable, pixels.single_channel(drawable, "u8"), area):
        for start in range(0, len(strip), area.width):
            row = strip[start : start + area.width]
            rows.append(row[0] if row.count(row[0]) == area.width else _MIXED_LINE)
            bits = int.from_bytes(row, "little")
            some |= bits
            every &= bits
    ends = (some.to_bytes(area.width, "little"), every.to_bytes(area.width, "little"))
    columns = bytes(any_ if any_ == all_ else _MIXED_LINE for any_, all_ in zip(*ends))
    top, bottom = _edge_range(bytes(rows))
    left, right = _edge_range(columns)
    return pixels.Area(area.x + left, area.y + top, right - left, bottom - top)


def _edge_range(lines: bytes) -> tuple[int, int]:
    """From where to where lines are not simply empty or full like those outside."""

    def same(line: bytes) -> bytes:
        return line if line in (b"\x00", b"\xff") else b""

    start = len(lines) - len(lines.lstrip(same(lines[:1]))) if same(lines[:1]) else 0
    end = len(lines.rstrip(same(lines[-1:]))) if same(lines[-1:]) else len(lines)
    if start >= len(lines):
        return 0, 0
    return max(0, start - 1), min(len(lines), end + 1)
