"""
The cookies of a browser: its session and that it is known, both random references; and a message for the next page.
"""

from urllib.parse import quote, unquote

from fastapi import Request, Response

from app.platform.settings import Settings
from app.web.render import Flash

DEVICE_SECONDS = 180 * 24 * 3600
_LONGEST = 400
_LONGEST_FLASH = 3_000
"""A sentence of a hundred letters that are no ASCII takes six hundred."""


def _name(request: Request, plain: str) -> str:
    """By https with the prefix `__Host-`: no subdomain and no plain connection can plant such a cookie."""
    return f"__Host-{plain}" if _is_secure(request) else plain


def _is_secure(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    return settings.is_secure


def _read(request: Request, plain: str, longest: int = _LONGEST) -> str | None:
    value = request.cookies.get(_name(request, plain), "")
    return value if 0 < len(value) <= longest else None


def _set(request: Request, response: Response, plain: str, reference: str, max_age: int | None) -> None:
    response.set_cookie(
        _name(request, plain),
        reference,
        max_age=max_age,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def session_reference(request: Request) -> str | None:
    return _read(request, "crm_session")


def set_session(request: Request, response: Response, reference: str) -> None:
    """For as long as the browser is open; the server decides when the session is over."""
    _set(request, response, "crm_session", reference, None)


def drop_session(request: Request, response: Response) -> None:
    response.delete_cookie(
        _name(request, "crm_session"), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def device_reference(request: Request) -> str | None:
    return _read(request, "crm_device")


def set_device(request: Request, response: Response, reference: str) -> None:
    _set(request, response, "crm_device", reference, DEVICE_SECONDS)


_TONES = ("info", "success", "warning", "danger")
FLASH_SECONDS = 60


def leave_flash(request: Request, response: Response, flash: Flash) -> None:
    """A message for the page that follows a redirect. It must not name a person: it lies in the browser."""
    told = f"{flash.tone}:{flash.text}\n{flash.undo or ''}"
    _set(request, response, "crm_flash", quote(told, safe=":"), FLASH_SECONDS)


def waiting_flashes(request: Request) -> tuple[Flash, ...]:
    tone, found, told = unquote(_read(request, "crm_flash", _LONGEST_FLASH) or "").partition(":")
    text, _, undo = told.partition("\n")
    return (Flash(text, tone, undo or None),) if found and tone in _TONES else ()


def drop_flash(request: Request, response: Response) -> None:
    response.delete_cookie(_name(request, "crm_flash"), path="/", secure=_is_secure(request), httponly=True)
