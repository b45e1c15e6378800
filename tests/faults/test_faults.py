"""A short, seeded part of each attack; `python -m tests.faults` goes on for hours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from faults import kept, kills, messages, networks, pictures, service
from faults.child import Findings

posix = pytest.mark.skipif(sys.platform == "win32", reason="speaks to a Unix socket")


def harmless(findings: Findings, cases: int) -> bool:
    assert findings.cases >= cases, findings
    assert not findings.harms, "\n".join(findings.harms[:20])
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


def test_mutated_pictures(folder: Path) -> None:
    found = pictures.attack(folder, 1, 0, 1000)
    assert harmless(found, 1000)
    assert found.verdicts["read"] > 100
    assert found.verdicts["refused"] > 300


def test_headers_that_lie(folder: Path) -> None:
    assert harmless(pictures.attack_with_bombs(folder), 40)


def test_hostile_networks_and_cards(folder: Path) -> None:
    found = networks.attack(folder / "networks", 1, 0, 48)
    assert harmless(found, 48)
    assert found.verdicts["done"] > 0


@posix
def test_malformed_messages() -> None:
    with messages.running() as worker:
        files = worker.open_files()
        found = messages.attack(worker, 1, 0, 400)
        assert harmless(found, 400)
        assert {"answered", "refused"} <= found.verdicts.keys()
        assert worker.open_files() <= files + 5


@posix
def test_six_clients_after_a_day_of_rest() -> None:
    """A worker without an idle limit is as it was; one with a limit has ended by then."""
    with messages.running() as worker:
        worker.pass_a_day()
        found = messages.work(worker, 60)
        assert harmless(found, 60)
        assert found.verdicts == {"done": 40, "refused": 20}
    with messages.running(idle=900) as worker:
        assert harmless(messages.work(worker, 3), 3)
        for _ in range(5):  # what it was still tidying up counts as work
            worker.pass_a_day()
            if worker.process.poll() is not None:
                break
        assert worker.process.wait(30) == 0


def test_hostile_uploads(folder: Path) -> None:
    with service.running() as server:
        found = service.attack(server, service.Pictures(folder), 1, 0, 300)
        assert harmless(found, 300)
        assert found.verdicts["answered"] > 10
        assert found.verdicts["refused"] > 100
        assert harmless(service.own_pictures(server, 24), 24)
        assert harmless(service.check_rest(server, 0), 0)


def test_slow_clients_are_let_go() -> None:
    with service.running() as server:
        found = service.stall(server)
        assert harmless(found, 41)
        assert found.verdicts == {"served": 1, "let go": 40}


@pytest.fixture(scope="module")
def shot(folder: Path) -> kills.Shot:
    return kills.Shot(folder / "shot")


def test_kills(shot: kills.Shot) -> None:
    found = kills.attack(shot, 1, chains=2, kills=3)
    assert harmless(found, 3)
    assert found.verdicts["resumed"] == 2


@posix
def test_what_a_shot_keeps_is_spoiled(shot: kills.Shot) -> None:
    found = kept.attack(shot, 1, 0, 6)
    assert harmless(found, 6)
    assert found.verdicts["remade"] >= 4
