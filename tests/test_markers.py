"""Every marker stands on a test that there is."""

import ast

from marking import HOSTLESS, HOSTS, SLOW, TESTS, TRAINING, markers


def test_every_name_in_the_tables_is_a_test() -> None:
    files = {path.name: path for path in TESTS.rglob("test_*.py")}
    assert files.keys() >= HOSTLESS
    assert files.keys() >= TRAINING
    assert all((TESTS / name).exists() for name in HOSTS)
    functions = {
        f"{name}::{node.name}"
        for name, path in files.items()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert functions >= SLOW, f"not there: {SLOW - functions}"


def test_markers_and_groups() -> None:
    assert markers(TESTS / "gimp" / "test_gimp_batch.py", "test_in_gimp") == ({"host"}, "gimp")
    stand_ins = TESTS / "blender" / "test_install_blender.py"
    assert markers(stand_ins, "test_x") == (set(), "blender/test_install_blender.py")
    assert markers(TESTS / "test_train.py", "test_x") == ({"train"}, "test_train.py")
    slow = markers(TESTS / "test_upscale.py", "test_benchmark")
    assert slow == ({"slow"}, "test_upscale.py")
    assert markers(TESTS / "test_upscale.py", "test_x")[0] == set()
