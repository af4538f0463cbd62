"""
Secrets that must be read again, encrypted with a master key; and hashes of random references.

A master key has a version, which is stored beside what it has sealed: version 0 is made from CRM_SECRET_KEY, later ones
are those of CRM_MASTER_KEYS. `crm secret rotate` seals everything anew under the newest.

AES-256-GCM; the purpose and the owner are bound in, so that a value copied to another row does not open there.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_NONCE_BYTES = 12


class Unreadable(Exception):
    """The value was encrypted under another master key, for another owner, or was changed."""


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


@dataclass(frozen=True)
class MasterKeys:
    """The master keys by their versions."""

    by_version: Mapping[int, SecretStr]

    @property
    def newest(self) -> int:
        return max(self.by_version)

    def seal(self, *, purpose: str, owner: str, plain: bytes) -> tuple[int, bytes]:
        """`plain` encrypted under the newest key, and that key's version."""
        return self.newest, seal(self.by_version[self.newest], purpose=purpose, owner=owner, plain=plain)

    def unseal(self, version: int, *, purpose: str, owner: str, sealed: bytes) -> bytes:
        """What `seal` was given. Unreadable, also where there is no key of this version."""
        if version not in self.by_version:
            raise Unreadable
        return unseal(self.by_version[version], purpose=purpose, owner=owner, sealed=sealed)


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
