"""The set-up: which torch, what is reused, and one sentence where it cannot go on."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[1] / "install"
spec = importlib.util.spec_from_file_location("mattelier_setup", INSTALL / "mattelier_setup.py")
assert spec is not None
assert spec.loader is not None
setup = importlib.util.module_from_spec(spec)
sys.modules["mattelier_setup"] = setup
spec.loader.exec_module(setup)

LOCAL = ["2.15.0", "2.13.0+cpu", "2.13.0"]


def picked(system: str, machine: str, nvidia: bool, here: list[str], elsewhere: list[str]):
    candidates = setup.torch_candidates(system, machine, nvidia)
    return setup.pick_torch(candidates, lambda index: elsewhere if index else here)


def test_without_a_gpu_a_cpu_build_at_hand_is_taken_before_a_newer_plain_one():
    arguments, message = picked("Linux", "x86_64", False, LOCAL, ["2.15.0+cpu"])
    assert arguments == ["torch==2.13.0+cpu"]
    assert "2.13.0+cpu" in message
    assert "no NVIDIA GPU" in message


def test_else_pytorchs_own_cpu_builds_are_asked():
    arguments, _ = picked("Linux", "aarch64", False, ["2.15.0"], ["2.15.0+cpu", "2.14.0+cpu"])
    assert arguments == ["torch==2.15.0+cpu", "--extra-index-url", setup.CPU_WHEELS]


@pytest.mark.parametrize("elsewhere", [[], ["2.3.1+cpu", "1.13.0+cpu"]])
def test_else_the_plain_build_with_its_price_said(elsewhere):
    arguments, message = picked("Linux", "x86_64", False, ["2.15.0", "2.3.0+cpu"], elsewhere)
    assert arguments == ["torch"]
    assert "gigabytes" in message


@pytest.mark.parametrize(
    ("system", "machine", "nvidia"),
    [("Linux", "x86_64", True), ("Darwin", "arm64", False), ("Windows", "AMD64", False)],
)
def test_with_a_gpu_and_outside_linux_it_is_the_plain_build(system, machine, nvidia):
    assert picked(system, machine, nvidia, LOCAL, LOCAL)[0] == ["torch"]


def test_where_no_torch_is_made_the_light_set_up_is_offered():
    with pytest.raises(setup.SetupError, match="--light"):
        picked("Darwin", "x86_64", False, LOCAL, LOCAL)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose environment's steps are recorded, not run."""
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "core" / "mattelier").mkdir(parents=True)
    (tmp_path / "core" / "mattelier" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    (tmp_path / "install").mkdir()
    (tmp_path / "install" / "constraints.txt").write_text("numpy==2.4.6 --hash=sha256:0123\n")
    steps: list[tuple[str, ...]] = []

    def run(self, *command, variables=None):
        command = (*(f"{name}={value}" for name, value in (variables or {}).items()), *command)
        steps.append(tuple(map(str, command)))
        for program in (self.python, self.command):
            program.parent.mkdir(parents=True, exist_ok=True)
            program.touch()
        (self.folder / "pyvenv.cfg").touch()

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(setup, "CHECKOUT", tmp_path)
    monkeypatch.setattr(setup.Environment, "_run", run)
    monkeypatch.setattr(setup.Environment, "_runs", lambda self: self.python.exists())
    monkeypatch.setattr(setup.Environment, "_torch_versions", lambda self, index: LOCAL)
    monkeypatch.setattr(setup, "has_nvidia", lambda: False)
    monkeypatch.setattr(setup.platform, "system", lambda: "Linux")
    return tmp_path, steps


def installs(steps):
    return [step[step.index("install") + 1 :] for step in steps if "install" in step]


def test_the_light_set_up_never_names_torch(checkout, capsys):
    _, steps = checkout
    assert setup.main(["setup", "--light", "--extras", "heif"]) == 0
    assert installs(steps) == [("--editable", ".[heif]")]
    assert "left out" in capsys.readouterr().out


def test_the_full_set_up_says_which_torch(checkout, capsys):
    _, steps = checkout
    assert setup.main(["setup"]) == 0
    assert installs(steps) == [("--editable", ".[torch]", "torch==2.13.0+cpu")]
    assert "2.13.0+cpu" in capsys.readouterr().out


def test_a_second_run_does_nothing_until_something_changes(checkout):
    folder, steps = checkout
    setup.main(["setup", "--light"])
    steps.clear()
    setup.main(["setup", "--light"])
    assert steps == []
    (folder / "pyproject.toml").write_text("[project]\n# changed")
    setup.main(["setup", "--light"])
    setup.main(["setup", "--light", "--extras", "heif"])
    (folder / "core" / "mattelier" / "__init__.py").write_text('__version__ = "0.2.0"\n')
    setup.main(["setup", "--light", "--extras", "heif"])
    assert len(installs(steps)) == 3
    assert len(steps) == 3  # the environment itself was kept


def test_a_failed_step_is_not_taken_for_done(checkout, monkeypatch, capsys):
    _, steps = checkout
    setup.main(["setup", "--light"])
    record = setup.Environment._run

    def fail(self, *command, variables=None):
        raise setup.SetupError("no network")

    monkeypatch.setattr(setup.Environment, "_run", fail)
    assert setup.main(["setup"]) == 3
    assert "no network" in capsys.readouterr().err
    monkeypatch.setattr(setup.Environment, "_run", record)
    steps.clear()
    setup.main(["setup"])
    assert len(installs(steps)) == 1


def test_the_tests_environment_adds_to_what_there_was(checkout, monkeypatch):
    _, steps = checkout
    setup.main(["setup", "--extras", "heif"])
    ran = []
    monkeypatch.setattr(
        setup.subprocess,
        "run",
        lambda *a, **k: ran.append(a[0]) or subprocess.CompletedProcess(a, 5),
    )
    assert setup.main(["test", "-k", "fast"]) == 5
    assert installs(steps)[-1][1] == ".[dev,heif,test,torch,train]"
    assert [str(part) for part in ran[0][1:]] == ["-m", "pytest", "-k", "fast"]


def test_the_quick_tests_leave_hosts_and_training_out(checkout, monkeypatch):
    setup.main(["setup", "--extras", "dev,test,train"])
    ran = []
    monkeypatch.setattr(
        setup.subprocess,
        "run",
        lambda *a, **k: ran.append(a[0]) or subprocess.CompletedProcess(a, 0),
    )
    assert setup.main(["test", "-x", "--quick", "tests/test_batch.py"]) == 0
    assert ran[0][-4:] == ["-m", setup.QUICK, "-x", "tests/test_batch.py"]


def test_all_tests_are_run_the_hosts_last_and_alone(checkout, monkeypatch):
    setup.main(["setup", "--extras", "dev,test,train"])
    ran = []
    monkeypatch.setattr(
        setup.subprocess,
        "run",
        lambda *a, **k: ran.append(a[0]) or subprocess.CompletedProcess(a, 2 - len(ran)),
    )
    assert setup.main(["test"]) == 1  # of the first; the second ended with 0
    assert ran[0][3:] == [*setup.PARALLEL, "-m", "not host"]
    assert ran[1][3:] == ["-m", "host"]


def test_in_ci_every_version_is_the_named_one(checkout, monkeypatch):
    folder, steps = checkout
    setup.main(["setup"])
    steps.clear()
    monkeypatch.setenv("CI", "true")
    setup.main(["setup"])
    assert "PIP_CONSTRAINT=.venv/versions.txt" in steps[-1]
    assert "PIP_BUILD_CONSTRAINT=.venv/versions.txt" in steps[-1]
    assert (folder / ".venv/versions.txt").read_text() == "numpy==2.4.6\n"
    steps.clear()
    setup.main(["setup"])
    assert steps == []
    (folder / "install" / "constraints.txt").write_text("numpy==2.5.0\n")
    setup.main(["setup"])
    assert len(installs(steps)) == 1


def test_the_constraints_are_renewed_without_torch(checkout, monkeypatch):
    folder, steps = checkout
    listed = "numpy==2.5.0\ntorch==2.15.0\nnvidia-cublas==13\nClick==8.5.1\nmattelier==0.1.0\n"

    def file(name, sha256):
        download = {"archive_info": {"hashes": {"sha256": sha256}}}
        return {"metadata": {"name": name}, "download_info": download}

    report = json.dumps({"install": [file("numpy", "12"), file("click", "ab")]})

    def answer(command, **_):
        text = report if "--dry-run" in command else listed
        return subprocess.CompletedProcess(command, 0, stdout=text)

    monkeypatch.setattr(setup.subprocess, "run", answer)
    assert setup.main(["constraints"]) == 0
    assert "--upgrade" in steps[-1]
    text = (folder / "install" / "constraints.txt").read_text()
    assert text.splitlines()[-2:] == [
        "Click==8.5.1 --hash=sha256:ab",
        "numpy==2.5.0 --hash=sha256:12",
    ]
    assert "torch==" not in text


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_in_ci_files_are_checked_where_their_checksums_are_known(checkout, monkeypatch, machine):
    _, steps = checkout
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(setup.platform, "system", lambda: "Linux")
    monkeypatch.setattr(setup.platform, "machine", lambda: machine)
    monkeypatch.setattr(setup, "HASHED_FOR", ("Linux", "x86_64", sys.version_info[:2]))
    setup.main(["setup", "--extras", "dev,test,train"])
    checked = [step for step in steps if "--require-hashes" in step]
    assert len(checked) == (machine == "x86_64")
    assert all(step[-1] == "install/constraints.txt" for step in checked)


def test_the_constraints_name_what_the_project_asks_for():
    checkout = INSTALL.parent
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["test"], *extras["train"]]
    names = {re.split("[][<>=~! ]", text)[0].lower() for text in wanted} - {"torch"}
    lines = (checkout / setup.CONSTRAINTS).read_text("utf-8").lower().splitlines()
    pinned = {line.partition("==")[0].replace("_", "-") for line in lines}
    assert names <= pinned


