"""When a journey is over the norm of its stage: one way to reckon it, for lists and for the page of one."""

from datetime import datetime


def days_over(since: datetime | None, norm: int | None, *, now: datetime) -> int:
    """
    By how many whole days a journey that is in its stage since then is over its norm.

    0 where it is not over it, and where the moment or the norm is not known.
    """
    return 0 if since is None or norm is None else max((now - since).days - norm, 0)
