"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One torch thread: small networks gain nothing from more, and lose much on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def colour_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that holds "colours": red is the subject, green and blue are not."""
    from tiny_model import make_model

    root = tmp_path_factory.mktemp("models")
    make_model(root, "colours", gain=6.0)
    return root


@pytest.fixture
def colours(colour_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model "colours" can be asked for."""
    monkeypatch.setenv("MATTELIER_MODELS", str(colour_models))
