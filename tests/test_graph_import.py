"""Graphs of OpenVINO and TensorFlow: brought in by one command, used by the next."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model

SIZE = 64
# Of red, green and blue: unlike, so that a wrong order of the axes shows in every value.
SHARES = np.array([0.7, 0.2, 0.1], np.float32)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    return tmp_path


def write_ir(path: Path, *, channels_last: bool = False, pictures: int = 1) -> Path:
    """One convolution of kernel 1 × 1, as OpenVINO saves what it made of an ONNX graph."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    openvino = pytest.importorskip("openvino")
    sides = (1, SIZE, SIZE, 3) if channels_last else (1, 3, SIZE, SIZE)
    after = (1, SIZE, SIZE, 1) if channels_last else (1, 1, SIZE, SIZE)
    names = [f"photo{number}" for number in range(pictures)]
    nodes = [helper.make_node("Sum", names, ["sum"])]
    if channels_last:
        nodes += [
            helper.make_node("Transpose", ["sum"], ["x"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["x", "kernel"], ["y"]),
            helper.make_node("Transpose", ["y"], ["mask"], perm=[0, 2, 3, 1]),
        ]
    else:
        nodes.append(helper.make_node("Conv", ["sum", "kernel"], ["mask"]))
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in names],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, after)],
        [numpy_helper.from_array(SHARES.reshape(1, 3, 1, 1), "kernel")],
    )
    source = path.with_name("source.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), source)
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)
    source.unlink()
    return path


def write_frozen(path: Path, *, shaped: bool = True) -> Path:
    """The same convolution as a GraphDef of TensorFlow's, written field by field."""

    def varint(number: int) -> bytes:
        low, rest = number & 127, number >> 7
        return bytes([low | 128]) + varint(rest) if rest else bytes([low])

    def field(number: int, value: int | bytes) -> bytes:
        if isinstance(value, int):
            return varint(number << 3) + varint(value)
        return varint(number << 3 | 2) + varint(len(value)) + value

    def shape(*sides: int) -> bytes:
        return b"".join(field(2, field(1, side % 2**64)) for side in sides)

    def node(name: str, operation: str, *inputs: str, **attributes: bytes) -> bytes:
        body = field(1, name.encode()) + field(2, operation.encode())
        body += b"".join(field(3, one.encode()) for one in inputs)
        for key, value in attributes.items():
            body += field(5, field(1, key.encode()) + field(2, value))
        return field(1, body)

    is_float = field(6, 1)
    sides = (1, -1, -1, 3) if shaped else (-1, -1, -1, -1)
    kernel = field(1, 1) + field(2, shape(1, 1, 3, 1)) + field(4, SHARES.tobytes())
    ones = field(1, field(3, bytes([1, 1, 1, 1])))
    path.write_bytes(
        node(
            "photo",
            "Placeholder",
            dtype=is_float,
            shape=field(7, shape(*sides)),
        )
        + node("kernel", "Const", dtype=is_float, value=field(8, kernel))
        + node(
            *("mask", "Conv2D", "photo", "kernel"),
            T=is_float,
            strides=ones,
            padding=field(2, b"SAME"),
        )
    )
    return path


def write_photo(folder: Path) -> Path:
    """Red on dark blue."""
    pixels = np.full((SIZE, SIZE, 3), (0, 0, 60), np.uint8)
    pixels[16:48, 16:48] = (255, 200, 180)
    Image.fromarray(pixels).save(folder / "photo.png")
    return folder / "photo.png"


def import_and_use(
    folder: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Store, str]:
    """Brought in as "mine", shown to be exact, and used by the command."""
    assert main(["models", "import", str(source), "--name", "mine", "--size", str(SIZE)]) == 0
    said = capsys.readouterr().err
    assert "Shown a drawn ball, it saw" in said
    store = Store()
    assert store.state(store.card("mine")) == ("ready", "")
    picture = np.random.default_rng(0).random((1, 3, SIZE, SIZE), np.float32)
    alpha = open_model(store.card("mine"), store, "cpu").run({"picture": picture})["alpha"]
    wanted = (picture * SHARES.reshape(1, 3, 1, 1)).sum(1, keepdims=True)
    np.testing.assert_allclose(alpha, wanted, atol=1e-5)
    out = folder / "out.png"
    command = ["cutout", str(write_photo(folder)), "-o", str(out), "--model", "mine"]
    assert main(command) == 0
    cut = np.asarray(Image.open(out))[..., 3]
    assert cut[24:40, 24:40].min() > 200
    assert cut[:8].max() < 50
    return store, said


