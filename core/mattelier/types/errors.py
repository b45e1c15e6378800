"""Errors meant for people: every message is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from mattelier.types.sentence import Sentence


class MattelierError(Exception):
    """Base of all errors that a user can act on; `str(error)` is one clear sentence.

    Parameters
    ----------
    template : str
        The sentence, a literal, with {names} for what it tells of; see `sentence.Sentence`.
    **arguments : object
        What stands for the names.
    """

    exit_code = 3

    def __init__(self, template: str, /, **arguments: object) -> None:
        super().__init__(Sentence(template, **arguments))

    @property
    def sentence(self) -> Sentence:
        """What `str` gives, with its template."""
        sentence: Sentence = self.args[0]
        return sentence

    def reworded(self, change: Callable[[str], str]) -> Self:
        """The same error in other words: `change` is done to all text of its sentence."""
        sentence = self.sentence.reworded(change)
        error = type(self)(sentence.template, **sentence.arguments)
        vars(error).update(vars(self))
        return error


class UsageError(MattelierError):
    """The request itself is wrong: a bad flag, a hint of the wrong size, an unknown name."""

    exit_code = 2


class PictureError(MattelierError):
    """A picture cannot be read, or is not one that can be worked on."""


class PictureTooLarge(PictureError):  # noqa: N818 - what is wrong with it
    """A picture has more pixels than may be read here, or would take too much memory."""


class OutputError(MattelierError):
    """A result cannot be written: it exists already, the folder is read-only, the disk is full."""


class ModelError(MattelierError):
    """A model is missing, damaged, refused, or does not fit its card."""


class EngineError(MattelierError):
    """An inference engine or device that was asked for cannot be used.

    Attributes
    ----------
    model : object or None
        The `engines.open_model.OpenModel` that failed in mid-work; None: none was open yet.
    """

    model: object | None = None


class OutOfMemory(EngineError):  # noqa: N818 - what happened, as in torch
    """The device has too little memory for a picture of this size; a smaller one may fit."""
