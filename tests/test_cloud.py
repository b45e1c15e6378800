"""Models that others run: their documented HTTP by a stand-in on this machine, and who may send.

The stand-in holds the shipped cards' requests against what the services' documents say; none was
tried against the real one.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from service_session import start_service

import mattelier
from mattelier.catalogue import Store, read_card
from mattelier.commands.main import main
from mattelier.engines.model_cache import ModelCache
from mattelier.types.errors import MattelierError, ModelError, UsageError

SHIPPED = Path(__file__).parents[1] / "models"
CLOUD = sorted(
    path.parent.name for path in SHIPPED.glob("*/card.toml") if "[cloud]" in path.read_text("utf-8")
)
KEY = "key-of-the-stand-in"
WIDTH, HEIGHT = 96, 64

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Seen:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class StandIn:
    """A service on this machine; `answer` makes of a request what it gives back."""

    host: str
    answer: Callable[[Seen], Answer]
    seen: list[Seen] = field(default_factory=list)


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def ball(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """(h, w) uint8: the matte that the stand-in gives, known exactly."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x + 0.5) / width - 0.5, ((y + 0.5) / height - 0.5) * height / width)
    return np.where(distance < 0.22, 255, 0).astype(np.uint8)


def cut_out(picture: bytes) -> bytes:
    """The picture with the ball's alpha, as a background removal gives it."""
    colour = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return png(np.dstack([colour, ball(*colour.shape[:2])]))


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen = Seen(self.path, dict(self.headers.items()), body)
            running.seen.append(seen)
            status, headers, content = running.answer(seen)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = StandIn(f"127.0.0.1:{server.server_port}", lambda seen: (500, {}, b""))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield running
    server.shutdown()
    server.server_close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    colour = np.full((HEIGHT, WIDTH, 3), (60, 120, 60), np.uint8)
    colour[ball() > 0] = (200, 40, 40)
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    path = tmp_path / "secret-name.jpg"
    Image.fromarray(colour).save(path, quality=95, exif=exif)
    return path


