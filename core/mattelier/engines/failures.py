"""What an engine's own exceptions mean, in words for people."""

from __future__ import annotations

from mattelier.types.errors import EngineError, OutOfMemory
from mattelier.types.sentence import Sentence

NO_ONNX_ENGINE = Sentence("No engine that reads ONNX is installed; run `pip install openvino`.")

_MAX_CHARACTERS = 200
_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "bad alloc", "not enough memory",
                  "failed to allocate")  # fmt: skip


def run_error(text: str, error: BaseException) -> EngineError:
    """The error for a pass that failed, of the class that says whether memory ran out."""
    return OutOfMemory(text) if is_out_of_memory(error) else EngineError(text)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an engine failed for want of memory; most say so only in their message."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(words in message for words in _OUT_OF_MEMORY)


def one_line(error: BaseException) -> str:
    """An exception's message, short enough for a sentence."""
    return _clause(" ".join(str(error).split()), error)


def first_line(error: BaseException) -> str:
    """The first line of an exception's message."""
    return _clause(str(error).strip().partition("\n")[0], error)


def last_line(error: BaseException) -> str:
    """The last line of an exception's message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _clause(lines[-1] if lines else "", error)


def _clause(text: str, error: BaseException) -> str:
    return text.rstrip(".")[:_MAX_CHARACTERS] or type(error).__name__
