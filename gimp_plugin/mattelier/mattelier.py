#!/usr/bin/env python3
"""Filters → AI: GIMP starts this file anew for each call and ends it afterwards.

What there is to call stands in `mattelier_gimp/procedures.py`.
"""

import os
import sys

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Gegl, Gimp  # noqa: E402

from mattelier_gimp import i18n, registration  # noqa: E402
from mattelier_gimp.procedures import PROCEDURES  # noqa: E402


class Mattelier(Gimp.PlugIn):
    """The procedures of `PROCEDURES`; PyGObject finds the `do_` methods by their names."""

    def do_set_i18n(self, name):
        return i18n.catalogue()

    def do_query_procedures(self):
        return list(PROCEDURES)

    def do_create_procedure(self, name):
        # No operation runs in this process; loading them all would be a third of its start.
        os.environ["GEGL_PATH"] = os.devnull
        Gegl.init(None)  # before any colour or buffer exists, else GEGL ends the process
        place = list(PROCEDURES).index(name) + 1
        return registration.create(self, name, place, PROCEDURES[name])


Gimp.main(Mattelier.__gtype__, sys.argv)
