"""The newest revision of this code, read off the files: a server needs no more of Alembic (20 MiB of memory)."""

import re
from functools import cache
from pathlib import Path

REVISIONS = Path(__file__).parent.parent / "revisions"
_NAMED = re.compile(r'^(revision|down_revision)\b[^=\n]*= (?:"([^"\n]+)"|None)$', re.MULTILINE)


@cache
def head_revision() -> str:
    """The revision that no other one follows; ValueError unless there is exactly one."""
    found = _named()
    (head,) = known_revisions() - {names.get("down_revision", "") for names in found}
    return head


@cache
def known_revisions() -> frozenset[str]:
    """Every revision of this code. A database that is at another one was moved by a newer program."""
    return frozenset(names["revision"] for names in _named())


def _named() -> list[dict[str, str]]:
    files = [path.read_text() for path in (REVISIONS / "versions").glob("*.py")]
    return [names for names in (dict(_NAMED.findall(text)) for text in files) if names]
