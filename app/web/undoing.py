"""What the toasts take back: a change of one's own, while nobody has changed the record since."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.errors import AppError, NotFound, Stale
from app.platform.locales import _
from app.web.forms import on_a_page
from app.web.page_guard import known_errors
from app.web.render import Flash

Version = Annotated[int, Query(ge=0, le=999_999_999)]
"""A version of a record in an address."""
Versions = tuple[int, int]
"""Of a row: before a change, and after it."""


def undo_at(place: str, at: Versions) -> str | None:
    """Where it is posted that a change of the record at this address is taken back; None where nothing was changed."""
    return f"{place}/undo?since={at[0]}&until={at[1]}" if at[0] < at[1] else None


async def undone(request: Request, session: AsyncSession, undo: Awaitable[Any], said: str | None = None) -> Flash:
    """Carry out `undo`: what is told then, `said` where that is more than "Undone", and why not, where it cannot be."""
    try:
        async with known_errors(request, session):
            await undo
    except NotFound:
        raise
    except AppError as error:
        why = _("It was changed meanwhile.") if isinstance(error, Stale) else error.error_detail
        if error.fields:
            why = " ".join(str(on_a_page(field)) for field in error.fields)
        return Flash(_("Not undone. %(why)s", why=why), "warning")
    return Flash(said or _("Undone."))
