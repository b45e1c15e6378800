"""English sentences that know their template, so that hosts can say them in another language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Sentence(str):
    """A sentence, and what it was made of.

    The template is the key under which a host looks for a translation, so it is a literal in the
    source: `python3 install/translations.py` finds it there.

    Attributes
    ----------
    template : str
        With {names} for what it tells of; without arguments, the sentence itself.
    arguments : dict
        What stands for the names: text, or further sentences.
    """

    template: str
    arguments: dict[str, str]

    def __new__(cls, template: str, /, **arguments: object) -> Sentence:
        if isinstance(template, Sentence) and not arguments:
            return template
        texts = {
            name: value if isinstance(value, Sentence) else str(value)
            for name, value in arguments.items()
        }
        sentence = super().__new__(cls, template.format(**texts) if texts else template)
        sentence.template, sentence.arguments = str(template), texts
        return sentence

    def reworded(self, change: Callable[[str], str]) -> Sentence:
        """The sentence with this done to its template and to what stands for the names."""
        arguments = {
            name: value.reworded(change) if isinstance(value, Sentence) else change(value)
            for name, value in self.arguments.items()
        }
        return Sentence(change(self.template), **arguments)

    def to_wire(self) -> dict[str, Any]:
        """{"key": the template, "arguments": {name: text, or the same of a sentence}}."""
        arguments = {
            name: value.to_wire() if isinstance(value, Sentence) else value
            for name, value in self.arguments.items()
        }
        return {"key": self.template, "arguments": arguments}
