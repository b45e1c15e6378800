"""`mattelier install gimp` in made-up homes of each system, and what the doctor says then."""

from __future__ import annotations

import errno
import json
import os
import platform
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

import mattelier
from mattelier import doctor
from mattelier.commands.main import main
from mattelier.hosts import gimp as host
from mattelier.requests.schema import schema_text

posix = pytest.mark.skipif(os.name == "nt", reason="fakes programs by shell scripts")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Linux home, with no programs in the PATH."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA", "PROGRAMFILES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    on("Linux", monkeypatch)
    return home


def on(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)


def profile(home: Path, name: str = ".config/GIMP/3.0") -> Path:
    folder = home / name
    (folder / "plug-ins").mkdir(parents=True)
    return folder


def install(*arguments: object) -> int:
    return main(["install", "gimp", *map(str, arguments)])


def record(folder: Path) -> dict:
    return json.loads((folder / "plug-ins/mattelier/engine.json").read_text("utf-8"))


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("system", "place", "variable"),
    [
        ("Linux", ".config/GIMP/3.0", None),
        ("Linux", "moved/GIMP/3.2", ("XDG_CONFIG_HOME", "moved")),
        ("Linux", ".var/app/org.gimp.GIMP/config/GIMP/3.0", None),
        ("Linux", "snap/gimp/current/.config/GIMP/3.0", None),
        ("Darwin", "Library/Application Support/GIMP/3.2", None),
        ("Windows", "AppData/Roaming/GIMP/3.0", ("APPDATA", "AppData/Roaming")),
    ],
)
def test_every_kind_of_profile_is_found(system, place, variable, home, monkeypatch, capsys) -> None:
    on(system, monkeypatch)
    if variable:
        monkeypatch.setenv(variable[0], str(home / variable[1]))
    folder = profile(home, place)
    assert install() == 0
    output = capsys.readouterr().out
    assert str(folder / "plug-ins" / "mattelier") in output
    assert "Restart GIMP" in output
    assert "Filters → AI" in output
    engine = record(folder)
    sandboxed = "snap" in place or ".var" in place
    assert engine["flatpak"] is sandboxed
    assert (engine["command"] == []) is sandboxed
    assert ("mattelier worker` in a terminal" in output) is sandboxed
    assert ("snap.gimp" in output) is ("snap" in place)


def test_what_lies_there_then_works(home) -> None:
    folder = profile(home) / "plug-ins" / "mattelier"
    assert install() == 0
    source = host.plugin_folder() / "mattelier"
    for file in [*source.rglob("*.py"), *source.rglob("*.json")]:
        assert (folder / file.relative_to(source)).read_bytes() == file.read_bytes()
    assert os.access(folder / "mattelier.py", os.X_OK)
    engine = record(home / ".config/GIMP/3.0")
    assert engine["version"] == mattelier.__version__
    assert Path(engine["models"][0], "cutout", "card.toml").is_file()
    command = [*engine["command"], "--help"]
    outside = {"PATH": os.defpath, "HOME": str(home)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=outside, cwd=home, timeout=60
    )
    assert "idle" in done.stdout
    assert (folder / "mattelier_worker" / "schema.json").read_text("utf-8") == schema_text()
    # Without anything of the engine's own packages.
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); import mattelier_worker.client as c"
    script += "; print(c.Engine, 'mattelier' in sys.modules)"
    done = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, text=True)
    assert done.stdout.endswith("False\n"), done.stderr
    assert "mattelier_worker.client.Engine" in done.stdout


def test_gimp_2_10_gets_the_adapter_which_runs_the_command_line(home) -> None:
    folder = profile(home, ".config/GIMP/2.10")
    assert install() == 0
    assert tree(folder / "plug-ins") == {
        "mattelier", "mattelier/mattelier.py", "mattelier/engine.json"
    }  # fmt: skip
    assert "gimpfu" in (folder / "plug-ins/mattelier/mattelier.py").read_text("utf-8")
    assert record(folder)["command"][-2:] == ["-m", "mattelier"]


def test_a_sandboxed_2_10_is_passed_over_with_the_reason(home, capsys) -> None:
    folder = profile(home, ".var/app/org.gimp.GIMP/config/GIMP/2.10")
    assert install() == 3
    assert "cannot reach the engine" in capsys.readouterr().err
    assert tree(folder / "plug-ins") == set()


def test_other_folders_are_not_taken_for_profiles(home, capsys) -> None:
    for name in ("2.8", "3.0.bak", "2.99", "backup"):
        profile(home, f".config/GIMP/{name}")
    assert install() == 3
    assert "mattelier" not in tree(home)
    assert "--profile" in capsys.readouterr().err


