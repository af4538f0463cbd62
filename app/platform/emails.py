"""
E-mail addresses as they are compared: one function for people and accounts, entry points and the migration.

Two spellings of one mailbox give one key; no letter becomes another one (`weiß@` is not `weiss@`).
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import idna

_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+")
_MAILTO: Final = re.compile(r"mailto:([^?]*).*", re.IGNORECASE | re.DOTALL)
_SEVERAL: Final = re.compile(r"[;,]")


_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4\uff07", "'"))
"""Curly ones, a letter like one, a prime: what telephones and word processors make of an apostrophe."""


def straight_apostrophes(typed: str) -> str:
    return typed.translate(_APOSTROPHES)


def split_emails(typed: str) -> tuple[str, ...]:
    """The addresses of a text that may hold several, parted by `;` or `,`, each cleaned, or ()."""
    return tuple(address for part in _SEVERAL.split(typed) if (address := clean_email(part)))


def clean_email(typed: str) -> str | None:
    """
    The address without noise around it, NFC and in lower case, or None when it is not like `x@y.z`.

    A curly apostrophe is an apostrophe. Noise: blanks and invisible characters, `mailto:`, angle brackets, a full stop
    or semicolon at the end.
    A `+tag` and the domain's own letters stay: this is the address that is written to.
    """
    if not (typed.isascii() and typed.isprintable()):
        typed = "".join(c for c in typed if unicodedata.category(c) not in {"Cf", "Cc"} or c.isspace())
    address = _bare(typed)
    if scheme := _MAILTO.fullmatch(address):
        address = _bare(scheme[1])
    address = unicodedata.normalize("NFC", straight_apostrophes(address).lower())
    return address if _ADDRESS.fullmatch(address) else None


def _bare(address: str) -> str:
    """Strip blanks and brackets around, full stops and semicolons behind, in whatever order they stand."""
    stripped = address.strip().lstrip("<").rstrip(">.;,")
    return stripped if stripped == address else _bare(stripped)


def without_tag(address: str) -> str:
    """A cleaned address without the `+tag` of its local part; dots stay, for they can part people."""
    local, _, domain = address.rpartition("@")
    # "+news@example.org" has no name before its tag: left alone, or everybody's would be one.
    return f"{local.partition('+')[0] or local}@{domain}"


@lru_cache(maxsize=1 << 14)
def email_key(typed: str) -> str | None:
    """
    The key that two spellings of one mailbox share, or None when the text is no address.

    Trimmed, NFC, lower case, `+tag` left out, the domain in its ASCII form (A-labels). A domain that IDNA
    does not know stays as it is: a strange address still equals itself.
    """
    address = clean_email(typed)
    if address is None:
        return None
    local, _, domain = without_tag(address).rpartition("@")
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
