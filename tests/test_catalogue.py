"""Cards, the store, and `mattelier models`: what is here is what its card says, or one sentence."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import shutil
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tiny_model import make_model

from mattelier.catalogue import Store, read_card
from mattelier.catalogue import store as store_module
from mattelier.catalogue.card import to_toml
from mattelier.commands.models import models
from mattelier.doctor import examine
from mattelier.types.errors import MattelierError, ModelError, UsageError
from mattelier.types.progress import heard_by
from mattelier.worker.models import models as job

SHIPPED = Path(__file__).parents[1] / "models"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of its own, which the commands use too."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "user"))
    monkeypatch.setattr(store_module, "shipped_folder", lambda: tmp_path / "models")
    monkeypatch.setattr(store_module, "cache_folder", lambda: tmp_path / "cache")
    ours = Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")
    for module in ("models", "models_import"):
        monkeypatch.setattr(f"mattelier.commands.{module}.Store", lambda: ours)
    return ours


class Site(BaseHTTPRequestHandler):
    """A file server that counts, continues on request, and can break off half-way."""

    root: Path
    requests: list[tuple[str, str | None]]
    break_at: int | None = None
    ranges = True

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.requests.append((self.path, wanted))
        file = self.root / self.path.lstrip("/")
        if not file.is_file():
            return self.send_error(404)
        body = file.read_bytes()
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        body = body[start:]
        if self.break_at is not None:
            body, type(self).break_at = body[: self.break_at], None
        self.wfile.write(body)
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Site]]:
    """The model "remote" with a card here and its files on a local server."""
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    handler = type("Handler", (Site,), {"root": tmp_path / "site", "requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    publish(store, handler, f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def publish(store: Store, handler: type[Site], url: str, **terms: str) -> None:
    folder = make_model(store.shipped, "remote", url=url, **terms)
    handler.root.mkdir(exist_ok=True)
    for file in ("tiny.onnx", "tiny.safetensors"):
        (folder / file).replace(handler.root / file)


def run(*arguments: str | Path) -> Result:
    """The command with errors shown as the main program shows them."""
    runner = CliRunner()
    result = runner.invoke(models, [str(a) for a in arguments], standalone_mode=False)
    if isinstance(result.exception, MattelierError):
        assert "\n" not in str(result.exception)
        result.exit_code = result.exception.exit_code
    elif result.exception is not None:
        raise result.exception
    else:
        result.exit_code = result.return_value or 0
    return result


# Cards


@pytest.mark.parametrize("card", sorted(SHIPPED.glob("*/card.toml")), ids=lambda p: p.parent.name)
def test_shipped_cards_are_valid_and_safe(card: Path) -> None:
    read = read_card(card)
    assert read.training_data
    assert all(file.url is None or file.url.startswith("https://") for file in read.files)


def test_restricted_weights_need_acceptance_and_are_not_the_default() -> None:
    assert read_card(SHIPPED / "rmbg-1.4/card.toml").licence.needs_acceptance
    cutout = SHIPPED / "cutout/card.toml"
    assert not cutout.exists() or not read_card(cutout).licence.needs_acceptance


def test_card_round_trip(tmp_path: Path) -> None:
    folder = make_model(tmp_path, commercial="no")
    card = dataclasses.replace(read_card(folder / "card.toml"), title='A "quoted" \\ title: ü')
    (folder / "card.toml").write_text(to_toml(card), "utf-8")
    assert read_card(folder / "card.toml") == card


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('source = "made', 'sauce = "made', "unknown key 'sauce'"),
        ("commercial =", "comercial =", "unknown key 'comercial'"),
        ('commercial = "yes"', 'commercial = "maybe"', "one of yes, no, unknown"),
        ("size = 64", 'size = "64"', "input.size cannot be '64'"),
        ("size = 64", "size = 0", "positive"),
        ("size = 64", "size = 64\nmean = [0, 0]", "needs 3 values"),
        ('path = "tiny.onnx"', 'path = "../tiny.onnx"', "not a plain"),
        ('path = "tiny.onnx"', 'path = "tiny.pth"', "not a plain"),
        ('sha256 = "', 'sha256 = "0', "sha256"),
        ('architecture = "tiny.TinyNet"', 'architecture = "os.path.join"', "module.Class"),
        ('name = "tiny"', 'name = "other"', "folder's name"),
        ('version = "1"', "version = ", "cannot be read"),
    ],
)
def test_a_wrong_card_is_refused_with_a_sentence(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = make_model(tmp_path) / "card.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ModelError, match=complaint) as caught:
        read_card(path)
    assert str(path) in str(caught.value)


# Finding and checking


def test_locate_gives_all_files_in_one_folder(store: Store) -> None:
    folder = make_model(store.shipped)
    paths = store.locate(store.card("tiny"))
    assert paths == {name: folder / name for name in ("tiny.onnx", "tiny.safetensors")}


def test_a_checksum_is_computed_once_and_again_when_the_file_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(store.shipped)
    hashed: list[str] = []
    real = store_module.sha256
    monkeypatch.setattr(store_module, "sha256", lambda path: hashed.append(path.name) or real(path))
    for _ in range(3):
        store.locate(store.card("tiny"))
    assert sorted(hashed) == ["tiny.onnx", "tiny.safetensors"]
    os.utime(folder / "tiny.onnx", ns=(1, 1))
    store.locate(store.card("tiny"))
    assert len(hashed) == 3
    assert store.state(store.card("tiny"), rehash=True) == ("ready", "")
    assert len(hashed) == 5


def test_a_broken_or_forbidden_memory_of_checksums_does_not_matter(
    store: Store, tmp_path: Path
) -> None:
    folder = make_model(store.shipped)
    store.cache.mkdir()
    (store.cache / "verified.json").write_text("{broken")
    assert store.locate(store.card("tiny"))["tiny.onnx"] == folder / "tiny.onnx"
    (tmp_path / "file").write_text("in the way")
    forbidden = Store(store.shipped, store.user, tmp_path / "file")
    assert forbidden.locate(store.card("tiny"))["tiny.onnx"] == folder / "tiny.onnx"
    assert (tmp_path / "file").read_text() == "in the way"


def flip(raw: bytes) -> bytes:
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


@pytest.mark.parametrize("file", ["tiny.onnx", "tiny.safetensors"])
@pytest.mark.parametrize(
    "harm", [flip, lambda raw: raw[:-10], lambda raw: b"", lambda raw: raw + b"x"]
)
def test_damaged_weights_are_one_sentence(store: Store, file: str, harm: object) -> None:
    folder = make_model(store.shipped)
    store.locate(store.card("tiny"))
    (folder / file).write_bytes(harm((folder / file).read_bytes()))  # type: ignore[operator]
    with pytest.raises(ModelError, match=f"{file}.* is damaged") as caught:
        store.locate(store.card("tiny"))
    assert caught.value.exit_code == 3
    assert "install Mattelier again" in str(caught.value)


def test_missing_weights_name_the_command_that_gets_them(store: Store, site: type[Site]) -> None:
    with pytest.raises(ModelError, match="`mattelier models get remote`"):
        store.locate(store.card("remote"))
    assert site.requests == []


def test_a_missing_default_is_no_fault_of_the_user(store: Store) -> None:
    with pytest.raises(ModelError, match="install Mattelier again"):
        store.card("default")


def test_names(store: Store) -> None:
    make_model(store.shipped, "zebra")
    make_model(store.shipped, "cutout")
    make_model(store.user, "mine")
    assert store.names() == ["cutout", "mine", "zebra"]
    assert store.card("default").name == "cutout"
    for unknown in ("nothing", "../models/zebra", "", "."):
        with pytest.raises(UsageError, match="There is no model"):
            store.card(unknown)


# Fetching


def test_get_fetches_verifies_and_is_idempotent(store: Store, site: type[Site]) -> None:
    assert run("get", "remote").exit_code == 0
    paths = store.locate(store.card("remote"))
    assert {path.parent for path in paths.values()} == {store.user / "remote"}
    assert sorted(path.name for path in (store.user / "remote").iterdir()) == sorted(paths)
    requests = len(site.requests)
    assert run("get", "remote").exit_code == 0
    assert len(site.requests) == requests


def test_get_mends_a_damaged_file_only(store: Store, site: type[Site]) -> None:
    store.get("remote")
    site.requests.clear()
    (store.user / "remote/tiny.onnx").write_bytes(b"junk")
    store.get("remote")
    assert site.requests == [("/tiny.onnx", None)]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(store: Store, site: type[Site], ranges: bool) -> None:
    site.break_at, site.ranges = 1100, ranges
    with pytest.raises(ModelError, match="could not be fetched") as caught:
        store.get("remote")
    assert "\n" not in str(caught.value)
    address = next(f.url for f in store.card("remote").files if f.path == "tiny.onnx")
    assert f"into {store.user / 'remote'} by hand: {address} (0 MB)" in str(caught.value)
    assert not (store.user / "remote/tiny.onnx").exists()
    store.get("remote")
    assert site.requests[1] == ("/tiny.onnx", "bytes=1024-")
    assert store.state(store.card("remote")) == ("ready", "")


def test_what_cannot_be_fetched_can_be_put_there_by_hand(
    store: Store, site: type[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the sentence says that tells so, with the addresses and the folder."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    result = run("get", "remote")
    assert result.exit_code == 3
    assert "cannot be reached: is there a network?" in result.output
    folder = store.user / "remote"
    folder.mkdir(parents=True)
    for file in store.card("remote").files:
        assert file.url in result.output
        shutil.copy(site.root / file.path, folder)
    assert store.state(store.card("remote")) == ("ready", "")


def test_tampered_downloads_are_thrown_away(store: Store, site: type[Site]) -> None:
    file = site.root / "tiny.safetensors"
    file.write_bytes(flip(file.read_bytes()))
    result = run("get", "remote")
    assert result.exit_code == 3
    assert "checksum differs" in result.output
    assert [path.name for path in (store.user / "remote").iterdir()] == ["tiny.onnx"]


def test_an_address_that_is_gone(store: Store, site: type[Site]) -> None:
    (site.root / "tiny.onnx").unlink()
    result = run("get", "remote")
    assert (result.exit_code, "404" in result.output) == (3, True)
    assert "Traceback" not in result.output
    assert not (store.user / "remote").exists()  # nothing came


def test_a_restrictive_licence_must_be_accepted(store: Store, site: type[Site]) -> None:
    url = (store.card("remote").files[0].url or "").rpartition("/")[0]
    publish(store, site, url, commercial="no", licence="NC-1.0")
    result = run("get", "remote")
    assert result.exit_code == 2
    assert "NC-1.0" in str(result.exception)
    assert "--accept-licence" in str(result.exception)
    assert site.requests == []
    assert run("get", "remote", "--accept-licence").exit_code == 0


def test_what_was_fetched_can_be_removed_and_fetched_again(store: Store, site: type[Site]) -> None:
    assert run("get", "remote").exit_code == 0
    assert run("remove", "remote").exit_code == 0
    assert not (store.user / "remote").exists()
    assert store.state(store.card("remote"))[0] == "absent"
    assert run("remove", "remote").exit_code == 2
    assert run("get", "remote").exit_code == 0
    assert store.state(store.card("remote")) == ("ready", "")


def test_what_comes_along_stays_and_what_was_imported_goes_with_its_card(
    store: Store, plain_onnx: Path
) -> None:
    make_model(store.shipped, "ours")
    result = run("remove", "ours")
    assert (result.exit_code, "comes with Mattelier" in str(result.exception)) == (2, True)
    assert store.state(store.card("ours")) == ("ready", "")
    run("import", plain_onnx, "--name", "mine", "--size", "32")
    assert run("remove", "mine").exit_code == 0
    assert "mine" not in store.names()


def test_a_host_lists_gets_and_removes(store: Store, site: type[Site]) -> None:
    """The worker's job, with what a window shows while it fetches."""
    heard: list[float] = []
    with heard_by(lambda share, _stage: heard.append(share)):
        found = job(store, {"action": "get", "name": "remote"})["models"]
    (remote,) = [model for model in found if model["name"] == "remote"]
    assert (remote["state"], remote["comes_along"]) == ("ready", False)
    assert heard[0] == 0
    assert heard[-1] == 1
    assert heard == sorted(heard)
    (remote,) = job(store, {"action": "remove", "name": "remote"})["models"]
    assert remote["state"] == "absent"
    for wrong in ({"action": "sell"}, {"action": "get", "name": "../remote"}, {"x": 1}, 7):
        with pytest.raises(UsageError):
            job(store, wrong)


