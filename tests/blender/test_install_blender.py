"""`mattelier install blender` finds Blenders, and says what it did; a script stands in for them."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from mattelier.commands.main import main
from mattelier.hosts import blender_programs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")

_SCRIPT = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$*" in
    --version) echo "Blender {version}.1" ;;
    *list) [ -e "$0.installed" ] && echo '  mattelier [installed]: "Mattelier", …'; exit 0 ;;
    *install-file*) {install} ;;
    *remove*) rm -f "$0.installed" ;;
esac
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A system without Blender."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    everywhere = blender_programs._programs

    def below_home():
        return (found for found in everywhere() if tmp_path in found.parents)

    monkeypatch.setattr(blender_programs, "_programs", below_home)
    monkeypatch.setattr(blender_programs, "_flatpak_apps", list)
    return tmp_path


def stand_in(path: Path, version: str = "4.3", install: str = 'touch "$0.installed"') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_SCRIPT.format(version=version, install=install), "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def run(home, capfd):
    """Runs the command; gives its exit code and all that it said."""

    def run(*options: object) -> tuple[int, str]:
        code = main(["install", "blender", *map(str, options)])
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return run


def calls(program: Path) -> str:
    file = Path(f"{program}.calls")
    return file.read_text("utf-8") if file.exists() else ""


def test_every_blender_is_found_once(home):
    stand_in(home / "bin" / "blender", "5.0")
    stand_in(home / "blender-4.2" / "blender", "4.2")
    (home / "Downloads").mkdir()
    (home / "Downloads" / "blender-link").symlink_to(home / "blender-4.2")
    versions = sorted(found.version for found in blender_programs.find_blenders())
    assert versions == [(4, 2), (5, 0)]


def test_applications_of_macos_are_found(home, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    stand_in(home / "Applications" / "Blender 4.5.app" / "Contents" / "MacOS" / "Blender", "4.5")
    assert [found.version for found in blender_programs.find_blenders()] == [(4, 5)]


def test_programs_of_windows_are_found(home, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setenv("PROGRAMFILES", str(home / "Program Files"))
    folder = home / "Program Files" / "Blender Foundation" / "Blender 4.4"
    stand_in(folder / "blender.exe", "4.4")
    assert [found.version for found in blender_programs.find_blenders()] == [(4, 4)]


def test_dry_run_changes_nothing(home, run):
    program = stand_in(home / "bin" / "blender")
    code, output = run("--dry-run")
    assert code == 0
    assert "Blender 4.3" in output
    assert "would be installed" in output
    assert "extension" not in calls(program)


def test_installs_by_blenders_own_command_line(home, run):
    program = stand_in(home / "bin" / "blender")
    assert run()[0] == 0
    output = calls(program)
    assert "--command extension build --source-dir" in output
    assert "--command extension install-file -r user_default --enable" in output
    assert not list(home.glob(".mattelier-*"))


def test_a_named_program_or_its_folder_is_taken_alone(home, run):
    other = stand_in(home / "bin" / "blender")
    program = stand_in(home / "elsewhere" / "blender")
    assert run("--blender", program.parent)[0] == 0
    assert "install-file" in calls(program)
    assert "extension" not in calls(other)


def test_uninstalls_what_is_there(home, run):
    program = stand_in(home / "bin" / "blender")
    code, output = run("--uninstall")
    assert code == 0
    assert "in no Blender" in output
    run()
    code, output = run("--uninstall")
    assert code == 0
    assert "removed" in output
    assert "remove user_default.mattelier" in calls(program)


def test_a_refusal_is_told_and_the_others_are_served(home, run):
    stand_in(home / "bin" / "blender", install="echo 'Error: no room left'; exit 1")
    second = stand_in(home / "blender-4.5" / "blender", "4.5")
    code, output = run()
    assert code == 3
    assert "refused the add-on: Error: no room left" in output
    assert Path(f"{second}.installed").exists()


def test_too_old_is_passed_over(home, run):
    program = stand_in(home / "bin" / "blender", "3.6")
    code, output = run()
    assert code == 3
    assert "too old" in output
    assert "extension" not in calls(program)


def test_none_is_told(run):
    code, output = run()
    assert code == 3
    assert "No Blender 4.2 or later was found" in output


def test_what_is_no_blender_is_told(home, run):
    other = home / "other"
    other.write_text("#!/bin/sh\nexit 0\n")
    other.chmod(0o755)
    code, output = run("--blender", other)
    assert code == 3
    assert "does not start as Blender does" in output
