"""The text of an API key: `crm_<prefix>_<secret>`. 60 bits find the row, 256 bits prove it."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

_FORM = re.compile(r"crm_([a-z2-7]{12})_([A-Za-z0-9_-]{43})\Z", re.ASCII)
_READ: Final = "crm.key"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True)
class KeyText:
    prefix: str
    secret_sha256: bytes


def new_key() -> tuple[str, KeyText]:
    """A new key's text, to be shown once, and what is kept of it."""
    prefix, secret = "".join(secrets.choice(_ALPHABET) for _ in range(12)), secrets.token_urlsafe(32)
    return f"crm_{prefix}_{secret}", _kept(prefix, secret)


def prefix_of(key: str) -> str:
    """The prefix of a key that `new_key` has made."""
    return key.split("_", 2)[1]


def parse_key(text: str) -> KeyText | None:
    """The key's prefix and the hash of its secret; None for text that is not a key of ours."""
    found = _FORM.match(text)
    return _kept(found[1], found[2]) if found else None


def _kept(prefix: str, secret: str) -> KeyText:
    return KeyText(prefix, hashlib.sha256(secret.encode()).digest())


def key_of(request: HTTPConnection) -> KeyText | None:
    """The key that a request comes with, read once; None without one."""
    if _READ not in request.scope:
        request.scope[_READ] = bearer(request.headers.get("authorization"))
    key: KeyText | None = request.scope[_READ]
    return key


def bearer(authorization: str | None) -> KeyText | None:
    """The key of an Authorization header; None when there is none, or of another scheme or form."""
    scheme, _, credential = (authorization or "").partition(" ")
    return parse_key(credential.strip()) if scheme.lower() == "bearer" else None
