from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists
from sqlalchemy.ext.asyncio import AsyncSession

from app.about.errors import about_several, of_another_person
from app.about.models import KEYS, RECORDS, About
from app.about.schemas import AboutBody, AboutFilter
from app.calls import queries as calls
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.queries import get_journey
from app.leads.queries import get_lead
from app.patients.models import Patient
from app.people.queries import get_person
from app.platform.actor import Actor

IN_SPECIAL = dict.fromkeys(AboutBody.model_fields, "of what it is about")
Columns = dict[str, UUID | None]
Find = Callable[[AsyncSession, Actor, UUID], Awaitable[Columns]]


async def _of_person(session: AsyncSession, actor: Actor, key: UUID) -> Columns:
    return {"person_id": (await get_person(session, actor, person_id=key)).person_id}


async def _of_patient(session: AsyncSession, actor: Actor, key: UUID) -> Columns:
    return {"person_id": await calls.person_of_patient(session, actor, patient_id=key), "patient_id": key}


async def _of_lead(session: AsyncSession, actor: Actor, key: UUID) -> Columns:
    return {"person_id": (await get_lead(session, actor, lead_id=key)).person_id, "lead_id": key}


async def _of_call(session: AsyncSession, actor: Actor, key: UUID) -> Columns:
    call = await calls.get_call(session, actor, call_id=key)
    return {"person_id": call.person_id, "patient_id": call.patient_id, "lead_id": call.lead_id, "call_id": key}


def _of_journey(kind: Kind) -> Find:
    async def find(session: AsyncSession, actor: Actor, key: UUID) -> Columns:
        journey = await get_journey(session, actor, kind=kind, journey_id=key)
        return {"person_id": journey.patient.person_id, "patient_id": journey.patient_id, kind.key: key}

    return find


_FIND: dict[str, Find] = {
    "person_id": _of_person,
    "patient_id": _of_patient,
    "lead_id": _of_lead,
    "call_id": _of_call,
    **{kind.key: _of_journey(kind) for kind in KINDS},
}


if _forgotten := _FIND.keys() - AboutBody.model_fields.keys():
    raise TypeError(f"app/about has no {sorted(_forgotten)} for tasks and notes")


async def columns_of(session: AsyncSession, actor: Actor, about: AboutBody) -> dict[str, UUID]:
    """
    The columns of a new row about this. The NotFound of what is named; Invalid when it is not all of one person.
    """
    several = [name for name in RECORDS if getattr(about, name) is not None][1:]
    if several:
        raise about_several(several[0])
    found: dict[str, UUID] = {}
    for name, find in _FIND.items():
        key = getattr(about, name)
        columns = {} if key is None else await find(session, actor, key)
        if found and columns and columns["person_id"] != found["person_id"]:
            raise of_another_person(name)
        found = {column: value for column, value in columns.items() if value is not None} | found
    return found


def narrowed(ids: Select[Any], table: type[About], query: AboutFilter) -> Select[Any]:
    """`ids`, of the rows about what the filter names; those about a deleted patient are left out."""
    for name in KEYS:
        wanted = getattr(query, name)
        if wanted is not None:
            ids = ids.where(getattr(table, name) == wanted)
    return ids.where(~of_a_deleted_patient(table))


def of_a_deleted_patient(table: type[About]) -> ColumnElement[bool]:
    """Anyone who cannot see a patient does not see what is about them. What names the person alone stays."""
    return exists().where(Patient.patient_id == table.patient_id, Patient.deleted_at.is_not(None))