def refused(source: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The one sentence that an import is refused with; nothing stays of it."""
    code = main(["models", "import", str(source), "--name", "mine", *flags])
    said = capsys.readouterr().err
    assert code in (2, 3)
    assert "Traceback" not in said
    assert not list((source.parent / "models").glob("*"))
    assert not list((source.parent / "models").glob(".import*"))
    return said.strip().splitlines()[-1]


def test_an_openvino_network_is_kept_as_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ir(here / "Red Net.v2.xml")
    store, said = import_and_use(here, source, capsys)
    assert "channels come first" not in said
    kept = store.locate(store.card("mine"))
    assert sorted(kept) == ["mine.bin", "mine.xml"]
    assert kept["mine.xml"].read_bytes() == source.read_bytes()
    # Its weights are part of what the card vouches for.
    kept["mine.bin"].write_bytes(b"\0" * kept["mine.bin"].stat().st_size)
    assert store.state(store.card("mine"), rehash=True)[0] == "damaged"


def test_a_network_is_given_blue_first_where_that_is_said(here: Path) -> None:
    """It sees what comes first best: red in RGB, blue in BGR."""
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    red, blue = np.s_[8:56, 4:28], np.s_[8:56, 36:60]
    picture[red], picture[blue] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(picture).save(here / "two.png")
    source = write_ir(here / "net.xml")
    for name, flags, first, last in (("plain", [], red, blue), ("bgr", ["--bgr"], blue, red)):
        assert main(["models", "import", str(source), "--name", name, *flags]) == 0
        out = str(here / f"{name}.png")
        flags = ["--model", name, "--no-refine", "-o", out]
        assert main(["matte", str(here / "two.png"), *flags]) == 0
        alpha = np.asarray(Image.open(out)) / 255.0
        assert alpha[first].mean() == pytest.approx(0.7, abs=0.03)
        assert alpha[last].mean() == pytest.approx(0.1, abs=0.03)


def test_an_openvino_network_made_of_tensorflows_is_turned(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = import_and_use(here, write_ir(here / "red.xml", channels_last=True), capsys)
    assert "channels come first" in said


def test_a_frozen_tensorflow_graph(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino")
    store, said = import_and_use(here, write_frozen(here / "red.pb"), capsys)
    assert "channels come first" in said
    assert store.card("mine").output.tensor == 0


def test_a_network_without_its_weights(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_ir(here / "red.xml")
    assert "red.xml" in refused(here / "red.bin", capsys)  # the half that was named by mistake
    (here / "red.bin").unlink()
    assert "red.bin" in refused(source, capsys)


@pytest.mark.parametrize("half", ["red.xml", "red.bin", "red.pb"])
def test_half_a_file(here: Path, capfd: pytest.CaptureFixture[str], half: str) -> None:
    source = write_frozen(here / half) if half == "red.pb" else write_ir(here / "red.xml")
    whole = (here / half).read_bytes()
    (here / half).write_bytes(whole[: len(whole) // 2])
    assert main(["models", "import", str(source), "--name", "mine"]) == 3
    [sentence] = capfd.readouterr().err.splitlines()  # the libraries say nothing either
    assert "is not a whole" in sentence
    assert not list((here / "models").glob("*"))


def test_ports_that_do_not_fit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_ir(here / "red.xml", pictures=2)
    assert "photo0 (1, 3, 64, 64), photo1 (1, 3, 64, 64)" in refused(source, capsys)
    source = write_ir(here / "red.xml")
    assert "There is no input 'image'" in refused(source, capsys, "--input", "image")
    assert "32×32" in refused(source, capsys, "--size", "32")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("saved_model.pb", b"\x08\x01\x12\x40" + b"x" * 64, "ONNX"),
        ("red.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 64, "ONNX"),
        ("page.xml", b"<?xml version='1.0'?><html></html>", "neither"),
        ("text.xml", b"\n\n\nhello", "neither"),
    ],
)
def test_other_files(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, word: str
) -> None:
    (here / name).write_bytes(content)
    assert word in refused(here / name, capsys)


def test_a_graph_too_large_for_this_computer_is_refused_before_it_is_read(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mattelier.engines import machine_memory

    source = write_ir(here / "red.xml")
    monkeypatch.setattr(machine_memory, "physical_memory", lambda: 5)
    monkeypatch.setattr("mattelier.engines.signature.signature", pytest.fail)
    monkeypatch.setattr("mattelier.engines.graph_import.channels_first", pytest.fail)
    assert "choose a smaller network" in refused(source, capsys)


def write_onnx(path: Path, nodes: list[Any], after: list[Any], kernels: dict[str, Any]) -> Path:
    """A graph of "photo", any size, with so many channels as its first kernel has."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    channels = next(iter(kernels.values())).shape[1]
    sides: list[Any] = [1, channels, *(after[0] if after[0] else ["h", "w"])]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("answer", after[1], after[2])],
        [numpy_helper.from_array(values, name) for name, values in kernels.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def write_classes(path: Path, *, numbers: bool = False) -> Path:
    """Nothing, red, green and blue, by the strongest channel: scores, or the class's number."""
    from onnx import TensorProto, helper

    weights = np.concatenate([np.zeros((1, 3)), 9 * np.eye(3)]).astype(np.float32)
    kernels = {
        "kernel": weights.reshape(4, 3, 1, 1),
        "bias": np.array([4, 0, 0, 0], np.float32),
    }
    scores = "scores" if numbers else "answer"
    nodes = [helper.make_node("Conv", ["photo", "kernel", "bias"], [scores])]
    if numbers:
        nodes.append(helper.make_node("ArgMax", [scores], ["answer"], axis=1, keepdims=0))
        return write_onnx(path, nodes, [None, TensorProto.INT64, [1, "h", "w"]], kernels)
    return write_onnx(path, nodes, [None, TensorProto.FLOAT, [1, 4, "h", "w"]], kernels)


def write_enlarger(path: Path, channels: int, sides: tuple[int, int] | None = None) -> Path:
    """Each pixel twice as wide and high."""
    from onnx import TensorProto, helper

    kernels = {
        "kernel": np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1),
        "times": np.array([1, 1, 2, 2], np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["photo", "kernel"], ["same"]),
        helper.make_node("Resize", ["same", "", "times"], ["answer"], mode="nearest"),
    ]
    after = [2 * side for side in sides] if sides else ["hh", "ww"]
    return write_onnx(path, nodes, [sides, TensorProto.FLOAT, [1, channels, *after]], kernels)


