"""What the engine says, in the user's language.

Its sentences come as English text and as a key with arguments, which `mattelier.worker.protocol`
describes. The keys stand in the engine's own source, where `install/translations.py` finds them.
"""

from __future__ import annotations

from .i18n import _


def translated(english: str, key: str, arguments: dict) -> str:
    """A sentence of the engine in the user's language, where the catalogue has its key.

    Parameters
    ----------
    english : str
        The sentence as the engine says it: from an older catalogue it is the best there is.
    key, arguments : str, dict
        Its template, and what stands for the {names} in it.
    """
    if not arguments:
        return _(key) if key else english
    try:
        return _(key).format(**{name: _argument(value) for name, value in arguments.items()})
    except (LookupError, ValueError):
        return english


def translated_error(error) -> str:
    """The sentence of the client's `WorkerError`."""
    return translated(str(error), error.key, error.arguments)


def translated_notes(report: dict) -> list[str]:
    """What a report remarks on, a sentence each."""
    return [translated(one["key"], one["key"], one["arguments"]) for one in report.get("notes", ())]


def _argument(value) -> str:
    if isinstance(value, dict):
        return translated(str(value.get("key", "")), value["key"], value["arguments"])
    return str(value)
