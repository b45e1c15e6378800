"""A model's card as text for people: whose it is, how good, how fast, and where it fails."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from mattelier.catalogue.card import Card

_INDENT = 14
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
    lines += _entry("Name", f"{card.name}, version {card.version}: {state}", width)
    lines += _entry("Task", _task(card), width)
    lines += _entry("From", card.source, width)
    size = f"{card.bytes / 1e6:.1f} MB" if card.bytes else "size not known"
    files = ", ".join(file.path for file in card.files)
    lines += _entry("Files", f"{files} ({size})", width)
    licence = f"{card.licence.weights}: {_COMMERCIAL[card.licence.commercial]}"
    licence += "; copyleft" if card.licence.copyleft else ""
    lines += _entry("Licence", f"{licence}.", width)
    if card.licence.note:
        lines += _entry("", card.licence.note, width)
    for heading, values in (("Quality", card.quality), ("Speed", card.speed)):
        lines += ["", heading]
        lines += _table(values, width) if values else ["  not measured"]
    lines += ["", "Known failures"]
    for failure in card.failures:
        lines += _hanging(f"{failure.subject}: {failure.what}", "  ", width)
    if not card.failures:
        lines.append("  none are written down, which does not mean that there are none")
    lines += ["", "Learned from"]
    for learned in card.training_data:
        lines += _hanging(f"{learned.set}. Licence: {learned.licence}", "  ", width)
    if not card.training_data:
        lines.append("  not stated")
    return "\n".join(lines)


def _task(card: Card) -> str:
    phrases = {"matte": "cuts subjects out", "upscale": "enlarges", "depth": "estimates depth"}
    text = phrases.get(card.task, card.task)
    if card.task == "upscale":
        text += f" {card.output.scale} times"
    if card.input.hint is not None:
        text += ", obeys hints"
    return text


def _entry(heading: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=f"{heading:<{_INDENT}}", subsequent_indent=" " * _INDENT
    )


def _hanging(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _table(values: Mapping[str, Any], width: int) -> Iterator[str]:
    """Numbers by name; tables by subject get one line a subject, with one column for each score."""
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in values.items() if key not in tables}
    wide = max((len(_spoken(key)) for key in values), default=0) + 2
    for key, value in plain.items():
        first = f"  {_spoken(key):<{wide}}"
        yield from textwrap.wrap(
            _shown(value), width, initial_indent=first, subsequent_indent=" " * len(first)
        )
    columns = list(dict.fromkeys(name for table in tables.values() for name in table))
    if not columns:
        return
    broad = {column: max(7, len(_spoken(column)) + 2) for column in columns}
    yield f"  {'':<{wide}}" + "".join(f"{_spoken(name):>{size}}" for name, size in broad.items())
    for key, table in tables.items():
        cells = {name: _shown(table[name]) if name in table else "–" for name in columns}
        row = "".join(f"{cells[name]:>{size}}" for name, size in broad.items())
        yield f"  {_spoken(key):<{wide}}{row}"


def _spoken(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
