"""
Nobody else's page may act for somebody who is signed in.

Two walls: the browser must say that the request comes from our own pages (Sec-Fetch-Site, Origin), and the request must
carry the session's token, in the form or in a header. The cookie is SameSite=Lax besides.
"""

import secrets
from urllib.parse import urlsplit

from fastapi import Request

from app.platform.crypto import same
from app.platform.errors import Forbidden
from app.platform.locales import _
from app.platform.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD, HEADER = "csrf_token", "x-csrf-token"


class OriginRefused(Forbidden):
    code = "origin_refused"
    detail = _("This did not come from a page of the CRM, so nothing was done. Open the page here and try again.")


class TokenRefused(Forbidden):
    code = "csrf_refused"
    detail = _("This page belongs to an earlier session, so nothing was done. Load it again and repeat the step.")


class NoCookie(Forbidden):
    code = "no_cookie"
    detail = _(
        "Your browser sent no cookie of the CRM, so nothing was done. Allow cookies for this site and try again."
    )


def check_origin(request: Request) -> None:
    """OriginRefused unless the browser says that one of our own pages sent this."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        raise OriginRefused
    if site is not None and site != "same-origin":
        raise OriginRefused
    if origin is not None and origin not in _own_origins(request):
        raise OriginRefused


def _own_origins(request: Request) -> set[str]:
    settings: Settings = request.app.state.settings
    own = urlsplit(settings.base_url)
    origins = {f"{own.scheme}://{own.netloc}"}
    if not settings.is_production:
        # A developer comes by localhost, 127.0.0.1 or another port alike.
        origins.add(f"http://{request.headers.get('host', '')}")
    return origins


def masked(token: str) -> str:
    """
    The token as one answer holds it: another text in each. Who makes a browser ask again and again, with guesses in
    what the page repeats, learns nothing from how well the answer was compressed.
    """
    key, value = secrets.token_bytes(len(token) // 2), bytes.fromhex(token)
    return (key + _combined(key, value)).hex()


def is_masked(given: str, token: str) -> bool:
    """Whether `given` is what one answer held, and no other."""
    return len(given) == 2 * len(token)


def _unmasked(given: str, length: int) -> str:
    """What was masked; a text of another length as it is."""
    try:
        raw = bytes.fromhex(given) if len(given) == 2 * length else None
    except ValueError:
        raw = None
    return given if raw is None else _combined(raw[: length // 2], raw[length // 2 :]).hex()


def _combined(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


async def carries_token(request: Request, expected: str) -> bool:
    """Whether the request carries the session's token. The body has been read by then."""
    given = request.headers.get(HEADER)
    if given is None and "json" not in request.headers.get("content-type", ""):
        given = str((await request.form()).get(FIELD, ""))
    return same(_unmasked(given or "", len(expected)), expected)
