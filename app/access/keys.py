"""The text of an API key: `crm_<prefix>_<secret>`. 60 bits find the row, 256 bits prove it."""

import hashlib
import re
import secrets
from dataclasses import dataclass

_FORM = re.compile(r"crm_([a-z2-7]{12})_([A-Za-z0-9_-]{43})\Z", re.ASCII)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True)
class KeyText:
    prefix: str
    secret_sha256: bytes


def new_key() -> str:
    """A new key, to be shown once."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return f"crm_{prefix}_{secrets.token_urlsafe(32)}"


def parse_key(text: str) -> KeyText | None:
    """The key's prefix and the hash of its secret; None for text that is not a key of ours."""
    found = _FORM.match(text)
    return KeyText(found[1], hashlib.sha256(found[2].encode()).digest()) if found else None


def bearer(authorization: str | None) -> KeyText | None:
    """The key of an Authorization header; None when there is none, or of another scheme or form."""
    scheme, _, credential = (authorization or "").partition(" ")
    return parse_key(credential.strip()) if scheme.lower() == "bearer" else None