def write_red_and_green(folder: Path) -> Path:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:40, 4:28] = (230, 20, 20)
    pixels[8:40, 36:60] = (10, 220, 30)
    Image.fromarray(pixels).save(folder / "two.png")
    return folder / "two.png"


@pytest.mark.parametrize("numbers", [False, True])
def test_a_graph_of_classes_finds_what_is_where(
    here: Path, capsys: pytest.CaptureFixture[str], numbers: bool
) -> None:
    source = write_classes(here / "what.onnx", numbers=numbers)
    names = "nothing,red,green,blue"
    assert main(["models", "import", str(source), "--labels", names, "--size", "64"]) == 0
    said = capsys.readouterr().err
    assert "it is for `mattelier objects`" in said
    assert "It tells 4 kinds of things apart" in said
    card = Store().card("what")
    assert (card.task, card.labels[1]) == ("objects", "red")
    photo = write_red_and_green(here)
    assert main(["objects", str(photo), "-o", str(here / "found"), "--json"]) == 0
    [row] = map(json.loads, capsys.readouterr().out.splitlines())
    assert {one["label"] for one in row["objects"]} == {"nothing", "red", "green"}
    [red] = [one for one in row["objects"] if one["label"] == "red"]
    matte = np.asarray(Image.open(next((here / "found").glob(f"*-{red['number']}-red.png"))))
    assert matte[12:36, 8:24].min() > 200
    assert matte[12:36, 40:56].max() < 50


