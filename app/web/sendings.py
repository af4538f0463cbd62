"""
A form that is sent twice is carried out once: a double press, a line that dropped before the answer, a press of Back.

The token of a form is another text in each answer (`csrf.masked`), so token, address and fields name one sending. What
was done is filed under it in the transaction that did it, with where it led; the second sending is led there too. Only
what leads on is filed, and what is shown once: a question by form, such as a search, is asked anew each time.
"""

import hashlib
from http import HTTPStatus

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from app.access.accounts.sessions import State, Visitor
from app.platform import idempotency
from app.platform.errors import Conflict
from app.platform.idempotency import StoredAnswer
from app.platform.locales import _
from app.web import csrf
from app.web.render import is_htmx

_COOKIE = "set-cookie"


class DoneAlready(Conflict):
    code = "done_already"
    detail = _("This was done already, and what it made was shown once. Begin again to make another one.")


async def sending_of(request: Request, visitor: Visitor) -> str | None:
    """What names this sending of a form of a signed-in person; None for what is no form of a page."""
    if visitor.state is not State.OPEN or "json" in request.headers.get("content-type", ""):
        return None
    fields = (await request.form()).multi_items()
    token = next((value for name, value in fields if name == csrf.FIELD), None)
    if not isinstance(token, str) or not csrf.is_masked(token, visitor.csrf_token):
        return None
    told = [
        (name, f"{value.filename} {value.size}" if isinstance(value, UploadFile) else value) for name, value in fields
    ]
    address = f"{request.method} {request.url.path}?{request.url.query}"
    return "form:" + hashlib.sha256(repr((address, told)).encode()).hexdigest()


async def keep(session: AsyncSession, visitor: Visitor, sending: str | None, response: Response) -> bool:
    """
    File where `response` leads; False when this sending was carried out before, and what was done now is to be undone.
    """
    to = response.headers.get("location") or response.headers.get("hx-redirect")
    if sending is None or (to is None and not idempotency.is_shown_once(session)):
        return True
    headers = {"location": to} if to is not None else {}
    flash = next((one for one in response.headers.getlist(_COOKIE) if "crm_flash=" in one), None)
    if flash is not None:
        headers[_COOKIE] = flash
    answer = StoredAnswer(HTTPStatus.SEE_OTHER if to is not None else HTTPStatus.OK, headers, None)
    return await idempotency.keep_first(session, owner_id=visitor.account_id, key=sending, answer=answer)


async def answer_again(
    session: AsyncSession, request: Request, visitor: Visitor, sending: str | None
) -> Response | None:
    """Where the first sending led, in a transaction that has done nothing; None for one that was not carried out."""
    if sending is None:
        return None
    stored = await idempotency.find_answer(session, owner_id=visitor.account_id, key=sending)
    if stored is None:
        return None
    if "location" not in stored.headers:
        raise DoneAlready
    name = "hx-redirect" if is_htmx(request) else "location"
    status = HTTPStatus.OK if is_htmx(request) else stored.status
    response = Response(status_code=status, headers={name: stored.headers["location"]})
    if flash := stored.headers.get(_COOKIE):
        response.headers.append(_COOKIE, flash)
    return response
