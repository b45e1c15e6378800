"""A model's card as text for people: whose it is, how good, how fast, and where it fails."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from mattelier.catalogue.card import Card

_INDENT_COLUMNS = 14
_COMMERCIAL = {
    "yes": "commercial use is allowed",
    "no": "no commercial use",
    "unknown": "whether commercial use is allowed is for you to judge",
}


def card_text(card: Card, state: str, width: int = 88) -> str:
    """The card in paragraphs of at most `width` columns.

    Parameters
    ----------
    card : Card
    state : one sentence on whether the model is here
    """
    lines = [card.title, ""]
    lines += _wrap_entry("Name", f"{card.name}, version {card.version}: {state}", width)
    lines += _wrap_entry("Task", _describe_task(card), width)
    lines += _wrap_entry("From", card.source, width)
    if card.cloud is None:
        size = f"{card.bytes / 1e6:.1f} MB" if card.bytes else "size not known"
        files = ", ".join(file.path for file in card.files)
        lines += _wrap_entry("Files", f"{files} ({size})", width)
    else:
        sent = f"Pictures are sent to {card.cloud.url}, each time you agree with --send-to HOST; "
        sent += f"the key is taken from {card.cloud.key_variable}, and the names in braces are "
        sent += "environment variables, too. Not tried against the real one."
        lines += _wrap_entry("By others", sent, width)
    licence = f"{card.licence.weights}: {_COMMERCIAL[card.licence.commercial]}"
    licence += "; copyleft" if card.licence.copyleft else ""
    lines += _wrap_entry("Licence", f"{licence}.", width)
    if card.licence.note:
        lines += _wrap_entry("", card.licence.note, width)
    for heading, values in (("Quality", card.quality), ("Speed", card.speed)):
        lines += ["", heading]
        lines += _format_table(values, width) if values else ["  not measured"]
    lines += ["", "Known failures"]
    for failure in card.failures:
        lines += _wrap_hanging(f"{failure.subject}: {failure.what}", "  ", width)
    if not card.failures:
        lines.append("  none are written down, which does not mean that there are none")
    lines += ["", "Learned from"]
    for dataset in card.training_data:
        lines += _wrap_hanging(f"{dataset.set}. Licence: {dataset.licence}", "  ", width)
    if not card.training_data:
        lines.append("  not stated")
    return "\n".join(lines)


def _describe_task(card: Card) -> str:
    verbs = {
        "matte": "cuts subjects out",
        "trimap": "weighs what tells the alpha of a trimap's open pixels",
        "upscale": "enlarges",
        "depth": "estimates depth",
        "track": "tells places apart, for tracking",
    }
    text = verbs.get(card.task, card.task)
    if card.task == "track" and card.input.follows:
        text = "follows subjects through a shot (roto --tracker)"
    if card.task == "upscale":
        text += f" {card.output.scale} times"
    if card.input.hint is not None:
        text += ", obeys hints"
    return text


def _wrap_entry(heading: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=f"{heading:<{_INDENT_COLUMNS}}",
        subsequent_indent=" " * _INDENT_COLUMNS,
    )


def _wrap_hanging(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _format_table(values: Mapping[str, Any], width: int) -> Iterator[str]:
    """Numbers by name; tables by kind get one line a kind, with one column for each score."""
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in values.items() if key not in tables}
    key_width = max((len(_spell_out(key)) for key in values), default=0) + 2
    for key, value in plain.items():
        first = f"  {_spell_out(key):<{key_width}}"
        yield from textwrap.wrap(
            _format_value(value), width, initial_indent=first, subsequent_indent=" " * len(first)
        )
    columns = list(dict.fromkeys(name for table in tables.values() for name in table))
    if not columns:
        return
    column_widths = {column: max(7, len(_spell_out(column)) + 2) for column in columns}
    yield f"  {'':<{key_width}}" + "".join(
        f"{_spell_out(name):>{size}}" for name, size in column_widths.items()
    )
    for key, table in tables.items():
        cells = {name: _format_value(table[name]) if name in table else "–" for name in columns}
        row = "".join(f"{cells[name]:>{size}}" for name, size in column_widths.items())
        yield f"  {_spell_out(key):<{key_width}}{row}"


def _spell_out(key: str) -> str:
    return key.replace("_", " ")


def _format_value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_format_value(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def summary(card: Card, state: str) -> dict[str, Any]:
    """A card in one line of a list, as plain JSON."""
    return {
        "name": card.name,
        "title": card.title,
        "task": card.task,
        "follows": card.input.follows,
        "hints": card.input.hint is not None,
        "state": state,
        "bytes": card.bytes,
        "licence": card.licence.weights,
        "commercial": card.licence.commercial,
        "needs_acceptance": card.licence.needs_acceptance,
    }
