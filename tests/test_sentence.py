"""Sentences that know their template: what hosts translate by."""

from __future__ import annotations

import pickle

from mattelier.types.errors import ModelError, UsageError
from mattelier.types.sentence import Sentence


def test_an_error_says_its_sentence_and_knows_what_it_is_made_of() -> None:
    remedy = Sentence("Fetch it with `mattelier models get {name}`.", name="net")
    error = ModelError("The model {name} cannot be fetched. {remedy}", name="net", remedy=remedy)
    assert (
        str(error) == "The model net cannot be fetched. Fetch it with `mattelier models get net`."
    )
    inner = {"key": "Fetch it with `mattelier models get {name}`.", "arguments": {"name": "net"}}
    assert error.sentence.to_wire() == {
        "key": "The model {name} cannot be fetched. {remedy}",
        "arguments": {"name": "net", "remedy": inner},
    }


def test_a_sentence_without_arguments_is_taken_as_it_stands() -> None:
    error = UsageError("There is no file {a}{.png.")
    assert str(error) == "There is no file {a}{.png."
    assert error.sentence.to_wire() == {"key": "There is no file {a}{.png.", "arguments": {}}


def test_names_with_braces_do_no_harm() -> None:
    assert str(UsageError("There is no model {name}.", name="{x}{")) == "There is no model {x}{."


def test_it_goes_from_one_process_to_another() -> None:
    error = UsageError("There is no model {name}.", name="net")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.sentence.to_wire()) == (str(error), error.sentence.to_wire())