def test_a_dry_run_says_it_all_and_writes_nothing(home, capsys) -> None:
    folders = [profile(home), profile(home, ".config/GIMP/2.10")]
    before = tree(home)
    assert install("--dry-run") == 0
    output = capsys.readouterr().out
    assert tree(home) == before
    assert all(f"would be installed into {folder}" in output for folder in folders)
    assert "Restart" not in output
    install()
    installed = tree(home)
    assert install("--uninstall", "--dry-run") == 0
    assert tree(home) == installed


def test_running_it_again_replaces_the_older_version(home, capsys) -> None:
    folder = profile(home)
    install()
    plugin = folder / "plug-ins" / "mattelier"
    fresh = tree(plugin)
    (plugin / "engine.json").write_text(json.dumps(record(folder) | {"version": "0.0.1"}))
    (plugin / "mattelier_gimp" / "gone_since.py").touch()
    (plugin / "mattelier.py").write_text("broken")
    assert install() == 0
    assert "(before: 0.0.1)" in capsys.readouterr().out
    assert tree(folder / "plug-ins") == {"mattelier", *(f"mattelier/{name}" for name in fresh)}
    assert record(folder)["version"] == mattelier.__version__


def test_uninstalling_takes_ours_and_nothing_else(home, capsys) -> None:
    folders = [profile(home), profile(home, ".config/GIMP/2.10")]
    neighbour = folders[0] / "plug-ins" / "other.py"
    neighbour.touch()
    before = tree(home / ".config")
    install()
    assert install("--uninstall") == 0
    assert tree(home / ".config") == before
    capsys.readouterr()
    assert install("--uninstall") == 0
    assert "in none of" in capsys.readouterr().out


@pytest.mark.parametrize("obstacle", ["folder", "link", "file"])
def test_what_is_not_ours_stays(obstacle, home, tmp_path, capsys) -> None:
    good, bad = profile(home, ".config/GIMP/3.2"), profile(home)
    place = bad / "plug-ins" / "mattelier"
    foreign = tmp_path / "foreign"
    if obstacle == "file":
        place.write_text("theirs")
    else:
        (place if obstacle == "folder" else foreign).mkdir()
        if obstacle == "link":
            place.symlink_to(foreign)
            (foreign / "engine.json").write_text('{"version": "1", "command": []}')
        (place / "theirs.txt").write_text("theirs")
    before = tree(bad)
    assert install() == 3
    output = capsys.readouterr()
    assert "not Mattelier's own" in output.err
    assert str(good / "plug-ins") in output.out
    assert (good / "plug-ins/mattelier/mattelier.py").is_file()
    assert install("--uninstall") == 0
    assert tree(bad) == before
    assert tree(good / "plug-ins") == set()


def test_a_folder_that_cannot_be_written_is_named_and_the_rest_is_done(home, capsys) -> None:
    good, bad = profile(home, ".config/GIMP/3.2"), home / ".config/GIMP/3.0"
    bad.mkdir()
    (bad / "plug-ins").write_text("in the way")
    assert install() == 3
    assert str(bad / "plug-ins") in capsys.readouterr().err
    assert record(good)["command"]
    assert (bad / "plug-ins").read_text() == "in the way"


def test_a_read_only_profile_is_one_sentence(home, capsys) -> None:
    folder = profile(home) / "plug-ins"
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("nothing is read-only here, as for root")
    assert install() == 3
    assert "writable" in capsys.readouterr().err
    assert tree(folder) == set()
    folder.chmod(0o755)
    assert install() == 0
    folder.chmod(0o555)
    assert install("--uninstall") == 3
    assert (folder / "mattelier" / "mattelier.py").is_file()
    folder.chmod(0o755)


@pytest.mark.parametrize("broken", ["copyfile", "replace"])
def test_a_failure_half_way_leaves_the_older_version(broken, home, monkeypatch, capsys) -> None:
    folder = profile(home)
    install()
    before = tree(folder)
    module = {"copyfile": host.shutil, "replace": os}[broken]
    real = getattr(module, broken)

    def fail(source: Path, target: Path) -> None:
        if Path(target).name in ("client.py", "mattelier") and broken_once:
            broken_once.pop()
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(source, target)

    broken_once = [True]
    monkeypatch.setattr(module, broken, fail)
    assert install() == 3
    assert "No space left" in capsys.readouterr().err
    assert not broken_once
    assert tree(folder) == before


