"""English sentences that know their template, so that hosts can say them in another language."""

from __future__ import annotations

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

    def to_wire(self) -> dict[str, Any]:
        """{"key": the template, "arguments": {name: text, or the same of a sentence}}."""
        arguments = {
            name: value.to_wire() if isinstance(value, Sentence) else value
            for name, value in self.arguments.items()
        }
        return {"key": self.template, "arguments": arguments}
