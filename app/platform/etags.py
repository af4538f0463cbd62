"""Entity tags: which state of a record the caller has seen."""

import re

from app.platform.errors import Stale

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def etag(*versions: int) -> str:
    """The tag of an answer made of rows with these versions, in this order."""
    return '"' + ".".join(map(str, versions)) + '"'


def require_match(if_match: str | None, current: str) -> None:
    """Stale unless `if_match` is absent, `*`, or names `current` among its tags."""
    if if_match is None or if_match.strip() == "*":
        return
    if current not in _TAG.findall(if_match):
        raise Stale
