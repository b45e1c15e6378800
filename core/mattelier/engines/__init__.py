"""Running a network: one door (`open_engine`), three ways behind it."""

from mattelier.engines.choose import Engine, open_engine

__all__ = ["Engine", "open_engine"]
