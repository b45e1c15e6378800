"""Settings, Check Installation, and what happens when the engine is gone, killed or left."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from stage import (
    PLUGIN,
    Gimp,
    Gio,
    assert_a_matte,
    assert_same,
    call,
    done,
    refused,
    state,
    values,
    worker,
    worker_client,
    worker_pid,
)

SETTINGS = Path(Gimp.directory()) / "mattelier-settings.json"


def large_photo(here):
    """One that the engine works on for more than a moment."""
    image = here.photo()
    image.scale(3600, 2400)
    image.clean_all()
    return image


def while_it_works(act, task="matte"):
    """Start to watch the worker; `act` is called once, as soon as it computes `task`."""
    acted = threading.Event()

    def watch():
        client = worker_client()
        end = time.monotonic() + 30
        with client.connect(client.Engine(), "watcher") as running:
            while time.monotonic() < end:
                if task in running.run("status", {}).report["jobs"]:
                    acted.set()
                    act(running)
                    return
                time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread, acted


def jobs_left():
    with worker() as running:
        return running.run("status", {}).report["jobs"]


def engine_json(**changes):
    path = PLUGIN / "engine.json"
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**record, **changes}), "utf-8")


def case_check_says_that_all_is_well(here):
    (text,) = done("check")
    for word in ("GIMP 3.", "Engine", "cutout", "All is well"):
        assert word in text, text
    assert str(worker_pid()) in text


def case_check_names_what_is_missing(here):
    engine_json(command=["/nowhere/python", "-m", "mattelier", "worker"])
    (text,) = done("check")
    assert "/nowhere/python" in text
    assert "mattelier install gimp" in text
    assert "All is well" not in text
    (PLUGIN / "engine.json").write_text("{}", "utf-8")
    (text,) = done("check")
    assert "mattelier install gimp" in text


def case_a_vanished_engine_is_one_sentence(here):
    image = here.photo()
    before = state(image)
    engine_json(command=["/nowhere/python", "-m", "mattelier", "worker"])
    for name in (
        "remove-background",
        "select-subject",
        "replace-background",
        "upscale",
        "portrait-blur",
        "denoise",
        "enhance",
    ):
        assert "mattelier install gimp" in refused(name, image)
    assert_same(state(image), before)
    assert not image.is_dirty()


def case_an_engine_that_cannot_start_is_one_sentence(here):
    with worker() as running:
        running.run("stop", {})
    while worker_pid():
        time.sleep(0.05)
    image = here.photo()
    engine_json(command=["/bin/false"])
    assert "doctor" in refused("remove-background", image)
    engine_json(command=[])
    assert "mattelier worker" in refused("remove-background", image)
    assert not image.is_dirty()


def case_a_damaged_installation_is_one_sentence(here):
    image = here.photo()
    for content in ("", "[]", '{"command": 3}'):
        (PLUGIN / "engine.json").write_text(content, "utf-8")
        assert "mattelier install gimp" in refused("remove-background", image), content


def case_the_models_offered_are_those_of_the_task_that_are_here(here):
    worker_client()  # makes the plug-in's own modules known
    from mattelier_gimp import engine

    assert "cutout" in engine.models("matte")
    assert "upscale-x2" not in engine.models("matte")
    assert {"upscale-x2", "upscale-x4"} <= set(engine.models("upscale"))
    assert "cutout" not in engine.models("upscale")
    shipped, user = map(Path, engine.installed().models)
    name = "modnet"  # its card is shipped, and its weights are fetched into the user's folder
    card = (shipped / name / "card.toml").read_text("utf-8")
    file = card.split('path = "')[1].split('"')[0]
    assert name not in engine.models("matte")
    (user / name).mkdir(parents=True)
    (user / name / file).touch()
    assert name in engine.models("matte")
    (user / name / file).unlink()
    (user / name).rmdir()


def case_settings_are_stored_without_an_image(here):
    done("settings", device="cpu", keep_warm=7, operation="add")
    stored = json.loads(SETTINGS.read_text("utf-8"))
    assert (stored["device"], stored["keep_warm"], stored["operation"]) == ("cpu", 7, "add")
    assert not [p for p in SETTINGS.parent.iterdir() if p.name.startswith(".mattelier-")]


def case_an_engine_in_the_settings_must_exist(here):
    missing = Gio.File.new_for_path("/nowhere/mattelier")
    assert not call("settings", engine=missing).ok  # GIMP itself looks
    assert not SETTINGS.exists()


def case_damaged_settings_are_as_none(here):
    for content in ("", "[]", "{", '{"device": 5, "keep_warm": "x", "engine": []}'):
        SETTINGS.write_text(content, "utf-8")
        assert_a_matte(values(done("remove-background", here.photo())[0]))


def case_a_device_that_is_not_there_is_told(here):
    done("settings", device="mps")
    image = here.photo()
    answer = call("remove-background", image)
    assert answer.ok or ("mps" in answer.message.lower() and "\n" not in answer.message)


@contextlib.contextmanager
def read_only_home(*but):
    """The home on a read-only file system for the block, except for folders in it."""
    home = Path.home()
    mounts = [*(home / name for name in but), home]
    for folder in reversed(mounts):
        subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", home], check=True, capture_output=True)
        yield home
    finally:
        for folder in mounts:
            subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def case_a_home_that_cannot_be_written_is_named(here):
    done("remove-background", here.photo())
    with worker() as running:
        running.run("stop", {})
    while worker_pid():
        time.sleep(0.05)
    image = here.photo()
    before = state(image)
    with read_only_home() as home:
        text = refused("remove-background", image)
    assert str(home) in text, text
    assert "Read-only file system" in text, text
    assert_same(state(image), before)
    with read_only_home("run"):  # where it listens can be written: nothing else is needed
        mask, _ = done("remove-background", image)
    assert_a_matte(values(mask))


def case_a_killed_worker_is_one_sentence_and_the_next_call_works(here):
    done("remove-background", here.photo())
    image = large_photo(here)
    before = state(image)
    pid = worker_pid()
    thread, acted = while_it_works(lambda running: os.kill(pid, signal.SIGKILL))
    text = refused("remove-background", image, quality="best")
    thread.join()
    assert acted.is_set()
    assert "try again" in text
    assert_same(state(image), before)
    assert not image.is_dirty()
    assert_a_matte(values(done("remove-background", here.photo())[0]))
    assert worker_pid() not in (None, pid)


def case_a_cancelled_job_leaves_the_image_alone_and_the_worker_warm(here):
    # As GIMP cancels: it ends the plug-in's process without a word.
    done("remove-background", here.photo())
    image = large_photo(here)
    before = state(image)
    pid = worker_pid()
    thread, acted = while_it_works(lambda running: end_plugin())
    answer = call("remove-background", image, quality="best")
    thread.join()
    assert acted.is_set()
    assert not answer.ok
    assert_same(state(image), before)
    assert not image.is_dirty()
    end = time.monotonic() + 5
    while jobs_left() and time.monotonic() < end:
        time.sleep(0.02)
    assert not jobs_left(), "the worker works on for nobody"
    assert worker_pid() == pid
    assert_a_matte(values(done("remove-background", here.photo())[0]))


def case_a_cancelled_enlargement_leaves_nothing_behind(here):
    done("upscale", here.photo())
    for result in ("image", "whole"):
        image = here.photo()
        image.scale(1200, 800)
        image.clean_all()
        before, images, pid = state(image), Gimp.get_images(), worker_pid()
        thread, acted = while_it_works(lambda running: end_plugin(), "upscale")
        answer = call("upscale", image, scale="4", result=result)
        thread.join()
        assert acted.is_set()
        assert not answer.ok
        assert_same(state(image), before)
        assert not image.is_dirty()
        assert Gimp.get_images() == images
        end = time.monotonic() + 60  # a tile is finished
        while jobs_left() and time.monotonic() < end:
            time.sleep(0.02)
        assert not jobs_left(), "the worker works on for nobody"
        assert worker_pid() == pid


def end_plugin():
    """Kill the process of the plug-in that runs a procedure for this GIMP."""
    gimp = os.getppid()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == gimp and any(word.endswith(b"/mattelier.py") for word in words):
                os.kill(int(entry.name), signal.SIGKILL)


def together_with_another(here):
    """One of several GIMPs that start at once, with no worker running; says who worked for it."""
    mask, _ = done("remove-background", here.photo())
    assert_a_matte(values(mask))
    here.note(worker=worker_pid())


def case_commands_that_are_named_can_be_run(here):
    text = refused("style", here.photo())
    assert shutil.which("mattelier") or re.search(r"“/\S+ .*mattelier models import", text), text


def case_what_has_no_network_is_not_in_the_menu(here):
    def paths(name):
        return Gimp.get_pdb().lookup_procedure(f"plug-in-mattelier-{name}").get_menu_paths()

    assert not paths("style")
    assert paths("enhance")


def case_models_that_were_never_fetched_are_told_as_optional(here):
    (text,) = done("check")
    assert text.startswith("All is well."), text
    (line,) = [line for line in text.splitlines() if "birefnet" in line]
    assert line.startswith("Optional models"), line
