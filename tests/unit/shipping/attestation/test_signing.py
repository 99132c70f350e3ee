"""Keys and signatures."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from securesystemslib.signer import Signer

from attestations import write_keys
from issuesum.errors import ParamsError
from issuesum.shipping.attestation.statement import (
    IN_TOTO,
    opened,
    sealed,
    signing_key,
)
from issuesum.shipping.attestation.verification import public_keys, signed_by

PAYLOAD = b'{"_type": "x"}'


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ISSUESUM_SIGNING_KEY", "ISSUESUM_SIGNING_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


def load(patch: pytest.MonkeyPatch, path: Path, passphrase: str = "") -> Signer | None:
    patch.setenv("ISSUESUM_SIGNING_KEY", str(path))
    patch.setenv("ISSUESUM_SIGNING_PASSPHRASE", passphrase)
    return signing_key()


def test_without_a_file_there_is_no_key() -> None:
    assert signing_key() is None


def test_what_is_signed_is_what_dsse_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = write_keys(tmp_path, "a")
    content = sealed(PAYLOAD, load(monkeypatch, private))
    assert content == sealed(PAYLOAD, signing_key())
    envelope = json.loads(content)
    assert (base64.b64decode(envelope["payload"]), envelope["payloadType"]) == (PAYLOAD, IN_TOTO)
    # PAE, written out: "DSSEv1" SP length SP type SP length SP body.
    encoded = b"DSSEv1 28 application/vnd.in-toto+json 14 " + PAYLOAD
    (signature,) = envelope["signatures"]
    key = load_pem_public_key(public.read_bytes())
    key.verify(base64.b64decode(signature["sig"]), encoded)  # raises if it is another's


def test_only_the_right_key_and_the_right_bytes_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = write_keys(tmp_path, "a")
    _, other = write_keys(tmp_path, "b")
    content = sealed(PAYLOAD, load(monkeypatch, private))
    both = tmp_path / "both.pub"
    both.write_bytes(other.read_bytes() + public.read_bytes())
    assert signed_by(opened(content), public_keys([public]))
    assert signed_by(opened(content), public_keys([both]))
    assert not signed_by(opened(content), public_keys([other]))
    envelope = json.loads(content)
    envelope["payload"] = base64.b64encode(PAYLOAD + b" ").decode()
    assert not signed_by(opened(json.dumps(envelope).encode()), public_keys([public]))
    envelope["signatures"][0]["sig"] = ""
    assert not signed_by(opened(json.dumps(envelope).encode()), public_keys([public]))
    envelope["signatures"] = []
    assert not signed_by(opened(json.dumps(envelope).encode()), public_keys([public]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"payload": 1, "payloadType": "a", "signatures": []}',
        b'{"payload": "e30=", "payloadType": "text/plain", "signatures": []}',
        b'{"payload": "e30=", "payloadType": "a", "signatures": [{"sig": "!"}]}',
    ],
)
def test_what_is_no_envelope_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says
        opened(content)


def test_a_passphrase_opens_an_encrypted_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = write_keys(tmp_path, "a", passphrase="open sesame")  # noqa: S106
    key = load(monkeypatch, private, "open sesame")
    assert signed_by(opened(sealed(PAYLOAD, key)), public_keys([public]))
    with pytest.raises(ParamsError, match=r"Received: Incorrect password"):
        load(monkeypatch, private, "close sesame")
    with pytest.raises(ParamsError, match=r"not given but private key is encrypted"):
        load(monkeypatch, private)
    plain, _ = write_keys(tmp_path, "b")
    assert load(monkeypatch, plain, "not needed")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_change_is_refused(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, _ = write_keys(tmp_path, "a")
    private.chmod(mode)
    with pytest.raises(ParamsError, match=f"Received: mode {mode:04o}") as caught:
        load(monkeypatch, private)
    assert "\n" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(ParamsError, match="No such file"):
        load(monkeypatch, path)
    path.write_text("secret words")
    path.chmod(0o600)
    with pytest.raises(ParamsError, match="must hold an Ed25519 key") as caught:
        load(monkeypatch, path)
    assert "secret words" not in str(caught.value)
    curve = generate_private_key(SECP256R1())
    path.write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ParamsError, match="a key of another kind"):
        load(monkeypatch, path)


def test_a_private_key_is_no_public_one(tmp_path: Path) -> None:
    private, _ = write_keys(tmp_path, "a")
    for path in (private, tmp_path / "none.pub"):
        with pytest.raises(ParamsError, match="must hold public keys as PEM") as caught:
            public_keys([path])
        assert "\n" not in str(caught.value)
