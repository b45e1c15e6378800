"""A real GIMP 3 with a home of its own, in which `mattelier install gimp` has put the plug-in.

It is the GIMP on PATH, else the one of a Debian system that `debian_root` builds.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian_root import DebianRoot, UnavailableError, debian_root, engine_files

# The Debian release that has each GIMP, its root's name in the cache, and what else is in it.
RELEASES = {
    "3.0": ("trixie", "gimp-root", ()),
    "3.2": ("forky", "gimp-3.2-root", ("locales",)),
}
PACKAGES = (
    "gimp", "gir1.2-gimp-3.0", "python3-gi", "python3-gi-cairo", "fonts-dejavu-core",
    "xvfb", "xauth", "xdotool", "openbox", "imagemagick",
)  # fmt: skip
WINDOW_PROGRAMS = ("Xvfb", "openbox", "xdotool", "import")
INSIDE = Path(__file__).resolve().parent / "inside"
SAMPLE = Path(__file__).resolve().parents[2] / "install" / "sample.jpg"
_CONSOLES = ("gimp-console-3.0", "gimp-console-3.2", "gimp-console-3", "gimp-console")
_SETTINGS = '(config-version "{version}")\n(show-welcome-dialog no)\n(check-updates no)\n'


@dataclass(frozen=True)
class RealGimp:
    """A GIMP, and the folder that is its user's home.

    Attributes
    ----------
    home : Path
        At the same path inside and outside; short, for the worker's socket lies in it.
    version : str
        "3.0.4"
    root : DebianRoot or None
        Where it lives, when not in this system.
    locale : str
        The user's, where it is not English.
    """

    home: Path
    version: str
    console: str
    root: DebianRoot | None
    locale: str = ""

    @property
    def plugin(self) -> Path:
        """The installed plug-in."""
        return self.profile / "plug-ins" / "mattelier"

    @property
    def profile(self) -> Path:
        """GIMP's own folder in the home."""
        return self.home / ".config" / "GIMP" / self.version.rpartition(".")[0]

    @property
    def runtime(self) -> Path:
        """Where its worker listens."""
        return self.home / "run"

    @property
    def environment(self) -> dict[str, str]:
        """The user's variables; nothing of this process's own reaches GIMP."""
        language = {"LANG": "C.UTF-8"}
        if self.locale:
            language = {"LANG": f"{self.locale}.UTF-8", "LOCPATH": str(self.home / "locale")}
        return {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.runtime), **language}

    def command(self, *program: str | Path, **variables: str) -> list[str]:
        """What to execute for a program to run where GIMP does, as its user."""
        environment = {**self.environment, **variables}
        if self.root:
            return self.root.command(
                *program, shared=[*engine_files(), self.home], environment=environment
            )
        path = {"PATH": os.environ["PATH"]}
        assignments = (f"{name}={value}" for name, value in {**path, **environment}.items())
        return ["env", "-i", *assignments, *map(str, program)]

    def script(self, *arguments: str | Path, window: bool = False) -> list[str]:
        """A GIMP that runs `inside/runner.py` with these arguments and ends."""
        code = (
            f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(INSIDE)!r}); "
            f"import runner; runner.main({[*map(str, arguments)]!r})"
        )
        program = (
            [self.console.replace("-console", ""), "-ns"] if window else [self.console, "-nids"]
        )
        return [*program, "--batch-interpreter", "python-fu-eval", "-b", code, "--quit"]

    def run(
        self, *arguments: str | Path, timeout: float, log: Path, before: Sequence[str | Path] = ()
    ) -> None:
        """Run a script in GIMP, and wait; what it prints goes into `log`.

        Parameters
        ----------
        before : sequence of str or Path
            A program that runs GIMP, with a window then.
        """
        program = [*before, *self.script(*arguments, window=bool(before))]
        with self.started(program, log) as process, contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)

    @contextlib.contextmanager
    def started(
        self, program: Sequence[str | Path], log: Path, **variables: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program that runs beside the block; it and what it started are ended after it.

        The worker is not among them: it leaves its starter's session on its own.
        """
        with log.open("ab") as sink:
            process = subprocess.Popen(
                self.command(*program, **variables), stdin=subprocess.DEVNULL,
                stdout=sink, stderr=sink, start_new_session=True, cwd="/",
            )  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def another_user(self, home: Path, locale: str = "") -> RealGimp:
        """The same GIMP with another home, in which the plug-in is installed, too.

        Parameters
        ----------
        home : Path
        locale : str
            The user's, such as "de_DE"; where it is named, it is made in the home.
        """
        other = RealGimp(home, self.version, self.console, self.root, locale)
        _install(other)
        if locale:
            made = other.home / "locale"
            made.mkdir()
            make = ("localedef", "-i", locale, "-f", "UTF-8", made / f"{locale}.UTF-8")
            subprocess.run(other.command(*make), check=True, capture_output=True, timeout=120)
        return other

    def worker_pid(self) -> int | None:
        """The process id of the worker that runs for this user, if one does."""
        from mattelier.worker import client

        with _variable("MATTELIER_RUNTIME", str(self.runtime / "mattelier")):
            try:
                with client.connect(client.Engine(), "test") as worker:
                    return worker.pid
            except client.WorkerError:
                return None


@contextlib.contextmanager
def real_gimp(*, windows: bool = False, series: str = "3.0") -> Iterator[RealGimp]:
    """A GIMP with the plug-in in a new home; the home and its worker go with the block.

    Parameters
    ----------
    windows : bool
        Whether a virtual screen is needed, too.
    series : str
        One of `RELEASES`; the first is also that of a GIMP on PATH, whatever it is.

    Raises
    ------
    UnavailableError
        There is no GIMP 3, nor a way to get one.
    """
    console, root = _found(windows, series)
    with tempfile.TemporaryDirectory(prefix="mtgimp", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        bare = RealGimp(home, "", console, root)
        output = subprocess.run(
            bare.command(console, "--version"), capture_output=True, text=True, timeout=60
        ).stdout
        gimp = RealGimp(home, re.search(r"\d+\.\d+\.\d+", output)[0], console, root)
        _install(gimp)
        try:
            yield gimp
        finally:
            end_worker(gimp)


def end_worker(gimp: RealGimp) -> None:
    """End the worker of a GIMP's user at once, if one runs."""
    if pid := gimp.worker_pid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _found(windows: bool, series: str) -> tuple[str, DebianRoot | None]:
    programs = WINDOW_PROGRAMS if windows else ()
    if series == next(iter(RELEASES)) and all(map(shutil.which, programs)):
        for console in filter(shutil.which, _CONSOLES):
            output = subprocess.run(
                [console, "--version"], capture_output=True, text=True, timeout=60
            ).stdout
            if re.search(r"version 3\.", output):
                return console, None
    try:
        release, folder, further = RELEASES[series]
        return "gimp-console-3", debian_root(folder, release, (*PACKAGES, *further))
    except UnavailableError as error:
        wanted = " and ".join(["GIMP 3", *programs])
        raise UnavailableError(f"no {wanted} on PATH, and {error}") from error


def _install(gimp: RealGimp) -> None:
    gimp.runtime.mkdir(mode=0o700, parents=True)
    gimp.profile.mkdir(parents=True)
    (gimp.profile / "gimprc").write_text(_SETTINGS.format(version=gimp.version), "utf-8")
    command = [sys.executable, "-m", "mattelier", "install", "gimp", "--profile", gimp.profile]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=gimp.home,
        env={"PATH": os.environ["PATH"], **gimp.environment},
    )  # fmt: skip
    if done.returncode or not os.access(gimp.plugin / "mattelier.py", os.X_OK):
        raise RuntimeError(f"mattelier install gimp failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
