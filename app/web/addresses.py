"""Addresses that come from outside: where to go next, where a request came from."""

import ipaddress
import re
from urllib.parse import urlencode, urlsplit

from fastapi import Request

from app.access.accounts.sessions import Origin
from app.platform.settings import Settings

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*\Z", re.ASCII)
_LONGEST = 2000
_IPV6_PREFIX = 64


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


def origin_of(request: Request) -> Origin:
    """Where a request comes from: the nearest address that no proxy of ours has written, IPv6 as its /64."""
    settings: Settings = request.app.state.settings
    address = request.client.host if request.client else ""
    if settings.proxy_hops:
        passed = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
        if len(passed) >= settings.proxy_hops:
            address = passed[-settings.proxy_hops]
    try:
        ip = ipaddress.ip_address(address)
        source = str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))  # noqa: PLR2004
    except ValueError:
        source = "unknown"
    return Origin(source, browser_name(request.headers.get("user-agent", "")))


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
