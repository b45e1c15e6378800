"""GIMP as a flatpak: the way to a worker that is outside, as far as it goes without flatpak."""

import os
import sys

from stage import PLUGIN, done, worker_client

# Stands in for flatpak's own: it starts what it is told, which is outside already.
SPAWN = """#!/bin/sh
[ "$1" = --host ] || exit 9
shift
touch "{witness}"
exec "$@"
"""


def plugin_engine():
    if str(PLUGIN) not in sys.path:
        sys.path.insert(0, str(PLUGIN))
    from mattelier_gimp import engine

    return engine


def sandboxed(here, policy):
    """The plug-in's engine as in a flatpak with that line in its own description."""
    engine = plugin_engine()
    info = here.out / "flatpak-info"
    info.write_text(f"[Application]\nname=org.gimp.GIMP\n\n[Session Bus Policy]\n{policy}\n")
    engine.SANDBOX_INFO = str(info)
    return engine


def case_a_flatpak_starts_nothing_unless_it_may(here):
    engine = sandboxed(here, "org.freedesktop.portal.Desktop=talk")
    try:
        assert engine.command("") == ()
        client = worker_client()
        try:
            client.connect(client.Engine(engine.command("")), "test").close()
        except client.Unavailable as error:
            assert "mattelier worker" in str(error)  # noqa: PT017 - there is no pytest in GIMP
    finally:
        engine.SANDBOX_INFO = "/.flatpak-info"


def case_a_flatpak_that_may_starts_the_worker_outside(here):
    done("check")  # the plug-in and its client are whole
    engine = sandboxed(here, "org.freedesktop.Flatpak=talk")
    programs, runtime = here.out / "bin", here.out / "r"
    for folder in (programs, runtime):
        folder.mkdir(mode=0o700, exist_ok=True)
    witness = here.out / "spawned"
    (programs / "flatpak-spawn").write_text(SPAWN.format(witness=witness))
    (programs / "flatpak-spawn").chmod(0o755)
    before = dict(os.environ)
    os.environ["PATH"] = f"{programs}:{before['PATH']}"
    os.environ["MATTELIER_RUNTIME"] = str(runtime)
    try:
        command = engine.command("")
        assert command[:2] == ("flatpak-spawn", "--host")
        client = worker_client()
        with client.connect(client.Engine(command, 5), "test") as running:
            assert running.run("status", {}).report["models"]
            pid = running.pid
        assert witness.exists(), "it was not started the flatpak's way"
        os.kill(pid, 15)
    finally:
        engine.SANDBOX_INFO = "/.flatpak-info"
        os.environ.clear()
        os.environ.update(before)


def case_a_worker_of_the_session_is_found_in_the_home(here):
    """A sandbox sees the home, not the runtime folder: the worker listens where both look."""
    engine = sandboxed(here, "")
    home = here.out / "h"
    home.mkdir(exist_ok=True)
    before = dict(os.environ)
    client = worker_client()
    os.environ["HOME"] = str(home)
    del os.environ["XDG_RUNTIME_DIR"]
    try:
        engine.SANDBOX_INFO = "/no-such-file"
        started = engine.command("")
        with client.connect(client.Engine(started, 5), "session") as running:
            pid = running.pid
        os.environ["XDG_RUNTIME_DIR"] = str(home / "of-the-sandbox")
        engine.SANDBOX_INFO = str(here.out / "flatpak-info")
        assert engine.command("") == ()
        with client.connect(client.Engine(()), "flatpak") as running:
            assert running.pid == pid
        os.kill(pid, 15)
    finally:
        engine.SANDBOX_INFO = "/.flatpak-info"
        os.environ.clear()
        os.environ.update(before)
