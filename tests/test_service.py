"""The service through its port: what clients rely on, and what a hostile one cannot do."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from service_session import COMMAND, Service, start_service, to_array, to_png, wait_for, wait_until
from worker_session import photo

import mattelier
from mattelier.requests.flat import flat_fields
from mattelier.tasks.registry import TASKS

KEYS = ("first-key-of-sixteen", "other-key-of-sixteen")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with start_service("--max-upload", "20", "--max-pixels", "12") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.ask() as asking:
        yield asking


def sent(array: np.ndarray | None = None) -> dict[str, bytes]:
    return {"picture": to_png(photo() if array is None else array)}


LONG = {  # enough to be caught in the act
    "files": sent(photo(800, 1000)),
    "data": {"scale": "3", "denoise": "0"},
}


def test_the_cut_out_is_the_one_that_the_python_door_gives(client: httpx.Client) -> None:
    answer = client.post("/v1/cutout", files=sent(), data={"feather": "2", "box": "20,5,90,85"})
    truth = mattelier.cutout(photo(), feather=2, box=(20, 5, 90, 85))
    np.testing.assert_array_equal(to_array(answer), truth.rgba)
    report = json.loads(answer.headers["Mattelier-Report"])
    assert report["model"] == "cutout"
    assert report["coverage"] == pytest.approx(truth.report.coverage, abs=1e-3)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_place_whose_fields_are_its_requests(
    client: httpx.Client, name: str
) -> None:
    spec = TASKS[name]
    described = client.get("/openapi.json").json()["paths"]
    for place in (f"/v1/{name}", f"/v1/jobs/{name}"):
        body = described[place]["post"]["requestBody"]["content"]["multipart/form-data"]
        fields = {leaf.name for leaf in flat_fields(spec.request)} - {"device", "tile"}
        assert set(body["schema"]["properties"]) == {"picture", "format"} | fields
    y, x = np.mgrid[:96, :128]
    mask = ((np.hypot(y - 48, x - 64) < 30) * 255).astype(np.uint8)
    files = sent() | {"refine": {"mask": to_png(mask)}, "style": {"reference": to_png(photo())},
                      "bokeh": {"depth": to_png(mask)}, "depth": {"hint": to_png(mask)},
                      "erase": {"mask": to_png(mask)},
                      }.get(name, {})  # fmt: skip
    options = {"upscale": {"scale": "2"}, "bokeh": {"radius": "3", "focus": "64,48"},
               "enhance": {"tone": "0.5"}, "depth": {"depth_model": "matte"},
               "product": {"canvas": "128x96"}}  # fmt: skip
    answer = client.post(f"/v1/{name}", files=files, data=options.get(name, {}))
    if name == "style":  # whose network nobody may ship
        assert answer.status_code == 422
        assert "network" in answer.json()["detail"]
        return
    if name == "objects":  # several, in a file of their own
        assert answer.headers["content-type"] == "image/x-exr"
        return
    size = (192, 256) if name == "upscale" else (96, 128)
    assert to_array(answer).shape[:2] == size


def test_a_background_is_a_colour_a_file_or_blur(client: httpx.Client) -> None:
    orange = to_array(client.post("/v1/cutout", files=sent(), data={"background": "#ff8800"}))
    assert tuple(orange[1, 1]) == (255, 136, 0)
    green = np.full((30, 30, 3), (0, 200, 0), np.uint8)
    pasted = to_array(client.post("/v1/cutout", files=sent() | {"background": to_png(green)}))
    assert tuple(pasted[1, 1]) == (0, 200, 0)
    assert to_array(client.post("/v1/cutout", files=sent(), data={"background": "blur"})).shape == (
        96,
        128,
        3,
    )


def test_formats(client: httpx.Client) -> None:
    for name, start in {"webp": b"RIFF", "tif": b"II*", "exr": b"\x76\x2f\x31\x01"}.items():
        answer = client.post("/v1/cutout", files=sent(), data={"format": name})
        assert answer.content.startswith(start)
    assert client.post("/v1/cutout", files=sent(), data={"format": "jpg"}).status_code == 422
    deep = photo()[..., 0].astype(np.uint16) * 257
    assert client.post("/v1/denoise", files=sent(deep)).content[24] == 16  # bits a sample


def test_objects_come_as_one_cryptomatte(client: httpx.Client) -> None:
    answer = client.post("/v1/objects", files=sent())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/x-exr"
    assert b"cryptomatte/" in answer.content


def test_a_product_s_ground_is_a_colour_and_never_a_file_of_the_server(
    client: httpx.Client, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    for text in (str(tmp_path / "secret.png"), "../secret.png"):
        answer = client.post("/v1/product", files=sent(), data={"background": text})
        assert answer.status_code == 400
        assert "colour" in answer.json()["detail"]
    data = {"background": "transparent", "canvas": "256"}
    assert client.post("/v1/product", files=sent(), data=data).status_code == 200


def test_a_job_tells_its_progress_gives_its_result_and_is_forgotten(
    service: Service, client: httpx.Client
) -> None:
    begun = client.post("/v1/jobs/cutout", files=sent(photo(600, 800)))
    assert begun.status_code == 202
    place = begun.headers["Location"]
    with client.stream("GET", f"{place}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    progress = [state["progress"] for state in told]
    assert progress == sorted(progress)
    assert (told[-1]["state"], progress[-1]) == ("done", 1)
    assert len({state["stage"] for state in told}) > 2
    result = client.get(told[-1]["links"]["result"])
    np.testing.assert_array_equal(to_array(result), mattelier.cutout(photo(600, 800)).rgba)
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert client.get(f"{place}/result").status_code == 404
    assert not service.kept


def test_a_job_can_be_cancelled_in_mid_work(service: Service, client: httpx.Client) -> None:
    job = client.post(
        "/v1/jobs/upscale", files=sent(photo(800, 1000)), data={"scale": "3", "denoise": "0"}
    ).json()
    wait_for(job["id"], client, "running")
    assert client.get(job["links"]["result"]).status_code == 409
    assert client.delete(job["links"]["self"]).status_code == 204
    wait_until(lambda: client.get("/health").json()["running"] == 0)
    wait_until(lambda: not service.kept)


def test_a_client_that_leaves_cancels_what_it_waits_for(
    service: Service, client: httpx.Client
) -> None:
    with service.ask() as leaving, pytest.raises(httpx.ReadTimeout):
        leaving.post(
            "/v1/upscale",
            files=sent(photo(800, 1000)),
            data={"scale": "3", "denoise": "0"},
            timeout=1.5,
        )
    wait_until(lambda: client.get("/health").json()["running"] == 0)
    wait_until(lambda: not service.kept)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"quality": "finest"}, "fast, balanced, best"),
        ({"background": "/etc/passwd"}, "colour"),
        ({"hint": "/etc/passwd"}, "file"),
        ({"hint": "../../etc/passwd"}, "file"),
        ({"model": "/etc"}, "no model"),
        ({"model": "../cutout"}, "no model"),
        ({"device": "cuda"}, "no field"),
        ({"nonsense": "1"}, "no field"),
        ({"feather": "nan"}, "feather"),
        ({"feather": "1e999"}, "feather"),
        ({"padding": "9" * 5000}, "padding"),
        ({"box": "9" * 5000}, "box"),
        ({"points": "1,2,3,4,5"}, "x,y"),
        ({"format": "../../x"}, "format"),
        ({"crop": "perhaps"}, "crop"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(
    client: httpx.Client, fields: dict[str, str], said: str
) -> None:
    answer = client.post("/v1/cutout", files=sent(), data=fields)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_what_is_no_picture_is_one_sentence_without_a_path(
    service: Service, client: httpx.Client
) -> None:
    broken = to_png(photo())[:2000]
    for content in (b"", b"rubbish", broken, b"\x89PNG\r\n\x1a\n"):
        answer = client.post("/v1/cutout", files={"picture": content})
        assert answer.status_code == 422
        assert str(service.folder) not in answer.text
        assert "/" not in answer.json()["detail"]
    assert client.post("/v1/cutout", data={"picture": "/etc/passwd"}).status_code == 400
    assert client.post("/v1/cutout", json={"picture": 1}).status_code == 415
    assert client.post("/v1/refine", files=sent()).status_code == 400
    assert not service.kept


@pytest.mark.parametrize(
    "path",
    ["/page/../../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "//etc/passwd",
     "/page/%2fetc%2fpasswd", "/v1/jobs/..%2f..", "/v1/jobs/x/result", "/page/index.html%00"],
)  # fmt: skip
def test_no_path_leads_to_a_file(client: httpx.Client, path: str) -> None:
    answer = client.request("GET", httpx.URL(f"{client.base_url}".rstrip("/") + path))
    assert answer.status_code == 404


def test_too_much_is_refused_before_it_is_taken(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
        yield from (bytes(1_000_000) for _ in range(25))

    head = {"Content-Type": "multipart/form-data; boundary=x"}
    for answer in (
        client.post("/v1/cutout", files={"picture": bytes(21_000_000)}),
        client.post("/v1/cutout", content=chunks(), headers=head),
    ):
        assert answer.status_code == 413
        assert "20 MB" in answer.json()["detail"]
    large = np.zeros((4000, 4000), np.uint8)
    for place in ("/v1/cutout", "/v1/jobs/cutout"):
        answer = client.post(place, files=sent(large))
        if place == "/v1/jobs/cutout":
            answer = client.get(f"{answer.headers['Location']}/result")
            for _ in range(100):
                if answer.status_code != 409:
                    break
                time.sleep(0.05)
                answer = client.get(answer.url)
            client.delete(f"{answer.url}".removesuffix("/result"))
        assert answer.status_code == 413
        assert "12 megapixels" in answer.json()["detail"]
    answer = client.post("/v1/upscale", files=sent(photo(1000, 1000)), data={"scale": "8"})
    assert answer.status_code == 400
    assert "12 megapixels" in answer.json()["detail"]


def test_foreign_pages_and_names_are_refused(service: Service, client: httpx.Client) -> None:
    asked = {"files": sent()}
    foreign = client.post("/v1/cutout", **asked, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert client.post("/v1/cutout", **asked, headers={"Origin": "null"}).status_code == 403
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    own = client.post("/v1/matte", **asked, headers={"Origin": service.address})
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_pointing_keeps_the_picture_and_follows_gestures(
    service: Service, client: httpx.Client
) -> None:
    large = np.kron(photo(400, 500), np.ones((5, 5, 1), np.uint8))
    opened = client.post("/v1/point", files={"picture": to_png(large)}).json()
    assert (opened["full_width"], opened["width"]) == (2500, 1600)
    place = opened["links"]["self"]
    assert to_array(client.get(opened["links"]["picture"])).shape == (1280, 1600, 3)
    hint = {"points": [{"x": 800, "y": 640}, {"x": 50, "y": 50, "positive": False}]}
    for stage, width in {"glance": None, "settle": 1600, "apply": 2500}.items():
        asked = {"stage": stage, "matte": {"hint": hint}}
        alpha = to_array(client.post(place, json=asked))
        height = alpha.shape[0]
        width = width or min(1600, alpha.shape[1])  # a glance may be smaller than what is shown
        assert alpha.shape == (height, width)
        assert abs(height - width * 0.8) <= 1
        assert alpha[height // 2, width // 2] > 200
        assert alpha[height // 32, width // 32] < 50
    for wrong in (
        [], {"stage": "x"}, {"matte": {"hint": {"mask": "/etc/passwd"}}}, {"foreground": True},
        {"matte": {"model": "/etc"}}, {"matte": {"hint": {"points": [{"x": "a"}]}}}, {"matte": 5},
    ):  # fmt: skip
        assert client.post(place, json=wrong).status_code == 400, wrong
    assert client.post(place, content=b"{" * 5000).status_code == 400
    assert client.delete(place).status_code == 204
    assert client.post(place, json={}).status_code == 404
    assert not service.kept


def test_what_was_pointed_at_is_cut_out_as_it_was_seen(client: httpx.Client) -> None:
    """A picture's own transparency is multiplied in once."""
    half = np.dstack([photo(), np.full((96, 128), 128, np.uint8)])
    place = client.post("/v1/point", files=sent(half)).json()["links"]["self"]
    hint = {"points": [{"x": 64, "y": 48}]}
    for stage in ("settle", "apply"):
        matte = client.post(place, json={"stage": stage, "matte": {"hint": hint}})
    assert to_array(matte)[48, 64] > 250
    files = sent(half) | {"hint": matte.content}
    cut = to_array(client.post("/v1/cutout", files=files, data={"hint_as": "matte"}))
    assert cut[48, 64, 3] == pytest.approx(128, abs=3)
    client.delete(place)


