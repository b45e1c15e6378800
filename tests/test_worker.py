"""The worker through its socket: what hosts rely on, and what a hostile client cannot do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worker_session import COMMAND, connect, photo, start_worker, to_array, to_pixels

import mattelier
from mattelier.worker import client, protocol
from mattelier.worker.client import Engine, WorkerError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these speak to a Unix socket")


TEMPLATE = Path(__file__).parents[1] / "gimp_plugin" / "mattelier" / "locale" / "mattelier.pot"


@pytest.fixture
def runtime(monkeypatch) -> Iterator[Path]:
    """A runtime folder of its own, with a short path; its worker is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        monkeypatch.setenv("MATTELIER_RUNTIME", folder)
        yield Path(folder)
        with contextlib.suppress(WorkerError), client.connect(Engine(), "test") as worker:
            os.kill(worker.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A worker for the tests that leave it as they found it."""
    with start_worker() as folder:
        yield folder


def raw(folder: Path) -> socket.socket:
    """A connection without a client, greeted."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(folder / f"worker-{protocol.VERSION}.sock"))
    protocol.send(connection, {"protocol": protocol.VERSION, "client": "test"})
    assert protocol.receive(connection)["protocol"] == protocol.VERSION
    return connection


def test_the_matte_is_the_one_that_the_python_door_gives(shared):
    with connect() as worker:
        answer = worker.run("matte", {"feather": 2}, {"picture": to_pixels(photo())}, depth="u16")
    truth = mattelier.matte(photo(), feather=2).alpha
    np.testing.assert_allclose(to_array(answer.pictures["alpha"]) / 65535, truth, atol=1e-4)
    assert answer.report["model"] == "cutout"


def test_many_rows_come_in_strips(shared):
    tall = photo(600, 40)
    with connect() as worker:
        alpha = worker.run("matte", {"quality": "fast"}, {"picture": to_pixels(tall)}).pictures[
            "alpha"
        ]
    assert [len(strip) // 40 for strip in alpha.strips] == [256, 256, 88]


@pytest.mark.parametrize(
    ("picture", "transfer", "depth"),
    [
        (photo(), "display", "u8"),
        (photo().astype(np.uint16) * 257, "display", "u16"),
        (photo().astype(np.float32) / 64, "linear", "f32"),
    ],
    ids=["8 bit", "16 bit", "linear float above 1"],
)
def test_a_cut_out_keeps_the_colours_of_what_is_solid(shared, picture, transfer, depth):
    with connect() as worker:
        answer = worker.run("cutout", {}, {"picture": to_pixels(picture, transfer)}, depth=depth)
    alpha, foreground = to_array(answer.pictures["alpha"]), to_array(answer.pictures["foreground"])
    solid = alpha == (1 if depth == "f32" else np.iinfo(alpha.dtype).max)
    assert solid.any()
    np.testing.assert_array_equal(foreground[solid], picture[solid])


def test_the_alpha_of_the_picture_comes_back_in_the_matte(shared):
    half = np.full((96, 128, 1), 128, np.uint8)
    with connect() as worker:
        opaque = to_array(
            worker.run("matte", {}, {"picture": to_pixels(photo())}).pictures["alpha"]
        )
        faded = np.concatenate([photo(), half], 2)
        alpha = to_array(worker.run("matte", {}, {"picture": to_pixels(faded)}).pictures["alpha"])
    assert abs(int(alpha.max()) - int(opaque.max()) / 2) < 3


def test_a_rough_mask_is_refined_within_its_band(shared):
    y, x = np.mgrid[:96, :128]
    rough = (np.hypot(y - 48, x - 66) < 34).astype(np.uint8) * 255
    with connect() as worker:
        pictures = {"picture": to_pixels(photo()), "mask": to_pixels(rough)}
        alpha = to_array(worker.run("refine", {"width": 6}, pictures).pictures["alpha"])
    truth = np.hypot(y - 48, x - 64) < 32
    assert np.abs(alpha / 255 - truth).mean() < 0.5 * np.abs(rough / 255 - truth).mean()
    assert alpha[:8].max() == 0
    assert alpha[48, 64] == 255


def test_light_is_matched_to_a_background_that_travels(shared):
    warm = np.full((40, 60, 3), (250, 160, 80), np.uint8)
    with connect() as worker:
        pictures = {"picture": to_pixels(photo()), "background": to_pixels(warm)}
        answer = worker.run("cutout", {"match_light": 0.8}, pictures)
        plain = worker.run("cutout", {}, {"picture": to_pixels(photo())})
    solid = to_array(answer.pictures["alpha"]) == 255
    relit, plain_colour = (
        to_array(a.pictures["foreground"])[solid].mean(0) for a in (answer, plain)
    )
    assert relit[0] / relit[2] > 1.1 * plain_colour[0] / plain_colour[2]


def test_a_shot_and_its_report_are_made_from_absolute_paths(shared, tmp_path):
    from PIL import Image

    (tmp_path / "plate").mkdir()
    for frame in range(1, 4):
        Image.fromarray(photo()).save(tmp_path / "plate" / f"hero.{frame:04d}.png")
    roto_request = {
        "plate": str(tmp_path / "plate"),
        "output": str(tmp_path / "out" / "a.####.png"),
    }
    with connect() as worker:
        report = worker.run("roto", roto_request).report
        assert (report["written"], report["failed"]) == ("1-3", "")
        page = worker.run("qc", {"manifest": report["manifest"]}).report["report"]
    assert len(list((tmp_path / "out").glob("a.*.png"))) == 3
    assert "<svg" in Path(page).read_text("utf-8")


def test_progress_is_told_and_only_grows(shared):
    heard: list[float] = []
    with connect() as worker:
        pictures = {"picture": to_pixels(photo(1500, 2000))}
        worker.run("cutout", {}, pictures, progress=lambda part, stage: heard.append(part))
    assert heard == sorted(heard)
    assert 0 <= heard[0] < 0.3 < heard[-1] <= 1


def test_several_requests_on_one_connection_and_several_clients(shared):
    def ask(results: list) -> None:
        with connect() as worker:
            for _ in range(3):
                report = worker.run("matte", {}, {"picture": to_pixels(photo())}).report
                results.append((worker.pid, report["coverage"]))

    results: list = []
    threads = [threading.Thread(target=ask, args=(results,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 15
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("task", "options", "pictures", "sentence"),
    [
        ("matte", {"hint": {"mask": "/etc/passwd"}}, {"picture": photo()}, "reads no files"),
        ("cutout", {"background": "/etc/passwd"}, {"picture": photo()}, "reads no files"),
        (
            "refine",
            {"mask": "/etc/passwd"},
            {"picture": photo(), "mask": photo()[..., 0]},
            "reads no files",
        ),
        ("matte", {"model": "../../etc"}, {"picture": photo()}, "There is no model"),
        ("matte", {"quality": "superb"}, {"picture": photo()}, "quality is one of"),
        ("matte", {"qualty": "best"}, {"picture": photo()}, "unknown key 'qualty'"),
        ("matte", {"feather": "2"}, {"picture": photo()}, "feather cannot be '2'"),
        ("matte", {"hint": {"points": [{"x": 900, "y": 4}]}}, {"picture": photo()}, "outside"),
        ("matte", {}, {}, "needs the picture 'picture'"),
        ("matte", {}, {"picture": photo()[..., 0]}, "cannot have 1 channels"),
        ("matte", {}, {"picture": photo(), "x": photo()}, "takes the pictures"),
        ("matte", {}, {"picture": photo(), "mask": photo(9, 9)[..., 0]}, "9×9"),
        ("refine", {}, {"picture": photo(), "mask": photo()[..., 0] * 0}, "no edge"),
        ("paint", {}, {}, "There is no task 'paint'"),
        ("qc", {"manifest": "/etc/passwd", "x": 1}, {}, "nothing else"),
        ("qc", {"manifest": "manifest.json"}, {}, "There is no manifest"),
        ("roto", {"plate": "plate.####.exr", "output": "/tmp/x"}, {}, "absolute paths"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(shared, task, options, pictures, sentence):
    with connect() as worker:
        announced = {name: to_pixels(np.ascontiguousarray(p)) for name, p in pictures.items()}
        with pytest.raises(WorkerError, match=sentence) as caught:
            worker.run(task, options, announced)
    error = caught.value
    assert "\n" not in str(error)
    assert error.key.format(**error.arguments) == str(error)
    assert error.key in TEMPLATE.read_text("utf-8").replace('"\n"', "").replace('\\"', '"')


def test_what_a_report_remarks_on_has_a_key(shared):
    with connect() as worker:
        pictures = {"picture": to_pixels(photo()), "mask": to_pixels(photo()[..., 0] * 0)}
        report = worker.run("erase", {}, pictures).report
    assert report["note"] == "The mask is empty, so nothing was erased."
    assert report["notes"] == [{"key": report["note"], "arguments": {}}]


def test_a_refusal_leaves_the_connection_usable(shared):
    with connect() as worker:
        with pytest.raises(WorkerError):
            worker.run("matte", {"quality": "superb"}, {"picture": to_pixels(photo())})
        assert worker.run("matte", {}, {"picture": to_pixels(photo())}).report["model"] == "cutout"


def picture_entry(**changes: object) -> bytes:
    entry = {"name": "picture", "width": 8, "height": 8, "channels": 3, "depth": "u8"} | changes
    return framed(json.dumps({"task": "matte", "options": {}, "pictures": [entry]}).encode())


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
        framed(b"not json"),
        framed(b"\xff\xfe"),
        framed(b"[]"),
        framed(b"[" * 60000),
        framed(b'{"task": {"a": 1}}'),
        framed(b'{"task": "matte", "pictures": {"a": 1}}'),
        framed(b'{"task": "matte", "pictures": [3]}'),
        framed(b'{"task": "status", "options": 7}'),
        picture_entry(width=10**9, height=10**9),
        picture_entry(width=-1),
        picture_entry(width=True),
        picture_entry(width=1e3),
        picture_entry(channels=3.5),
        picture_entry(channels=[3]),
        picture_entry(depth="f64"),
        picture_entry(depth=["u8"]),
        picture_entry(transfer={}),
        picture_entry(),  # and then no pixels
        os.urandom(5000),
    ],
)
def test_a_hostile_client_does_no_harm(shared, data):
    with raw(shared) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(EOFError, OSError):
            while "error" not in protocol.receive(connection):
                pass
    with connect() as worker:
        assert worker.run("status", {}).report["jobs"] == []


def test_a_job_that_waits_for_others_says_so(shared):
    """Else a host's progress would stand still for no reason that it could tell."""
    picture, heard = photo(600, 800), []
    mask = np.zeros((600, 800), np.uint8)
    mask[200:400, 200:600] = 255

    def refine() -> None:
        with connect() as worker:
            pictures = {"picture": to_pixels(picture), "mask": to_pixels(mask)}
            worker.run(
                "refine",
                {"width": 150},
                pictures,
                progress=lambda _share, stage: heard.append(stage),
            )

    threads = [threading.Thread(target=refine) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "waiting for other work" in heard
    assert "refining the edge" in heard


def test_not_finite_pixels_do_no_harm(shared):
    picture = photo().astype(np.float32) / 255
    picture[10:20, 10:20] = np.nan
    picture[30, 30] = np.inf
    with connect() as worker:
        pictures = {"picture": to_pixels(picture, "linear")}
        alpha = to_array(worker.run("matte", {}, pictures, depth="f32").pictures["alpha"])
    assert np.isfinite(alpha).all()


def test_leaving_cancels_and_the_worker_stays_warm(shared):
    class Left(Exception):  # noqa: N818
        pass

    def leave(fraction: float, stage: str) -> None:
        raise Left

    def jobs() -> list[str]:
        with connect() as worker:
            return worker.run("status", {}).report["jobs"]

    slow = {"width": 300, "quality": "best"}
    mask = np.zeros((3000, 4000), np.uint8)
    mask[1000:2000, 1000:3000] = 255
    picture = photo(3000, 4000)

    def refine(worker: client.Worker, **heard: Any) -> None:
        worker.run(
            "refine", slow, {"picture": to_pixels(picture), "mask": to_pixels(mask)}, **heard
        )

    with connect() as worker:
        pid, begin = worker.pid, time.monotonic()
        refine(worker)
        undisturbed = time.monotonic() - begin
        with pytest.raises(Left):
            refine(worker, progress=leave)
    end = time.monotonic() + undisturbed / 2
    while "refine" in jobs() and time.monotonic() < end:
        time.sleep(0.05)
    assert jobs() == []
    with connect() as worker:
        assert worker.pid == pid


def test_it_listens_for_this_user_only(shared):
    path = shared / f"worker-{protocol.VERSION}.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _close_to_others(folder: Path) -> None:
    folder.chmod(0o777)


def _give_away(folder: Path) -> None:
    os.chown(folder, 65534, 65534)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_close_to_others, "open to other users"),
        pytest.param(
            _give_away,
            "belongs to another user",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away: root"),
        ),
    ],
)
def test_a_folder_where_others_could_listen_is_not_trusted(runtime, spoil, sentence):
    """Whoever listens there is sent nothing, not even a greeting; the worker does not listen."""
    spoil(runtime)
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(str(protocol.address(runtime)))
        squatter.listen()
        squatter.settimeout(0.2)
        with pytest.raises(WorkerError, match=sentence) as caught:
            connect()
        assert "\n" not in str(caught.value)
        with pytest.raises(TimeoutError):
            squatter.accept()
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60)
    assert (done.returncode, sentence in done.stderr) == (3, True)


@pytest.mark.parametrize("name", ["worker-output.txt", f"worker-{protocol.VERSION}.lock"])
def test_links_in_the_folder_are_not_followed(runtime, tmp_path, name):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (runtime / name).symlink_to(victim)
    with connect() as worker:
        worker.run("status", {})
    assert victim.read_text() == "precious"
    assert not (runtime / name).is_symlink()


def test_the_folder_that_is_ours_by_name_is_closed(monkeypatch):
    """Everyday work makes the cache folder as open as the umask has it."""
    with tempfile.TemporaryDirectory(prefix="mt") as home:
        monkeypatch.delenv("MATTELIER_RUNTIME", raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", home)
        folder = protocol.folders()[0]
        folder.mkdir()
        folder.chmod(0o775)
        protocol.make_folder(folder)
        assert protocol.distrust(folder) is None


def test_idle_clients_make_room(runtime):
    """However many hold a connection and say nothing, the next one is served."""
    with connect(), contextlib.ExitStack() as held:
        for _ in range(70):
            held.enter_context(raw(runtime))
        with connect() as worker:
            assert worker.run("status", {}).report["version"]


@pytest.mark.parametrize(
    "greeting",
    [
        {"token": "é"},
        {"token": "\ud800"},
        {"token": ["x"]},
        {"protocol": 4.0},
        {"protocol": "\ud800"},
    ],
)
def test_an_odd_greeting_is_answered(shared, greeting):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(protocol.address(shared)))
        protocol.send(connection, {"protocol": protocol.VERSION, **greeting})
        assert "error" in protocol.receive(connection)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts a process's files")
def test_a_worker_that_can_open_no_more_files_goes_on(runtime):
    code = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)); "
    code += "from mattelier.commands.main import main; main(['worker'])"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not protocol.address(runtime).exists() and time.monotonic() < end:
            time.sleep(0.05)
        with client.connect(Engine(), "test") as worker:
            worker.run("status", {})
        with contextlib.ExitStack() as held:
            for _ in range(90):
                connection = held.enter_context(socket.socket(socket.AF_UNIX))
                connection.setblocking(False)
                with contextlib.suppress(OSError):
                    connection.connect(str(protocol.address(runtime)))
            time.sleep(1)
            assert process.poll() is None
        with client.connect(Engine(), "test") as worker:
            assert worker.run("status", {}).report["pid"] == process.pid
        process.kill()