def test_without_a_network_it_is_one_sentence(
    store: Store, site: type[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(ModelError) as caught:
        store.get("remote")
    sentence = str(caught.value)
    assert "cannot be reached" in sentence
    assert not any(word in sentence for word in ("\n", "Errno", "Max retries", "resolution"))


def test_two_fetch_at_once_and_both_have_it(store: Store, site: type[Site]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.get("remote"), range(4)))
    assert found == [found[0]] * 4
    assert sorted(path for path, _ in site.requests) == ["/tiny.onnx", "/tiny.safetensors"]
    assert not list(store.user.glob(".*"))


@pytest.mark.parametrize("start", [0, 100])
def test_a_download_ends_at_the_size_on_the_card(
    store: Store, site: type[Site], start: int
) -> None:
    sent = site.root / "tiny.onnx"
    size = sent.stat().st_size
    sent.write_bytes(sent.read_bytes() + bytes(50_000_000))
    part = store.user / "remote/tiny.onnx.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(start))
    result = run("get", "remote")
    assert (result.exit_code, "its size or checksum differs" in result.output) == (3, True)
    assert sum(path.stat().st_size for path in part.parent.iterdir()) <= size


def test_a_link_in_the_place_of_a_download_is_not_followed(
    store: Store, site: type[Site], tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    part = store.user / "remote/tiny.onnx.part"
    part.parent.mkdir(parents=True)
    part.symlink_to(victim)
    assert run("get", "remote").exit_code == 0
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("card", ["a = " + "[" * 5000, "\0\xff", "name = 3", ""])
def test_one_bad_card_hides_no_other(store: Store, plain_onnx: Path, card: str) -> None:
    make_model(store.shipped, "tiny")
    (store.user / "bad").mkdir(parents=True)
    (store.user / "bad/card.toml").write_text(card, "latin-1")
    listed = run("list")
    assert (listed.exit_code, "A tiny network" in listed.output) == (0, True)
    assert f"The model card {store.user / 'bad/card.toml'}" in listed.output
    assert run("import", plain_onnx, "--name", "mine", "--size", "32").exit_code == 0
    assert examine(store).models["bad"] == "damaged"


@pytest.mark.parametrize(
    "name", ["../../outside/mine", "..", "/tmp/mine", "a/b", ".hidden", "é", "a" * 300]
)
def test_a_name_is_looked_at_before_anything_is_copied(
    store: Store, tmp_path: Path, name: str
) -> None:
    weights = make_model(tmp_path, "source") / "tiny.safetensors"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.safetensors").write_bytes(b"precious")
    before = sorted(tmp_path.rglob("*"))
    result = run("import", weights, "--name", name, "--architecture", "tiny.TinyNet")
    assert result.exit_code == 3
    assert "may hold only" in str(result.exception)
    assert (outside / "mine.safetensors").read_bytes() == b"precious"
    assert sorted(tmp_path.rglob("*")) == before


# Commands


def test_list_and_show(store: Store, site: type[Site]) -> None:
    make_model(store.shipped)
    rows = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    cards = {row["name"]: row["state"] for row in rows if "name" in row}
    assert cards == {"tiny": "ready", "remote": "absent"}
    assert "CC0-1.0" in run("list").stdout
    facts = json.loads(run("show", "tiny", "--json").stdout)
    assert facts["input"]["size"] == 64
    assert facts["state"] == "ready"
    assert 'hint = "hint"' in run("show", "tiny").stdout
    assert run("show", "nothing").exit_code == 2
    assert site.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "U-Net",
        "U²-Net",
        "IS-Net",
        "BiRefNet",
        "MODNet",
        "Mask R-CNN",
        "DeepLabV3 (MobileNetV3, ResNet)",
        "Segmenter",
        "MaskFormer",
        "Mask2Former",
        "SAM 2.1",
        "SAM 2.1, video",
        "ViTMatte",
        "ESRGAN, Real-ESRGAN",
        "SwinIR",
        "HAT",
        "NAFNet",
        "GFPGAN",
        "LaMa",
        "AdaIN",
        "Gatys' optimised style (VGG-19)",
        "Depth Anything",
        "Depth Anything V2",
    ],
)
def test_the_list_names_what_can_be_brought_in(store: Store, name: str) -> None:
    """The networks that the field is named after, each proven, with the place that has it."""
    rows = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    [row] = [row for row in rows if row.get("family") == name]
    assert row["proof"] == "equal"
    assert row["source"].startswith("https://")
    [line] = [one for one in run("list").stdout.splitlines() if one.startswith(f"{name}  ")]
    assert "proven equal" in line


