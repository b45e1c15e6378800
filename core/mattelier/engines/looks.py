"""What networks saw in a picture, looked for once and kept as long as the picture is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from mattelier.engines.open_model import OpenModel
from mattelier.types.colour import View

Seen = TypeVar("Seen")


@dataclass
class _Looks:
    """What networks saw in one picture."""

    lock: threading.RLock = field(default_factory=threading.RLock)  # a look may be within another
    by_model: WeakKeyDictionary[OpenModel, Any] = field(default_factory=WeakKeyDictionary)


_looks: WeakKeyDictionary[View, _Looks] = WeakKeyDictionary()
_lock = threading.Lock()


def once(view: View, model: OpenModel, look: Callable[[], Seen]) -> Seen:
    """What `look` gives, from the first time that a network is asked about a view.

    It is the same object each time: whoever gets it does not write to it.
    """
    with _lock:
        looks = _looks.setdefault(view, _Looks())
    with looks.lock:  # one thread looks, others of the same picture wait
        if model not in looks.by_model:
            looks.by_model[model] = look()
        seen: Seen = looks.by_model[model]
        return seen
