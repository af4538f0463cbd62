"""The list of patients in other orders than the newest first, and by the journeys that are open."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.calls.rules import asks_of_side_effects
from app.calls.states import OUTCOMES
from app.casework.around import around_person
from app.casework.overview import overviews_of
from app.journeys.kinds import KINDS
from app.patients import queries
from app.patients.models import Patient, PatientOrder
from app.patients.schemas import PatientFilter
from app.people.models import Person
from app.platform import clock
from app.platform.actor import Actor
from app.platform.states import Machine
from tests.builders import a_call, a_colleague, a_lead, a_patient, a_person, a_trial_journey, an_eap_journey
from tests.conftest import AsRole
from tests.plans import plan_of_page

SOMEBODY = str(uuid4())


async def _called(session: AsyncSession, last_name: str, first_name: str = "Anna", **values: Any) -> Patient:
    person = await a_person(session, first_name=first_name, last_name=last_name, email=f"{uuid4()}@example.org")
    return await a_patient(session, person=person, **values)


async def _order_of(session: AsyncSession, patient: Patient) -> PatientOrder:
    return await session.get_one(PatientOrder, patient.patient_id, populate_existing=True)


async def test_what_follows_a_call_is_kept_in_its_transaction(session: AsyncSession) -> None:
    patient, now = await _called(session, "Vos"), clock.now()
    nothing = await _order_of(session, patient)
    none = (nothing.last_contact_at, nothing.next_call_at)
    later = await a_call(session, patient, booking_date=now + timedelta(days=9))
    sooner = await a_call(session, patient, booking_date=now + timedelta(days=2))
    await a_call(session, patient, call_date=now - timedelta(days=3), status="completed", outcome="reached")
    booked = await _order_of(session, patient)
    assert (booked.last_contact_at, booked.next_call_at) == (now - timedelta(days=3), sooner.booking_date)
    sooner.status = "cancelled"
    await session.flush()
    assert (await _order_of(session, patient)).next_call_at == later.booking_date
    await session.execute(update(CallHistory).values(voided_at=now, void_reason="x"))
    gone = await _order_of(session, patient)
    assert (gone.last_contact_at, gone.next_call_at) == none


@pytest.mark.parametrize("outcome", [*OUTCOMES, None, "Voicemail", "asked for the brochure"])
async def test_a_contact_is_a_call_in_which_somebody_was_spoken_with(
    session: AsyncSession, outcome: str | None
) -> None:
    patient, now = await _called(session, "Vos"), clock.now()
    spoken, lately = now - timedelta(days=3), now - timedelta(days=1)
    await a_call(session, patient, call_date=spoken, status="completed", outcome="language_barrier")
    logged = await a_call(session, patient, call_date=lately, status="completed", outcome=outcome)
    last = lately if asks_of_side_effects(outcome) else spoken
    reader = Actor(account_id=None, name="a reader", roles=frozenset(), permissions=frozenset({"call.read"}))

    async def told() -> set[datetime | None]:
        beside = (await overviews_of(session, patient_ids=[patient.patient_id]))[patient.patient_id]
        person = await session.get_one(Person, patient.person_id)
        head = (await around_person(session, reader, person)).contacts
        placed = await _order_of(session, patient)
        return {placed.last_contact_at, beside.last_contact_at, head.last_contact_at if head else None}

    assert await told() == {last}
    await session.execute(text("SELECT order_patients(ARRAY[:id]::uuid[])"), {"id": patient.patient_id})
    assert await told() == {last}
    logged.outcome = "reached"
    await session.flush()
    assert await told() == {lately}


async def test_a_person_who_was_called_as_a_lead_becomes_a_patient_with_their_last_contact(
    session: AsyncSession,
) -> None:
    person, now = await a_person(session, last_name="Vos"), clock.now()
    lead = await a_lead(session, person)
    for days, outcome in ((3, "reached"), (1, "voicemail")):
        about = {"lead_id": lead.lead_id, "person_id": person.person_id, "status": "completed", "outcome": outcome}
        session.add(CallHistory(call_date=now - timedelta(days=days), **about))
    await session.flush()

    patient = await a_patient(session, person)

    assert (await _order_of(session, patient)).last_contact_at == now - timedelta(days=3)


async def test_what_is_said_of_patients_is_kept_with_them(session: AsyncSession) -> None:
    owner, _ = await a_colleague(session)
    patient = await _called(session, "van den Berg")
    await session.execute(update(Person).where(Person.person_id == patient.person_id).values(last_name="Ayub"))
    patient.owner_id, patient.status = owner.user_account_id, "inactive"
    await session.flush()
    found = await _order_of(session, patient)
    assert (found.name, found.owner_id, found.owner, found.status) == (
        "ayub anna", owner.user_account_id, "noor bakker", "inactive",
    )  # fmt: skip
    await session.execute(
        update(UserAccount).where(UserAccount.user_account_id == owner.user_account_id).values(display_name="Zeno")
    )
    assert (await _order_of(session, patient)).owner == "zeno"
    patient.deleted_at, patient.deleted_by = clock.now(), owner.user_account_id
    await session.flush()
    assert (await session.scalars(select(PatientOrder))).all() == []
    patient.deleted_at = patient.deleted_by = None
    await session.flush()
    assert (await _order_of(session, patient)).name == "ayub anna"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_the_newest_open_journey_of_each_kind_is_kept(session: AsyncSession, kind: Any) -> None:
    machine: Machine = kind.moves.machine
    patient = await _called(session, "Vos")
    journey = await (a_trial_journey if kind.name == KINDS[0].name else an_eap_journey)(session, patient)
    column = f"{kind.model.__tablename__.removesuffix('_journey')}_stage"
    assert getattr(await _order_of(session, patient), column) == machine.initial
    journey.status = next(state for state in machine.states if not machine.is_open(state))
    await session.flush()
    assert getattr(await _order_of(session, patient), column) is None


async def test_a_booking_whose_time_has_come_is_no_next_call_any_more(session: AsyncSession) -> None:
    patient, now = await _called(session, "Vos"), clock.now()
    await a_call(session, patient, booking_date=now + timedelta(minutes=1))
    second = await a_call(session, patient, booking_date=now + timedelta(days=1))
    await session.execute(
        text("UPDATE call_history SET booking_date = now() - interval '1 hour' WHERE call_id <> :id"),
        {"id": second.call_id},
    )
    await session.execute(text("UPDATE patient_order SET next_call_at = now() - interval '1 minute'"))
    await queries.move_next_calls_on(session, now=clock.now())
    assert (await _order_of(session, patient)).next_call_at == second.booking_date


async def _names(client: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        more: dict[str, str] = {"cursor": cursor} if cursor else {}
        answer = await client.get("/api/v1/patients", params={"limit": "2", **asked, **more}, headers=headers)
        assert answer.status_code == 200, answer.text
        found += [item["person"]["last_name"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_patients_are_listed_in_the_order_that_is_asked_for(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    now: datetime = clock.now()
    owner, _ = await a_colleague(session)
    for name, days, ahead, mine in (
        ("Bos", 30, 2, True),
        ("Ayub", 1, None, False),
        ("de Wit", None, 1, True),
        ("Cao", 9, 5, False),
    ):
        patient = await _called(session, name, owner_id=owner.user_account_id if mine else None)
        if days is not None:
            await a_call(session, patient, call_date=now - timedelta(days=days), status="completed", outcome="reached")
        if ahead is not None:
            await a_call(session, patient, booking_date=now + timedelta(days=ahead))
    headers = await as_role("navigator")
    assert await _names(client, headers, sort="name") == ["Ayub", "Bos", "Cao", "de Wit"]
    assert await _names(client, headers, sort="-name") == ["de Wit", "Cao", "Bos", "Ayub"]
    assert await _names(client, headers, sort="last_contact") == ["de Wit", "Bos", "Cao", "Ayub"]
    assert await _names(client, headers, sort="next_call") == ["de Wit", "Bos", "Cao", "Ayub"]
    assert await _names(client, headers, sort="name", owner_id=str(owner.user_account_id)) == ["Bos", "de Wit"]
    assert await _names(client, headers, sort="next_call", status="active", owner_id=str(owner.user_account_id)) == [
        "de Wit",
        "Bos",
    ]
    assert (await _names(client, headers, sort="owner"))[2:] == ["Bos", "de Wit"]


async def test_patients_are_found_by_their_open_journey(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    kinds = {kind.model.__tablename__.removesuffix("_journey"): kind for kind in KINDS}
    trial, eap = await _called(session, "Bos"), await _called(session, "Cao")
    await _called(session, "Vos")
    await a_trial_journey(session, trial)
    await an_eap_journey(session, eap)
    initial = kinds["clinical_trial"].moves.machine.initial
    headers = await as_role("navigator")
    assert await _names(client, headers, journey="clinical_trial") == ["Bos"]
    assert await _names(client, headers, journey="eap") == ["Cao"]
    assert await _names(client, headers, journey=f"clinical_trial:{initial}") == ["Bos"]
    assert await _names(client, headers, journey="clinical_trial:enrolled") == []
    assert await _names(client, headers, journey="tea") == []


@pytest.mark.parametrize(
    ("sort", "beside"),
    [
        ("name", {"country": "NL"}),
        ("-last_contact", {"medical_condition_id": SOMEBODY}),
        ("next_call", {"journey": "eap"}),
    ],
)
async def test_an_order_that_no_index_has_with_a_filter_is_refused(
    client: httpx.AsyncClient, as_role: AsRole, sort: str, beside: dict[str, str]
) -> None:
    answer = await client.get("/api/v1/patients", params={"sort": sort, **beside}, headers=await as_role("navigator"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "sort")


async def test_who_sees_people_masked_does_not_order_them_by_name(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("auditor")
    for word in ("name", "-last_contact", "next_call"):
        answer = await client.get("/api/v1/patients", params={"sort": word}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "field_masked"), word


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        *(({"sort": word}, f"ix_patient_order_{column}") for word, column in (
            ("name", "name"), ("last_contact", "last_contact_at"), ("-next_call", "next_call_at"), ("status", "status"),
            ("owner", "owner"),
        )),
        *(({"sort": word, "owner_id": SOMEBODY}, f"ix_patient_order_owner_id_{column}") for word, column in (
            ("name", "name"), ("-last_contact", "last_contact_at"), ("next_call", "next_call_at"),
        )),
        *(({"sort": word, "status": "inactive"}, f"ix_patient_order_status_{column}") for word, column in (
            ("name", "name"), ("-last_contact", "last_contact_at"), ("next_call", "next_call_at"),
        )),
        ({"journey": "eap:inquiry"}, "ix_patient_order_eap_stage_created_at"),
        ({"journey": "clinical_trial:screening"}, "ix_patient_order_clinical_trial_stage_created_at"),
    ],
)  # fmt: skip
async def test_each_order_is_read_from_its_index(session: AsyncSession, asked: dict[str, str], index: str) -> None:
    patient = await _called(session, "Vos")
    await session.execute(
        text(
            "WITH p AS (INSERT INTO person (first_name, last_name) SELECT 'A', 'B' || n"
            " FROM generate_series(1, 500) AS n RETURNING person_id)"
            " INSERT INTO patient (person_id, medical_condition_id) SELECT person_id, :condition FROM p"
        ),
        {"condition": patient.medical_condition_id},
    )
    read = queries.ordered(PatientFilter.model_validate(asked))
    assert read is not None
    plan = await plan_of_page(session, read.ids, read.sort)
    assert index in plan, plan
    assert "Sort" not in plan, plan


async def test_the_database_knows_which_states_are_closed(session: AsyncSession) -> None:
    source = await session.scalar(text("SELECT prosrc FROM pg_proc WHERE proname = 'order_patients'"))
    for kind in KINDS:
        machine = kind.moves.machine
        closed = ", ".join(f"'{state}'" for state in machine.states if not machine.is_open(state))
        assert f"NOT IN ({closed})" in str(source), kind.name


def test_every_kind_of_journey_has_its_stage() -> None:
    wanted = {f"{kind.model.__tablename__.removesuffix('_journey')}_stage" for kind in KINDS}
    assert {column.name for column in PatientOrder.__table__.c if column.name.endswith("_stage")} == wanted


async def test_the_place_of_a_call_that_is_logged_is_found_without_the_others(session: AsyncSession) -> None:
    patient = await _called(session, "Vos")
    scans = text("SELECT idx_scan + seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'call_history'")
    before = await session.scalar(scans)
    await session.execute(
        text(
            "INSERT INTO call_history (person_id, patient_id, call_date, status)"
            " VALUES (:person, :patient, now(), 'completed')"
        ),
        {"person": patient.person_id, "patient": patient.patient_id},
    )
    assert await session.scalar(scans) == before
