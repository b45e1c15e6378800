"""The pages say what is true: links lead somewhere, and commands have the flags that are shown."""

from __future__ import annotations

import re
import shlex
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("models/*/*.md")]
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        if re.match(r"https?:", link):
            continue
        file, _, fragment = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(CHECKOUT), link
        assert target.exists(), link
        if fragment:
            headings = _HEADING.findall(target.read_text("utf-8"))
            assert fragment in map(anchor, headings), link


def test_every_page_is_linked_and_has_a_picture() -> None:
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    for page in CHECKOUT.glob("docs/*.md"):
        assert f"(docs/{page.name})" in readme
        if page.name in ("security.md", "privacy.md"):  # of which there is nothing to see
            continue
        assert "](../benchmarks/gallery/" in page.read_text("utf-8"), page.name


def commands() -> list[str]:
    """All lines of shell blocks that call mattelier, without comments."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.S):
            for line in block.splitlines():
                words = line.partition(" # ")[0].strip().removeprefix(".venv/bin/")
                if words.startswith("mattelier "):
                    found.append(words)
    return sorted(set(found))


@cache
def help_of(*command: str) -> str:
    """What `mattelier COMMAND --help` prints."""
    import contextlib
    import io

    (script,) = entry_points(group="console_scripts", name="mattelier")
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert script.load()([*command, "--help"]) == 0
    return text.getvalue()


def test_there_are_commands() -> None:
    assert len(commands()) > 30


@pytest.mark.parametrize("line", commands())
def test_commands_have_the_flags_that_are_shown(line: str) -> None:
    words = shlex.split(line.replace("####", "1001"))[1:]
    command = words[:1]
    if re.search(rf"^  {words[1]}  ", help_of(*command), re.M) if words[1:] else False:
        command = words[:2]
    text = help_of(*command)
    for flag in (word for word in words if re.match(r"--?[a-z]", word)):
        assert re.search(rf"(^|[\s,/]){flag}\b", text), f"{' '.join(command)} has no {flag}"
