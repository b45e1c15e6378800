"""Flags from the config file and the environment: whose word counts, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mattelier.commands.main import main
from mattelier.doctor import examine


@pytest.fixture
def config(tmp_path: Path, colours: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATTELIER_CONFIG", "config.toml")
    Image.new("RGB", (8, 8), "red").save("a.png")
    return Path("config.toml")


def mode(*flags: str) -> str:
    """What `matte` writes: "L" for 8 bits, "I;16" for 16."""
    assert main(["matte", "a.png", "-o", "m.png", "--overwrite", *flags]) == 0
    with Image.open("m.png") as result:
        return result.mode


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('model = "colours"\n')  # of every command that has it
    assert mode() == "L"
    config.write_text('model = "gone"\nquality = "fast"\n[matte]\nmodel = "colours"\nbits = 16\n')
    assert mode() == "I;16"
    monkeypatch.setenv("MATTELIER_MATTE_BITS", "8")
    assert mode() == "L"
    assert mode("--bits", "16") == "I;16"


def test_switches_and_flags_that_come_several_times(config: Path) -> None:
    config.write_text(
        'model = "colours"\n[cutout]\npoint = ["2,2", "3,3"]\ncrop = true\nforeground = false\n'
    )
    assert main(["cutout", "a.png"]) == 0
    assert main(["cutout", "a.png", "--no-crop", "--foreground", "-o", "whole.png"]) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quality = ", ["not TOML"]),
        ("[cutuot]\ncrop = true", ["'cutuot'", "cutout perhaps"]),
        ("[matte]\nqualty = 'best'", ["matte has no flag --qualty", "quality perhaps"]),
        ("qualty = 'best'", ["no command has a flag --qualty"]),
        ("quality = 'superb'", ["quality", "'superb'", "balanced"]),
        ("[matte]\nbox = '1,2'", ["box", "x,y,w,h"]),
        ("[matte]\nbits = 12", ["bits", "12"]),
    ],
)
def test_what_it_cannot_mean_is_one_sentence(
    config: Path, text: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(text)
    assert main(["matte", "a.png", "-o", "m.png"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), Path("m.png").exists()) == ("", 1, False)
    for word in ("config.toml", *words):
        assert word in err
    assert main(["matte", "--help"]) == 0


def test_a_named_file_must_be_there_and_the_doctor_says_so(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matte", "a.png"]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert any("config.toml" in problem.what for problem in examine().problems)


def test_shells_complete_commands_flags_and_values() -> None:
    def completed(words: str) -> list[str]:
        environment = {
            **os.environ,
            "_MATTELIER_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - (0 if words.endswith(" ") else 1)),
        }
        run = subprocess.run(
            [Path(sys.executable).with_name("mattelier")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout.split()

    assert "plain,cutout" in completed("mattelier cut")
    assert "plain,--quality" in completed("mattelier cutout --qual")
    assert completed("mattelier cutout --quality b") == ["plain,balanced", "plain,best"]
    assert "file,ph" in completed("mattelier cutout ph")
