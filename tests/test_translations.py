"""GIMP's plug-in in other languages: nothing is missing, and translations can be filled in."""

from __future__ import annotations

import ast
import gettext
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[1] / "gimp_plugin" / "mattelier"
LANGUAGES = sorted(path.parents[1].name for path in PLUGIN.glob("locale/*/LC_MESSAGES/*.po"))
SAME = {
    "F_ormat",
    "{megabytes} MB",
    "Ra_dius (0: auto)",
    "Plug-in: Mattelier {version} in {folder}",
    "{damage} {remedy}",
}  # the same word in one of them
TRANSLATIONS = runpy.run_path(str(PLUGIN.parents[1] / "install" / "translations.py"))


def engine_sentences() -> Iterator[tuple[str, ast.expr]]:
    """Every sentence that the engine says to a host: where, and what makes it."""
    for path in TRANSLATIONS["engine_sources"]():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in TRANSLATIONS["SENTENCES"]:
                    yield f"{path.name}:{node.lineno}", node.args[0]


def literals(made_of: ast.expr) -> list[ast.expr]:
    """What a sentence is made of where it is one thing or another."""
    if isinstance(made_of, ast.IfExp):
        return [*literals(made_of.body), *literals(made_of.orelse)]
    if isinstance(made_of, ast.BoolOp):
        return [one for value in made_of.values for one in literals(value)]
    return [made_of]


def texts() -> set[str]:
    """Every text that the plug-in's code marks or translates, and the engine's sentences."""
    found = {
        one.value
        for _place, made_of in engine_sentences()
        for one in literals(made_of)
        if isinstance(one, ast.Constant)
    }
    for path in PLUGIN.glob("mattelier_gimp/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("_", "N_") and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def catalogue(language: str) -> dict[str, str]:
    """What GIMP reads."""
    with (PLUGIN / "locale" / language / "LC_MESSAGES" / "mattelier.mo").open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]


def entries(path: Path) -> dict[str, str]:
    """The pairs of a .po or .pot file."""
    quoted = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
    pairs = re.findall(rf"^msgid {quoted}msgstr {quoted}", path.read_text("utf-8"), re.M)
    return {ast.literal_eval(f"({one})"): ast.literal_eval(f"({other})") for one, other in pairs}


def test_each_sentence_of_the_engine_has_a_key() -> None:
    """A template and arguments, or a sentence that was made so elsewhere; nothing put together."""
    put_together = [
        place
        for place, made_of in engine_sentences()
        for one in literals(made_of)
        if not isinstance(one, ast.Constant | ast.Name | ast.Attribute | ast.Call)
        or (isinstance(one, ast.Call) and getattr(one.func, "attr", "") in ("format", "join"))
    ]
    assert not put_together
    assert len(texts()) > 500


def test_german_and_spanish_are_there() -> None:
    assert {"de", "es"} <= set(LANGUAGES)


def test_the_template_has_every_text() -> None:
    """If not: python3 install/translations.py"""
    assert set(entries(PLUGIN / "locale" / "mattelier.pot")) - {""} == texts()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language: str) -> None:
    found = catalogue(language)
    missing = sorted(text for text in texts() if not found.get(text))
    assert not missing
    assert "#, fuzzy" not in (
        PLUGIN / "locale" / language / "LC_MESSAGES" / "mattelier.po"
    ).read_text("utf-8")
    untranslated = {text for text in texts() if found[text] == text and " " in text}
    assert untranslated <= SAME


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_installed_is_what_was_translated(language: str) -> None:
    """If not: python3 install/translations.py"""
    written = entries(PLUGIN / "locale" / language / "LC_MESSAGES" / "mattelier.po")
    assert {text: written[text] for text in texts()} == {
        text: catalogue(language)[text] for text in texts()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_and_each_key_stay(language: str) -> None:
    found = catalogue(language)
    for text in texts():
        fields = r"\{\w+\}"
        assert sorted(re.findall(fields, text)) == sorted(re.findall(fields, found[text])), text
        keys = [re.sub(fields, "", one).count("_") for one in (text, found[text])]
        assert keys[0] == keys[1], f"{text!r} has {keys[0]} keys, {found[text]!r} {keys[1]}"
        assert text.endswith("…") == found[text].endswith("…"), text


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_each_entry_of_the_menu_has_a_key_of_its_own(language: str) -> None:
    found = {} if language == "en" else catalogue(language)
    menu = [found.get(text, text) for text in menu_labels()]
    keys = [label[label.index("_") + 1].lower() for label in menu]
    doubled = [label for label, key in zip(menu, keys, strict=True) if keys.count(key) > 1]
    assert not doubled


def menu_labels() -> list[str]:
    """The first argument of each `Entry`, and of what makes one."""
    labels = []
    for path in PLUGIN.glob("mattelier_gimp/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in ("Entry", "entry") and isinstance(first, ast.Call):
                (label,) = first.args
                assert isinstance(label, ast.Constant)
                labels.append(label.value)
    assert len(labels) > 12
    return labels
