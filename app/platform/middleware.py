"""
Round every request: a request id, the known host, safe headers, one log line and one count by route template.

HEAD is answered as GET without its body: the same checks, the same event on record.
"""

import re
import secrets
import time
from collections.abc import Sequence

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.logs import log_as_part_of
from app.platform.problems import ProblemResponse
from app.platform.request_metrics import RequestMetrics

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z", re.ASCII)
SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}

ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""Where users come by https: for a year browsers ask by nothing else."""
HEALTH = frozenset({"/health", "/health/live", "/health/ready"})
"""Answered whatever host is named: an orchestrator asks by the container's address, and learns nothing of anybody."""
_RAW_HEADERS = [(name.encode("ascii"), value.encode("ascii")) for name, value in SAFE_HEADERS.items()]


class RequestFrame:
    """ASGI middleware. A client's own X-Request-ID is kept when it is 8-64 plain characters."""

    def __init__(
        self, app: ASGIApp, metrics: RequestMetrics, allowed_hosts: Sequence[str] = (), *, https: bool = False
    ) -> None:
        self.app, self.metrics = app, metrics
        self.added = [*_RAW_HEADERS, ONLY_HTTPS] if https else _RAW_HEADERS
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        method = scope["method"]
        if method == "HEAD":
            # The server keeps the scope it gave: it has to see HEAD, everything of ours sees GET.
            scope = {**scope, "method": "GET"}
        given = headers.get("x-request-id", "")
        scope["request_id"] = request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(12)
        log_as_part_of(request_id=request_id)
        started, status = time.perf_counter(), 500

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                raw = list(message.get("headers", ()))
                present = {name for name, _ in raw}
                raw.append((b"x-request-id", request_id.encode("ascii")))
                raw += [header for header in self.added if header[0] not in present]
                message = {**message, "headers": raw}
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        host = headers.get("host", "").rsplit(":", 1)[0] if "]" not in headers.get("host", "") else "[::1]"
        try:
            is_ours = not self.allowed_hosts or host.lower() in self.allowed_hosts
            if not is_ours and scope["path"] not in HEALTH:
                refusal = {
                    "type": "about:blank",
                    "title": "Bad request",
                    "status": 400,
                    "detail": "This host name is not served here.",
                    "code": "unknown_host",
                    "request_id": request_id,
                    "errors": [],
                }
                await ProblemResponse(refusal, 400)(scope, receive, send_framed)
            else:
                await self.app(scope, receive, send_framed)
        finally:
            # The template, never the path: a path may hold what somebody typed.
            route, seconds = getattr(scope.get("route"), "path", "-"), time.perf_counter() - started
            self.metrics.count(method, route, status, seconds)
            log.info(
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 1),
            )