def test_verify_tells_the_truth(store: Store, site: type[Site]) -> None:
    folder = make_model(store.shipped)
    assert run("verify").exit_code == 0
    assert run("verify", "remote").exit_code == 3
    # Same size and time of change: only computing the checksum anew can tell.
    file = folder / "tiny.safetensors"
    stat = file.stat()
    file.write_bytes(flip(file.read_bytes()))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    result = run("verify", "--json")
    rows = {row["name"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 3
    assert (rows["tiny"]["state"], rows["remote"]["state"]) == ("damaged", "absent")
    assert "tiny.safetensors" in rows["tiny"]["reason"]
    file.unlink()
    assert '"missing"' in run("verify", "tiny", "--json").stdout


# Importing


@pytest.fixture
def plain_onnx(tmp_path: Path) -> Path:
    """A graph that holds its weights itself, with one input."""
    import onnx
    from onnx import TensorProto, helper

    def port(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 32, 32])

    node = helper.make_node("ReduceMean", ["image"], ["mask"], axes=[1], keepdims=1)
    graph = helper.make_graph([node], "mean", [port("image", 3)], [port("mask", 1)])
    path = tmp_path / "plain.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_import_onnx(store: Store, plain_onnx: Path) -> None:
    import numpy as np

    from mattelier.engines.open import open_model

    result = run("import", plain_onnx, "--name", "mine", "--size", "32", "--mean", ".5,.5,.5")
    assert result.exit_code == 0
    card = store.card("mine")
    assert card.input.tensor == "image"
    assert card.input.mean == (0.5, 0.5, 0.5)
    picture = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    alpha = open_model(card, store, "cpu").run({"picture": picture})["alpha"]
    np.testing.assert_allclose(alpha, picture.mean(1, keepdims=True), atol=1e-6)
    assert run("import", plain_onnx, "--name", "mine").exit_code == 2


def test_the_list_says_of_an_accepted_licence_what_it_forbids(
    store: Store, plain_onnx: Path
) -> None:
    flags = ("--licence", "CC-BY-NC-4.0", "--size", "32")
    name = "named-at-more-than-twenty-letters"
    refused = run("import", plain_onnx, "--name", name, *flags)
    assert refused.exit_code == 2
    assert not list(store.user.glob("*"))
    assert run("import", plain_onnx, "--name", name, *flags, "--accept-licence").exit_code == 0
    lines = [line for line in run("list").stdout.splitlines() if " ready  " in line]
    [line] = [line for line in lines if line.startswith(name)]
    assert line.endswith("(CC-BY-NC-4.0, no commercial use)")
    assert len({line.index(" ready  ") for line in lines}) == 1  # columns stay columns


def test_an_import_says_that_no_file_tells_the_licence(store: Store, plain_onnx: Path) -> None:
    said = run("import", plain_onnx, "--name", "mine", "--size", "32").stderr
    assert "--licence and --commercial" in said
    said = run("import", plain_onnx, "--name", "ours", "--size", "32", "--licence", "MIT").stderr
    assert "--commercial" not in said


def test_import_asks_which_input_is_which(store: Store, tmp_path: Path) -> None:
    source = make_model(tmp_path / "elsewhere") / "tiny.onnx"
    result = run("import", source, "--name", "mine")
    # Its weights lie in a file beside it, which is not what was brought.
    assert result.exit_code == 3
    assert not (store.user / "mine").exists()


def test_import_tells_weights_by_their_content(store: Store) -> None:
    source = SHIPPED / "cutout" / "cutout.safetensors"
    assert run("import", source, "--name", "tuned").exit_code == 0
    card = store.card("tuned")
    assert (card.task, card.architecture) == ("matte", "cutout.CutoutNet")
    assert card.input == read_card(SHIPPED / "cutout" / "card.toml").input
    assert store.state(card) == ("ready", "")
    refused = run("import", source, "--name", "other", "--architecture", "tiny.TinyNet")
    assert (refused.exit_code, "cutout.CutoutNet" in str(refused.exception)) == (2, True)
    assert run("import", source, "--name", "third", "--architecture", "midas.MidasSmall").exit_code
    assert "third" not in store.names()


def test_a_network_that_nothing_would_use_is_refused(store: Store) -> None:
    refused = run("import", SHIPPED / "trimap" / "trimap.safetensors", "--name", "mine")
    assert (refused.exit_code, "takes its own" in str(refused.exception)) == (3, True)
    assert "mine" not in store.names()


def test_plain_weights_of_a_pickle_become_safetensors(store: Store, tmp_path: Path) -> None:
    import torch

    from mattelier.engines.weights_file import read_state

    state = read_state(SHIPPED / "denoise" / "denoise.safetensors")
    pickled = tmp_path / "Denoise v2.pth"
    torch.save({name: torch.from_numpy(array.copy()) for name, array in state.items()}, pickled)
    assert run("import", pickled).exit_code == 0
    card = store.card("denoise-v2")
    assert (card.task, [file.path for file in card.files]) == (
        "denoise",
        ["denoise-v2.safetensors"],
    )
    assert store.state(card) == ("ready", "")


def convolution(path: Path, *, half: bool = False, gain: float = 1.0, size: int = 32) -> Path:
    """One 3 × 3 convolution that sums the channels' centres, as published graphs are exported."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.zeros((1, 3, 3, 3), np.float16 if half else np.float32)
    kernel[:, :, 1, 1] = gain / 3
    nodes = [helper.make_node("Conv", ["x", "kernel"], ["y"], pads=[1, 1, 1, 1])]
    if half:
        nodes = [
            helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT16),
            *nodes,
            helper.make_node("Cast", ["y"], ["mask"], to=TensorProto.FLOAT),
        ]
    names = ("image", "mask") if half else ("x", "y")
    image, mask = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, size, size])
        for name, channels in zip(names, (3, 1), strict=True)
    )
    graph = helper.make_graph(
        nodes, "sum", [image], [mask], [numpy_helper.from_array(kernel, "kernel")]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_a_graph_in_half_precision_runs_as_it_was_exported(store: Store, tmp_path: Path) -> None:
    """Compiling gives its input a second name, which nobody asked for."""
    import numpy as np

    from mattelier.engines.open import open_model

    source = convolution(tmp_path / "half.onnx", half=True)
    assert run("import", source).exit_code == 0
    picture = np.random.default_rng(2).random((1, 3, 32, 32), np.float32)
    alpha = open_model(store.card("half"), store, "cpu").run({"picture": picture})["alpha"]
    np.testing.assert_allclose(alpha, picture.mean(1, keepdims=True), atol=2e-3)


def test_a_graph_of_a_known_family_is_used_as_its_card_says(store: Store, tmp_path: Path) -> None:
    make_model(store.shipped)
    card = store.card("tiny")
    family = dataclasses.replace(
        card,
        input=dataclasses.replace(
            card.input, size=32, resize="stretch", mean=(0.1, 0.2, 0.3), tensor="a", hint=None
        ),
        output=dataclasses.replace(card.output, tensor=0, min_max=True),
        kernel_values=27,
    )
    (store.shipped / "tiny" / "card.toml").write_text(to_toml(family), "utf-8")
    result = run("import", convolution(tmp_path / "a.onnx"))
    assert (result.exit_code, family.title in result.output) == (0, True)
    taken = store.card("a")
    assert (taken.input.mean, taken.input.size) == ((0.1, 0.2, 0.3), 32)
    assert (taken.output.min_max, taken.licence.weights) == (True, "unknown")
    # What a flag says stands above it; a graph of another fixed size is of no use to the family.
    assert run("import", convolution(tmp_path / "b.onnx"), "--mean", "0,0,0").exit_code == 0
    assert store.card("b").input.mean == (0, 0, 0)
    assert run("import", convolution(tmp_path / "c.onnx", size=64)).exit_code == 0
    assert store.card("c").input.mean == (0, 0, 0)


def test_an_import_is_tried_before_it_is_kept(store: Store, tmp_path: Path) -> None:
    dead = run("import", convolution(tmp_path / "dead.onnx", gain=0))
    assert (dead.exit_code, "everywhere" in str(dead.exception)) == (3, True)
    assert not list(store.user.iterdir())
    logits = run("import", convolution(tmp_path / "logits.onnx", gain=9))
    assert logits.exit_code == 0
    assert store.card("logits").output.activation == "sigmoid"
    wrong = run("import", convolution(tmp_path / "wrong.onnx"), "--size", "48")
    assert (wrong.exit_code, "32×32" in str(wrong.exception)) == (2, True)


def test_a_published_file_becomes_its_model(store: Store, site: type[Site]) -> None:
    first, second = (site.root / name for name in ("tiny.onnx", "tiny.safetensors"))
    result = run("import", first)
    assert (result.exit_code, "models get" in str(result.exception)) == (3, True)
    assert run("import", second).exit_code == 0
    assert store.state(store.card("remote")) == ("ready", "")
    assert not site.requests


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("suffix", [".pth", ".onnx", ".safetensors", ""])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_and_never_read(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(Bomb())
    if zipped:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("archive/data.pkl", data)
        data = archive.getvalue()
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(data)
    result = run("import", path, "--name", "mine")
    assert result.exit_code == 3
    # Half an archive has nothing to refuse yet; whole or half, it is no weights file.
    assert ("no weights file" if zipped else "run any code") in str(result.exception)
    assert not (tmp_path / "exploded").exists()
    assert "mine" not in store.names()


@pytest.mark.parametrize("suffix", [".npz", ".pth"])
def test_arrays_of_numpy_are_refused_in_our_words(
    store: Store, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"weights{suffix}"
    with path.open("wb") as file:
        np.savez(file, weight=np.zeros(3, np.float32))
    result = run("import", path, "--name", "mine")
    assert result.exit_code == 3
    assert str(result.exception) == (
        f"{path} is no weights file that can be read (it is damaged, or of another kind)."
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x07" + b"junk" * 20, b"0123" * 50])
def test_rubbish_is_refused(store: Store, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.onnx"
    path.write_bytes(content)
    result = run("import", path, "--name", "mine")
    assert result.exit_code == 3
    assert not list(store.user.glob("*"))
    assert not list(store.user.glob(".*"))


def test_a_library_that_names_the_copy_is_told_of_the_file(
    store: Store, plain_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where its words, which are kept short, end in the middle of the copy's path."""
    from mattelier.engines import signature

    def refuse(copy: Path) -> None:
        whole, cut = str(copy), str(copy)[: -len("model/mine.onnx") - 4]
        raise ModelError("It cannot be read ({reason}).", reason=f"{whole}: no; see {cut}")

    monkeypatch.setattr(signature, "signature", refuse)
    refused = run("import", plain_onnx, "--name", "mine").exception
    assert str(refused) == f"It cannot be read ({plain_onnx}: no; see {plain_onnx})."


def test_a_name_cannot_leave_the_folder(store: Store, plain_onnx: Path) -> None:
    assert run("import", plain_onnx, "--name", "../out").exit_code != 0
    assert not (store.user.parent / "out").exists()
