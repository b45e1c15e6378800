"""Real Blenders: the `bpy` modules from PyPI, and Debian's Blender with its window.

Each module lives in an environment of its own, built once and kept in the cache folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from debian_root import DebianRoot, UnavailableError, cache_folder, debian_root, engine_files

from mattelier.hosts.blender import assemble
from mattelier.worker import client

VERSIONS = ("4.2.23", "4.5.15", "5.0.1", "5.1.2", "5.2.3")
HERE = Path(__file__).resolve().parent
INSIDE = HERE / "inside"
MODULE = "bl_ext.user_default.mattelier"
FAKE = (sys.executable, str(HERE / "fake_worker.py"))
RELEASE = "trixie"
PACKAGES = (
    "blender", "xvfb", "openbox", "xdotool", "imagemagick", "libgl1-mesa-dri", "libegl1",
)  # fmt: skip
_PYTHONS = {"4.": "3.11", "5.0": "3.11", "5.": "3.13"}  # that modules are built for; first match
_INSTALL_SECONDS = 900
_SCREEN = """
# Its own number: other tests' screens are seen from here, too.
exec 3<> <(:)
Xvfb -displayfd 3 -screen 0 1600x900x24 +extension GLX > /dev/null 2>&1 &
trap "kill $!" EXIT
read -r number <&3
export DISPLAY=":$number"
openbox > /dev/null 2>&1 &
sleep 1
blender --window-geometry 0 0 1600 900 --python-exit-code 4 --python "$1" -- "$2"
"""


@dataclass(frozen=True)
class Home:
    """What a Blender takes for its user: settings and extensions, and where workers listen.

    Attributes
    ----------
    resources : Path
        Blender's user folder, with the add-on in it.
    runtime : Path
        Of the worker; short, for its socket lies in it.
    """

    resources: Path
    runtime: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "BLENDER_"))},
            "BLENDER_USER_RESOURCES": str(self.resources),
            "MATTELIER_RUNTIME": str(self.runtime),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@dataclass(frozen=True)
class Module:
    """A `bpy` module in its environment."""

    version: str
    python: Path

    @property
    def extension_tool(self) -> Path:
        """Blender's own builder of extensions."""
        pattern = "lib/python*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
        return next(self.python.parents[1].glob(pattern))

    def run(
        self, home: Home, *arguments: object, timeout: float, log: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run its Python; killed when it takes too long, as some hang where they should end."""
        with log.open("ab") as sink:
            process = subprocess.Popen(
                [str(self.python), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=home.environment,
                start_new_session=True,
            )
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return subprocess.CompletedProcess(process.args, process.returncode)


def modules(versions: Sequence[str]) -> dict[str, Module]:
    """The environments of these versions; missing ones are built at the same time.

    Raises
    ------
    UnavailableError
        There is no Python of the version that they need, or the packages cannot be had.
    """
    with ThreadPoolExecutor(len(versions)) as pool:
        return dict(zip(versions, pool.map(_module, versions), strict=True))


def _module(version: str) -> Module:
    folder = cache_folder() / f"bpy-{version}"
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            for command in (
                [_python(version), "-m", "venv", folder],
                [python, "-m", "pip", "install", "-q", f"bpy=={version}"],
            ):
                _step(command, folder)
            stamp.touch()
    return Module(version, python)


def _python(version: str) -> str:
    """A Python that the module of this version is built for."""
    wanted = next(python for begin, python in _PYTHONS.items() if version.startswith(begin))
    name = f"python{wanted}"
    on_path = [found] if (found := shutil.which(name)) else []
    # Managers of Pythons keep them side by side, and put stand-ins on the path that may not start.
    beside = sorted(Path(sys.base_prefix).resolve().parent.glob(f"*/bin/{name}"))
    for python in [sys.executable, *on_path, *beside]:
        report = "import sys; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([python, "-c", report], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == wanted:
            return str(python)
    raise UnavailableError(f"the module of Blender {version} needs Python {wanted}")


def _step(command: Sequence[object], folder: Path) -> None:
    try:
        subprocess.run(
            list(map(str, command)),
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_INSTALL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or b""
        raise UnavailableError(
            f"{folder.name} cannot be installed: {output.decode(errors='replace')[-300:]}"
        ) from error


@contextlib.contextmanager
def home_with_addon(engine: Sequence[str] = FAKE) -> Iterator[Home]:
    """A user folder with the add-on, whose worker `engine` starts and which ends afterwards."""
    with tempfile.TemporaryDirectory(prefix="mb") as folder:
        home = Home(Path(folder, "user"), Path(folder, "run"))
        home.runtime.mkdir()
        assemble(home.resources / "extensions" / "user_default" / "mattelier", engine)
        try:
            yield home
        finally:
            end_worker(home.runtime)


def end_worker(runtime: Path) -> None:
    """End the worker that listens there, if one does."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.suppress(client.WorkerError, OSError),
    ):
        patch.setenv("MATTELIER_RUNTIME", str(runtime))
        with client.connect(client.Engine(), "test") as worker:
            os.kill(worker.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Window:
    """Debian's Blender with a screen to show its window on.

    Attributes
    ----------
    home : Path
        At the same path inside and outside.
    """

    home: Path
    root: DebianRoot

    @property
    def runtime(self) -> Path:
        return self.home / "run"

    @property
    def addon(self) -> Path:
        """The installed add-on, once it is."""
        return next(self.home.glob(".config/blender/*/extensions/user_default/mattelier"))

    def run(
        self, *program: object, timeout: float, log: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, in a shell's words; its output is told and put into `log`."""
        command = self.root.command(
            *map(str, program),
            shared=[*engine_files(), self.home],
            environment={
                "HOME": str(self.home),
                "MATTELIER_RUNTIME": str(self.runtime),
                # Each program here has a /tmp of its own, and a worker outlives the Blender that
                # started it: what the next one hands it has to lie where both see it.
                "TMPDIR": str(self.home / "tmp"),
                "LIBGL_ALWAYS_SOFTWARE": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0] + f"\nkilled after {timeout} s"
        if log is not None:
            log.write_text(output, "utf-8")
        return subprocess.CompletedProcess(command, process.returncode, output)

    def run_at_screen(self, script: Path, folder: Path, *, timeout: float, log: Path) -> None:
        """Run a script in Blender's window, on a screen of its own; it works in the folder."""
        self.run("bash", "-c", _SCREEN, "screen", script, folder, timeout=timeout, log=log)

    def install(self) -> None:
        """Put the add-on into this Blender, as a user does."""
        done = self.run(sys.executable, "-m", "mattelier", "install", "blender", timeout=120)
        assert done.returncode == 0, done.stdout

    def use_engine(self, *command: str) -> None:
        """From now on the add-on starts this worker; one that runs is ended."""
        end_worker(self.runtime)
        file = self.addon / "engine.json"
        entry = json.loads(file.read_text("utf-8"))
        file.write_text(json.dumps({**entry, "command": command}), "utf-8")


@contextlib.contextmanager
def window() -> Iterator[Window]:
    """Debian's Blender.

    Raises
    ------
    UnavailableError
        It is not there and cannot be had.
    """
    root = debian_root("blender-root", RELEASE, PACKAGES)
    with tempfile.TemporaryDirectory(prefix="mw") as folder:
        for name in ("run", "tmp"):
            Path(folder, name).mkdir()
        found = Window(Path(folder), root)
        try:
            yield found
        finally:
            end_worker(found.runtime)
