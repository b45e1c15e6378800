"""Bring the catalogues of GIMP's plug-in up to date: `python3 install/translations.py`.

Needs gettext (xgettext, msgmerge, msgfmt). The texts of the plug-in, and the sentences that the
engine says to it, each where it is raised or told, go into locale/mattelier.pot, what is new into
each locale/LANGUAGE/LC_MESSAGES/mattelier.po, for somebody to translate, and each .po becomes the
.mo that GIMP reads. A new language begins with an empty .po in its folder.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PLUGIN = REPOSITORY / "gimp_plugin" / "mattelier"
# Where what a plug-in asks for is done. What is said of files and networks that somebody brings in
# on the command line stays English.
ENGINE = tuple(
    REPOSITORY / "core" / "mattelier" / room
    for room in (
        "types", "requests", "catalogue/defaults.py", "catalogue/store.py", "engines", "matting",
        "filters", "tasks", "worker",
    )
)  # fmt: skip
# What is called with a sentence's template; see `mattelier.types.sentence`.
SENTENCES = (
    "Sentence", "UsageError", "PictureError", "PictureTooLarge", "OutputError", "ModelError",
    "EngineError", "OutOfMemory", "WorkerError", "Unavailable", "Ended", "Distrust", "remark",
    "stage",
)  # fmt: skip
TEMPLATE = Path("locale", "mattelier.pot")
HEAD = """\
# Texts of Mattelier's GIMP plug-in; a translation is locale/<language>/LC_MESSAGES/mattelier.po.
# Made by: python3 install/translations.py
"""


def main() -> None:
    version = re.search(
        r'^VERSION = "(.+)"', (PLUGIN / "mattelier_gimp" / "__init__.py").read_text("utf-8"), re.M
    )
    assert version is not None
    keywords = [f"--keyword={name}" for name in ("_", "N_", *SENTENCES)]
    sources = [*sorted(PLUGIN.glob("mattelier_gimp/*.py")), *engine_sources()]
    _run(
        "xgettext", "--language=Python", "--from-code=UTF-8", *keywords, "--no-location",
        "--sort-output", "--package-name=Mattelier", f"--package-version={version[1]}",
        "-o", TEMPLATE, *sources,
    )  # fmt: skip
    text = (PLUGIN / TEMPLATE).read_text("utf-8").replace("charset=CHARSET", "charset=UTF-8")
    # A date would make each run another file.
    text = re.sub(r'"POT-Creation-Date: .*\\n"\n', "", text)
    (PLUGIN / TEMPLATE).write_text(HEAD + text[text.index("msgid") :], "utf-8")
    for catalogue in sorted(PLUGIN.glob("locale/*/LC_MESSAGES/mattelier.po")):
        options = ("--update", "--backup=none", "--no-fuzzy-matching", "--sort-output", "--quiet")
        _run("msgmerge", *options, catalogue, TEMPLATE)
        _run("msgfmt", "--check", "-o", catalogue.with_suffix(".mo"), catalogue)


def engine_sources() -> list[Path]:
    """The engine's files whose sentences are translated."""
    found = [path for room in ENGINE for path in (room, *room.rglob("*.py"))]
    return sorted(path for path in found if path.suffix == ".py")


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, cwd=PLUGIN)


if __name__ == "__main__":
    main()
