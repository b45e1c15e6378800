"""The pictures of a shot's steps in docs/blender.md: a rendered plate, and Blender's own window.

    python benchmarks/blender_pictures.py FOLDER [--version 5.0.1]

Renders two monkeys with a module of Blender, goes through a shot at the window of Debian's Blender
with the real engine, and leaves its screenshots in the folder. Needs what the tests in
`tests/blender` need.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / "blender"), str(HERE.parent / "tests")]
SECONDS = 600
# Of the screen: the frame in the image editor, and the compositor with its sidebar.
_FRAME, _EDITOR = (188, 80, 1136, 616), (0, 46, 1320, 620)
_PARTS = {"2": _FRAME, "4": _FRAME, "9": (40, 62, 1562, 876), "10": (724, 222, 1260, 566)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="5.0.1", help="of the bpy module that renders")
    args = parser.parse_args()
    from real_blender import INSIDE, Home, modules, window

    from mattelier.hosts.engine import engine_command

    args.folder.mkdir(parents=True, exist_ok=True)
    with window() as shown, tempfile.TemporaryDirectory() as scratch:
        stage = shown.home / "tour"
        stage.mkdir()
        log = args.folder / "log.txt"
        home = Home(Path(scratch), Path(scratch))
        renderer = modules([args.version])[args.version]
        renderer.run(home, INSIDE / "monkeys.py", stage, timeout=SECONDS, log=log)
        shown.install()
        shown.use_engine(*engine_command(), "worker")
        shown.run_at_screen(INSIDE / "tour.py", stage, timeout=SECONDS, log=log)
        for picture in stage.glob("*.png"):
            shutil.copy(picture, args.folder)
        print((stage / "results.jsonl").read_text("utf-8"))
    _cut_out(args.folder)


def _cut_out(folder: Path) -> None:
    """The pictures of the documentation, parts of the screenshots."""
    from PIL import Image

    shown = {}
    names = ("2-pointed-1", "3-baked", "4-uncorrected", "4-corrected", "5-cryptomatte", "6-mask",
             "7-found", "8-clean", "9-preview", "10-preferences")  # fmt: skip
    for name in names:
        with Image.open(folder / f"{name}.png") as picture:
            shown[name] = picture.convert("RGB")
    shown = {name: picture.crop(_PARTS.get(name.partition("-")[0], _EDITOR))
             for name, picture in shown.items()}  # fmt: skip
    before, after = shown["4-uncorrected"], shown["4-corrected"]
    both = Image.new("RGB", (2 * before.width + 8, before.height), "white")
    both.paste(before, (0, 0))
    both.paste(after, (before.width + 8, 0))
    for name, picture in (
        ("subjects", shown["2-pointed-1"]),
        ("baked", shown["3-baked"]),
        ("correct", both),
        ("cryptomatte", shown["5-cryptomatte"]),
        ("mask", shown["6-mask"]),
        ("found", shown["7-found"]),
        ("clean", shown["8-clean"]),
        ("preview", shown["9-preview"]),
        ("preferences", shown["10-preferences"]),
    ):
        picture.thumbnail((1000, 1000))
        picture.save(folder / f"blender-{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
