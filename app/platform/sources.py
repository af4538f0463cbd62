"""Where a request comes from."""

import ipaddress

from starlette.requests import HTTPConnection

_IPV6_PREFIX = 64


def source_of(request: HTTPConnection, *, proxy_hops: int) -> str:
    """
    The nearest address that no proxy of ours has written, or `unknown`.

    IPv6 as its /64, which is what one customer has. `proxy_hops` proxies of ours add an entry to X-Forwarded-For each;
    a header that is shorter was not written by them, and the connection's own address counts.
    """
    address = request.client.host if request.client else ""
    if proxy_hops:
        passed = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        written = [part.strip() for part in passed if part.strip()]
        if len(written) >= proxy_hops:
            address = written[-proxy_hops]
    try:
        ip = ipaddress.ip_address(address)
        return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))  # noqa: PLR2004
    except ValueError:
        return "unknown"


def is_from_this_machine(request: HTTPConnection) -> bool:
    """Whether the client runs on this machine; not when a proxy has passed the request on, for whomever."""
    try:
        ip = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    is_passed_on = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return ip.is_loopback and not is_passed_on
