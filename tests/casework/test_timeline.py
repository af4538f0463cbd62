"""A patient's timeline: every kind of happening, newest first, in pages that cost the same however long it is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.casework.timeline import page_of
from app.events.models import JourneyEvent
from app.journeys.eap.models import EapJourney
from app.journeys.trial.models import ClinicalTrialJourney
from app.notes.models import Note
from app.patients.models import Patient, PatientPhysicianRelationship
from app.people.models import IntakeSubmission, Person, SuggestedChange
from app.physicians.models import Physician
from app.tasks.models import Task
from tests import builders
from tests.conftest import AsRole
from tests.plans import plan

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


async def a_story(session: AsyncSession) -> tuple[Patient, dict[str, UUID]]:
    """A patient with one happening of each kind, a day apart, the first named is the newest; and somebody else's."""
    patient = await builders.a_patient(session)
    person = await session.get_one(Person, patient.person_id)
    lead = await builders.a_lead(session, person)
    physician = Physician(person_id=(await builders.a_person(session)).person_id)
    trial = ClinicalTrialJourney(patient_id=patient.patient_id, trial_reference="A trial")
    programme = EapJourney(patient_id=patient.patient_id, eap_number="1")
    session.add_all([physician, trial, programme])
    await session.flush()
    event: dict[str, Any] = {"to_status": "x", "via": "transition"}
    suggestion: dict[str, Any] = {
        "person_id": person.person_id,
        "table_name": "person",
        "record_id": person.person_id,
        "field": "phone",
        "ours": "1",
        "ours_version": 1,
        "theirs": "2",
        "source": "phone",
    }
    rows = {
        "ct_journey_status": JourneyEvent(ct_journey_id=trial.ct_journey_id, happened_at=days_ago(2), **event),
        "eap_journey_status": JourneyEvent(eap_journey_id=programme.eap_journey_id, happened_at=days_ago(3), **event),
        "patient_status": JourneyEvent(patient_id=patient.patient_id, happened_at=days_ago(4), **event),
        "suggested_change": SuggestedChange(
            **suggestion, value_hash="a" * 64, decision="accepted", decided_at=days_ago(5)
        ),
        "physician_link": PatientPhysicianRelationship(
            patient_id=patient.patient_id,
            physician_id=physician.physician_id,
            relationship_type="treating",
            created_at=days_ago(6),
        ),
        "lead_status": JourneyEvent(lead_id=lead.lead_id, happened_at=days_ago(7), **event),
        "submission": IntakeSubmission(
            person_id=person.person_id,
            source="landing_page",
            payload={},
            match_outcome="new_person",
            created_at=days_ago(8),
        ),
        "note": Note(person_id=person.person_id, text="x", created_at=days_ago(9)),
        "task": Task(
            person_id=person.person_id,
            title="x",
            due_at=NOW,
            due_by=NOW,
            status="done",
            done_at=days_ago(10),
        ),
    }
    session.add_all([*rows.values(), SuggestedChange(**suggestion, value_hash="b" * 64)])
    await builders.a_note(session, person, voided_at=NOW, void_reason="x")
    await builders.a_task(session, person)
    booking = await builders.a_call(session, patient, booking_date=days_ago(-1), created_at=days_ago(9))
    call = await builders.a_call(session, patient, call_date=days_ago(1), status="completed", outcome="reached")
    await builders.a_call(session, patient, voided_at=NOW, void_reason="x")
    other = await builders.a_patient(session)
    await builders.a_call(session, other)
    session.add(JourneyEvent(patient_id=other.patient_id, happened_at=NOW, **event))
    await session.commit()
    keys = {"booking": booking.call_id, "call": call.call_id}
    for kind, row in rows.items():
        keys[kind] = row.__mapper__.primary_key_from_instance(row)[0]
    return patient, keys


