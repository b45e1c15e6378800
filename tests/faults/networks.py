"""Weights, graphs and cards that are broken or hostile, through the command line."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import pickle
import random
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zoo_folders
from PIL import Image
from tiny_model import make_model

from faults.child import Case, Findings, main, run_cases
from faults.mutations import mutate
from mattelier.commands.main import main as mattelier

_NAME = "brought"
_SHIPPED = Path(__file__).parents[2] / "models" / "upscale-x2" / "upscale-x2.safetensors"
_DEEP = 5000  # brackets in each other


class _RunsCode:
    """Unpickling it makes the file that says so."""

    def __init__(self, proof: str) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self._proof, "w")


def attack(folder: Path, seed: int, first: int, last: int) -> Findings:
    """Bring in so many mutated networks, use those that were taken, and read mutated cards."""
    folder.mkdir(exist_ok=True)
    return run_cases("networks", folder, seed, first, last)


def _cases(folder: Path, seed: int) -> Case:
    os.environ["MATTELIER_MODELS"] = str(Path(tempfile.mkdtemp(dir=folder)))
    store = Path(os.environ["MATTELIER_MODELS"])
    sound = make_model(store, "sound")
    picture, proof = store / "picture.png", store / "CODE-RAN"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(picture)
    card = (sound / "card.toml").read_bytes()
    onnx, weights = _graph(), _SHIPPED.read_bytes()
    others = [onnx, (sound / "tiny.onnx").read_bytes(), (sound / "tiny.safetensors").read_bytes()]

    def bring_graph(rng: random.Random) -> list[list[str]]:
        (store / "brought.onnx").write_bytes(mutate(onnx, rng, others))
        command = ["models", "import", str(store / "brought.onnx"), "--name", _NAME]
        command += ["--size", "32"]
        return [command, ["matte", str(picture), "-o", str(store / "o.png"), "--model", _NAME]]

    def bring_weights(rng: random.Random) -> list[list[str]]:
        path = store / "brought.safetensors"
        path.write_bytes(mutate(weights, rng, others))
        return [
            ["models", "import", str(path), "--name", _NAME],
            ["upscale", str(picture), "-o", str(store / "o.png"), "--model", str(path)],
        ]

    def bring_pickle(rng: random.Random) -> list[list[str]]:
        path = store / rng.choice(("brought.pth", "brought.onnx", "brought.safetensors"))
        content = pickle.dumps(_RunsCode(str(proof)), protocol=rng.choice((2, 4)))
        if rng.random() < 0.5:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", content)
        else:
            path.write_bytes(content)
        return [
            ["models", "import", str(path), "--name", _NAME],
            ["upscale", str(picture), "-o", str(store / "o.png"), "--model", str(path)],
        ]

    def bring_name(rng: random.Random) -> list[list[str]]:
        name = rng.choice(("..", "../out", "/tmp/out", "a/b", ".hidden", "CON", "a" * 300, "é"))
        return [["models", "import", str(_SHIPPED), "--name", name]]

    def read_card(rng: random.Random) -> list[list[str]]:
        other = store / "other"
        other.mkdir(exist_ok=True)
        hostile = (b"a = " + b"[" * _DEEP, rng.randbytes(500), b"")
        broken = mutate(card, rng, others) if rng.random() < 0.7 else rng.choice(hostile)
        (other / "card.toml").write_bytes(broken)
        return [
            ["models", "list"],
            ["models", "verify", "other"],
            ["models", "get", "other"],
            ["matte", str(picture), "-o", str(store / "o.png"), "--model", "sound"],
        ]

    def bring_header(rng: random.Random) -> list[list[str]]:
        header = rng.choice((b'{"a":' * _DEEP, b"[]", b'{"mix.weight":{"dtype":"F64"}}', b"{}"))
        length = rng.choice((len(header), 2**63, 0, 1 << 40))
        path = store / "brought.safetensors"
        path.write_bytes(struct.pack("<Q", length) + header + weights[8:])
        return [["models", "import", str(path), "--name", _NAME]]

    def bring_folder(rng: random.Random) -> list[list[str]]:
        path = store / "brought-folder"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(published, path)
        file = path / rng.choice(("config.json", "preprocessor_config.json", "model.safetensors"))
        file.write_bytes(mutate(file.read_bytes(), rng, others))
        (path / "own.py").write_text(f"open({str(proof)!r}, 'w')\n")
        return [["models", "import", str(path), "--name", _NAME]]

    attacks: tuple[Callable[[random.Random], list[list[str]]], ...] = (
        bring_graph, bring_weights, bring_pickle, bring_name, read_card, bring_header,
    )  # fmt: skip
    published = store / "published"
    if importlib.util.find_spec("transformers") and importlib.util.find_spec("torch"):
        zoo_folders.write("segformer", published)
        attacks = (*attacks, bring_folder)

    def case(number: int) -> tuple[str, Callable[[], str]]:
        rng = random.Random(f"{seed}-{number}")
        make = attacks[number % len(attacks)]

        def run() -> str:
            before = set(folder.iterdir())
            try:
                verdicts = [_run(command) for command in make(rng)]
            finally:
                for name in (_NAME, "other"):
                    shutil.rmtree(store / name, ignore_errors=True)
            if proof.exists():
                return "executed: a pickle ran its code"
            if stray := set(folder.iterdir()) - before:
                return f"escaped: {sorted(map(str, stray))}"
            if left := [path.name for path in store.glob(".*")]:
                return f"left: {left}"
            if make is read_card and verdicts[-1] != "done":
                return f"spread: a bad card kept a sound model from working, {verdicts[-1]}"
            return next((verdict for verdict in verdicts if ":" in verdict), verdicts[0])

        return make.__name__, run

    return case


def _graph() -> bytes:
    """A graph that holds its weights itself: how far a picture's colours are from one another."""
    from onnx import TensorProto, helper, numpy_helper

    mix = np.linspace(-1, 1, 27, dtype=np.float32).reshape(1, 3, 3, 3)
    nodes = [
        helper.make_node("Conv", ["image", "mix"], ["logits"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["logits"], ["mask"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])
        for name, channels in (("image", 3), ("mask", 1))
    ]
    graph = helper.make_graph(
        nodes, "mix", ports[:1], ports[1:], [numpy_helper.from_array(mix, "mix")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _run(command: list[str]) -> str:
    """`done`, `refused`, or what is wrong with how the command line ended."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = mattelier([*command, *(["--overwrite"] if "-o" in command else [])])
    text = said.getvalue()
    if "Traceback" in text or "unexpected" in text:
        return f"unexpected: {' '.join(command[:2])} {text[-300:]}"
    if code not in (0, 2, 3):
        return f"code: {code}"
    return "refused" if code else "done"


if __name__ == "__main__":
    main(_cases)
