"""The doctor says what works, what does not, and what mends it; the log keeps what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_model import make_model

from mattelier import doctor, log
from mattelier.catalogue import Store
from mattelier.commands.doctor import doctor as doctor_command


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    make_model(tmp_path / "models", "cutout")
    ours = Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")
    monkeypatch.setattr(doctor, "Store", lambda: ours)
    return ours


def run() -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(doctor_command, ["--json"], standalone_mode=False)
    assert result.exception is None
    return result.return_value, json.loads(result.stdout)


def test_a_sound_installation(store: Store) -> None:
    code, report = run()
    assert code == 0
    assert report["works"] is True
    assert report["models"] == {"cutout": "ready"}
    assert set(report["folders"]) == {"config file", "shipped models", "models", "cache", "log"}  # type: ignore[call-overload]
    text = CliRunner().invoke(doctor_command, [], standalone_mode=False).stdout
    assert "Cut-outs can be made." in text
    assert str(store.cache) in text


def test_damaged_default_weights_make_it_fail(store: Store) -> None:
    weights = store.shipped / "cutout/tiny.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    code, report = run()
    assert code == 3
    assert report["models"] == {"cutout": "damaged"}
    assert any("tiny.safetensors" in p["what"] and p["mend"] for p in report["problems"])  # type: ignore[attr-defined]


def test_a_missing_package_names_the_command(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from mattelier.types import packages

    real = packages.installed
    monkeypatch.setattr(packages, "installed", lambda n: None if n == "OpenImageIO" else real(n))
    code, report = run()
    assert code == 3
    mends = [p["mend"] for p in report["problems"]]  # type: ignore[attr-defined]
    assert any(mend.endswith("-m pip install OpenImageIO") for mend in mends)


def test_torch_is_asked_only_about_a_gpu_and_not_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*args: object, **options: object) -> None:
        assert options["timeout"]
        raise subprocess.TimeoutExpired("python", 1)

    monkeypatch.setattr(doctor.subprocess, "run", hang)
    from mattelier.engines import devices
    from mattelier.types import packages

    monkeypatch.setattr(devices, "no_gpu", lambda device: "no NVIDIA driver was found")
    assert run()[0] == 0
    monkeypatch.setattr(devices, "no_gpu", lambda device: None)
    monkeypatch.setattr(packages, "installed", lambda name: "1.0")
    code, report = run()
    assert code == 0
    assert any("no answer" in p["what"] for p in report["problems"])  # type: ignore[attr-defined]


def test_the_doctor_does_not_import_torch(store: Store) -> None:
    script = "from mattelier.doctor import examine; import sys; examine(); "
    script += "sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def fresh_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "logs" / "mattelier.log"
    monkeypatch.setattr(log, "log_path", lambda: path)
    monkeypatch.setattr(log.logging.getLogger("mattelier"), "handlers", [])
    log.logger.cache_clear()
    yield path
    log.logger.cache_clear()


def test_unexpected_errors_are_logged_with_their_traceback(fresh_log: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert log.log_unexpected(caught.value) == fresh_log
    text = fresh_log.read_text("utf-8")
    assert "Traceback" in text
    assert "ZeroDivisionError" in text


def test_a_log_that_cannot_be_written_does_not_matter(fresh_log: Path) -> None:
    fresh_log.parent.write_text("in the way")
    assert log.log_unexpected(ValueError("still alive")) == fresh_log
    assert fresh_log.parent.read_text() == "in the way"


def test_the_log_stays_small(fresh_log: Path) -> None:
    for _ in range(60):
        log.logger().error("x" * 100_000)
    kept = list(fresh_log.parent.iterdir())
    assert 1 < len(kept) <= 3
    assert sum(file.stat().st_size for file in kept) < 4_000_000
