"""Makes Mattelier's environment: `.venv` in the checkout, with the `mattelier` command.

Standard library only; runs on Linux, macOS and Windows under any Python 3.11 or newer. The
launchers `setup`, `try` and `test` beside this file find such a Python and hand over to `main`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
OLDEST_TORCH = (2, 4)
NEEDS_TORCH = {"torch", "train"}
TEST_EXTRAS = ("dev", "test", "train")
CONSTRAINTS = Path("install", "constraints.txt")  # below the checkout, where pip runs
VERSIONS = Path(".venv", "versions.txt")  # without the checksums, which pip wants of all or none
# As variables, because they hold for the build of the package as well.
PINNED = {name: VERSIONS.as_posix() for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT")}
HASHED_FOR = ("Linux", "x86_64", (3, 11))  # what CI runs on, whose files the checksums are of
VERSION = re.compile(r'^__version__ = "(.+)"', re.MULTILINE)
UNPINNED = re.compile(r"(mattelier|pip|torch|triton|nvidia-.*|cuda-.*)$")
CONSTRAINTS_HEAD = """\
# Exact versions of what `CI=true ./install/test` installs, so that a run of CI can be repeated, and
# the SHA-256 of the files that Python 3.11 takes of them on Linux x86-64, where CI checks it.
# Made by `python3 install/mattelier_setup.py constraints`. torch and its CUDA parts are left out:
# which build fits depends on the machine, and a CPU build is on no common index.
"""
BILL_TOOLS = ("cyclonedx-bom>=7", "pip-licenses>=5")
PARALLEL = ("-n", "auto", "--maxprocesses", "4")  # tests/conftest.py says what stays together
QUICK = "not host and not train and not slow"


class SetupError(Exception):
    """What went wrong and what to do, for people."""


@dataclass(frozen=True)
class Candidate:
    """A torch to try: a build marked `+cpu` (from `index`, or where pip looks anyway), or plain."""

    why: str
    cpu_build: bool = False
    index: str | None = None


def torch_candidates(system: str, machine: str, has_nvidia: bool) -> tuple[Candidate, ...]:
    """List the builds of torch for a machine, best first; none where none is made.

    `system` and `machine` are as `platform.system()` and `platform.machine()` say.
    """
    if system == "Darwin":
        if machine == "x86_64":
            return ()
        return (Candidate("it serves the CPU and Apple's GPU"),)
    if system == "Windows":
        return (Candidate("for Windows it is a CPU build; pytorch.org offers others"),)
    if has_nvidia:
        return (Candidate("an NVIDIA GPU is here"),)
    no_gpu = "no NVIDIA GPU is here"
    return (
        Candidate(no_gpu, cpu_build=True),
        Candidate(f"{no_gpu}; from PyTorch's CPU builds", cpu_build=True, index=CPU_WHEELS),
        Candidate(f"{no_gpu}, but no CPU build was found: this brings gigabytes of CUDA"),
    )


def pick_torch(
    candidates: Sequence[Candidate], versions: Callable[[str | None], Sequence[str]]
) -> tuple[list[str], str]:
    """Choose the first candidate that is to be had.

    `versions(index)` lists the versions that pip can install, newest first. Returns pip's
    arguments and a sentence for people.
    """
    for candidate in candidates:
        if not candidate.cpu_build:
            return ["torch"], f"torch: the plain build ({candidate.why})"
        for version in versions(candidate.index):
            numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
            if version.endswith("+cpu") and numbers >= OLDEST_TORCH:
                where = ["--extra-index-url", candidate.index] if candidate.index else []
                return [f"torch=={version}", *where], f"torch: {version} ({candidate.why})"
    raise SetupError(
        "There is no torch for this machine; ./install/setup --light does everyday work without."
    )


def has_nvidia() -> bool:
    """Whether a working NVIDIA GPU answers."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    try:
        answer = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "GPU" in answer.stdout


@dataclass(frozen=True)
class Wish:
    """What an environment shall hold beside the everyday parts."""

    extras: tuple[str, ...] = ()

    @property
    def torch(self) -> bool:
        return bool(NEEDS_TORCH & set(self.extras))