def test_a_client_that_does_not_read_is_let_go(service: Service) -> None:
    """Its answer is neither held in memory nor kept on the disk for it."""
    noise = np.random.default_rng(1).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "jpeg", quality=50)
    with service.ask() as asking:
        request = asking.build_request("POST", "/v1/enhance", files={"picture": file.getvalue()})
    head = b"".join(b"%s: %s\r\n" % line for line in request.headers.raw)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", request.url.port))
        connection.sendall(b"POST /v1/enhance HTTP/1.1\r\n" + head + b"\r\n" + request.read())
        wait_until(lambda: service.kept)
        wait_until(lambda: not service.kept, 90)
        connection.settimeout(30)
        received = 0
        with contextlib.suppress(ConnectionError):
            while block := connection.recv(1 << 20):
                received += len(block)
    assert received < 7_000_000  # what the system had taken already, not the nine of the picture


def test_what_waits_is_bounded_and_what_takes_long_is_ended() -> None:
    flags = ("--parallel", "1", "--queue", "1", "--max-seconds", "1.5", "--keep", "0.02")
    with start_service(*flags) as service, service.ask() as client:
        jobs = [client.post("/v1/jobs/upscale", **LONG).json()]
        wait_for(jobs[0]["id"], client, "running")
        jobs.append(client.post("/v1/jobs/upscale", **LONG).json())
        full = client.post("/v1/upscale", **LONG)
        assert full.status_code == 503
        assert int(full.headers["Retry-After"]) > 0
        assert "wait already" in full.json()["detail"]
        ended = wait_for(jobs[0]["id"], client, "failed")
        assert "1.5 seconds" in ended["detail"]
        assert client.get(jobs[0]["links"]["result"]).status_code == 504
        client.delete(jobs[1]["links"]["self"])
        job = client.post("/v1/jobs/enhance", files=sent()).json()
        wait_for(job["id"], client)
        point = client.post("/v1/point", files=sent()).json()
        time.sleep(4)  # longer than --keep
        assert client.get(point["links"]["picture"]).status_code == 404
        assert client.get(job["links"]["self"]).status_code == 404
        assert not service.kept


