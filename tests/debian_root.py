"""Debian systems of a chosen release, in which tests run real programs.

Each is built once with debootstrap from the mirror that apt uses here, and kept in the tests' cache
folder (see `build_cache`). Programs are entered with chroot in a mount namespace of their own, so
that nothing stays mounted whatever happens. Needs root rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from build_cache import UnavailableError, cache_folder, is_built, locked, run_step, skip_or_fail

__all__ = [
    "DebianRoot",
    "UnavailableError",
    "cache_folder",
    "debian_root",
    "engine_files",
    "skip_or_fail",
]

_STAMP = ".mattelier-root.json"
_APT_SECONDS = 1200
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_WHAT = "a Debian test system"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CARRIED = ("::proxy", "::check-valid-until", "::check-date")  # of apt's configuration
_ENTER = """
set -e
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then
        mkdir -p "$root$1"
    else
        mkdir -p "$(dirname "$root$1")"
        [ -e "$root$1" ] || : > "$root$1"
    fi
    mount --rbind "$1" "$root$1"
    shift
done
shift
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class DebianRoot:
    """A Debian system in a folder."""

    folder: Path

    def command(
        self,
        *program: str | Path,
        shared: Iterable[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """What to execute, so that `program` runs inside.

        It keeps the process's id, so that a kill reaches the program itself.

        Parameters
        ----------
        program : str or Path
            The program and its arguments.
        shared : iterable of Path
            Folders and files of this system that lie at the same paths inside. /tmp and /run are
            empty there but for these.
        environment : mapping, optional
            All variables of the program but PATH, LANG and HOME, which have defaults.
        """
        variables = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/root", **(environment or {})}
        return [
            "unshare", "--mount", "--propagation", "private", "bash", "-c", _ENTER, "enter",
            str(self.folder), *_outermost(shared), "--",
            "env", "-i", *(f"{name}={value}" for name, value in variables.items()),
            *map(str, program),
        ]  # fmt: skip


def debian_root(name: str, release: str, packages: Sequence[str]) -> DebianRoot:
    """The system with these packages, from the cache or newly built (a minute or two).

    Parameters
    ----------
    name : str
        Of its folder in the cache.
    release : str
        Debian's code name: "trixie".
    packages : sequence of str
        With what they depend on, without what they only recommend. Another list builds anew.

    Raises
    ------
    UnavailableError
        No root rights, no debootstrap, no Debian mirror, or the building failed.
    """
    _check_rights()
    folder = cache_folder() / name
    recipe = {"release": release, "packages": sorted(packages)}
    with locked(folder):
        if not is_built(folder / _STAMP, recipe):
            _build(folder, recipe, _mirror())
    return DebianRoot(folder)


def engine_files() -> list[Path]:
    """What the engine of this interpreter needs inside: environment, interpreter, checkout."""
    checkout = Path(__file__).resolve().parents[1]
    base = Path(sys.base_prefix).resolve()
    if base in (Path("/"), Path("/usr")):  # not over the root's own /usr
        python = [Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))]
    else:
        python = [base]
    return [Path(sys.prefix), *python, checkout]


def _outermost(paths: Iterable[Path]) -> list[str]:
    """Each path once, without those inside another: a mount would hide what lies under it."""
    unique = sorted({Path(path).absolute() for path in paths})
    return [str(p) for p in unique if not any(q in p.parents for q in unique)]


def _check_rights() -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise UnavailableError("a Debian test system needs Linux and root rights")
    trial = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "x", "/mnt"]
    try:
        subprocess.run(trial, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError("a Debian test system needs the right to mount") from error


def _build(folder: Path, recipe: Mapping[str, object], mirror: str) -> None:
    """Build under another name, then move into place."""
    _need_debootstrap()
    started = folder.with_name(folder.name + ".new")
    shutil.rmtree(started, ignore_errors=True)
    log = folder.with_name(folder.name + ".log")
    settings = _carried_settings()
    environment = {"PATH": _PATH, **_proxies(settings)}
    # apt inside reaches an https mirror only with certificates.
    include = ["--include=ca-certificates"] if mirror.startswith("https:") else []
    # An older debootstrap has no script for a release of after it; all Debian's are alike.
    script = [] if (_SCRIPTS / str(recipe["release"])).exists() else [_SCRIPTS / "sid"]
    with log.open("wb") as log_file:
        run_step(
            ["debootstrap", "--variant=minbase", *include, recipe["release"], started, mirror,
             *script],
            log_file, _WHAT, environment,
        )  # fmt: skip
        (started / "etc/apt/apt.conf.d/90carried-over").write_text(settings, "utf-8")
        install = ["apt-get", "install", "-qq", "--no-install-recommends", *recipe["packages"]]
        inside = DebianRoot(started)
        quiet = {**environment, "DEBIAN_FRONTEND": "noninteractive"}
        run_step(inside.command(*install, environment=quiet), log_file, _WHAT, environment)
        run_step(inside.command("apt-get", "clean"), log_file, _WHAT, environment)
    (started / _STAMP).write_text(json.dumps(recipe), "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    started.rename(folder)


def _need_debootstrap() -> None:
    if shutil.which("debootstrap", path=_PATH):
        return
    if os.environ.get("CI") != "true":
        raise UnavailableError("a Debian test system needs debootstrap: apt install debootstrap")
    for words in (["update", "-qq"], ["install", "-qq", "debootstrap"]):
        done = subprocess.run(["apt-get", *words], stdin=subprocess.DEVNULL, timeout=_APT_SECONDS)
        if done.returncode:
            raise UnavailableError("debootstrap cannot be installed: apt-get failed")


def _mirror() -> str:
    """The Debian mirror of apt's own sources; apt reads all their formats for us.

    `MATTELIER_DEBIAN_MIRROR` names one where this system is not Debian.
    """
    if named := os.environ.get("MATTELIER_DEBIAN_MIRROR"):
        return named
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        fields = dict(
            line.split("=", 1)
            for line in Path("/etc/os-release").read_text("utf-8").splitlines()
            if "=" in line
        )
        codename = shlex.split(fields.get("VERSION_CODENAME", ""))
        if shlex.split(fields.get("ID", "")) == ["debian"]:
            form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
            targets = _apt("apt-get", "indextargets", "--format", form, "Created-By: Packages")
            for line in targets.splitlines():
                address, _, rest = line.partition(" ")
                if rest.split() in ([name, "main"] for name in [*codename, "stable"]):
                    return address
    raise UnavailableError(
        "no Debian mirror: apt's sources name none; set MATTELIER_DEBIAN_MIRROR to one"
    )


def _carried_settings() -> str:
    """apt's settings here without which the mirror may not be reached from inside."""
    try:
        lines = _apt("apt-config", "dump").splitlines()
    except (OSError, subprocess.SubprocessError):
        return ""
    kept = [line for line in lines if any(part in line.split('"')[0].lower() for part in _CARRIED)]
    return "".join(f"{line}\n" for line in kept if "auto-detect" not in line.lower())


def _proxies(settings: str) -> dict[str, str]:
    """The proxies as environment variables, for debootstrap's downloads."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for line in settings.splitlines():
        parts = line.split("::")
        if len(parts) == 3 and parts[2].lower().startswith("proxy "):
            proxies.setdefault(f"{parts[1].lower()}_proxy", line.split('"')[1])
    return proxies


def _apt(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
