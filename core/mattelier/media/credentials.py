"""Content Credentials (C2PA): what was done to a picture, signed, in the file itself.

https://spec.c2pa.org. The library is the standard's own, `c2pa-python` (the extra `credentials`).
Manifests hold no thumbnails: a cut-out must not carry the photo that it was cut out of.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mattelier.media.xmp import SOURCE_TYPES, with_source_type
from mattelier.types.atomic import replacing
from mattelier.types.errors import OutputError, PictureError, UsageError
from mattelier.types.packages import installed

TEST_KEY = "test"
"""The name that stands for a key made on the spot, for which nobody vouches."""

MIME_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
    ".avif": "image/avif", ".heic": "image/heic", ".heif": "image/heif",
}  # fmt: skip
"""Files that can hold a manifest, and be told as what a result was made from."""

_TEST_NAME = "Mattelier TEST key, nobody vouches for it"
_TEST_DAYS = 30
_PROCESS_LABEL = "org.mattelier.process"
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}
_HARMLESS = {"signingCredential.untrusted"}  # which lists are trusted is the reader's own affair


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says.

    Attributes
    ----------
    valid : whether the file is as it was when it was signed
    problems : why not, as the library says it
    signer : the certificate's name; trust in it is not looked at
    is_test : signed with a key for which nobody vouches
    actions : what was done, in order
    process : what Mattelier said of its own work; empty where it was another program
    ingredients : titles of what it was made from
    """

    valid: bool
    problems: tuple[str, ...]
    signer: str
    is_test: bool
    actions: tuple[str, ...]
    process: Mapping[str, Any]
    ingredients: tuple[str, ...]


@dataclass(frozen=True)
class SigningKey:
    """A private key with its chain of certificates, from one PEM file; "test": made on the spot.

    Raises
    ------
    UsageError
        The file is missing, or holds no key and certificate; the library is not installed.
    """

    name: str
    _signer: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        c2pa = _library()
        if self.name == TEST_KEY:
            key, chain, algorithm = _test_key()
        else:
            key, chain, algorithm = _read_key(Path(self.name))
        info = c2pa.C2paSignerInfo(alg=algorithm, sign_cert=chain, private_key=key, ta_url=None)
        try:
            object.__setattr__(self, "_signer", c2pa.Signer.from_info(info))
        except c2pa.C2paError as error:
            raise UsageError(f"{self.name} cannot sign: {_reason(error)}.") from None

    def seal(
        self, path: Path, source: Path, *, title: str, source_type: str, process: Mapping[str, Any]
    ) -> None:
        """Write a manifest into a finished file, and the source type into its XMP.

        Parameters
        ----------
        source : what it was made from; its own manifest is kept, as that of an ingredient
        title : what the source is called in the manifest
        source_type : a name of the IPTC's list of Digital Source Types
        process : plain values on the work: task, model, version

        Raises
        ------
        OutputError
            The format holds no manifest, or the library refuses.
        """
        c2pa = _library()
        kind = MIME_TYPES.get(path.suffix.lower())
        if kind is None:
            raise OutputError(f"{path}: {path.suffix} holds no credentials; use PNG, JPEG or WebP.")
        agent = {"name": "Mattelier", "version": installed("mattelier") or "not installed"}
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        edited = {
            "action": "c2pa.edited",
            "description": str(process["task"]),
            "softwareAgent": agent,
            "digitalSourceType": SOURCE_TYPES + source_type,
        }
        about = {**process, "ingredient": title, "ingredient_sha256": digest}
        manifest = {
            "claim_generator_info": [agent],
            "title": path.name,
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [edited]}},
                {"label": _PROCESS_LABEL, "data": about},
            ],
        }
        try:
            settings = c2pa.Settings.from_dict(_SETTINGS)
            builder = c2pa.Builder(manifest, context=c2pa.Context(settings))
            source_kind = MIME_TYPES.get(_kind_of(source))
            if source_kind is not None:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                ingredient = {"title": title, "relationship": "parentOf"}
                with source.open("rb") as file:
                    builder.add_ingredient_from_stream(ingredient, source_kind, file)
            marked = io.BytesIO(with_source_type(path.read_bytes(), source_type))
            with replacing(path) as temporary, temporary.open("w+b") as sealed:
                builder.sign(self._signer, kind, marked, sealed)
        except c2pa.C2paError as error:
            raise OutputError(f"{path} could not be signed: {_reason(error)}.") from None