def test_keys_open_and_jobs_belong_to_them(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("\n".join(KEYS))
    with start_service("--keys", str(file), "--origin", "https://shop.example") as service:
        first, other, none = (
            service.ask(headers=headers)
            for headers in ({"Authorization": f"Bearer {KEYS[0]}"}, {"X-API-Key": KEYS[1]}, {})
        )
        with first, other, none:
            assert none.get("/health").status_code == 200
            assert none.get("/").status_code == 200
            refused = none.post("/v1/cutout", files=sent())
            assert refused.status_code == 401
            assert "key" in refused.json()["detail"]
            wrong = {"X-API-Key": KEYS[0][:-1]}
            assert none.post("/v1/cutout", files=sent(), headers=wrong).status_code == 401
            job = first.post("/v1/jobs/cutout", files=sent()).json()
            wait_for(job["id"], first)
            assert none.get(job["links"]["result"]).status_code == 401
            assert other.get(job["links"]["result"]).status_code == 404
            assert other.delete(job["links"]["self"]).status_code == 404
            assert first.get(job["links"]["result"]).status_code == 200
            point = first.post("/v1/point", files=sent()).json()
            assert other.post(point["links"]["self"], json={}).status_code == 404
            shop = {"Origin": "https://shop.example"}
            allowed = first.post("/v1/matte", files=sent(), headers=shop)
            assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
            asked = {**shop, "Access-Control-Request-Method": "POST"}
            assert none.request("OPTIONS", "/v1/matte", headers=asked).status_code == 200


def test_told_to_end_it_finishes_what_is_in_work() -> None:
    with start_service() as service, service.ask() as client:
        client.post("/v1/matte", files=sent())  # warm
        answers: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: answers.append(client.post("/v1/cutout", files=sent(photo(1500, 2000))))
        )
        asking.start()
        with service.ask() as other:
            wait_until(lambda: other.get("/health").json()["running"] == 1)
        service.process.send_signal(signal.SIGTERM)
        asking.join(60)
        assert to_array(answers[0]).shape == (1500, 2000, 4)
        assert service.process.wait(30) == 0
        assert not list(service.folder.iterdir())


