"""Sentences in the user's language."""

from __future__ import annotations

import os

from gi.repository import GLib

DOMAIN = "mattelier"
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "locale")


def catalogue():
    """What GIMP asks of `do_set_i18n`: the catalogue in the plug-in's folder, or none."""
    return (True, DOMAIN, None) if os.path.isdir(_FOLDER) else False


def _(text: str) -> str:
    """The translation of a text."""
    return GLib.dgettext(DOMAIN, text)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a text for the catalogue; it is translated where it is shown."""
    return text
