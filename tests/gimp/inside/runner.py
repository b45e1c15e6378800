"""Runs cases inside GIMP: functions of the modules beside this file whose names start with case_.

Standard library and gi only. Results go to OUT/results.jsonl line by line, so that a case that
takes GIMP down leaves those before it on record.
"""

import importlib
import json
import time
import traceback
from pathlib import Path

import stage


def main(arguments):
    """`OUT module.case_name …`"""
    out, *names = arguments
    with open(Path(out) / "results.jsonl", "a", encoding="utf-8") as results:
        for name in names:
            module, _, function = name.partition(".")
            failure, start = None, time.monotonic()
            try:
                case = getattr(importlib.import_module(module), function)
                with stage.on_stage(Path(out), name) as here:
                    case(here)
            except BaseException:
                failure = traceback.format_exc()
            record = {"case": name, "failure": failure, "seconds": time.monotonic() - start}
            print(json.dumps(record), file=results, flush=True)
