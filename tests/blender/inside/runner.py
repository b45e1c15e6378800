"""Runs cases inside Blender: functions of the modules beside this one that are named case_….

Blender's own Python only. Results go to STAGE/results.jsonl line by line, so that a case that takes
Blender down leaves those before it on record. The process ends at once: some versions crash or hang
as they clean up after a render.
"""

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy  # noqa: F401 - it must come before all that it brings

sys.path.insert(0, str(Path(__file__).parent))
import stage


def main(folder, names):
    with (folder / "results.jsonl").open("a", encoding="utf-8") as results:
        for name in names:
            module, _, function = name.partition(".")
            failure, start = None, time.monotonic()
            try:
                case = getattr(importlib.import_module(module), function)
                case(stage.fresh(folder, name))
            except BaseException:
                failure = traceback.format_exc()
            seconds = round(time.monotonic() - start, 2)
            entry = {"case": name, "failure": failure, "seconds": seconds}
            print(json.dumps(entry), file=results, flush=True)


try:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    main(Path(arguments[0]), arguments[1:])
finally:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
