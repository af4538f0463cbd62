"""
Secrets that must be read again, encrypted with a key made from CRM_SECRET_KEY; and hashes of random references.

AES-256-GCM; the purpose and the owner are bound in, so that a value copied to another row does not open there.
"""

import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_NONCE_BYTES = 12


class Unreadable(Exception):
    """The value was encrypted under another CRM_SECRET_KEY, for another owner, or was changed."""


def _key(secret_key: SecretStr, purpose: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"crm:{purpose}".encode())
    return derive.derive(secret_key.get_secret_value().encode())


def seal(secret_key: SecretStr, *, purpose: str, owner: str, plain: bytes) -> bytes:
    """`plain` encrypted: nonce, ciphertext, tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(secret_key, purpose)).encrypt(nonce, plain, owner.encode())


def unseal(secret_key: SecretStr, *, purpose: str, owner: str, sealed: bytes) -> bytes:
    """What `seal` was given. Unreadable when key, purpose or owner differ, or a bit has changed."""
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(_key(secret_key, purpose)).decrypt(nonce, ciphertext, owner.encode())
    except (InvalidTag, ValueError):
        raise Unreadable from None


def new_reference() -> str:
    """A random reference of 256 bits, URL-safe, for a cookie or a link."""
    return secrets.token_urlsafe(32)


def digest(reference: str) -> bytes:
    """What is stored of a random reference. A plain SHA-256 is enough: there is nothing to guess."""
    return hashlib.sha256(reference.encode("utf-8", "replace")).digest()


def derived_token(reference: str, purpose: str) -> str:
    """A token that only the holder of `reference` and the server know, without storing it."""
    return hmac.new(reference.encode("utf-8", "replace"), purpose.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether both are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
