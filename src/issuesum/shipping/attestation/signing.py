"""Signatures of statements: DSSE envelopes, and the key that makes them, a PEM file.

Source: secure-systems-lab, "DSSE: Dead Simple Signing Envelope", protocol and envelope v1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import CryptoSigner, Signer

from issuesum.errors import ParamsError

IN_TOTO = "application/vnd.in-toto+json"
"""Type of a statement, in an envelope and outside."""
_FILE = "ISSUESUM_SIGNING_KEY"
_PASSPHRASE = "ISSUESUM_SIGNING_PASSPHRASE"  # noqa: S105 -- the variable's name
_MAKE = "openssl genpkey -algorithm ed25519 -out issuesum.pem, then chmod 600 issuesum.pem"


def sealed(payload: bytes, key: Signer) -> bytes:
    """Return the envelope of a statement, signed by `key`. Equal arguments give equal bytes."""
    envelope = Envelope(payload, IN_TOTO, {})
    envelope.sign(key)
    return json.dumps(envelope.to_dict(), sort_keys=True).encode()


def opened(content: bytes) -> Envelope:
    """Read an envelope (ValueError: it is none of a statement); its signatures are not checked."""
    try:
        envelope = Envelope.from_dict(json.loads(content))
    except (KeyError, TypeError, AttributeError, Error) as error:
        raise ValueError(f"no DSSE envelope: {type(error).__name__}") from error
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"an envelope of {envelope.payload_type!r}")
    return envelope


def signing_key() -> Signer | None:
    """Return the key of the file that ISSUESUM_SIGNING_KEY names, or None where it is not set.

    ISSUESUM_SIGNING_PASSPHRASE opens a file that is encrypted.

    Raises:
        ParamsError: others may read the file, or it is not an Ed25519 key in PKCS#8.
    """
    named = os.environ.get(_FILE)
    if not named:
        return None
    path = Path(named)
    passphrase = os.environ.get(_PASSPHRASE)
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read()
    except OSError as error:
        raise _wrong(path, error.strerror or type(error).__name__, _MAKE) from error
    if mode & 0o077:
        raise ParamsError(
            f"{path} must be readable by you alone. Received: mode {mode & 0o777:04o}. "
            f"Try: chmod 600 {path}, and a new key if others may have read this one."
        )
    # Of a file with a passphrase and of one without, the library takes each only as it is.
    encrypted = b"ENCRYPTED" in content
    if encrypted and not passphrase:
        raise _wrong(path, "an encrypted key and no passphrase", f"set {_PASSPHRASE}")
    try:
        key = load_pem_private_key(content, (passphrase or "").encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason, remedy = ("another passphrase", _PASSPHRASE) if encrypted else ("no PEM key", _MAKE)
        raise _wrong(path, reason, remedy) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _wrong(path, "a key of another kind", _MAKE)
    return CryptoSigner(key)


def _wrong(path: Path, reason: str, remedy: str) -> ParamsError:
    return ParamsError(
        f"{path} ({_FILE}) must hold an Ed25519 key as PKCS#8 PEM. Received: {reason}. "
        f"Try: {remedy}."
    )
