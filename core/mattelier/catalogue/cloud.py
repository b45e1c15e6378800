"""What a card says of a service that cuts out elsewhere: where it is, and how it is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from mattelier.types.errors import ModelError, UsageError

PICTURE = "{picture}"
"""What stands for the picture, as base64, in the JSON that a card has sent."""

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_VALUE = re.compile(r"(https?://)?[A-Za-z0-9][A-Za-z0-9._-]*(:\d{1,5})?/?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Cloud:
    """A background removal that somebody else's computers do.

    Attributes
    ----------
    url : str
        Where it is asked. {NAMES} in it are environment variables: a region, a project, an
        address of one's own.
    key_variable : str
        The environment variable that holds the key; it is kept nowhere.
    key_header : str
        The HTTP header that the key is sent in.
    key_prefix : str
        What stands before it there, as "Bearer ".
    send : "body", "form" or "json"
        The picture as the request's body, as a file of a form, or as base64 in JSON.
    form_field : str
        The form's field that holds the picture.
    form_fields : mapping of str
        The form's other fields.
    json : mapping
        The JSON, with "{picture}" where the picture stands.
    encoding : "jpeg" or "png"
        What pictures are sent as.
    max_bytes : int
        The largest file that it takes.
    answer : "alpha" or "mask"
        A PNG whose alpha is the matte, or whose grey is.
    answer_at : str
        Where in a JSON answer the PNG stands as base64, as "images.0"; "": the answer is the PNG.
    error_at : str
        Where in the JSON of a refusal the reason stands; "": nowhere that is known.
    timeout_seconds : float
        How long it may take altogether.
    """

    url: str
    key_variable: str
    key_header: str
    key_prefix: str = ""
    send: Literal["body", "form", "json"] = "body"
    form_field: str = ""
    form_fields: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    encoding: Literal["jpeg", "png"] = "jpeg"
    max_bytes: int = 20_000_000
    answer: Literal["alpha", "mask"] = "alpha"
    answer_at: str = ""
    error_at: str = ""
    timeout_seconds: float = 120.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", self.key_variable):
            raise ModelError("its key_variable is no name of an environment variable")
        if not re.fullmatch(r"[A-Za-z0-9-]+", self.key_header):
            raise ModelError("its key_header is no name of a header")
        parts = {"form": self.form_field, "json": self.json}
        if any((self.send == name) != bool(part) for name, part in parts.items()):
            raise ModelError('"form" needs a field, and "json" its JSON')
        if self.max_bytes < 1 or self.timeout_seconds <= 0:
            raise ModelError("its limits must be positive")

    def address(self, name: str) -> str:
        """The URL with what the environment says.

        Raises
        ------
        UsageError
            A variable is not set, or holds more than a name or an address.
        ModelError
            What comes out is no address that pictures may be sent to: https, or this machine.
        """

        def value(match: re.Match[str]) -> str:
            text = _variable(name, match[1])
            if not _VALUE.fullmatch(text):
                raise UsageError(
                    "{variable} is no plain name or address: {value}.",
                    variable=match[1],
                    value=repr(text[:80]),
                )
            return text.rstrip("/")

        url = _VARIABLE.sub(value, self.url)
        parts = urlsplit(url)
        here = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or parts.username or not (parts.scheme == "https" or here):
            raise ModelError(
                "The model {name} would send pictures to {url}, which is no https address.",
                name=name,
                url=url,
            )
        return url

    def host(self, name: str) -> str:
        """The host that pictures would be sent to, with its port where it is no usual one.

        Raises
        ------
        UsageError, ModelError
            As `address`.
        """
        return urlsplit(self.address(name)).netloc

    def key(self, name: str) -> str:
        """The key.

        Raises
        ------
        UsageError
            It is not set, or cannot be sent in a header.
        """
        key = _variable(name, self.key_variable).strip()
        if not key.isascii() or not key.isprintable():
            raise UsageError("{variable} holds no key.", variable=self.key_variable)
        return key


def _variable(name: str, variable: str) -> str:
    if value := os.environ.get(variable):
        return value
    raise UsageError(
        "The model {name} needs the environment variable {variable}; "
        "`mattelier models card {name}` says what for.",
        name=name,
        variable=variable,
    )
