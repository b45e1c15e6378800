"""Several machines behind one service: a real Redis, files in S3, workers that die."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from service_session import COMMAND, Service, start_service, to_array, to_png, wait_for, wait_until
from shared_services import (
    BUCKET,
    WORKER,
    Program,
    free_port,
    make_bucket,
    names_in,
    start_redis,
    start_s3,
    start_worker,
)
from worker_session import photo

import mattelier

pytest.importorskip("dramatiq", reason="needs mattelier[queue]")
pytest.importorskip("moto", reason="needs moto")

KEYS = ("first-key-of-sixteen", "other-key-of-sixteen")
WAIT_S = 90


@dataclass
class Places:
    """Where jobs and files lie."""

    redis: Program
    s3: Program
    variables: dict[str, str]

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--broker", f"redis://127.0.0.1:{self.redis.port}/0", "--store", f"s3://{BUCKET}/a")

    def files(self) -> list[str]:
        return names_in(self.variables)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with start_redis(tmp_path_factory.mktemp("redis")) as redis, start_s3() as (s3, variables):
        yield Places(redis, s3, variables)


@contextlib.contextmanager
def serving(places: Places, *flags: str) -> Iterator[Service]:
    with start_service(*places.flags, *flags, variables=places.variables) as service:
        yield service


def sent(array: np.ndarray | None = None) -> dict[str, bytes]:
    return {"picture": to_png(photo() if array is None else array)}


def start_long(client: httpx.Client) -> str:
    """A job of some seconds."""
    files = sent(photo(700, 900))
    answer = client.post("/v1/jobs/upscale", files=files, data={"scale": "3", "denoise": "0"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_long(job: str, client: httpx.Client, state: str = "done") -> dict[str, object]:
    found: dict[str, object] = {}

    def is_so() -> bool:
        found.update(client.get(f"/v1/jobs/{job}").json())
        return found.get("state") == state

    wait_until(is_so, WAIT_S)
    return found


def test_at_once_as_a_job_and_as_rembgs_the_same_as_alone(places: Places) -> None:
    truth = mattelier.cutout(photo(), feather=2).rgba
    with (
        serving(places) as service,
        service.ask() as client,
        start_worker(*places.flags, "--parallel", "1", variables=places.variables) as worker,
    ):
        wait_until(lambda: client.get("/health").json()["workers"] == 1)
        at_once = client.post("/v1/cutout", files=sent(), data={"feather": "2"})
        np.testing.assert_array_equal(to_array(at_once), truth)
        assert json.loads(at_once.headers["Mattelier-Report"])["model"] == "cutout"
        wrong = client.post("/v1/cutout", files={"picture": b"no picture"})
        assert wrong.status_code == 422
        assert "picture that was sent" in wrong.json()["detail"]
        removed = client.post("/api/remove", files={"file": to_png(photo())}, params={"om": "true"})
        assert to_array(removed).ndim == 2
        wait_until(lambda: not places.files())  # what was answered is deleted
        job = client.post("/v1/jobs/cutout", files=sent(), data={"feather": "2"}).json()
        with client.stream("GET", job["links"]["events"]) as stream:
            told = [line for line in stream.iter_lines() if line.startswith("event")]
        assert told[-1] == "event: done"
        for _ in range(2):
            answer = client.get(job["links"]["result"])
            np.testing.assert_array_equal(to_array(answer), truth)
        assert not service.kept
        assert len(places.files()) == 2
        assert client.delete(job["links"]["self"]).status_code == 204
        assert client.get(job["links"]["result"]).status_code == 404
        wait_until(lambda: not places.files())
        point = client.post("/v1/point", files=sent()).json()  # done by the server itself
        found = client.post(
            point["links"]["self"],
            json={"matte": {"hint": {"points": [{"x": 64, "y": 48}]}}, "stage": "settle"},
        )
        assert to_array(found)[48, 64] > 250
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        wait_until(lambda: client.get("/health").json()["workers"] == 0)
        alone = client.post("/v1/cutout", files=sent())
        assert alone.status_code == 503
        assert "No worker" in alone.json()["detail"]


def test_a_worker_killed_in_mid_work_loses_nothing(places: Places) -> None:
    flags = (*places.flags, "--parallel", "1")
    with (
        serving(places) as service,
        service.ask() as client,
        start_worker(*flags, variables=places.variables) as first,
        start_worker(*flags, variables=places.variables) as second,
    ):
        wait_until(lambda: client.get("/health").json()["workers"] == 2)
        jobs = [start_long(client) for _ in range(4)]
        # Two at once: both workers share the load.
        wait_until(lambda: client.get("/health").json()["running"] == 2)
        first.kill()
        first.wait()
        for job in jobs:
            report = wait_long(job, client)["report"]
            assert isinstance(report, dict)
            answer = client.get(f"/v1/jobs/{job}/result")
            assert to_array(answer).shape == (2100, 2700, 3)
        assert second.poll() is None
        assert client.get("/health").json()["running"] == 0
        for job in jobs:
            client.delete(f"/v1/jobs/{job}")
        wait_until(lambda: not places.files())


def test_cancelled_in_mid_work_and_what_nobody_asks_for_expires(places: Places) -> None:
    keep = ("--keep", "0.03")
    flags = (*places.flags, "--parallel", "1", *keep)
    with (
        serving(places, *keep) as service,
        service.ask() as client,
        start_worker(*flags, variables=places.variables),
    ):
        job = start_long(client)
        wait_long(job, client, "running")
        waiting = start_long(client)
        for one in (waiting, job):
            assert client.delete(f"/v1/jobs/{one}").status_code == 204
            assert client.get(f"/v1/jobs/{one}").status_code == 404
        small = client.post("/v1/jobs/enhance", files=sent()).json()["id"]
        wait_for(small, client)  # soon: the long one was given up
        wait_until(lambda: not places.files())
        assert client.get(f"/v1/jobs/{small}").status_code == 404


def test_a_result_is_its_owners_alone(places: Places, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("\n".join(KEYS))
    with (
        serving(places, "--keys", str(file)) as service,
        service.ask(headers={"X-API-Key": KEYS[0]}) as mine,
        service.ask(headers={"X-API-Key": KEYS[1]}) as other,
        service.ask() as none,
        start_worker(*places.flags, variables=places.variables),
    ):
        job = mine.post("/v1/jobs/matte", files=sent()).json()
        wait_for(job["id"], mine)
        for client, status in ((other, 404), (none, 401)):
            assert client.get(job["links"]["self"]).status_code == status
            assert client.get(job["links"]["result"]).status_code == status
            assert client.get(job["links"]["events"]).status_code == status
            assert client.delete(job["links"]["self"]).status_code == status
        for wrong in ("*", "x" * 32, "..%2F" + job["id"], job["id"] + "%00"):
            assert mine.get(f"/v1/jobs/{wrong}/result").status_code == 404
        assert to_array(mine.get(job["links"]["result"])).shape == (96, 128)
        assert mine.delete(job["links"]["self"]).status_code == 204


def test_a_broker_or_a_store_that_dies_is_told_and_comes_back(places: Places) -> None:
    with (
        serving(places) as service,
        service.ask() as client,
        start_worker(*places.flags, "--parallel", "1", variables=places.variables) as worker,
    ):
        job = start_long(client)
        wait_long(job, client, "running")
        places.redis.kill()
        for answer in (
            client.get(f"/v1/jobs/{job}"),
            client.post("/v1/jobs/matte", files=sent()),
            client.post("/v1/matte", files=sent()),
            client.get("/health"),
        ):
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("The queue of jobs does not answer")
            assert int(answer.headers["Retry-After"]) > 0
        assert worker.poll() is None
        places.redis.start()
        wait_long(job, client)
        assert to_array(client.get(f"/v1/jobs/{job}/result")).shape == (2100, 2700, 3)
        client.delete(f"/v1/jobs/{job}")
        ended = client.post("/v1/jobs/enhance", files=sent()).json()["id"]
        wait_for(ended, client)
        places.s3.kill()
        refused = client.post("/v1/jobs/matte", files=sent())
        result = client.get(f"/v1/jobs/{ended}/result")
        for answer in (refused, result):
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("The store of files does not answer")
        places.s3.start()
        make_bucket(places.variables)  # moto forgets
        client.delete(f"/v1/jobs/{ended}")
        again = client.post("/v1/matte", files=sent())
        assert to_array(again).shape == (96, 128)


def test_a_shared_folder_serves_as_store(places: Places, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    flags = (places.flags[0], places.flags[1].removesuffix("0") + "1", "--store", str(store))
    with start_service(*flags) as service, service.ask() as client, start_worker(*flags):
        job = client.post("/v1/jobs/matte", files=sent()).json()
        wait_for(job["id"], client)
        assert to_array(client.get(job["links"]["result"])).shape == (96, 128)
        assert [path.stat().st_mode & 0o077 for path in store.iterdir()] == [0]
        client.delete(job["links"]["self"])
        wait_until(lambda: not list(store.iterdir()))


def test_what_waits_is_bounded(places: Places) -> None:
    with serving(places, "--queue", "1") as service, service.ask() as client:
        first = start_long(client)
        full = client.post("/v1/jobs/matte", files=sent())
        assert full.status_code == 503
        assert "wait already" in full.json()["detail"]
        client.delete(f"/v1/jobs/{first}")
        job = client.post("/v1/jobs/matte", files=sent())
        assert job.status_code == 202
        client.delete(job.json()["links"]["self"])


def test_what_ends_every_worker_is_given_up(places: Places) -> None:
    from mattelier.service.ledger import Ledger

    ledger = Ledger(places.flags[1], keep_seconds=60)
    with serving(places) as service, service.ask() as client:
        job = client.post("/v1/jobs/matte", files=sent()).json()
        for _ in range(3):  # as workers do that are killed then
            ledger.begin(job["id"])
        with start_worker(*places.flags, variables=places.variables):
            failed = wait_for(job["id"], client, "failed")
            assert (failed["status"], "3 workers" in failed["detail"]) == (500, True)
            client.delete(job["links"]["self"])


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--broker", "redis://127.0.0.1:1"), 2, "belong together"),
        (("--broker", "http://127.0.0.1", "--store", "s3://b"), 2, "redis://"),
        (("--broker", "redis://127.0.0.1:no", "--store", "s3://b"), 2, "--broker cannot"),
        (("--broker", "redis://127.0.0.1:1", "--store", "gs://b/c"), 2, "s3://bucket"),
        (("--broker", "redis://127.0.0.1:1", "--store", "s3:///c"), 2, "no bucket"),
        (("--broker", "redis://127.0.0.1:1", "--store", "missing"), 3, "no folder"),
    ],
)
def test_places_that_make_no_sense_are_one_sentence(
    flags: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    for command in (COMMAND, WORKER):
        port = ("--port", str(free_port())) if command is COMMAND else ()
        done = subprocess.run(
            [*command, *port, *flags], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert done.returncode == code if command is COMMAND else done.returncode in (2, code)
        if command is COMMAND:
            assert said in done.stderr
            assert len(done.stderr.strip().splitlines()) <= 2