class Environment:
    """`.venv` of a checkout; its stamp says what was installed into it, and from what."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.folder = checkout / ".venv"
        self.log = self.folder / "setup.log"
        self._stamp = self.folder / "mattelier-setup.json"

    def _program(self, name: str) -> Path:
        windows = os.name == "nt"
        return self.folder / ("Scripts" if windows else "bin") / (name + ".exe" * windows)

    @property
    def python(self) -> Path:
        return self._program("python")

    @property
    def command(self) -> Path:
        return self._program("mattelier")

    def installed(self) -> Wish | None:
        """What the last complete set-up was asked for; None when there was none."""
        try:
            return Wish(tuple(json.loads(self._stamp.read_text("utf-8"))["wish"]["extras"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_up_to_date(self, wish: Wish) -> bool:
        try:
            stamp = json.loads(self._stamp.read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stamp == self._stamp_for(wish)) and self.command.exists() and self._runs()

    def _stamp_for(self, wish: Wish) -> dict[str, object]:
        project = (self.checkout / "pyproject.toml").read_bytes()
        version = VERSION.search((self.checkout / "core/mattelier/__init__.py").read_text("utf-8"))
        stamp: dict[str, object] = {
            "wish": json.loads(json.dumps(asdict(wish))),
            "pyproject": hashlib.sha256(project).hexdigest(),
            "version": version and version[1],
            "checkout": str(self.checkout),
        }
        if in_ci():
            stamp["constraints"] = hashlib.sha256(
                (self.checkout / CONSTRAINTS).read_bytes()
            ).hexdigest()
        return stamp

    def _runs(self) -> bool:
        question = "import sys; sys.exit(sys.version_info < (3, 11))"
        try:
            return subprocess.run([self.python, "-c", question], timeout=60).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def make(self, wish: Wish, *, upgrade: bool = False) -> None:
        """Create or complete the environment; quick when it is as wished already.

        In CI every package has the version that `install/constraints.txt` names. `upgrade` brings
        the newest of each instead.
        """
        if not upgrade and self.is_up_to_date(wish):
            say(f"The environment is ready: {self.folder}")
            return
        self._stamp.unlink(missing_ok=True)
        if not self._runs():
            if importlib.util.find_spec("ensurepip") is None:
                version = f"{sys.version_info.major}.{sys.version_info.minor}"
                raise SetupError(
                    "This Python lacks its venv part; on Debian and Ubuntu: "
                    f"sudo apt install python{version}-venv   (then run this again)"
                )
            say(f"Making {self.folder} with Python {platform.python_version()}")
            if self.folder.exists() and not (self.folder / "pyvenv.cfg").exists():
                raise SetupError(f"{self.folder} is something else than an environment; move it.")
            shutil.rmtree(self.folder, ignore_errors=True)
            self._run(sys.executable, "-m", "venv", self.folder)
        torch: list[str] = []
        if wish.torch:
            candidates = torch_candidates(platform.system(), platform.machine(), has_nvidia())
            torch, message = pick_torch(candidates, self._torch_versions)
            say(message)
        else:
            say("torch: left out; the shipped networks need none (OpenVINO runs them)")
        say("Installing; this takes a few minutes the first time ...")
        extras = f"[{','.join(wish.extras)}]" if wish.extras else ""
        newest = ["--upgrade", "--upgrade-strategy", "eager"] if upgrade else []
        pinned = {} if upgrade or not in_ci() else self._pin(wish)
        self._run(
            self.python, "-m", "pip", "install", *newest, "--editable", f".{extras}", *torch,
            variables=pinned,
        )  # fmt: skip
        if not self.command.exists():
            raise SetupError(f"The mattelier command was not made; the log is {self.log}.")
        self._stamp.write_text(json.dumps(self._stamp_for(wish)), "utf-8")
        say(f"Ready: {self.command}")

    def _pin(self, wish: Wish) -> dict[str, str]:
        """Install what CI needs by its checksums; gives what holds pip to these versions then."""
        lines = (self.checkout / CONSTRAINTS).read_text("utf-8").splitlines()
        versions = [line.partition(" --hash")[0] for line in lines]
        (self.checkout / VERSIONS).write_text("\n".join(versions) + "\n", "utf-8")
        platform_here = (platform.system(), platform.machine(), sys.version_info[:2])
        if platform_here == HASHED_FOR and set(TEST_EXTRAS) <= set(wish.extras):
            self._run(
                self.python, "-m", "pip", "install", "--no-deps", "--require-hashes",
                "--only-binary", ":all:", "--requirement", CONSTRAINTS,
            )  # fmt: skip
        return PINNED

    def hashed(self, packages: Sequence[str]) -> list[str]:
        """The same packages, each with the SHA-256 of the file that pip takes of it here."""
        command = [self.python, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command += ["--no-deps", "--quiet", "--report", "-", *packages]
        report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        hashes = {
            _normalise(item["metadata"]["name"]): item["download_info"]["archive_info"]["hashes"]
            for item in report["install"]
        }
        return [
            f"{text} --hash=sha256:{hashes[_normalise(text.partition('==')[0])]['sha256']}"
            for text in packages
        ]

    def packages(self) -> list[str]:
        """What is installed, as `name==version`, without what a constraints file must not pin."""
        command = [self.python, "-m", "pip", "list", "--format=freeze"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        kept = (line for line in found if not UNPINNED.match(line.partition("==")[0].lower()))
        return sorted(kept, key=str.lower)

    def _torch_versions(self, index: str | None) -> list[str]:
        """Ask pip which versions of torch it can install here; none where nobody answers."""
        command: list[str | Path] = [self.python, "-m", "pip", "index", "versions", "torch"]
        if index:
            command += ["--index-url", index, "--timeout", "10", "--retries", "0"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return []
        found = re.search(r"^Available versions: (.+)$", answer.stdout, re.MULTILINE)
        return found[1].split(", ") if found else []

    def _run(self, *command: str | Path, variables: Mapping[str, str] | None = None) -> None:
        """Run a step with its noise in the log; a failure shows the log's end."""
        self.folder.mkdir(exist_ok=True)
        with self.log.open("a", encoding="utf-8", errors="replace") as file:
            code = subprocess.run(
                command,
                cwd=self.checkout,
                env={**os.environ, **(variables or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
            ).returncode
        if code:
            with self.log.open(encoding="utf-8", errors="replace") as file:
                tail = "".join(deque(file, maxlen=15))
            raise SetupError(
                f"{tail}\nA step of the set-up failed; above is the end of {self.log}.\n"
                "Check the network and the free disk space, then run this again: it goes on."
            )


def _normalise(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def in_ci() -> bool:
    """Whether this run is to be repeatable; CI services set the variable."""
    return os.environ.get("CI") == "true"


def say(message: str) -> None:
    print(message, flush=True)


def set_up(arguments: Sequence[str]) -> int:
    """`setup`: the environment with torch, or without (`--light`)."""
    parser = argparse.ArgumentParser(
        prog="setup", description="Make .venv in this checkout, with the mattelier command."
    )
    parser.add_argument("--light", action="store_true", help="leave torch out altogether")
    parser.add_argument("--extras", default="", metavar="A,B", help="more parts: heif, onnx, ...")
    options = parser.parse_args(arguments)
    extras = {part.strip() for part in options.extras.split(",") if part.strip()}
    if options.light and extras & NEEDS_TORCH:
        parser.error(f"--light leaves torch out, but {', '.join(extras & NEEDS_TORCH)} needs it")
    wanted = extras if options.light else extras | {"torch"}
    Environment(CHECKOUT).make(Wish(tuple(sorted(wanted))))
    return 0


def try_photo(arguments: Sequence[str]) -> int:
    """`try`: cut one photo out, in whatever environment there is, else a light one."""
    parser = argparse.ArgumentParser(
        prog="try", description="Cut a photo out; the result lies in the current folder."
    )
    parser.add_argument("photo", nargs="?", type=Path, default=CHECKOUT / "install" / "sample.jpg")
    photo = parser.parse_args(arguments).photo
    if not photo.is_file():
        raise SetupError(f"{photo}: no such file.")
    environment = Environment(CHECKOUT)
    environment.make(environment.installed() or Wish())
    result = free_name(Path.cwd(), f"{photo.stem}-cutout")
    code = subprocess.run([environment.command, "cutout", photo, "-o", result]).returncode
    if code == 0:
        say(f"Your cut-out: {result}")
    return code


def free_name(folder: Path, stem: str) -> Path:
    """A PNG's path in `folder` that nothing has yet."""
    result, number = folder / f"{stem}.png", 2
    while result.exists():
        result, number = folder / f"{stem}-{number}.png", number + 1
    return result


def test(arguments: Sequence[str]) -> int:
    """`test`: everything that the tests need, then the tests; arguments go to pytest."""
    parser = argparse.ArgumentParser(
        prog="test",
        description="Set up what the tests need and run them; other arguments go to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--quick", action="store_true", help="only what needs no host, no training and little time"
    )
    options, others = parser.parse_known_args(arguments)
    environment = Environment(CHECKOUT)
    environment.make(test_wish(environment))
    if options.quick:
        runs = [[*PARALLEL, "-m", QUICK, *others]]
    elif others:
        runs = [others]
    else:
        # Windows that keys and clicks drive need the machine to themselves.
        runs = [[*PARALLEL, "-m", "not host"], ["-m", "host"]]
    codes = [
        subprocess.run([environment.python, "-m", "pytest", *run], cwd=CHECKOUT).returncode
        for run in runs
    ]
    return max(codes)


def test_wish(environment: Environment) -> Wish:
    """What the tests need beside what was there."""
    before = environment.installed() or Wish()
    return Wish(tuple(sorted({*before.extras, *TEST_EXTRAS})))


def constraints(arguments: Sequence[str]) -> int:
    """`constraints`: bring the newest versions and write them to `install/constraints.txt`."""
    argparse.ArgumentParser(
        prog="constraints", description="Renew install/constraints.txt, for CI."
    ).parse_args(arguments)
    environment = Environment(CHECKOUT)
    environment.make(test_wish(environment), upgrade=True)
    file = CHECKOUT / CONSTRAINTS
    lines = environment.hashed(environment.packages())
    file.write_text(CONSTRAINTS_HEAD + "\n".join(lines) + "\n", "utf-8")
    say(f"Written: {file}; run the tests with CI=true before it is committed.")
    return 0


def bill(arguments: Sequence[str]) -> int:
    """`bill`: what an installation consists of, for those who must know: an SBOM, and licences."""
    parser = argparse.ArgumentParser(
        prog="bill", description="Write mattelier.cdx.json (CycloneDX) and licences.md."
    )
    parser.add_argument("--extras", default="", metavar="A,B", help="of the installation")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "dist", metavar="FOLDER")
    options = parser.parse_args(arguments)
    extras, output = options.extras, options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mattelier-bill-") as folder:
        product, tools = (Environment(Path(folder, name)) for name in ("product", "tools"))
        wanted = {
            product: [f"{CHECKOUT}[{extras}]" if extras else str(CHECKOUT)],
            tools: BILL_TOOLS,
        }
        for environment, packages in wanted.items():
            environment.checkout.mkdir()
            environment._run(sys.executable, "-m", "venv", environment.folder)
            environment._run(environment.python, "-m", "pip", "install", *packages)
        sbom, licences = output / "mattelier.cdx.json", output / "licences.md"
        tools._run(
            tools._program("cyclonedx-py"), "environment", "--pyproject",
            CHECKOUT / "pyproject.toml", "--mc-type", "application", "--gather-license-texts",
            "--output-reproducible", "--output-file", sbom, product.python,
        )  # fmt: skip
        tools._run(
            tools._program("pip-licenses"), f"--python={product.python}", "--format=markdown",
            "--with-urls", "--from=mixed", "--order=license", f"--output-file={licences}",
        )  # fmt: skip
    say(f"Written: {sbom} and {licences}")
    return 0


TASKS = {
    "setup": set_up,
    "try": try_photo,
    "test": test,
    "constraints": constraints,
    "bill": bill,
}


def main(arguments: Sequence[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - on Windows nothing has asked before
        say(f"Mattelier needs Python 3.11 or newer; this is {platform.python_version()}.")
        return 3
    task, *rest = arguments
    try:
        return TASKS[task](rest)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("Interrupted; run it again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
