"""Which packages are installed beside Mattelier."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed(package: str) -> str | None:
    """Version of an installed distribution; None when it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