@pytest.mark.timeout(1800)  # installs two environments
def test_the_bill_names_what_an_installation_consists_of(tmp_path):
    assert setup.main(["bill", "--output", str(tmp_path)]) == 0
    bill = json.loads((tmp_path / "mattelier.cdx.json").read_text("utf-8"))
    components = {part["name"].lower().replace("_", "-"): part for part in bill["components"]}
    project = tomllib.loads((INSTALL.parent / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split("[<>=~! ]", text)[0].lower() for text in project["dependencies"]}
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "mattelier")
    assert wanted <= components.keys()
    assert "pytest" not in components
    assert all(components[name]["version"] and components[name]["licenses"] for name in wanted)
    licences = (tmp_path / "licences.md").read_text("utf-8").lower().replace("_", "-")
    assert all(f"| {name} " in licences for name in wanted)


def test_try_uses_what_is_there_and_never_writes_over_a_result(checkout, monkeypatch, capsys):
    folder, steps = checkout
    monkeypatch.chdir(folder)
    (folder / "dog.jpg").touch()
    (folder / "dog-cutout.png").touch()
    setup.main(["setup"])
    steps.clear()
    ran = []
    monkeypatch.setattr(
        setup.subprocess,
        "run",
        lambda *a, **k: ran.append(a[0]) or subprocess.CompletedProcess(a, 0),
    )
    assert setup.main(["try", "dog.jpg"]) == 0
    assert steps == []
    assert ran[0][1:] == ["cutout", Path("dog.jpg"), "-o", folder / "dog-cutout-2.png"]
    assert str(folder / "dog-cutout-2.png") in capsys.readouterr().out


