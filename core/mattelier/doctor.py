"""What is here, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mattelier.catalogue import Store
from mattelier.config import VARIABLE, config_path, read_config
from mattelier.types.errors import MattelierError

# Distribution → what it is needed for, when cut-outs fail without it (else None).
_PACKAGES = {
    "numpy": "arrays",
    "opencv-python-headless": "resampling and filters",
    "scipy": "refining edges",
    "pillow": "reading pictures",
    "OpenImageIO": "EXR and 16-bit files",
    "av": "movies",
    "safetensors": "weights",
    "platformdirs": "folders",
    "openvino": None,
    "onnxruntime": None,
    "torch": None,
    "pillow-heif": None,
}
_ENGINES = ("openvino", "onnxruntime", "torch")
_TORCH_TIMEOUT_SECONDS = 30
_PIP = f'"{sys.executable}" -m pip install'
_REINSTALL = f"{_PIP} --force-reinstall mattelier (in a checkout: install/setup)"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; `fatal` when no cut-out can be made because of it."""

    what: str
    mend: str
    fatal: bool


@dataclass(frozen=True)
class Report:
    """What the doctor found; every field is plain JSON."""

    versions: dict[str, str | None]
    devices: dict[str, str]
    engines: dict[str, bool]
    models: dict[str, str]
    folders: dict[str, str]
    gimp: dict[str, str]
    best: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether cut-outs can be made."""
        return not any(problem.fatal for problem in self.problems)


def examine(store: Store | None = None) -> Report:
    """Look at this installation; writes nothing but what everyday work caches."""
    from mattelier.log import log_path
    from mattelier.types.packages import installed

    store = store or Store()
    versions = {"python": platform.python_version(), "mattelier": installed("mattelier")}
    versions |= {name: installed(name) for name in _PACKAGES}
    problems = [
        Problem(f"{name} is missing ({purpose})", f"{_PIP} {name}", True)
        for name, purpose in _PACKAGES.items()
        if purpose and versions[name] is None and not _has_other_opencv(name)
    ]
    devices, trouble = _examine_devices(versions["torch"])
    problems += trouble
    models, trouble = _examine_models(store)
    problems += trouble
    problems += _run_default_network(store)
    log = log_path()
    problems += _examine_config()
    folders = {
        "config file": str(config_path() or f"none, as {VARIABLE} is empty"),
        "shipped models": str(store.shipped),
        "models": str(store.user),
        "cache": str(store.cache),
        "log": str(log),
    }
    problems += [
        Problem(f"{folder} cannot be written", f"make it writable: {folder}", False)
        for folder in (store.user, store.cache, log.parent)
        if not _is_writable(folder)
    ]
    gimp, trouble = _examine_gimp()
    problems += trouble
    engines = {name: versions[name] is not None for name in _ENGINES}
    return Report(versions, devices, engines, models, folders, gimp, _best(store, models), problems)


def _examine_config() -> list[Problem]:
    try:
        read_config()
    except MattelierError as error:
        return [Problem(str(error).rstrip("."), "mend the file, or take it away", False)]
    return []


def _examine_devices(torch: str | None) -> tuple[dict[str, str], list[Problem]]:
    from mattelier.engines.devices import no_gpu

    devices = {"cpu": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"}
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    reason = no_gpu(gpu)
    if reason is None and torch is None:
        reason = "PyTorch is not installed"
    if reason:
        devices[gpu] = f"not used: {reason}"
        if "PyTorch" in reason:
            return devices, [Problem("A GPU is here, but PyTorch is not", f"{_PIP} torch", False)]
        return devices, []
    devices[gpu] = answer = _query_torch(gpu)
    if answer.startswith("not used"):
        mend = "see pytorch.org/get-started for the build that fits this GPU"
        return devices, [Problem(f"The GPU is {answer}", mend, False)]
    return devices, []


def _query_torch(gpu: str) -> str:
    """What torch says of the GPU, from a process of its own that may not take for ever."""
    name = "torch.cuda.get_device_name(0)" if gpu == "cuda" else "'Apple GPU'"
    is_available = (
        "torch.cuda.is_available()" if gpu == "cuda" else "torch.backends.mps.is_available()"
    )
    code = f"import torch; print({name} if {is_available} else 'not used: PyTorch cannot use it')"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=_TORCH_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return f"not used: PyTorch gave no answer within {_TORCH_TIMEOUT_SECONDS} s"
    lines = done.stdout.strip().splitlines()
    return lines[-1] if done.returncode == 0 and lines else "not used: PyTorch does not start"


def _examine_models(store: Store) -> tuple[dict[str, str], list[Problem]]:
    models: dict[str, str] = {}
    problems = []
    for name in store.names():
        fetchable = False
        try:
            card = store.card(name)
            models[name], why = store.state(card)
            fetchable = card.fetchable
        except MattelierError as error:
            models[name], why = "damaged", str(error)
        if models[name] in ("missing", "damaged"):
            mend = f"mattelier models get {name}" if fetchable else _REINSTALL
            problems.append(Problem(why, mend, False))
    return models, problems


def _best(store: Store, states: dict[str, str]) -> dict[str, str]:
    """The network for cut-outs on this machine, of those that were measured here."""
    from mattelier.evaluate.ranking import can_be_measured, rank, remembered

    here = [c for c in store.cards() if states.get(c.name) == "ready" and can_be_measured(c)]
    if not here:
        return {}
    if len(here) == 1:
        return {"cutout": f"{here[0].name}, the only one here"}
    measured = [(card, standing) for card in here if (standing := remembered(card, store))]
    left = len(here) - len(measured)
    hint = f"{left} not measured: mattelier models list --for cutout" if left else ""
    if not measured:
        return {"cutout": hint}
    card, standing = rank(measured)[0]
    text = f"{card.name} (overlap {standing.quality:.3f}, {standing.seconds:.2f} s)"
    return {"cutout": text + (f"; {hint}" if hint else "")}


def _examine_gimp() -> tuple[dict[str, str], list[Problem]]:
    """How the plug-in stands in each of GIMP's profiles."""
    from mattelier import __version__
    from mattelier.hosts.gimp import installation
    from mattelier.hosts.gimp_profiles import find_profiles

    command = "mattelier install gimp"
    profiles: dict[str, str] = {}
    problems = []
    for profile in find_profiles():
        try:
            found = installation(profile)
        except MattelierError:
            profiles[str(profile.folder)] = "another plug-in of this name"
            wrong = f"{profile.plugin} is not Mattelier's own folder"
            problems.append(Problem(wrong, f"move it away, then: {command}", False))
            continue
        if found is None:
            profiles[str(profile.folder)] = f"not installed (to install: {command})"
            continue
        profiles[str(profile.folder)] = f"version {found.version}"
        if not found.has_engine:
            wrong = f"{profile} looks for the engine at {found.command[0]}, where none is"
            problems.append(Problem(wrong, command, False))
        elif found.version != __version__:
            wrong = f"{profile} has the plug-in of version {found.version}, not {__version__}"
            problems.append(Problem(wrong, command, False))
    return profiles, problems


def _run_default_network(store: Store) -> list[Problem]:
    """One small matte with the default network: the proof that cut-outs can be made."""
    try:
        import numpy as np

        from mattelier.engines.open import open_model

        model = open_model(store.card("default"), store, "cpu")
        inputs = {"picture": np.zeros((1, 3, 64, 64), np.float32)}
        if model.input.hint:
            inputs["hint"] = np.zeros((1, 2, 64, 64), np.float32)
        model.run(inputs)
    except (MattelierError, ImportError) as error:
        return [Problem(f"The default network does not run: {error}", _REINSTALL, True)]
    return []


def _has_other_opencv(name: str) -> bool:
    from mattelier.types.packages import installed

    return name == "opencv-python-headless" and any(
        installed(f"opencv-{variant}") for variant in ("python", "contrib-python-headless")
    )


def _is_writable(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)