def test_versions_are_checked_on_both_sides(shared, monkeypatch):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(shared / f"worker-{protocol.VERSION}.sock"))
        protocol.send(connection, {"protocol": 99, "client": "a later plug-in"})
        assert "mattelier install" in protocol.receive(connection)["error"]
    path = protocol.address(shared)
    monkeypatch.setattr(protocol, "VERSION", 99)
    monkeypatch.setattr(protocol, "address", lambda folder: path)
    with pytest.raises(WorkerError, match="different versions"):
        connect()


def test_one_worker_starts_however_many_call(runtime):
    pids: list[int] = []

    def call() -> None:
        with connect() as worker:
            pids.append(worker.pid)

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 5
    assert len(set(pids)) == 1


def test_it_starts_in_the_environment_of_a_foreign_python(runtime, monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('a foreign json')")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("GI_TYPELIB_PATH", str(tmp_path))
    with connect() as worker:
        environment = Path(f"/proc/{worker.pid}/environ")
        if environment.exists():
            names = {entry.split(b"=")[0] for entry in environment.read_bytes().split(b"\0")}
            foreign = {b"PYTHONHOME", b"PYTHONPATH", b"LD_LIBRARY_PATH", b"GI_TYPELIB_PATH"}
            assert not names & foreign
        assert worker.run("status", {}).report["pid"] == worker.pid


def test_two_threads_that_leave_touch_no_later_connection():
    """The system gives a closed connection's number to the next one at once."""

    class Connection:
        closed = False
        late = 0

        def shutdown(self, how: int) -> None:
            if self.closed:
                raise OSError  # it knows, and the system is not asked
            entered.set()
            time.sleep(0.05)  # the other thread has all the time to close
            self.late += self.closed

        def close(self) -> None:
            self.closed = True

    for leaving in (client.Worker.leave, client.Worker.close):
        entered, connection = threading.Event(), Connection()
        worker = client.Worker(connection, {})  # type: ignore[arg-type]
        thread = threading.Thread(target=leaving, args=(worker,))
        thread.start()
        entered.wait()
        worker.close()
        thread.join()
        assert connection.closed
        assert not connection.late


def test_it_ends_when_nobody_asks_and_the_next_call_starts_another(runtime):
    with connect(idle=1) as worker:
        first = worker.pid
    end = time.monotonic() + 60
    while list(runtime.glob("*.sock")) and time.monotonic() < end:
        time.sleep(0.1)
    assert not list(runtime.glob("*.sock"))
    with connect() as worker:
        assert worker.pid != first


def test_a_worker_killed_in_mid_work_is_one_sentence_and_the_next_call_works(runtime):
    def kill(fraction: float, stage: str) -> None:
        os.kill(worker.pid, signal.SIGKILL)

    pictures = {"picture": to_pixels(photo(2000, 3000))}
    with connect() as worker:
        first = worker.pid
        with pytest.raises(WorkerError, match="ended in the middle") as caught:
            worker.run("cutout", {}, pictures, progress=kill)
    assert caught.value.log.endswith("mattelier.log")
    with connect() as worker:
        assert worker.pid != first
        assert worker.run("matte", {}, {"picture": to_pixels(photo())}).report["model"] == "cutout"


def test_it_can_be_stopped_and_a_second_one_steps_back(runtime):
    with connect() as worker:
        process = worker.pid
        second = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60)
        assert (second.returncode, second.stderr) == (0, "A worker runs already.\n")
    assert subprocess.run([*COMMAND, "--stop"], timeout=60).returncode == 0
    end = time.monotonic() + 30
    while list(runtime.glob("*.sock")) and time.monotonic() < end:
        time.sleep(0.05)
    assert not list(runtime.glob("*.sock"))
    assert process


def test_a_missing_engine_is_one_sentence(runtime):
    with pytest.raises(client.Unavailable, match=r"cannot be started .*No such file"):
        client.connect(Engine(("/nowhere/python", "-m", "mattelier", "worker")), "test")
    with pytest.raises(client.Unavailable, match="exit code 7"):
        client.connect(Engine((sys.executable, "-c", "raise SystemExit(7)")), "test")
    with pytest.raises(client.Unavailable, match="`mattelier worker`"):
        client.connect(Engine(), "test")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch) -> None:
    """Not the engine is said to be missing, where only its socket has no place."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    monkeypatch.setenv("MATTELIER_RUNTIME", str(tmp_path / "file" / "run"))
    with pytest.raises(client.Unavailable, match=r"folder .*run cannot be used"):
        client.connect(client.Engine((sys.executable, "-c", "pass")), "test")
