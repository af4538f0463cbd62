"""A person's leads that close and open at once: the role stays for as long as one of them is open."""

import asyncio
from itertools import count

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.leads.models import PatientLead
from app.leads.rules import LeadStep
from app.leads.schemas import LeadCreateForPerson
from app.leads.service import move_lead, open_lead
from app.people.models import ContactType, Person, PersonContactType
from app.platform.actor import Actor
from app.platform.db import Database
from tests.builders import a_condition, a_person

_number = count(1)
"""What is sent twice within a day is one lead."""


async def _has_role(session: AsyncSession, person: Person) -> bool:
    role = (
        select(PersonContactType.person_contact_type_id)
        .join(ContactType)
        .where(
            PersonContactType.person_id == person.person_id,
            ContactType.type_name == "patient-lead",
            PersonContactType.valid_to.is_(None),
        )
    )
    return await session.scalar(role) is not None


async def _opened(database: Database, actor: Actor, person: Person) -> PatientLead:
    async with database.unit_of_work() as session:
        condition = await a_condition(session)
        new = LeadCreateForPerson(
            person_id=person.person_id, medical_condition_id=condition.medical_condition_id, source="phone"
        )
        opened = await open_lead(session, actor, new=new, payload={"number": next(_number)})
        await asyncio.sleep(0.02)
    return opened.lead


async def _moved(database: Database, actor: Actor, lead: PatientLead, to: str) -> None:
    async with database.unit_of_work() as session:
        await move_lead(session, actor, lead_id=lead.lead_id, step=LeadStep(to))
        await asyncio.sleep(0.02)


async def test_role_stays_when_one_lead_closes_while_another_opens(committed_database: Database, actor: Actor) -> None:
    lost = 0
    for number in range(20):
        async with committed_database.unit_of_work() as session:
            person = await a_person(session, email=f"race.{number}@example.org")
        first = await _opened(committed_database, actor, person)
        close, open_ = (
            _moved(committed_database, actor, first, "unreachable"),
            _opened(committed_database, actor, person),
        )
        await asyncio.gather(*((close, open_) if number % 2 else (open_, close)))
        async with committed_database.unit_of_work() as session:
            lost += not await _has_role(session, person)
    assert lost == 0


async def test_role_is_gone_when_the_last_two_leads_close_at_once(committed_database: Database, actor: Actor) -> None:
    kept = 0
    for number in range(10):
        async with committed_database.unit_of_work() as session:
            person = await a_person(session, email=f"close.{number}@example.org")
        leads = [await _opened(committed_database, actor, person) for _ in range(2)]
        await asyncio.gather(*(_moved(committed_database, actor, lead, "unreachable") for lead in leads))
        async with committed_database.unit_of_work() as session:
            kept += await _has_role(session, person)
    assert kept == 0
