"""Fixtures that several test files share; the markers of each test put on it."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from marking import HOST_TIMEOUT_S, SPANDREL_TIMEOUT_S, markers

os.environ["MATTELIER_CONFIG"] = ""  # whoever runs the tests has settings of their own

_DESELECTED = pytest.StashKey[Counter[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give each group of tests to one process of pytest-xdist.

    Its own `--dist loadgroup` writes groups into node ids, which pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, function = nodeid.partition("::")
            return markers(config.rootpath / file, function)[1]

    return GroupScheduling(config, log)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    has_spandrel = importlib.util.find_spec("spandrel") is not None
    for item in items:
        found, _ = markers(item.path, getattr(item, "originalname", item.name))
        for name in sorted(found):
            item.add_marker(name)
        if "host" in found:
            item.add_marker(pytest.mark.timeout(HOST_TIMEOUT_S))
        if item.path.name == "test_spandrel.py":
            item.add_marker(pytest.mark.timeout(SPANDREL_TIMEOUT_S))
        if item.get_closest_marker("spandrel") and not has_spandrel:
            item.add_marker(pytest.mark.skip(reason="needs spandrel: test_spandrel.py runs it"))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count by marker what `-m` and `-k` leave out."""
    for item in items:
        counts = item.config.stash.setdefault(_DESELECTED, Counter())
        present = [name for name in ("host", "train", "slow") if item.get_closest_marker(name)]
        counts[present[0] if present else "other"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist hands its counts to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        counts = session.config.stash.get(_DESELECTED, Counter())
        session.config.workeroutput["deselected"] = dict(counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    counts = getattr(node, "workeroutput", {}).get("deselected", {})
    node.config.stash[_DESELECTED] = Counter(counts)  # every process leaves out the same


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counts = config.stash.get(_DESELECTED, Counter())
    if counts:
        numbers = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        terminalreporter.write_line(f"Left out by -m or -k: {numbers} (./install/test runs all).")


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
