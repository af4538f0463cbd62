"""With CRM_CASELOAD=assigned, who takes a person over from a colleague states why: owning alone opens nothing."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.answering import Asked, answering
from app.access.models import UserAccount
from app.access.openings.errors import ReasonNeeded
from app.access.openings.models import AccessOpening
from app.access.ownership import take_over
from app.access.views import AccessContext
from app.audit.models import AuditEvent
from app.leads.models import PatientLead
from app.platform.actor import Actor
from app.platform.settings import Caseload, Settings
from tests.access.test_reasons import _described
from tests.builders import a_colleague, a_lead, a_patient, a_person
from tests.canaries import H, World, a_world
from tests.conftest import BoundDatabase, statements_of

WHY = {"X-Access-Reason": "Bo is on leave; I take her over."}


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


async def _own(session: AsyncSession, world: World, account: UserAccount | None) -> None:
    owner = account.user_account_id if account else None
    for table in ("patient", "patient_lead"):
        await session.execute(
            text(f"UPDATE {table} SET owner_id = :owner WHERE person_id = :person"),
            {"owner": owner, "person": world.person_id},
        )
    await session.commit()


def _taking(world: World, me: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every request that makes somebody the owner, or takes the owner away."""
    who = {"person_id": str(world.person_id), "medical_condition_id": str(world.ids["medical_condition_id"])}
    return {
        "change a patient": ("PUT", f"/patients/{world.ids['patient_id']}", {"owner_id": me}),
        "clear a patient's owner": ("PUT", f"/patients/{world.ids['patient_id']}", {"owner_id": None}),
        "change a lead": ("PUT", f"/leads/{world.ids['lead_id']}", {"owner_id": me}),
        "open a lead": ("POST", "/leads", who | {"owner_id": me}),
        "open a patient": ("POST", "/patients", who | {"owner_id": me}),
        "convert a lead": ("POST", f"/leads/{world.ids['lead_id']}/convert", {"owner_id": me}),
    }


_WAYS = [
    "change a patient",
    "clear a patient's owner",
    "change a lead",
    "open a lead",
    "open a patient",
    "convert a lead",
]


async def _without_patient(session: AsyncSession, world: World, way: str) -> World:
    """For the ways that make a patient: somebody who is only a lead yet, of the same owner."""
    if way in {"open a patient", "convert a lead"}:
        owner = await session.scalar(select(PatientLead.owner_id).where(PatientLead.person_id == world.person_id))
        lead = await a_lead(session, await a_person(session), owner_id=owner)
        await session.commit()
        return World(lead.person_id, {**world.ids, "lead_id": lead.lead_id})
    return world


@pytest.mark.parametrize("way", _WAYS)
async def test_taking_a_person_over_from_a_colleague_needs_a_reason(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, way: str
) -> None:
    colleague, _ = await a_colleague(session)
    me, headers = await a_colleague(session)
    await _own(session, world, colleague)
    world = await _without_patient(session, world, way)
    method, path, body = _taking(world, str(me.user_account_id))[way]

    refused = await assigned.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "access_reason_needed"), refused.text
    assert (refused.json()["header"], refused.json()["person_id"]) == ("X-Access-Reason", str(world.person_id))
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    assert (event.outcome, event.person_ids) == ("refused", [world.person_id])

    done = await assigned.request(method, f"/api/v1{path}", json=body, headers=headers | WHY)
    assert done.status_code in {200, 201}, done.text
    (opening,) = await session.scalars(select(AccessOpening).where(AccessOpening.kind == "outside_caseload"))
    assert (opening.person_id, opening.user_account_id) == (world.person_id, me.user_account_id)
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    assert (event.outcome, event.purpose) == ("done", "outside_caseload")
    assert event.record_type in {"patient", "patient_lead"}


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("whose", ["nobody's", "mine"])
async def test_people_without_an_owner_and_ones_own_are_taken_without_a_reason(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, way: str, whose: str
) -> None:
    me, headers = await a_colleague(session)
    await _own(session, world, me if whose == "mine" else None)
    world = await _without_patient(session, world, way)
    method, path, body = _taking(world, str(me.user_account_id))[way]
    done = await assigned.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert done.status_code in {200, 201}, done.text
    assert await session.scalar(select(func.count()).where(AccessOpening.kind == "outside_caseload")) == 0


async def test_ownership_counts_from_the_next_request(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    """Anyone who hands somebody over still sees the answer; the next request is refused to them."""
    colleague, _ = await a_colleague(session)
    me, headers = await a_colleague(session)
    await _own(session, world, me)
    await session.execute(text("UPDATE patient_lead SET owner_id = :them"), {"them": colleague.user_account_id})
    await session.commit()
    url = f"/api/v1/patients/{world.ids['patient_id']}"
    given = await assigned.put(url, json={"owner_id": str(colleague.user_account_id)}, headers=headers)
    assert given.json()["status_reason"].startswith(H)
    assert (await assigned.get(url, headers=headers)).json()["status_reason"] == "•••"


async def test_without_assigned_caseloads_owners_change_freely(
    client: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    colleague, _ = await a_colleague(session)
    me, headers = await a_colleague(session)
    await _own(session, world, colleague)
    url = f"/api/v1/patients/{world.ids['patient_id']}"
    assert (await client.put(url, json={"owner_id": str(me.user_account_id)}, headers=headers)).status_code == 200


async def test_one_reason_takes_over_a_whole_selection(
    session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    colleague, _ = await a_colleague(session)
    me, _ = await a_colleague(session)
    owners = (colleague.user_account_id, colleague.user_account_id, None)
    people = [(await a_patient(session, owner_id=owner)).person_id for owner in owners]
    actor = Actor(me.user_account_id, "me", roles=frozenset({"navigator"}), permissions=frozenset({"patient.write"}))
    access = AccessContext("patient.write", secret_key=settings.secret_key, caseload=Caseload.ASSIGNED)
    with answering(Asked(session, actor, access)):
        with pytest.raises(ReasonNeeded):
            await take_over(session, actor, person_ids=people, owner_id=me.user_account_id)
        with statements_of(bound) as sent:
            await take_over(session, actor, person_ids=people, owner_id=me.user_account_id, reason="Bo is on leave.")
    assert len([sql for sql in sent if sql.startswith("INSERT INTO access_opening")]) == 1, "one statement for all"
    opened = set(
        await session.scalars(select(AccessOpening.person_id).where(AccessOpening.reason == "Bo is on leave."))
    )
    assert opened == set(people[:2])


def test_the_reason_is_described_where_an_owner_is_named() -> None:
    described = _described("X-Access-Reason")
    assert described.keys() >= {"create_lead", "create_patient", "convert_lead", "update_lead", "update_patient"}