def test_only_the_profiles_that_are_named(home, tmp_path, capsys) -> None:
    there = profile(home)
    named = profile(tmp_path, "portable/GIMP")
    assert install("--profile", named, "--profile", profile(tmp_path, "x/2.10") / "plug-ins") == 0
    assert record(named)["command"][-1] == "worker"
    assert record(tmp_path / "x/2.10")["command"][-1] == "mattelier"
    assert tree(there / "plug-ins") == set()
    assert install("--profile", tmp_path / "missing") == 2


@posix
@pytest.mark.parametrize("flag", [[], ["--dry-run"]])
def test_a_gimp_that_never_ran_makes_its_own_profile(flag, home, tmp_path, capsys) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gimp-3.2").touch()
    console = programs / "gimp-console-3.2"
    folder = home / ".config/GIMP/3.2"
    console.write_text(f"#!/bin/sh\n/bin/mkdir -p {folder}/plug-ins\necho $@ > {folder}/called\n")
    console.chmod(0o755)
    assert install(*flag) == 0
    if flag:
        assert not folder.exists()
        assert "would be started once" in capsys.readouterr().out
    else:
        assert "--quit" in (folder / "called").read_text()
        assert record(folder)["command"]
        console.write_text("#!/bin/sh\nexit 1\n")
        folder.rename(home / "moved")
        assert install() == 3
        assert "start it yourself" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["Linux", "flatpak", "Darwin", "Windows"])
def test_else_it_is_to_be_started_first(system, home, tmp_path, monkeypatch, capsys) -> None:
    on("Linux" if system == "flatpak" else system, monkeypatch)
    if system == "Darwin":
        contents = home / "Applications/GIMP.app/Contents"
        contents.mkdir(parents=True)
        properties = plistlib.dumps({"CFBundleShortVersionString": "3.0.4"})
        (contents / "Info.plist").write_bytes(properties)
    else:
        local = tmp_path / "local"
        monkeypatch.setenv("LOCALAPPDATA", str(local))
        programs, name = {
            "Linux": (tmp_path / "bin", "gimp-3.0"),
            "Windows": (local / "Programs/GIMP 3/bin", "gimp-3.0.exe"),
            "flatpak": (
                home / ".local/share/flatpak/app/org.gimp.GIMP/current/active/files/bin",
                "gimp-3.0",
            ),
        }[system]
        programs.mkdir(parents=True)
        (programs / name).touch()
    before = tree(home)
    assert install() == 3
    output = capsys.readouterr().err
    assert "GIMP 3.0" in output
    assert "start it once" in output
    assert tree(home) == before


@posix
def test_the_engine_is_tried_out_and_recorded_as_it_starts(
    home, tmp_path, monkeypatch, capsys
) -> None:
    folder = profile(home)
    picky = tmp_path / "python"
    picky.write_text(f'#!/bin/sh\ncase "$1" in -I) exit 1;; esac\nexec {sys.executable} "$@"\n')
    picky.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(picky))
    assert install() == 0
    assert record(folder)["command"] == [
        str(picky), "-E", "-P", "-m", "mattelier", "worker"
    ]  # fmt: skip
    picky.write_text("#!/bin/sh\nexit 1\n")
    before = (folder / "plug-ins/mattelier/engine.json").read_text()
    assert install() == 3
    assert "install it into an environment" in capsys.readouterr().err
    assert (folder / "plug-ins/mattelier/engine.json").read_text() == before


def test_the_doctor_knows_how_the_plug_in_stands(home) -> None:
    sound, old, lost, foreign = (
        profile(home, f".config/GIMP/3.{number}") for number in (0, 2, 4, 6)
    )
    install()
    bare = profile(home, ".config/GIMP/3.8")
    for folder, change in (
        (old, {"version": "0.0.1"}),
        (lost, {"command": [str(home / "gone")]}),
        (foreign, {}),
    ):
        changed = {**record(folder), **change} if change else {}
        (folder / "plug-ins/mattelier/engine.json").write_text(json.dumps(changed))
    report = doctor.examine()
    version = f"version {mattelier.__version__}"
    assert report.gimp[str(sound)] == report.gimp[str(lost)] == version
    assert report.gimp[str(old)] == "version 0.0.1"
    assert "mattelier install gimp" in report.gimp[str(bare)]
    about = {p.what: p for p in report.problems if "GIMP" in p.what}
    assert len(about) == 3
    assert not any(problem.fatal for problem in about.values())
    assert all("mattelier install gimp" in problem.mend for problem in about.values())
    for sentence in (f"GIMP 3.4 looks for the engine at {home / 'gone'}", "0.0.1", "own folder"):
        assert any(sentence in what for what in about)