async def test_every_kind_of_happening_stands_in_its_place(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient, expected = await a_story(session)

    answer = await client.get(f"/api/v1/patients/{patient.patient_id}/timeline", headers=await as_role("navigator"))

    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert [(item["kind"], UUID(item["id"])) for item in page["items"]] == list(expected.items())
    assert [item["at"] for item in page["items"]] == sorted((item["at"] for item in page["items"]), reverse=True)
    assert (page["total"], page["total_is_capped"], page["next_cursor"]) == (11, False, None)
    by_kind = {item["kind"]: item["data"] for item in page["items"]}
    assert by_kind["call"]["outcome"] == "reached"
    assert by_kind["lead_status"]["to_status"] == "x"
    assert by_kind["suggested_change"]["theirs"] == "2"
    assert by_kind["physician_link"]["relationship_type"] == "treating"


async def test_pages_follow_each_other_without_gap_or_repeat(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient, expected = await a_story(session)
    navigator, walked, params = await as_role("navigator"), [], {"limit": "2"}
    while True:
        place = f"/api/v1/patients/{patient.patient_id}/timeline"
        page = (await client.get(place, params=params, headers=navigator)).json()
        walked += [item["kind"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert walked == list(expected)


async def test_many_happenings_at_one_moment_are_all_shown(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    made = {str((await builders.a_call(session, patient, call_date=NOW)).call_id) for _ in range(5)}
    await session.commit()
    place, navigator = f"/api/v1/patients/{patient.patient_id}/timeline", await as_role("navigator")

    first = (await client.get(place, params={"limit": 3}, headers=navigator)).json()
    second = (await client.get(place, params={"limit": 3, "cursor": first["next_cursor"]}, headers=navigator)).json()

    assert {item["id"] for item in first["items"] + second["items"]} == made
    assert len(first["items"] + second["items"]) == 5


async def test_deleted_patient_has_no_timeline_and_an_auditor_sees_it_masked(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient, _ = await a_story(session)
    auditor, place = await as_role("auditor"), f"/api/v1/patients/{patient.patient_id}/timeline"

    masked = {item["kind"]: item for item in (await client.get(place, headers=auditor)).json()["items"]}
    patient.deleted_at, patient.deleted_by = NOW, uuid4()
    await session.commit()
    deleted = await client.get(place, headers=auditor)

    assert masked["call"]["data"]["outcome"] == masked["ct_journey_status"]["data"]["to_status"] == "•••"
    assert {item["at"] for item in masked.values()} == {None}
    assert (deleted.status_code, deleted.json()["code"]) == (404, "patient_not_found")


async def test_looking_is_on_record(client: httpx.AsyncClient, session: AsyncSession) -> None:
    account, navigator = await builders.a_colleague(session)
    patient, _ = await a_story(session)
    await client.get(f"/api/v1/patients/{patient.patient_id}/timeline", headers=navigator)

    event = (await session.scalars(select(AuditEvent).where(AuditEvent.actor_id == account.user_account_id))).one()

    assert (event.action, event.record_id) == ("list_patient_timeline", patient.patient_id)
    assert event.person_ids == [patient.person_id]


async def test_each_source_is_read_from_its_index(session: AsyncSession) -> None:
    patient, _ = await a_story(session)
    # With an event or two every index is as good as another.
    await session.execute(
        text(
            "INSERT INTO journey_event"
            " (lead_id, patient_id, ct_journey_id, eap_journey_id, to_status, via, happened_at)"
            " SELECT lead_id, patient_id, ct_journey_id, eap_journey_id, to_status, via,"
            " now() - make_interval(days => day) FROM journey_event, generate_series(1, 2000) AS day"
        )
    )
    await session.execute(
        text(
            "INSERT INTO suggested_change (person_id, table_name, record_id, field, ours, ours_version, theirs, source,"
            " value_hash, decision, decided_at)"
            " SELECT person_id, table_name, record_id, field, ours, ours_version, theirs, source,"
            " md5(day::text) || md5(day::text), decision, now() - make_interval(days => day)"
            " FROM suggested_change, generate_series(1, 2000) AS day WHERE decision = 'accepted'"
        )
    )

    asked = {"person_id": patient.person_id, "patient_id": patient.patient_id, "after_at": NOW, "after_id": uuid4()}
    statement = page_of(of_patient=True, is_further=True, about=None)
    found = await plan(session, statement.params(asked, enough=51))

    for index in (
        "ix_call_history_person_id_occurs_at",
        "ix_journey_event_patient_id_happened_at",
        "ix_journey_event_lead_id_happened_at",
        "ix_journey_event_ct_journey_id_happened_at",
        "ix_journey_event_eap_journey_id_happened_at",
        "ix_intake_submission_person_id",
        "ix_suggested_change_person_id_decided_at",
        "ix_patient_physician_relationship_patient_id",
        "ix_note_person_id_created_at",
        "ix_task_person_id_done_at",
    ):
        assert index in found, found
    assert "Seq Scan" not in found, found
    assert found.count("->  Sort") <= 3, "only events of a person's several records are put in order by sorting"