def test_try_names_a_missing_photo_before_any_set_up(checkout, capsys):
    _, steps = checkout
    assert setup.main(["try", "gone.jpg"]) == 3
    assert "gone.jpg" in capsys.readouterr().err
    assert steps == []


def test_python_without_venv_names_debians_package(checkout, monkeypatch, capsys):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    assert setup.main(["setup", "--light"]) == 3
    assert "apt install python3." in capsys.readouterr().err


def test_a_failing_step_shows_the_logs_end(tmp_path):
    environment = setup.Environment(tmp_path)
    (tmp_path / ".venv").mkdir()
    with pytest.raises(setup.SetupError) as caught:
        environment._run(sys.executable, "-c", "print('what pip said'); raise SystemExit(1)")
    assert "what pip said" in str(caught.value)
    assert str(environment.log) in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="the POSIX launchers")
@pytest.mark.parametrize("task", ["setup", "try", "test"])
def test_launchers_need_a_new_enough_python_and_say_so(task, tmp_path):
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"):
        old = tmp_path / name
        old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2\nexit 1\n')
        old.chmod(0o755)
    os.symlink("/usr/bin/dirname", tmp_path / "dirname")
    done = subprocess.run(
        ["/bin/sh", INSTALL / task], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "3.11 or newer" in done.stderr
    assert "3.9.2" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="the POSIX launchers")
def test_launchers_hand_arguments_over_unchanged(tmp_path):
    fake = tmp_path / "python3"
    fake.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nprintf "<%s>" "$@"\n')
    fake.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [INSTALL / "try", "my photo.jpg"],
        env={**os.environ, "PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"<{INSTALL / 'mattelier_setup.py'}><try><my photo.jpg>"
