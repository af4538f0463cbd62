"""
The pages of records, and the forms that stand in them. One that is refused comes back in its place: the record as it is
now, with what was typed, and what is wrong beside it.
"""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.actor import Actor
from app.platform.errors import AppError
from app.web import leads, patients, persons
from app.web.about import LEADS, PATIENTS, PEOPLE, About
from app.web.forms import Typed
from app.web.page_guard import form_again

RECORDS = {
    PATIENTS: ("patients/record.html", patients.record_context),
    LEADS: ("leads/record.html", leads.record_context),
    PEOPLE: ("people/record.html", persons.record_context),
}


@dataclass(frozen=True)
class Refused:
    """A form of a record that came back: its name, of several of one kind which one it is, and what was typed."""

    form: str
    typed: Typed
    key: UUID | None = None


async def in_its_place(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    about: About,
    record_id: UUID,
    refused: Refused,
    error: AppError,
) -> HTMLResponse:
    """The record with the form as it was sent, and what is wrong with it."""
    template, read = RECORDS[about]
    context = await read(request, session, actor, record_id)
    return form_again(request, template, {**context, "refused": refused}, error)