def test_what_a_killed_server_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    variables = {"TMPDIR": str(tmp_path)}
    with start_service(variables=variables) as service, service.ask() as client:
        client.post("/v1/jobs/matte", files=sent())
    assert list(tmp_path.glob("mattelier-serve-*/*/sent-0"))
    with start_service(variables=variables), start_service(variables=variables):
        assert not list(tmp_path.glob("mattelier-serve-*/*/sent-0"))
        assert len(list(tmp_path.glob("mattelier-serve-*.lock"))) == 2


def run(*flags: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, **options)


def test_what_cannot_be_served_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run("--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert port in done.stderr
    empty, short = tmp_path / "empty", tmp_path / "short"
    empty.write_text("\n")
    short.write_text("secret\n")
    for path in (empty, short, tmp_path / "missing"):
        done = run("--port", "0", "--keys", str(path))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    script = (
        "import sys; sys.modules['fastapi'] = None;"
        "from mattelier.commands.main import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.strip().endswith("pip install 'mattelier[serve]'")


def test_an_address_that_others_reach_is_told() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--host", "0.0.0.0", "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process:
        assert "everybody" in process.stderr.readline()
        process.kill()


class TestRembg:
    """/api/remove, as rembg's own pages and server say that it is asked."""

    @pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
    def test_the_documented_call(self, service: Service, tmp_path: Path) -> None:
        picture, result = tmp_path / "input.png", tmp_path / "output.png"
        picture.write_bytes(to_png(photo()))
        call = [
            "curl",
            "-s",
            "-F",
            f"file=@{picture}",
            f"{service.address}/api/remove",
            "-o",
            result,
        ]
        subprocess.run(call, check=True)
        cut = np.asarray(Image.open(result))
        np.testing.assert_array_equal(cut, mattelier.cutout(photo()).rgba)

    def test_parameters(self, client: httpx.Client) -> None:
        file = {"file": ("input.png", to_png(photo()), "image/png")}

        def remove(**data: str) -> np.ndarray:
            return to_array(client.post("/api/remove", files=file, data=data))

        plain = remove(model="u2net", a="false", af="240", ab="10", ae="10")
        assert plain.shape == (96, 128, 4)
        mask = remove(om="true")
        np.testing.assert_array_equal(mask, plain[..., 3])
        assert set(np.unique(remove(om="True", ppm="1"))) == {0, 255}
        over = remove(bgc="10,20,30,255")
        assert tuple(over[1, 1]) == (10, 20, 30, 255)
        by_query = client.post("/api/remove", params={"bgc": "10,20,30,255"}, files=file)
        np.testing.assert_array_equal(to_array(by_query), over)
        again = remove(a="true", af="240", ab="10", ae="4")
        sure = plain[..., 3] == 255
        assert again[..., 3][sure].mean() > 250
        prompt = json.dumps({"sam_prompt": [{"type": "point", "data": [64, 48], "label": 1}]})
        assert remove(extras=prompt)[48, 64, 3] > 250
        np.testing.assert_array_equal(remove(extras="{not json"), plain)

    def test_refusals(self, client: httpx.Client) -> None:
        address = client.get("/api/remove", params={"url": "http://input.png"})
        assert address.status_code == 400
        assert "addresses" in address.json()["detail"]
        file = {"file": to_png(photo())}
        for wrong in ({"af": "300"}, {"af": "x"}, {"a": "maybe"}, {"bgc": "red"}, {"ae": "-1"}):
            assert client.post("/api/remove", files=file, data=wrong).status_code == 422
        assert client.post("/api/remove").status_code in (415, 422)
        unknown = client.post("/api/remove", files=file, data={"model": "u2net"})
        assert "not here" in json.loads(unknown.headers["Mattelier-Report"])["note"]


def test_a_full_disk_is_told_and_the_server_goes_on(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("a small disk needs Linux and root rights")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=3m none "$0" && exec "$@"'
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, disk]
    process = subprocess.Popen(
        [*command, *COMMAND, "--port", "0"],
        env={**os.environ, "TMPDIR": str(disk)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    if "serves on" not in line:
        process.kill()
        pytest.skip(f"no mounts here: {line}")
    try:
        with httpx.Client(base_url=line.split()[3], timeout=60) as client:
            answer = client.post("/v1/matte", files={"picture": os.urandom(5_000_000)})
            assert answer.status_code == 507
            assert "disk is full" in answer.json()["detail"]
            small = client.post("/v1/matte", files=sent())
            assert small.status_code == 200
            noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
            file = io.BytesIO()
            Image.fromarray(noise).save(file, "jpeg", quality=20)  # a tenth of what it is as a PNG
            result = client.post("/v1/enhance", files={"picture": file.getvalue()})
            assert result.status_code == 507
            assert client.post("/v1/matte", files=sent()).status_code == 200
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
