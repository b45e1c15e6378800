"""The open networks of a process, shared by whoever needs them."""

from __future__ import annotations

import importlib.util
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from mattelier.catalogue import Card, Store
from mattelier.catalogue.defaults import TASK_MODELS, default_card, ready_models
from mattelier.engines.devices import GPUS, cpu_note
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel
from mattelier.networks.transformers import WEIGHTS, is_folder
from mattelier.requests import Device
from mattelier.types.errors import EngineError, UsageError

MAX_OPEN_MODELS = 6


class ModelCache:
    """Networks opened when first needed, for many pictures; safe to use from several threads.

    Of more than `MAX_OPEN_MODELS` the one used longest ago leaves; whoever still runs it keeps it.

    Parameters
    ----------
    store : Store, optional
        Where models lie; by default the shipped and the user's own.
    send_to : str, optional
        The host that whoever asks agreed, just now, to send pictures to; see `engines.cloud`.
    """

    def __init__(self, store: Store | None = None, *, send_to: str | None = None) -> None:
        self.store = store or Store()
        self._send_to = send_to
        self._lock = threading.Lock()
        self._slots: OrderedDict[_Key, _Slot] = OrderedDict()
        self._keys: WeakKeyDictionary[OpenModel, _Key] = WeakKeyDictionary()
        self._left: dict[_Key, str] = {}  # those whose GPU failed, and the note on that

    def find(self, model: str, task: str) -> Card | Path:
        """The card, or weights file, that a request's model stands for.

        Parameters
        ----------
        model : name of a card or path of its folder; path of a folder that transformers has
            written, or of a weights file, of the suffixes that the task takes; "default" or
            "auto": the first of the task's defaults that is here
        task : a card's `task`

        Raises
        ------
        UsageError
            There is no such model, or it is for another task.
        ModelError
            Its card is damaged, or none of the defaults is here.
        """
        row, path = TASK_MODELS[task], Path(model)
        if is_folder(path) and not (path / "card.toml").is_file():
            return path
        if path.suffix.lower() in row.suffixes:
            if not path.is_file():
                error, sentence = row.missing_file
                raise error(sentence.format(path=model))
            return path
        if model in ("default", "auto"):
            return default_card(task, self.store)
        card = self.store.card(model)
        if card.task != task:
            raise UsageError(row.refusal, name=card.name)
        return card

    def default(self, task: str) -> Card | None:
        """The first of a task's defaults that is here and can be run here; None: there is none."""
        for card in ready_models(task, self.store):
            if card.graph or importlib.util.find_spec("torch"):
                return card
        return None

    def open(
        self, model: str, task: str, device: Device = "auto", *, blend: float | None = None
    ) -> OpenModel:
        """The open network that a request names; see `find` and `open.open_model`.

        The same values give the same open network until it has to leave.
        """
        source = self.find(model, task)
        key = _Key(task, *_identity(source), device, blend)
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > MAX_OPEN_MODELS:
                self._slots.popitem(last=False)
            note = self._left.get(key)
        with slot.lock:  # one thread opens it, others of the same network wait
            if slot.model is None:
                try:
                    slot.model = self._opened(source, key, note)
                except BaseException:
                    self._forget(key, slot)
                    raise
            return slot.model

    def leave_gpu(self, error: EngineError) -> bool:
        """Give up the GPU for the network that failed there; True: it is worth trying again.

        From now on `open` gives the processor's, whose note says why.

        Parameters
        ----------
        error : as `OpenModel.run` raised it
        """
        model = error.model
        if not isinstance(model, OpenModel) or model.device not in GPUS:
            return False
        with self._lock:
            key = self._keys.get(model)
            if key is None:  # none of this cache's
                return False
            reason = str(error).split(";")[0].rstrip(".")
            self._left.setdefault(key, cpu_note(reason))
            slot = self._slots.get(key)
            if slot is not None and slot.model is model:
                del self._slots[key]
        return True

    def names(self) -> list[str]:
        """What is open: task, model and device that was asked for, as "matte cutout auto"."""
        with self._lock:
            return [f"{key.task} {key.name} {key.device}" for key in self._slots]

    def _opened(self, source: Card | Path, key: _Key, note: str | None) -> OpenModel:
        device = key.device if note is None else "cpu"
        model = open_model(
            source,
            self.store,
            device,
            task=key.task,
            blend=key.blend,
            send_to=self._send_to,
        )
        if note is not None:
            model = replace(model, note=note)
        with self._lock:
            self._keys[model] = key
        return model

    def _forget(self, key: _Key, slot: _Slot) -> None:
        with self._lock:
            if self._slots.get(key) is slot:
                del self._slots[key]


class _Key(NamedTuple):
    task: str
    name: str
    content: str
    device: Device
    blend: float | None


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    model: OpenModel | None = None


def _identity(source: Card | Path) -> tuple[str, str]:
    """Name and content of a model, without reading its weights."""
    if isinstance(source, Card):
        content = source.cloud.url if source.cloud is not None else ""
        return source.name, " ".join(file.sha256 for file in source.files) or content
    file = (source / WEIGHTS if source.is_dir() else source).stat()
    return source.stem, f"{source.resolve()} {file.st_size} {file.st_mtime_ns}"
