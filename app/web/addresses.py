"""Addresses that come from outside: where to go next, where a request came from."""

import re
from urllib.parse import urlencode, urlsplit

from fastapi import Request

from app.access.accounts.sessions import Origin
from app.platform.settings import Settings
from app.platform.sources import source_of
from app.saved_views.schemas import PinnedView

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*\Z", re.ASCII)
_LONGEST = 2000
_WORKED_FROM = re.compile(
    r"/(today|tasks|suggestions|came-back|calls|calls/agenda|calls/[0-9a-f-]{36}/outcome|(leads|patients)(/[0-9a-f-]{36})?)(\?|\Z)",
    re.ASCII,
)
"""Today, lists, records, and the page of a call."""
_IN_RECORD = re.compile(
    r"(/(?:leads|patients)/[0-9a-f-]{36})/(?:facts|dates|cases|contact-points|roles|relationships|physicians)/",
    re.ASCII,
)
"""A record with one of its forms open, as it stands in an address where no script runs."""


def local_path(wanted: str | None) -> str:
    """`wanted` when it is a path of this site, else the start page: no redirect leads to somebody else's."""
    return wanted if wanted and len(wanted) <= _LONGEST and _LOCAL.match(wanted) else "/"


def with_next(path: str, next_path: str) -> str:
    """`path` that remembers where to go afterwards."""
    return path if next_path == "/" else f"{path}?{urlencode({'next': next_path})}"


def asked_path(request: Request) -> str:
    """The address that is being asked for, with its query."""
    query = request.url.query
    return local_path(request.url.path + (f"?{query}" if query else ""))


def came_from(request: Request) -> str:
    """The page of ours on which the request was made, else the start page."""
    place = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer") or "")
    if place.netloc != request.headers.get("host"):
        return "/"
    return local_path(place.path + (f"?{place.query}" if place.query else ""))


def way_back(place: str, otherwise: str) -> str:
    """Where somebody goes after a form: to `place` when it is a list or a record that forms are opened from."""
    return place if _WORKED_FROM.match(place) and local_path(place) == place else otherwise


def worked_from(request: Request) -> str:
    """
    The list, the record or the day that a form was sent from, where it is refused too; empty for a form that has a page
    of its own.
    """
    place = came_from(request)
    record = _IN_RECORD.match(place)
    return record[1] if record else way_back(place, "")


def address_of_view(path: str, view: PinnedView) -> str:
    """The address of a list as a saved view has it."""
    asked = {
        **view.filters,
        "sort": view.sort,
        "view": str(view.saved_view_id),
        "show": ",".join(view.columns or ()),
    }
    return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"


def origin_of(request: Request) -> Origin:
    """Where a request comes from: the nearest address that no proxy of ours has written, IPv6 as its /64."""
    settings: Settings = request.app.state.settings
    return Origin(
        source_of(request, proxy_hops=settings.proxy_hops), browser_name(request.headers.get("user-agent", ""))
    )


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser_name(user_agent: str) -> str:
    """What a person calls it: Firefox on Windows. Never the header itself, which may hold anything."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "Another browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    return f"{browser} on {system}" if system else browser