@pytest.fixture
def brought(tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's models: the shipped clouds' cards, all as they are but for their host."""
    folder = tmp_path / "models"
    for name in CLOUD:
        text = (SHIPPED / name / "card.toml").read_text("utf-8").replace(name, f"my-{name}")
        text = re.sub(r'^url = "https://[^/]+', f'url = "http://{stand_in.host}', text, flags=re.M)
        (folder / f"my-{name}").mkdir(parents=True)
        (folder / f"my-{name}" / "card.toml").write_text(text, "utf-8")
        card = read_card(folder / f"my-{name}" / "card.toml")
        assert card.cloud is not None
        monkeypatch.setenv(card.cloud.key_variable, KEY)
    monkeypatch.setenv("VISION_ENDPOINT", f"http://{stand_in.host}/")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setenv("GOOGLE_CLOUD_REGION", "us-central1")
    monkeypatch.setenv("MATTELIER_MODELS", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


def jpeg_of_form(seen: Seen) -> bytes:
    boundary = seen.headers["Content-Type"].split("boundary=")[1].encode()
    parts = {}
    for part in seen.body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="(\w+)"', head)
        assert name is not None
        parts[name[1].decode()] = content.removesuffix(b"\r\n")
    assert parts.pop("size") == b"auto"
    assert parts.pop("format") == b"png"
    [(name, content)] = parts.items()
    assert name == "image_file"
    return content


def azure(seen: Seen) -> Answer:
    path = "/computervision/imageanalysis:segment"
    assert seen.path == f"{path}?api-version=2023-02-01-preview&mode=backgroundRemoval"
    assert seen.headers["Ocp-Apim-Subscription-Key"] == KEY
    assert seen.headers["Content-Type"] == "application/octet-stream"
    return 200, {"Content-Type": "image/png"}, cut_out(seen.body)


def google(seen: Seen) -> Answer:
    assert seen.path == (
        "/v1/projects/my-project/locations/us-central1/publishers/google/models/"
        "image-segmentation-001:predict"
    )
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    asked = json.loads(seen.body)
    assert asked["parameters"] == {"mode": "foreground"}
    [instance] = asked["instances"]
    sent = Image.open(io.BytesIO(base64.b64decode(instance["image"]["bytesBase64Encoded"])))
    mask = base64.b64encode(png(ball(sent.height, sent.width))).decode()
    found = {"predictions": [{"bytesBase64Encoded": mask, "mimeType": "image/png"}]}
    return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


def amazon(seen: Seen) -> Answer:
    assert seen.path == "/model/amazon.nova-canvas-v1:0/invoke"
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    asked = json.loads(seen.body)
    assert asked["taskType"] == "BACKGROUND_REMOVAL"
    picture = base64.b64decode(asked["backgroundRemovalParams"]["image"])
    found = {"images": [base64.b64encode(cut_out(picture)).decode()]}
    return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


def remove_bg(seen: Seen) -> Answer:
    assert seen.path == "/v1.0/removebg"
    assert seen.headers["X-Api-Key"] == KEY
    return 200, {"Content-Type": "image/png"}, cut_out(jpeg_of_form(seen))


SERVICES = {
    "aws-nova-canvas": amazon,
    "azure-background-removal": azure,
    "google-image-segmentation": google,
    "remove-bg": remove_bg,
}


def run(photo: Path, *flags: str, name: str = "my-azure-background-removal") -> int:
    return main(["cutout", str(photo), "-o", str(photo.with_name("out.png")), "--model", name,
                 "--quality", "best", "--no-refine", "--json", *flags])  # fmt: skip


@pytest.mark.parametrize("name", CLOUD)
def test_a_service_is_asked_as_it_documents_and_its_matte_is_used(
    name: str,
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stand_in.answer = SERVICES[name]
    assert run(photo, "--send-to", stand_in.host, name=f"my-{name}") == 0
    alpha = np.asarray(Image.open(photo.with_name("out.png")))[..., 3]
    assert np.abs(alpha.astype(int) - ball()).mean() < 1
    [seen] = stand_in.seen  # one look, at whatever quality
    assert b"SECRETCAMERA" not in seen.body
    assert b"secret-name" not in seen.body
    said = capfd.readouterr()
    line = json.loads(said.out)
    assert (line["engine"], line["device"]) == ("cloud", stand_in.host)
    assert any(f"was sent to {stand_in.host}" in note for note in line["notes"])
    assert KEY not in said.out + said.err


def test_a_signed_result_says_where_its_picture_went(
    stand_in: StandIn, brought: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("c2pa")
    stand_in.answer = remove_bg
    out = photo.with_name("out.png")
    flags = ("--send-to", stand_in.host, "--credentials", "test")
    assert run(photo, *flags, name="my-remove-bg") == 0
    assert process(out, capsys)["sent_to"] == stand_in.host
    assert process(out, capsys)["model"] == "my-remove-bg"
    # What a network did on this machine went nowhere.
    assert run(photo, "--credentials", "test", "--overwrite", name="cutout") == 0
    assert process(out, capsys)["model"] == "cutout"
    assert "sent_to" not in process(out, capsys)


def process(result: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the signed manifest of a result says of its making."""
    capsys.readouterr()
    assert main(["inspect", str(result), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["credentials"]
    assert told["valid"]
    made: dict[str, str] = told["process"]
    return made


def test_hints_choose_from_what_came_back_and_nothing_is_sent_again(
    stand_in: StandIn, brought: Path, photo: Path
) -> None:
    stand_in.answer = azure
    beside = ("--send-to", stand_in.host, "--box", "0,0,30,30", "--point", "10,10")
    assert run(photo, *beside) == 0
    assert len(stand_in.seen) == 1


def test_a_large_picture_is_made_smaller_before_it_is_sent(
    stand_in: StandIn, brought: Path, photo: Path
) -> None:
    stand_in.answer = amazon
    Image.open(photo).resize((3000, 2000)).save(photo)
    assert run(photo, "--send-to", stand_in.host, name="my-aws-nova-canvas") == 0
    body = json.loads(stand_in.seen[0].body)["backgroundRemovalParams"]["image"]
    width, height = Image.open(io.BytesIO(base64.b64decode(body))).size
    assert width * height <= 4_200_000
    assert Image.open(photo.with_name("out.png")).size == (3000, 2000)


# Consent


@pytest.mark.parametrize("flags", [[], ["--send-to", "elsewhere.example"]])
def test_without_the_hosts_name_nothing_is_sent(
    flags: list[str],
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(photo, *flags) == 2
    assert stand_in.host in capsys.readouterr().err
    assert not stand_in.seen
    assert not photo.with_name("out.png").exists()


def test_no_file_and_no_environment_may_say_it(
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in.answer = azure
    monkeypatch.setenv("MATTELIER_CUTOUT_SEND_TO", stand_in.host)
    assert run(photo) == 2
    preset = tmp_path / "preset.toml"
    preset.write_text(f'send-to = "{stand_in.host}"\n', "utf-8")
    model = ("--model", "my-azure-background-removal")
    assert main(["product", str(photo), "-o", str(tmp_path / "shop"), "--preset", str(preset),
                 *model]) == 2  # fmt: skip
    assert "command line alone" in capsys.readouterr().err
    config = tmp_path / "config.toml"
    config.write_text(f'[cutout]\nsend-to = "{stand_in.host}"\n', "utf-8")
    monkeypatch.setenv("MATTELIER_CONFIG", str(config))
    assert run(photo) == 2
    assert "command line alone" in capsys.readouterr().err
    assert not stand_in.seen


def test_a_folder_of_products_does_not_remember_it(
    stand_in: StandIn, brought: Path, photo: Path, tmp_path: Path
) -> None:
    stand_in.answer = azure
    shop = tmp_path / "shop"
    model = ("--model", "my-azure-background-removal")
    flags = (*model, "--canvas", "64x64", "--review-below", "0")
    assert main(["product", str(photo), "-o", str(shop), *flags, "--send-to", stand_in.host]) == 0
    assert stand_in.host not in (shop / "mattelier-product.toml").read_text("utf-8")
    assert main(["product", str(photo), "-o", str(shop), "--overwrite"]) == 2
    assert len(stand_in.seen) == 1


def test_on_a_terminal_it_is_asked_with_host_number_and_size(
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in.answer = azure
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return len(asked) > 1

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", confirm)
    assert run(photo) == 2
    assert not stand_in.seen
    assert run(photo) == 0  # it is asked anew
    assert len(stand_in.seen) == 1
    assert all(stand_in.host in text and "1 picture (0.0 MB)" in text for text in asked)


def test_hosts_the_service_and_python_send_nothing(
    stand_in: StandIn, brought: Path, photo: Path
) -> None:
    stand_in.answer = azure
    model = "my-azure-background-removal"
    with pytest.raises(UsageError, match="--send-to"):
        ModelCache(Store()).open(model, "matte")  # as worker, service and Python open networks
    with mattelier.Session() as session, pytest.raises(UsageError, match="--send-to"):
        session.cutout(photo, model=model)
    from mattelier.worker.models import models

    names = {row["name"] for row in models(Store(), {})["models"]}
    assert "cutout" in names
    assert not names & {model, *CLOUD}
    assert not stand_in.seen


def test_the_service_refuses_it_in_one_sentence(
    stand_in: StandIn, brought: Path, photo: Path
) -> None:
    model = {"model": "my-azure-background-removal"}
    with start_service() as running, running.ask() as client:
        for place, name in (("/v1/cutout", "picture"), ("/api/remove", "file")):
            answer = client.post(place, files={name: photo.read_bytes()}, data=model)
            if place == "/v1/cutout":
                assert answer.status_code == 400
                assert "--send-to" in answer.json()["detail"]
            else:  # a network that is not on the server is done with the shipped one
                assert answer.status_code == 200
    assert not stand_in.seen


def test_a_model_that_works_here_takes_no_host(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photo, "--send-to", "example.org", name="cutout") == 2
    assert "works here" in capsys.readouterr().err


def test_a_watched_folder_sends_nothing_that_is_yet_to_come(
    stand_in: StandIn, brought: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    model = ("--model", "my-azure-background-removal")
    there = (str(tmp_path / "in"), str(tmp_path / "out"))
    assert main(["watch", *there, *model, "--send-to", stand_in.host]) == 2
    assert "to come" in capsys.readouterr().err


# What can go wrong


def transparent(seen: Seen) -> Answer:
    return 200, {}, png(np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def bomb(seen: Seen) -> Answer:
    file = io.BytesIO()
    Image.new("L", (14_000, 14_000)).save(file, "PNG")
    return 200, {}, file.getvalue()


FAULTS: dict[str, tuple[Callable[[Seen], Answer], str]] = {
    "key": (lambda seen: (401, {}, b'{"error": {"message": "Access denied."}}'),
            r"does not take the key \(Access denied\), HTTP 401"),
    "credit": (lambda seen: (402, {}, b"{}"), "no credit left, HTTP 402"),
    "busy": (lambda seen: (429, {}, b"[1]"), "no more pictures at the moment"),
    "gone": (lambda seen: (410, {}, b"gone"), "refuses, HTTP 410"),
    "elsewhere": (lambda seen: (307, {"Location": "http://127.0.0.1:9/"}, b""), "another address"),
    "moved": (lambda seen: (302, {"Location": seen.path}, b""), "another address"),
    "text": (lambda seen: (200, {}, b"<html>sign in</html>"), "no picture"),
    "nothing": (lambda seen: (200, {}, b""), "no picture"),
    "half": (lambda seen: (200, {}, cut_out(seen.body)[:80]), "no picture"),
    "jpeg": (lambda seen: (200, {}, seen.body), "no picture"),
    "opaque": (transparent, "without transparency"),
    "shape": (lambda seen: (200, {}, png(np.zeros((HEIGHT, HEIGHT, 4), np.uint8))), "shape"),
    "larger": (lambda seen: (200, {}, png(np.zeros((HEIGHT * 2, WIDTH * 2, 4), np.uint8))),
               "larger picture"),
    "bomb": (bomb, "larger picture|no picture"),
    "flood": (lambda seen: (200, {}, b"\x89PNG\r\n\x1a\n" + bytes(8_000_000)), "more than a"),
    "braces": (lambda seen: (400, {}, b'{"error": {"message": "{host} {0} \\u001b[2J"}}'),
               "HTTP 400"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_nothing(
    fault: str,
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stand_in.answer, sentence = FAULTS[fault]
    assert run(photo, "--send-to", stand_in.host) == 3
    said = capfd.readouterr()
    error = json.loads(said.out)["error"]
    assert re.search(sentence, error), error
    assert "my-azure-background-removal" in error
    assert stand_in.host in error
    assert "\n" not in error
    assert "\x1b" not in error
    assert KEY not in said.out + said.err
    assert len(stand_in.seen) == 1  # nothing is sent a second time
    assert not photo.with_name("out.png").exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"images": []}', b'{"images": [3]}', b'{"images": ["%%%"]}',
     b'{"images": {"0": []}}', b"[" * 100_000, b'{"images": ["aGFsbG8="]}'],
)  # fmt: skip
def test_json_without_a_picture_is_told(
    body: bytes, stand_in: StandIn, brought: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in.answer = lambda seen: (200, {}, body)
    assert run(photo, "--send-to", stand_in.host, name="my-aws-nova-canvas") == 3
    error = json.loads(capfd.readouterr().out)["error"]
    assert "picture" in error
    assert "unexpected" not in error
    assert not photo.with_name("out.png").exists()


def test_damaged_answers_never_end_otherwise(
    stand_in: StandIn, brought: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Fuzz: bytes of a true answer changed, cut out and put in."""
    random = np.random.default_rng(3)
    flags = ("--send-to", stand_in.host, "--overwrite")
    for _ in range(60):

        def answer(seen: Seen) -> Answer:
            file = bytearray(cut_out(seen.body))
            for _ in range(int(random.integers(1, 6))):
                at = int(random.integers(0, len(file)))
                kind = random.integers(3)
                if kind == 0:
                    file[at] = int(random.integers(256))
                elif kind == 1:
                    del file[at : at + int(random.integers(1, 40))]
                else:
                    file[at:at] = random.bytes(8)
            return 200, {}, bytes(file)

        stand_in.answer = answer
        assert run(photo, *flags) in (0, 3)
        line = json.loads(capfd.readouterr().out)
        assert line["ok"] or "gave no matte" in line["error"], line["error"]


def slow(host: str, monkeypatch: pytest.MonkeyPatch, brought: Path) -> None:
    card = brought / "my-azure-background-removal" / "card.toml"
    card.write_text(
        card.read_text("utf-8").replace("[cloud]", "[cloud]\ntimeout_seconds = 1.0"), "utf-8"
    )
    monkeypatch.setenv("VISION_ENDPOINT", f"http://{host}")


def test_one_that_gives_a_byte_now_and_then_is_left(
    brought: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        slow(host, monkeypatch, brought)

        def drip() -> None:
            talking, _ = listening.accept()
            with talking:
                while not ended.wait(0.2):
                    talking.sendall(b"H")

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        assert run(photo, "--send-to", host) == 3
        ended.set()
        assert time.monotonic() - started < 10
    assert "no answer within 1 s" in json.loads(capfd.readouterr().out)["error"]


def test_nobody_there_is_told(
    brought: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("VISION_ENDPOINT", f"http://{host}")
    assert run(photo, "--send-to", host) == 3
    assert "cannot be reached" in json.loads(capfd.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("VISION_KEY", "", "needs the environment variable VISION_KEY"),
        ("VISION_KEY", "a\r\nHost: b", "holds no key"),
        ("VISION_ENDPOINT", "", "needs the environment variable VISION_ENDPOINT"),
        ("VISION_ENDPOINT", "http://example.org", "no https address"),
        ("VISION_ENDPOINT", "https://user@example.org", "no plain name"),
        ("VISION_ENDPOINT", "https://example.org/path?x=", "no plain name"),
    ],
)
def test_the_environment_is_not_trusted(
    variable: str,
    value: str,
    sentence: str,
    stand_in: StandIn,
    brought: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert run(photo, "--send-to", stand_in.host) in (2, 3)
    assert sentence in capsys.readouterr().err
    assert not stand_in.seen


def test_a_picture_over_the_limit_is_not_sent(
    stand_in: StandIn, brought: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    card = brought / "my-azure-background-removal" / "card.toml"
    card.write_text(card.read_text("utf-8").replace("20_000_000", "500"), "utf-8")
    assert run(photo, "--send-to", stand_in.host) == 3
    assert "nothing was sent" in json.loads(capfd.readouterr().out)["error"]
    assert not stand_in.seen


# Cards


@pytest.mark.parametrize("name", CLOUD)
def test_a_cloud_is_listed_as_what_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    [line] = [row for row in capsys.readouterr().out.splitlines() if row.startswith(name)]
    assert "by others" in line
    assert "not tried against the real one" in line
    assert main(["models", "get", name]) == 3
    assert "has no files" in capsys.readouterr().err
    assert main(["models", "verify", name]) == 0
    assert main(["models", "card", name]) == 0
    text = capsys.readouterr().out
    assert "--send-to" in text
    with pytest.raises(ModelError):
        Store().locate(Store().card(name))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('send = "body"', 'send = "form"'),
        ('key_variable = "VISION_KEY"', 'key_variable = "not one"'),
        ('key_header = "Ocp-', 'key_header = "Bad: '),
        ('resize = "whole"', 'resize = "fit"'),
        ('task = "matte"', 'task = "upscale"'),
        ("max_bytes = 20_000_000", "max_bytes = 0"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(old: str, new: str, tmp_path: Path) -> None:
    source = SHIPPED / "azure-background-removal"
    shutil.copytree(source, tmp_path / source.name)
    card = tmp_path / source.name / "card.toml"
    text = card.read_text("utf-8")
    assert old in text
    card.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(MattelierError, match="not valid"):
        read_card(card)
