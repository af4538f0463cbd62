"""Many records are given to somebody while others change them: nothing is given twice, and no change is lost."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.casework.hand_over import hand_over
from app.casework.schemas import HandedOver, HandOver
from app.leads.models import PatientLead
from app.leads.queries import get_lead, lock_leads
from app.leads.schemas import LeadUpdate
from app.leads.service import change_lead
from app.patients.models import Patient
from app.people.locks import holding
from app.platform.actor import Actor
from app.platform.db import Database
from tests import builders

COUNT = 12
PAGE = "https://example.org/trials"


async def _leads_of(session: AsyncSession, owner_id: UUID) -> list[UUID]:
    made = [
        await builders.a_lead(session, await builders.a_person(session, last_name=f"Race{number}"), owner_id=owner_id)
        for number in range(COUNT)
    ]
    return [lead.lead_id for lead in made]


async def _accounts(session: AsyncSession, count: int) -> list[UUID]:
    return [(await builders.a_colleague(session))[0].user_account_id for _ in range(count)]


async def _given(database: Database, actor: Actor, leaving: UUID, to: UUID) -> HandedOver:
    async with database.unit_of_work() as session:
        order = HandOver(leads=[to], patients=[to])
        handed = await hand_over(session, actor, account_id=leaving, order=order, request_id=None)
        await asyncio.sleep(0.05)
    return handed


async def test_two_hand_overs_of_one_colleague_at_once_give_each_record_once(
    committed_database: Database, actor: Actor
) -> None:
    async with committed_database.session() as session:
        leaving, first, second = await _accounts(session, 3)
        leads = await _leads_of(session, leaving)
        patient = await builders.a_patient(session, await builders.a_person(session), owner_id=leaving)
        ids = {*leads, patient.patient_id}
        await session.commit()
    handed = await asyncio.gather(*(_given(committed_database, actor, leaving, to) for to in (first, second)))
    done = [change.record_id for one in handed for change in one.done]
    assert sorted(done) == sorted(ids), "each is given once, by one of the two"
    assert [one.left for one in handed] == [[], []]
    async with committed_database.unit_of_work() as session:
        owners = set(await session.scalars(select(PatientLead.owner_id).where(PatientLead.lead_id.in_(leads))))
        owner = select(Patient.owner_id).where(Patient.patient_id == patient.patient_id)
        assert owners | {await session.scalar(owner)} in ({first}, {second})
        events = select(func.count()).where(AuditEvent.record_id.in_(ids), AuditEvent.action.like("hand_over_%"))
        assert await session.scalar(events) == len(ids)


async def _given_together(database: Database, actor: Actor, leads: Sequence[UUID], to: UUID) -> None:
    async with database.unit_of_work() as session:
        with holding(await lock_leads(session, leads)):
            for lead_id in leads:
                await change_lead(session, actor, lead_id=lead_id, change=LeadUpdate(owner_id=to))
        await asyncio.sleep(0.05)


async def _noted(database: Database, actor: Actor, lead_id: UUID) -> None:
    async with database.unit_of_work() as session:
        await asyncio.sleep(0.01)
        await change_lead(session, actor, lead_id=lead_id, change=LeadUpdate(landing_page_url=PAGE))


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "in reverse"])
async def test_leads_given_together_keep_what_is_changed_meanwhile(
    committed_database: Database, actor: Actor, order: int
) -> None:
    async with committed_database.session() as session:
        owner, to = await _accounts(session, 2)
        leads = await _leads_of(session, owner)
        await session.commit()
    await asyncio.gather(
        _given_together(committed_database, actor, leads, to),
        *(_noted(committed_database, actor, lead_id) for lead_id in leads[::order]),
        _given_together(committed_database, actor, leads[::-1], to),
    )
    async with committed_database.unit_of_work() as session:
        for lead_id in leads:
            lead = await get_lead(session, actor, lead_id=lead_id)
            assert (lead.owner_id, lead.landing_page_url) == (to, PAGE)
            assert lead.version >= 3
