"""DSSE envelopes: a statement with signatures over its bytes and its type.

Source: secure-systems-lab, "DSSE: Dead Simple Signing Envelope", protocol and envelope v1.
"""

from __future__ import annotations

import json

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import Key, Signer

IN_TOTO = "application/vnd.in-toto+json"
"""Type of a statement, in an envelope and outside."""


def sealed(payload: bytes, key: Signer) -> bytes:
    """Return the envelope of a statement, signed by `key`. Equal arguments give equal bytes."""
    envelope = Envelope(payload, IN_TOTO, {})
    envelope.sign(key)
    return json.dumps(envelope.to_dict(), sort_keys=True).encode()


def opened(content: bytes) -> Envelope:
    """Read an envelope; its signatures are not checked.

    Raises:
        ValueError: it is none, or not one of a statement.
    """
    try:
        envelope = Envelope.from_dict(json.loads(content))
    except (KeyError, TypeError, AttributeError, Error) as error:
        raise ValueError(f"no DSSE envelope: {type(error).__name__}") from error
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"an envelope of {envelope.payload_type!r}")
    return envelope


def signed_by(envelope: Envelope, keys: list[Key]) -> bool:
    """Tell whether one of the keys signed the envelope."""
    try:
        envelope.verify(keys, 1)
    except Error:
        return False
    return True
