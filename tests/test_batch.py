"""A run over many pictures: all results in order, one bad file stops nothing, Ctrl-C is clean."""

import errno
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattelier.batch import pool
from mattelier.batch.pool import Gate, Job, run
from mattelier.types.errors import ModelError, OutputError
from mattelier.types.progress import remark


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch):
    path = tmp_path / "mattelier.log"
    messages = []

    def keep(error: BaseException) -> Path:
        messages.append(error)
        return path

    monkeypatch.setattr("mattelier.log.log_unexpected", keep)
    return messages


def jobs(folder: Path, count: int, size: int = 4) -> list[Job]:
    job_list = []
    for index in range(count):
        source = folder / f"{index}.png"
        Image.fromarray(np.full((size, size, 3), index, np.uint8)).save(source)
        job_list.append(Job(str(source), source, folder / "out" / f"{index}.txt"))
    return job_list


def compute(picture, hint):
    """The result of picture n is the text n; the report tells it too."""
    number = int(picture.colour[0, 0, 0])
    return lambda path: path.write_text(str(number)), {"number": number}


def test_results_come_in_order_whatever_finishes_first(tmp_path):
    def slow_first(picture, hint):
        time.sleep(0.1 if picture.colour[0, 0, 0] == 0 else 0)
        return compute(picture, hint)

    done_results = []
    results = run(jobs(tmp_path, 5), lambda: slow_first, workers=3, done=done_results.append)
    assert [result.report["number"] for result in results] == [0, 1, 2, 3, 4]
    assert done_results == results
    assert [path.read_text() for path in sorted((tmp_path / "out").iterdir())] == list("01234")
    assert all(result.seconds > 0 and result.report["width"] == 4 for result in results)


def test_one_bad_file_does_not_stop_the_rest(tmp_path):
    work = jobs(tmp_path, 4)
    work[1].source.write_bytes(work[1].source.read_bytes()[:40])
    results = run(work, lambda: compute, workers=2)
    assert [result.error is None for result in results] == [True, False, True, True]
    assert results[1].exit_code == 3
    assert "1.png" in results[1].error
    assert not work[1].output.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("inner"), "mattelier.log"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OutputError("Said well already."), "Said well already."),
    ],
)
def test_every_error_of_a_picture_becomes_one_sentence(tmp_path, error, words):
    def save(path):
        raise error

    (result,) = run(jobs(tmp_path, 1), lambda: lambda *_: (save, {}), workers=1)
    assert words in result.error
    assert "\n" not in result.error
    assert result.exit_code == 3


def test_only_the_unexpected_goes_to_the_log(tmp_path, log):
    def broken(picture, hint):
        raise ZeroDivisionError if picture.colour[0, 0, 0] else ModelError("The model is damaged.")

    run(jobs(tmp_path, 2), lambda: broken, workers=1)
    assert [type(error) for error in log] == [ZeroDivisionError]


def test_a_model_that_cannot_be_opened_fails_all_and_is_opened_once(tmp_path):
    opened = []

    def open_compute():
        opened.append(1)
        raise ModelError("No such model.")

    results = run(jobs(tmp_path, 3), open_compute, workers=2)
    assert {result.error for result in results} == {"No such model."}
    assert opened == [1]


def test_the_model_is_not_opened_when_nothing_can_start(tmp_path):
    problem = OutputError("a.png exists already.")
    job = Job("a.jpg", tmp_path / "a.jpg", tmp_path / "a.png", problem=problem)
    opened = threading.Event()
    (result,) = run([job], lambda: opened.set(), workers=1)  # type: ignore[arg-type, return-value]
    assert (result.error, result.exit_code) == ("a.png exists already.", 3)
    assert not opened.is_set()


def test_a_result_that_appears_meanwhile_is_kept(tmp_path):
    work = jobs(tmp_path, 1)

    def appears(picture, hint):
        work[0].output.parent.mkdir()
        work[0].output.write_text("mine")
        return compute(picture, hint)

    (result,) = run(work, lambda: appears, workers=1, overwrite=False)
    assert "--overwrite" in result.error
    assert work[0].output.read_text() == "mine"


@pytest.fixture
def listening_to_ctrl_c():
    """As in a terminal: what a shell starts in the background ignores Ctrl-C, and so do we."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_ctrl_c_finishes_what_is_written_and_begins_nothing_more(tmp_path):
    messages = []
    handler = signal.getsignal(signal.SIGINT)

    def interrupted_in_second(picture, hint):
        save, report = compute(picture, hint)

        def interrupting(path):
            if report["number"] == 1:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                time.sleep(0.3)
            save(path)

        return interrupting, report

    results = run(
        jobs(tmp_path, 5),
        lambda: interrupted_in_second,
        workers=1,
        interrupted=lambda: messages.append(1),
    )
    assert [result.exit_code for result in results] == [0, 0, 130, 130, 130]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.txt", "1.txt"]
    assert messages == [1]
    assert signal.getsignal(signal.SIGINT) is handler


def test_notes_belong_to_their_picture(tmp_path):
    def noting(picture, hint):
        number = picture.colour[0, 0, 0]
        time.sleep(0.02)
        remark(f"note {number}")
        return compute(picture, hint)

    results = run(jobs(tmp_path, 4), lambda: noting, workers=4)
    assert [result.notes for result in results] == [(f"note {index}",) for index in range(4)]
    assert remark("outside") is False


def test_large_pictures_are_worked_on_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "MEGAPIXELS_AT_ONCE", 100e-6)
    inside, most = [], []

    def counting(picture, hint):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.03)
        inside.pop()
        return compute(picture, hint)

    run(jobs(tmp_path, 4, size=9), lambda: counting, workers=4)
    assert max(most) == 1
    most.clear()
    run(jobs(tmp_path, 4, size=4), lambda: counting, workers=4)
    assert max(most) > 1


def test_a_picture_beyond_the_limit_still_gets_through_alone():
    gate, finished = Gate(10), []

    def small() -> None:
        with gate.admit(1):
            finished.append("small")

    with gate.admit(1000):
        other = threading.Thread(target=small)
        other.start()
        other.join(timeout=0.1)
        finished.append("large")
    other.join(timeout=10)
    assert finished == ["large", "small"]


def test_the_default_keeps_some_pictures_in_flight():
    assert 2 <= pool.default_workers() <= 8
