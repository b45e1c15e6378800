# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of nodes; another one joins with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bokeh import Bokeh
from .rotoscope import Rotoscope
from .upscale import Upscale

if TYPE_CHECKING:
    from .kind import Kind
    from .settings import Settings

ALL: dict[str, Kind] = {kind.name: kind for kind in (Rotoscope(), Upscale(), Bokeh())}


def of(settings: Settings) -> Kind:
    """The kind of a node that is ours."""
    return ALL[settings.kind]