def test_labels_that_are_not_as_many_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_classes(here / "what.onnx")
    said = refused(source, capsys, "--labels", "cat,dog")
    assert said == "mattelier: It tells 4 classes apart, and --labels names 2."


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("channels", [3, 1])
def test_a_graph_that_enlarges(
    here: Path, capsys: pytest.CaptureFixture[str], channels: int, white: int
) -> None:
    """One that sees lightness alone has the colours carried along."""
    source = write_enlarger(here / "twice.onnx", channels)
    assert main(["models", "import", str(source), "--std", f"1/{white}"]) == 0
    said = capsys.readouterr().err
    assert ("White is 255 in its answer" in said) == (white == 255)
    assert "It enlarges 2 times" in said
    assert ("by their lightness" in said) == (channels == 1)
    card = Store().card("twice")
    assert (card.task, card.output.scale) == ("upscale", 2)
    photo, out = write_red_and_green(here), here / "large.png"
    command = ["upscale", str(photo), "-o", str(out), "--scale", "2", "--model", "twice"]
    assert main(command) == 0
    large, small = (np.asarray(Image.open(path)).astype(int) for path in (out, photo))
    assert large.shape == (96, 128, 3)
    assert np.abs(large[4::2, 4::2] - small[2:, 2:]).mean() < 6
    assert np.abs(large[40, 30] - (230, 20, 20)).max() <= 4


def test_a_graph_that_mends(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Conv", ["photo", "kernel"], ["answer"])]
    kernels = {"kernel": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)}
    source = write_onnx(
        here / "same.onnx", nodes, [None, TensorProto.FLOAT, [1, 3, "h", "w"]], kernels
    )
    assert main(["models", "import", str(source)]) == 0
    assert "It mends pictures; a drawn ball came out within 0.0%" in capsys.readouterr().err
    photo, out = write_red_and_green(here), here / "mended.png"
    assert main(["denoise", str(photo), "-o", str(out), "--model", "same"]) == 0
    mended, given = (np.asarray(Image.open(path)).astype(int) for path in (out, photo))
    assert np.abs(mended - given).max() <= 1


def test_a_graph_that_enlarges_one_size_alone_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_enlarger(here / "fixed.onnx", 3, (32, 48))
    said = refused(source, capsys)
    assert "takes those of 48×32 pixels alone" in said


def test_one_that_gives_another_picture_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Conv", ["photo", "kernel", "bias"], ["answer"])]
    kernels = {
        "kernel": -np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "bias": np.ones(3, np.float32),
    }
    source = write_onnx(
        here / "negative.onnx", nodes, [None, TensorProto.FLOAT, [1, 3, "h", "w"]], kernels
    )
    said = refused(source, capsys)
    assert "is given its pictures wrongly" in said