def read_credentials(path: Path) -> Credentials | None:
    """What a file's manifest says; None where it has none.

    Raises
    ------
    PictureError
        The file cannot be read.
    UsageError
        The library is not installed.
    """
    c2pa = _library()
    kind = MIME_TYPES.get(_kind_of(path))
    if kind is None:
        return None
    try:
        with path.open("rb") as file:
            reader = c2pa.Reader.try_create(kind, file)
            if reader is None:
                return None
            report = json.loads(reader.json())
            valid = str(reader.get_validation_state()) in ("Valid", "Trusted")
    except c2pa.C2paError as error:
        return Credentials(False, (_reason(error),), "", False, (), {}, ())
    except OSError as error:
        raise PictureError(f"{path} cannot be opened: {error.strerror}.") from None
    manifest = report["manifests"].get(report.get("active_manifest"), {})
    assertions = {one["label"]: one["data"] for one in manifest.get("assertions", [])}
    actions = assertions.get("c2pa.actions.v2") or assertions.get("c2pa.actions") or {}
    signed = manifest.get("signature_info", {})
    signer = signed.get("common_name") or signed.get("issuer") or ""
    return Credentials(
        valid=valid,
        problems=tuple(
            str(one.get("explanation") or one["code"])
            for one in report.get("validation_status", [])
            if one["code"] not in _HARMLESS
        ),
        signer=signer,
        is_test=signer == _TEST_NAME,
        actions=tuple(
            f"{one['action']}: {one['description']}" if one.get("description") else one["action"]
            for one in actions.get("actions", [])
        ),
        process=assertions.get(_PROCESS_LABEL, {}),
        ingredients=tuple(one.get("title", "") for one in manifest.get("ingredients", [])),
    )


def _library() -> Any:
    try:
        import c2pa
    except ImportError:
        raise UsageError(
            "Content Credentials need their library; run: pip install 'mattelier[credentials]'"
        ) from None
    return c2pa


def _kind_of(path: Path) -> str:
    from mattelier.media.stills import detect_format

    suffixes = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "AVIF": ".avif"}
    return suffixes.get(detect_format(path), "")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:200]


def _read_key(path: Path) -> tuple[bytes, bytes, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The key {path} cannot be read: {error.strerror}.") from None
    parts = [
        (match[1], match[0])
        for match in re.finditer(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\s*", text, re.S)
    ]
    chain = b"".join(block for kind, block in parts if kind == b"CERTIFICATE")
    keys = [block for kind, block in parts if kind.endswith(b"PRIVATE KEY")]
    if not chain or len(keys) != 1:
        raise UsageError(f"{path} must hold one private key and its certificates, as PEM.")
    try:
        key = serialization.load_pem_private_key(keys[0], None)
    except (TypeError, ValueError) as error:
        raise UsageError(f"The key in {path} cannot be used: {_reason(error)}.") from None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = {256: b"es256", 384: b"es384", 521: b"es512"}.get(key.curve.key_size)
    elif isinstance(key, rsa.RSAPrivateKey):
        algorithm = b"ps256"
    else:
        algorithm = b"ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else None
    if algorithm is None:
        raise UsageError(f"The key in {path} is of a kind that credentials cannot be signed with.")
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return plain, chain, algorithm


@cache
def _test_key() -> tuple[bytes, bytes, bytes]:
    """A key with a chain of two, as the standard asks for, kept in memory alone."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    start = datetime.now(UTC) - timedelta(minutes=5)
    above, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(key: Any, *, authority: bool) -> bytes:
        names = {True: "Mattelier TEST authority", False: _TEST_NAME}
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[authority]))
            .issuer_name(_name(names[True]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=_TEST_DAYS))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=authority,
                    crl_sign=authority,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()),
                critical=False,
            )
        )
        if not authority:
            use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(use, critical=False)
        return builder.sign(above, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _name(text: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mattelier TEST"),
                x509.NameAttribute(NameOID.COMMON_NAME, text),
            ]
        )

    key = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = certificate(own, authority=False) + certificate(above, authority=True)
    return key, chain, b"es256"
