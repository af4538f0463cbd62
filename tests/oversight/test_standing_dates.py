"""Dates that cannot be, of rows that stood before any edit: listed table by table, as far as a request looks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.journeys.eap.models import EapGate
from app.oversight import standing_faults
from app.oversight.standing_faults import KINDS, Kind
from app.patients.models import Patient, PatientPhysicianRelationship
from app.people.departures.models import PersonDeparture
from app.people.lives import lives_by_person
from app.people.models import ContactType, Person, PersonContactType, PersonRelationship
from app.platform import clock
from app.platform.plausibility import EVENT_DATES
from tests import builders
from tests.conftest import AsRole
from tests.oversight.test_standing_faults import URL, _listed, _walked
from tests.plans import plan

BORN, DIED = date(1980, 5, 17), date(2026, 3, 1)
BEFORE, BEFORE_AT = date(1980, 5, 16), datetime(1980, 5, 15, 9, tzinfo=UTC)
AFTER, AFTER_AT = date(2026, 3, 9), datetime(2026, 3, 9, 9, tzinfo=UTC)
NOBODY = UUID(int=1)
BEFORE_BIRTH, AFTER_DEATH, IN_THE_FUTURE = "before_birth", "after_death", "in_the_future"


async def _died(session: AsyncSession, person: Person, **values: Any) -> PersonDeparture:
    said = {"kind": "deceased", "departed_on": DIED, "source": "a relative"} | values
    departure = PersonDeparture(person_id=person.person_id, **said)
    session.add(departure)
    await session.flush()
    return departure


async def _stored(session: AsyncSession, row: Any, key: str) -> str:
    session.add(row)
    await session.flush()
    return str(getattr(row, key))


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    return await builders.a_patient(session, await builders.a_person(session, date_of_birth=BORN))


async def test_migrated_call_before_birth_is_listed_until_it_is_mended_and_hinders_no_other_edit(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    call = await builders.a_call(session, patient, call_date=BEFORE_AT, status="completed", outcome="reached")
    await session.commit()
    steward, navigator = await as_role("data_steward"), await as_role("navigator")
    place = f"/api/v1/call-history/{call.call_id}"
    fault = {str(call.call_id): [("call_date", BEFORE_BIRTH)]}

    assert await _listed(client, steward) == fault
    other = await client.put(place, json={"notes": "migrated so"}, headers=navigator)
    assert other.status_code == 200, other.text
    assert await _listed(client, steward) == await _listed(client, steward, record_type="call_history") == fault
    assert await _listed(client, steward, record_type="patient") == {}
    mended = await client.put(place, json={"call_date": "2026-01-05T09:00:00Z"}, headers=navigator)
    assert mended.status_code == 200, mended.text
    assert await _listed(client, steward) == {}


async def test_every_rule_of_dates_is_listed_for_every_table_that_it_names(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    await _died(session, await session.get_one(Person, patient.person_id))
    ahead = clock.now() + timedelta(days=9)
    expected: dict[str, list[tuple[str, str]]] = {}

    unborn = await builders.a_person(session, date_of_birth=ahead.date() + timedelta(days=9))
    expected[str(unborn.person_id)] = [("date_of_birth", IN_THE_FUTURE)]
    one = await builders.a_person(session, date_of_birth=BORN)
    death = await _died(session, one, departed_on=BEFORE)
    expected[str(death.person_departure_id)] = [("departed_on", BEFORE_BIRTH)]
    expected[str(one.person_id)] = [("date_of_birth", AFTER_DEATH)]
    calls: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"call_date": ahead, "outcome": "reached", "status": "completed"}, [("call_date", IN_THE_FUTURE)]),
        ({"booking_date": ahead, "no_show": True, "status": "no_show"}, [("booking_date", IN_THE_FUTURE)]),
        ({"call_date": AFTER_AT, "reminder_date": BEFORE_AT}, [("reminder_date", BEFORE_BIRTH)]),
    ]
    for said, faults in calls:
        call = await builders.a_call(session, patient, **said)
        expected[str(call.call_id)] = faults
    early = await builders.a_patient(
        session,
        await builders.a_person(session),
        first_contact_date=date(1989, 12, 31),
    )
    expected[str(early.patient_id)] = [("first_contact_date", "too_long_ago")]
    late = await builders.a_patient(session, first_contact_date=ahead.date() + timedelta(days=1))
    expected[str(late.patient_id)] = [("first_contact_date", IN_THE_FUTURE)]
    await session.execute(
        update(Patient).where(Patient.patient_id == patient.patient_id).values(initial_consult_date=AFTER)
    )
    expected[str(patient.patient_id)] = [("initial_consult_date", AFTER_DEATH)]
    asleep = await builders.a_lead(
        session, await session.get_one(Person, patient.person_id), status="nurture", wake_up_on=AFTER
    )
    expected[str(asleep.lead_id)] = [("wake_up_on", AFTER_DEATH)]
    trial = await builders.a_trial_journey(session, patient, referral_date=BEFORE, on_hold_until=AFTER)
    expected[str(trial.ct_journey_id)] = [("referral_date", BEFORE_BIRTH), ("on_hold_until", AFTER_DEATH)]
    eap = await builders.an_eap_journey(session, patient, approval_date=AFTER, completion_date=AFTER)
    expected[str(eap.eap_journey_id)] = [("approval_date", AFTER_DEATH)]
    gate = EapGate(eap_journey_id=eap.eap_journey_id, gate="ethics", decided_on=BEFORE, expires_on=AFTER)
    expected[await _stored(session, gate, "eap_gate_id")] = [("decided_on", BEFORE_BIRTH)]
    person = await session.get_one(Person, patient.person_id)
    task = await builders.a_task(session, person, due_at=BEFORE_AT)
    expected[str(task.task_id)] = [("due_at", BEFORE_BIRTH)]
    await builders.a_task(session, person, due_at=AFTER_AT)
    physician = await builders.a_physician(session)
    care = PatientPhysicianRelationship(
        patient_id=patient.patient_id,
        physician_id=physician.physician_id,
        relationship_type="treating",
        start_date=AFTER,
        end_date=AFTER,
    )
    expected[await _stored(session, care, "patient_physician_id")] = [("start_date", AFTER_DEATH)]
    parent = await builders.a_person(session)
    relation = PersonRelationship(
        person_id=parent.person_id,
        related_person_id=patient.person_id,
        relationship_type="parent",
        start_date=BEFORE,
        end_date=AFTER,
    )
    expected[await _stored(session, relation, "person_relationship_id")] = [("start_date", BEFORE_BIRTH)]
    kind = ContactType(type_name="a kind of its own")
    session.add(kind)
    await session.flush()
    role = PersonContactType(
        person_id=patient.person_id,
        contact_type_id=kind.contact_type_id,
        valid_from=BEFORE_AT,
        valid_to=AFTER_AT,
    )
    expected[await _stored(session, role, "person_contact_type_id")] = [("valid_from", BEFORE_BIRTH)]
    await session.commit()
    steward = await as_role("data_steward")

    assert await _listed(client, steward) == expected


async def test_move_that_cannot_be_is_listed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    await _died(session, await session.get_one(Person, patient.person_id))
    lead = await builders.a_lead(session, await session.get_one(Person, patient.person_id))
    trial = await builders.a_trial_journey(session, patient)
    eap = await builders.an_eap_journey(session, patient)
    alive = await builders.a_lead(session)
    begun = datetime(2026, 2, 1, 9, tzinfo=UTC)
    number = 0

    async def moved(to: str, at: datetime, **values: Any) -> str:
        nonlocal number
        number += 1
        said = {"from_status": "new", "created_at": begun + timedelta(seconds=number)} | values
        return await _stored(session, JourneyEvent(to_status=to, happened_at=at, **said), "journey_event_id")

    of_lead = {"lead_id": alive.lead_id}
    await moved("new", begun, from_status=None, **of_lead)
    await moved("contacting", begun + timedelta(hours=2), **of_lead)
    disordered = await moved("call_booked", begun + timedelta(hours=1), **of_lead)
    await moved("contacting", begun + timedelta(hours=1), is_correction=True, reason="so", **of_lead)
    await moved("call_booked", begun + timedelta(hours=2, minutes=-4), **of_lead)
    ahead = await moved("contacting", clock.now() + timedelta(hours=1), **of_lead)
    unborn = await moved("new", BEFORE_AT, from_status=None, lead_id=lead.lead_id)
    too_late = await moved("contacting", AFTER_AT, lead_id=lead.lead_id)
    await moved("withdrawn", AFTER_AT, lead_id=lead.lead_id)
    screened = await moved("screening", AFTER_AT, from_status=None, ct_journey_id=trial.ct_journey_id)
    await moved("deceased", AFTER_AT, ct_journey_id=trial.ct_journey_id)
    treated = await moved("on_treatment", AFTER_AT, from_status=None, eap_journey_id=eap.eap_journey_id)
    await moved("reporting", AFTER_AT, eap_journey_id=eap.eap_journey_id)
    paused = await moved("paused", AFTER_AT, from_status=None, patient_id=patient.patient_id)
    await moved("deceased", AFTER_AT, patient_id=patient.patient_id)
    await session.commit()

    assert await _listed(client, await as_role("data_steward"), record_type="journey_event") == {
        disordered: [("happened_at", "before_last_move")],
        ahead: [("happened_at", IN_THE_FUTURE)],
        unborn: [("happened_at", BEFORE_BIRTH)],
        **{key: [("happened_at", AFTER_DEATH)] for key in (too_late, screened, treated, paused)},
    }


async def test_dates_of_what_is_deleted_voided_or_ended_are_not_listed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient
) -> None:
    person = await session.get_one(Person, patient.person_id)
    gone = {"deleted_at": clock.now(), "deleted_by": NOBODY}
    await builders.a_call(session, patient, call_date=BEFORE_AT, voided_at=clock.now(), void_reason="entered twice")
    await _died(session, person, ended_at=clock.now(), ended_how="undone", ended_reason="a mistake")
    deleted = await builders.a_patient(
        session, await builders.a_person(session, date_of_birth=BORN), initial_consult_date=BEFORE, **gone
    )
    await builders.a_call(session, deleted, call_date=BEFORE_AT)
    eap = await builders.an_eap_journey(session, deleted, approval_date=BEFORE)
    await builders.a_trial_journey(session, deleted, referral_date=BEFORE)
    session.add(EapGate(eap_journey_id=eap.eap_journey_id, gate="ethics", decided_on=BEFORE))
    session.add(JourneyEvent(eap_journey_id=eap.eap_journey_id, to_status="eligibility_review", happened_at=BEFORE_AT))
    of_deleted = await session.get_one(Person, deleted.person_id)
    await builders.a_task(session, of_deleted, due_at=BEFORE_AT, patient_id=deleted.patient_id)
    await builders.a_trial_journey(session, patient, referral_date=AFTER)
    await session.commit()

    assert await _listed(client, await as_role("data_steward")) == {}


async def test_each_request_looks_at_so_many_rows_and_says_where_it_got_to(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_faults, "LOOKED_AT", 4)
    made = []
    for nr in range(10):
        wrong = nr in {0, 8, 9}
        call = await builders.a_call(session, patient, call_date=BEFORE_AT if wrong else AFTER_AT)
        made += [str(call.call_id)] if wrong else []
    both = await builders.a_patient(session, status="paused", first_contact_date=date(1989, 1, 1))
    await session.commit()
    steward = await as_role("data_steward")
    asked = {"record_type": "call_history"}

    first = (await client.get(URL, params=asked, headers=steward)).json()
    second = (await client.get(URL, params={**asked, "cursor": first["next_cursor"]}, headers=steward)).json()
    assert ([item["record_id"] for item in first["items"]], second["items"]) == (made[:1], [])
    assert (second["total"], second["total_is_capped"]) == (1, True)
    for limit in (1, 2, 50):
        assert await _walked(client, steward, limit=limit, **asked) == made
        assert await _walked(client, steward, limit=limit) == [str(both.patient_id), *made]
    of_both = await client.get(URL, params={"record_type": "patient"}, headers=steward)
    [record] = of_both.json()["items"]
    assert {fault["code"] for fault in record["faults"]} == {"reason_needed", "too_long_ago"}
    other = await client.get(URL, params={"record_type": "patient", "cursor": first["next_cursor"]}, headers=steward)
    assert other.json()["errors"][0]["code"] == "cursor_mismatch"


def test_no_table_of_event_dates_is_forgotten() -> None:
    assert {one.table for one in EVENT_DATES} <= {kind.record_type for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.record_type))
async def test_rows_are_read_in_the_order_of_their_keys_with_what_stands_beside_them(
    session: AsyncSession, kind: Kind
) -> None:
    found = await plan(session, standing_faults.step_of(kind, NOBODY, standing_faults.LOOKED_AT))
    assert "Index Scan" in found.splitlines()[1], found
    assert f"Index Cond: ({kind.key.key} > " in found.splitlines()[2], found
    assert "Seq Scan" not in found, found
    assert "Sort" not in found, found


async def test_lives_are_found_by_index(session: AsyncSession) -> None:
    found = await plan(session, lives_by_person([NOBODY, UUID(int=2)]))
    assert "pk_person" in found, found
    assert "person_departure_" in found, found
    assert "Seq Scan" not in found, found