def test_a_frozen_graph_without_shapes_is_told_by_its_kernels(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino")
    source = write_frozen(here / "frozen.pb", shaped=False)
    assert main(["models", "import", str(source), "--name", "mine", "--size", str(SIZE)]) == 0
    assert "Shown a drawn ball, it saw" in capsys.readouterr().err
    picture = np.random.default_rng(0).random((1, 3, SIZE, SIZE), np.float32)
    store = Store()
    alpha = open_model(store.card("mine"), store, "cpu").run({"picture": picture})["alpha"]
    wanted = (picture * SHARES.reshape(1, 3, 1, 1)).sum(1, keepdims=True)
    np.testing.assert_allclose(alpha, wanted, atol=1e-5)


@pytest.mark.parametrize("beside", [3, 16])
def test_one_that_gives_a_matte_and_more_is_for_mattes(
    here: Path, capsys: pytest.CaptureFixture[str], beside: int
) -> None:
    """A foreground, or features, come before it; neither is what people want of it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernels = {"wide": np.ones((beside, 3, 1, 1), np.float32), "one": SHARES.reshape(1, 3, 1, 1)}
    shapes = {"more": [1, beside, "h", "w"], "alpha": [1, 1, "h", "w"]}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["photo", "wide"], ["more"]),
            helper.make_node("Conv", ["photo", "one"], ["alpha"]),
        ],
        "both",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [numpy_helper.from_array(values, name) for name, values in kernels.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    onnx.save(model, here / "both.onnx")
    assert main(["models", "import", str(here / "both.onnx"), "--size", "64"]) == 0
    assert "Shown a drawn ball, it saw" in capsys.readouterr().err
    card = Store().card("both")
    assert (card.task, card.output.tensor) == ("matte", 1)


@pytest.mark.parametrize("shares", [False, True])
def test_scores_of_ground_and_subject_are_a_matte(
    here: Path, capsys: pytest.CaptureFixture[str], shares: bool
) -> None:
    """As portrait networks end: two classes, before their softmax or after it."""
    from onnx import TensorProto, helper

    kernel = np.float32([[0, 0, 0], [14, 0, 0]]).reshape(2, 3, 1, 1)
    kernels = {"kernel": kernel, "bias": np.float32([7, 0])}
    nodes = [helper.make_node("Conv", ["photo", "kernel", "bias"], ["scores"])]
    if shares:
        nodes.append(helper.make_node("Softmax", ["scores"], ["answer"], axis=1))
    else:
        nodes.append(helper.make_node("Identity", ["scores"], ["answer"]))
    after = [None, TensorProto.FLOAT, [1, 2, "h", "w"]]
    source = write_onnx(here / "two.onnx", nodes, after, kernels)
    assert main(["models", "import", str(source), "--size", "64"]) == 0
    assert "the second is taken for the subject" in capsys.readouterr().err
    out = here / "matte.png"
    command = ["matte", str(write_photo(here)), "-o", str(out), "--model", "two", "--no-refine"]
    assert main(command) == 0
    matte = np.asarray(Image.open(out).convert("L")).astype(int)
    inside, outside = (255 / (1 + np.exp(-score)) for score in (14 - 7, 0 - 7))
    assert np.abs(matte[20:44, 20:44] - inside).max() <= 1
    assert np.abs(matte[:12] - outside).max() <= 1


def test_lists_of_boxes_are_no_matte(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A detector's scores are one a place, in a row: it was taken for a matte of one column."""
    from onnx import TensorProto, helper

    kernels = {
        "kernel": SHARES.reshape(1, 3, 1, 1),
        "row": np.array([1, -1, 1], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["photo", "kernel"], ["map"]),
        helper.make_node("Reshape", ["map", "row"], ["answer"]),
    ]
    after = [(SIZE, SIZE), TensorProto.FLOAT, [1, SIZE * SIZE, 1]]
    said = refused(write_onnx(here / "faces.onnx", nodes, after, kernels), capsys)
    assert "gives no matte" in said


def test_a_public_sets_classes_are_named_by_its_name(here: Path) -> None:
    source = write_classes(here / "what.onnx", numbers=True)
    assert main(["models", "import", str(source), "--labels", "VOC", "--size", "64"]) == 0
    labels = Store().card("what").labels
    assert (len(labels), labels[15]) == (21, "person")


def test_mean_and_std_may_be_told_as_shares_of_255(here: Path) -> None:
    source = write_ir(here / "red.xml")
    flags = ["--mean", "123.68/255,116.78/255,103.94/255", "--std", "58.4/255"]
    assert main(["models", "import", str(source), "--name", "mine", *flags]) == 0
    given = Store().card("mine").input
    assert given.mean == pytest.approx((0.48502, 0.45796, 0.40761), abs=1e-5)
    assert given.std == pytest.approx((0.22902,) * 3, abs=1e-5)


def in_pieces(folder: Path, source: Path, size: int = 100) -> Path:
    """A file as JavaScript packages carry it, beside a smaller one."""
    whole = source.read_bytes()
    folder.mkdir()
    listed: dict[str, Any] = {}
    for name, content in (("/models/small", b"\x08" * 40), ("/models/medium", whole)):
        chunks = []
        for start in range(0, len(content), size):
            piece = content[start : start + size]
            digest = hashlib.sha256(piece).hexdigest()
            (folder / digest).write_bytes(piece)
            offsets = [start, start + len(piece)]
            chunks.append({"hash": digest, "offsets": offsets})
        listed[name] = {"chunks": chunks, "size": len(content), "mime": "application/octet-steam"}
    (folder / "resources.json").write_text(json.dumps(listed), "utf-8")
    return folder


def test_a_network_in_pieces_is_put_together(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_enlarger(here / "twice.onnx", 3)
    folder = in_pieces(here / "dist", source)
    assert main(["models", "import", str(folder)]) == 0
    assert "It enlarges 2 times" in capsys.readouterr().err
    assert (here / "models" / "dist" / "dist.onnx").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("harm", ["gone", "damaged", "no list"])
def test_pieces_that_make_no_network_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    folder = in_pieces(here / "dist", write_enlarger(here / "twice.onnx", 3))
    listed = json.loads((folder / "resources.json").read_text())
    piece = folder / listed["/models/medium"]["chunks"][1]["hash"]
    if harm == "gone":
        piece.unlink()
    elif harm == "damaged":
        piece.write_bytes(b"x" * 100)
    else:
        (folder / "resources.json").write_text("[]")
    said = refused(folder, capsys)
    word = {"gone": "half a network", "damaged": "is damaged", "no list": "lists no pieces"}[harm]
    assert word in said
