"""The two cookies of a browser: its session, and that it is known. Both are random references."""

from fastapi import Request, Response

from app.platform.settings import Settings

DEVICE_SECONDS = 180 * 24 * 3600
_LONGEST = 200


def _name(request: Request, plain: str) -> str:
    """By https with the prefix `__Host-`: no subdomain and no plain connection can plant such a cookie."""
    settings: Settings = request.app.state.settings
    return f"__Host-{plain}" if settings.is_secure else plain


def _read(request: Request, plain: str) -> str | None:
    value = request.cookies.get(_name(request, plain), "")
    return value if 0 < len(value) <= _LONGEST else None


def _set(request: Request, response: Response, plain: str, reference: str, max_age: int | None) -> None:
    settings: Settings = request.app.state.settings
    response.set_cookie(
        _name(request, plain),
        reference,
        max_age=max_age,
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def session_reference(request: Request) -> str | None:
    return _read(request, "crm_session")


def set_session(request: Request, response: Response, reference: str) -> None:
    """For as long as the browser is open; the server decides when the session is over."""
    _set(request, response, "crm_session", reference, None)


def drop_session(request: Request, response: Response) -> None:
    settings: Settings = request.app.state.settings
    response.delete_cookie(
        _name(request, "crm_session"), path="/", secure=settings.is_secure, httponly=True, samesite="lax"
    )


def device_reference(request: Request) -> str | None:
    return _read(request, "crm_device")


def set_device(request: Request, response: Response, reference: str) -> None:
    _set(request, response, "crm_device", reference, DEVICE_SECONDS)
