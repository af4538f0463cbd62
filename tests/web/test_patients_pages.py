"""The list of patients and the page of one, by plain HTTP as without JavaScript."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import command_actor
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.hospitals.models import Hospital
from app.journeys.eap.models import EapGate
from app.patients.models import PatientPhysicianRelationship
from app.people.models import ContactPoint, IntakeSubmission, Person, PersonRelationship, SuggestedChange
from app.people.roles import give_role
from app.people.schemas import SuggestedChangeRead
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, as_user, signed_in, somebody, token_in
from tests.builders import (
    a_call,
    a_condition,
    a_document,
    a_lead,
    a_note,
    a_patient,
    a_person,
    a_physician,
    a_trial,
    a_trial_journey,
    an_eap_journey,
)
from tests.conftest import BoundDatabase


@contextmanager
def statements(bound: BoundDatabase) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            found.append(statement)

    event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(bound.connection.sync_connection, "before_cursor_execute", note)


async def test_the_list_tells_name_journey_next_call_owner_and_last_contact(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    owner = await somebody(session, settings, "navigator", name="Noor Brandt")
    person = await a_person(session, first_name="Inês", last_name="Carvalho", time_zone="Europe/Lisbon")
    patient = await a_patient(session, person, owner_id=owner.account_id)
    trial = await a_trial(session)
    await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id, status="site_review")
    now = clock.now()
    await a_call(session, patient, call_date=now - timedelta(days=40), status="completed", outcome="reached")
    await a_call(session, patient, booking_date=now + timedelta(days=1), status="scheduled")
    await signed_in(client, session, owner.account_id)

    answer = await client.get("/patients")
    mine = await client.get("/patients", params={"owner_id": str(owner.account_id), "status": "active"})
    others = await client.get("/patients", params={"status": "withdrawn"})

    text = re.sub(r"\s+", " ", answer.text)
    assert "Inês Carvalho" in text
    assert "Site review" in text
    assert "Tomorrow, " in text
    assert re.search(r">\s*Me\s*<", text)
    assert re.search(r"\d\d:\d\d Lisbon", text)
    assert "Inês Carvalho" in mine.text
    assert "Status is <strong>Active</strong>" in mine.text
    assert "Owner is <strong>Me</strong>" in mine.text
    assert "No patient fits" in others.text
    assert token_in(answer)


async def test_what_is_typed_is_posted_and_in_no_address(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for number in range(60):
        await a_patient(session, await a_person(session, first_name=f"Anna{number}", last_name="Visser"))
    await a_patient(session, await a_person(session, first_name="Jan", last_name="Bos"))
    token = await as_user(client, session, settings, "navigator")

    typed = {"csrf_token": token, "q": "visser", "status": "active"}
    first = await client.post("/patients", data=typed, headers=ORIGIN)
    cursor = re.search(r'name="cursor" value="([^"]+)"', first.text)
    assert cursor, first.text
    second = await client.post("/patients", data=typed | {"cursor": cursor[1]}, headers=ORIGIN)
    by_address = await client.get("/patients", params={"q": "visser"})

    shown = [set(re.findall(r"Anna\d+", answer.text)) for answer in (first, second)]
    assert [len(one) for one in shown] == [50, 10]
    assert not shown[0] & shown[1]
    assert "Jan Bos" not in first.text
    for answer in (first, second):
        assert not re.search(r'(href|action)="[^"]*visser', answer.text, re.IGNORECASE)
        assert 'value="visser"' in answer.text
    assert by_address.status_code == 422
    assert "Anna1" not in by_address.text


async def test_a_name_that_is_only_similar_is_said_to_be_so(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_patient(session, await a_person(session, first_name="Ines", last_name="Carvalho"))
    token = await as_user(client, session, settings, "navigator")

    answer = await client.post("/patients", data={"csrf_token": token, "q": "carvallo"}, headers=ORIGIN)

    assert "Ines Carvalho" in answer.text
    assert "similar" in answer.text


async def test_a_wrong_filter_is_named_and_nothing_is_said_to_be_missing(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_patient(session)
    token = await as_user(client, session, settings, "navigator")

    posted = await client.post("/patients", data={"csrf_token": token, "q": "x", "status": "gone"}, headers=ORIGIN)
    asked = await client.get("/patients", params={"status": "gone"})

    assert (posted.status_code, asked.status_code) == (422, 422)
    for answer in (posted, asked):
        assert "Choose one of the list" in answer.text or "status" in answer.text
        assert "No patient fits" not in answer.text
    # Nobody was looked for, so nobody is on record as shown.
    noted = await session.scalars(select(AuditEvent).where(AuditEvent.outcome != "done"))
    assert [event.person_ids for event in noted] == [None, None]


async def test_who_sees_people_masked_reads_their_reference(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Roswitha", last_name="Abendroth", date_of_birth=date(1950, 3, 4))
    patient = await a_patient(session, person)
    await as_user(client, session, settings, "auditor")

    listed, shown = await client.get("/patients"), await client.get(f"/patients/{patient.patient_id}")

    for answer in (listed, shown):
        assert "Roswitha" not in answer.text
        assert f"Person {person.reference}" in answer.text
    assert "Log a call" not in shown.text
    assert "Mar 1950" not in shown.text


async def test_a_page_of_patients_costs_no_statement_a_row(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    await as_user(client, session, settings, "navigator")
    counts = []
    for more in (2, 28):
        for number in range(more):
            patient = await a_patient(session, await a_person(session, last_name=f"Visser{more}x{number}"))
            await a_call(session, patient, call_date=clock.now(), status="completed", outcome="reached")
        await session.commit()
        with statements(bound) as found:
            assert (await client.get("/patients")).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1]
    # The session, its touch and the audit event are five of them.
    assert counts[0] <= 8 + 6, found


async def test_the_record_tells_who_it_is_what_happened_and_what_is_next(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    owner = await somebody(session, settings, "navigator", name="Noor Brandt")
    person = await a_person(
        session,
        first_name="Inês",
        last_name="Carvalho",
        country="PT",
        language="pt",
        time_zone="Europe/Lisbon",
        phone="+351 21 555 01 72",
        date_of_birth=date(1968, 3, 14),
        do_not_contact_channels=["email"],
    )
    patient = await a_patient(session, person, owner_id=owner.account_id)
    await a_lead(session, person)
    trial = await a_trial(session)
    await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
    now = clock.now()
    await a_call(
        session, patient, call_date=now, status="completed", outcome="reached", notes="Wants to go on.\nAsked why.",
        adverse_event_heard=True,
    )  # fmt: skip
    await a_call(session, patient, booking_date=now + timedelta(days=2), status="scheduled")
    former = {"value": "old@x.example", "value_key": "old@x.example", "was": "former"}
    session.add(ContactPoint(person_id=person.person_id, kind="email", **former))
    await session.commit()
    await signed_in(client, session, owner.account_id)

    with statements(bound) as found:
        answer = await client.get(f"/patients/{patient.patient_id}")

    for text in (
        "Inês Carvalho", " years", "Portugal",
        "Portuguese", "in Lisbon", "+351 21 555 01 72", "14 Mar 1968", "No e-mail", "Noor Brandt", "Wants to go on.",
        "Side effect or worsening mentioned", "Former e-mail", "old@x.example", trial.trial_id, "Move on",
        person.reference,
    ):  # fmt: skip
        assert text in answer.text, text
    assert "None" not in answer.text
    # Three are the session's, the preferences' and the audit event's.
    assert len(found) <= 3 + 14, found
    noted = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "show_patient"))).one()
    assert person.person_id in (noted.person_ids or ())


async def test_what_a_suggested_key_refers_to_is_shown_by_its_name(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    ours, theirs = await a_condition(session, "DMD"), await a_condition(session, "ALS")
    patient = await a_patient(session, medical_condition_id=ours.medical_condition_id)
    hospital = Hospital(name="Rivierenland", city="Tiel")
    session.add(hospital)
    await session.flush()
    suggested = (
        ("medical_condition_id", str(ours.medical_condition_id), str(theirs.medical_condition_id)),
        ("hospital_id", "no key", str(hospital.hospital_id)),
    )
    for field, before, after in suggested:
        change = SuggestedChange(
            person_id=patient.person_id, table_name="patient", record_id=patient.patient_id, field=field, ours=before,
            ours_version=1, theirs=after, value_hash=value_hash(after), source="import",
        )  # fmt: skip
        session.add(change)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"

    page = (await client.get(here)).text
    rows = (await session.scalars(select(SuggestedChange))).all()
    listed = [SuggestedChangeRead.model_validate(row).model_dump(mode="json") for row in rows]
    await client.post(f"{here}/suggested-changes/accept-all", data={"csrf_token": token}, headers=ORIGIN)
    of_condition = next(one for one in listed if one["field"] == "medical_condition_id")
    await client.post(
        f"{here}/suggested-changes/{of_condition['suggested_change_id']}/accept",
        data={"csrf_token": token},
        headers=ORIGIN,
    )
    told = (await client.get(here)).text

    assert {(one["ours_name"], one["theirs_name"]) for one in listed} == {
        (ours.name, theirs.name),
        (None, "Rivierenland, Tiel"),
    }
    section = page.partition('id="suggested"')[2]
    assert f"{ours.name}</del>" in section
    assert f"{theirs.name}</ins>" in section
    assert "Rivierenland, Tiel</ins>" in section
    for key in (of_condition["ours"], of_condition["theirs"]):
        assert f"{key}</" not in section
        assert f"<del>{key}" not in told
        assert f"<ins>{key}" not in told
    assert f"<ins>{theirs.name}" in told


async def test_a_suggested_value_is_accepted_or_ours_is_kept_and_a_second_press_does_no_harm(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Jan", last_name="Bos", phone="+31 20 123 4567")
    patient = await a_patient(session, person)
    other = await a_patient(session, await a_person(session, last_name="Other"))
    ids = []
    for field, ours, theirs in (("last_name", "Bos", "Bosch"), ("preferred_name", None, "Janneke")):
        change = SuggestedChange(
            person_id=person.person_id, table_name="person", record_id=person.person_id, field=field, ours=ours,
            ours_version=1, theirs=theirs, value_hash=value_hash(theirs), source="contact_form",
        )  # fmt: skip
        session.add(change)
        await session.flush()
        ids.append(change.suggested_change_id)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"

    before = await client.get(here)
    accepted = await client.post(
        f"{here}/suggested-changes/{ids[0]}/accept", data={"csrf_token": token}, headers=ORIGIN
    )
    again = await client.post(f"{here}/suggested-changes/{ids[0]}/accept", data={"csrf_token": token}, headers=ORIGIN)
    of_another = await client.post(
        f"/patients/{other.patient_id}/suggested-changes/{ids[1]}/reject", data={"csrf_token": token}, headers=ORIGIN
    )
    kept = await client.post(f"{here}/suggested-changes/{ids[1]}/reject", data={"csrf_token": token}, headers=ORIGIN)
    after = await client.get(here)

    assert "Bosch" in before.text
    assert (accepted.status_code, again.status_code, kept.status_code) == (303, 303, 303)
    assert of_another.status_code == 404
    assert "Jan Bosch" in after.text
    assert 'id="suggested"' not in after.text
    assert "suggestion accepted" in after.text
    stored = await session.get(Person, person.person_id, populate_existing=True)
    assert stored is not None
    assert (stored.last_name, stored.preferred_name) == ("Bosch", None)


async def test_a_record_with_everything_on_it_costs_at_most_fourteen_statements_beside_session_and_audit(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    owner = await somebody(session, settings, "navigator", name="Noor Brandt")
    await somebody(session, settings, "programme_manager", name="Kwame Osei", email="kwame@managers.example")
    person = await a_person(session, do_not_contact_channels=["email"])
    patient = await a_patient(session, person, owner_id=owner.account_id)
    lead = await a_lead(session, person)
    mother = await a_person(session, first_name="Maria", last_name="Carvalho")
    trial, doctor = await a_trial(session), await a_physician(session)
    now = clock.now()
    for number in range(3):
        # Each of them has a move that asks for something.
        await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id, status="referral_ready")
        for status in ("approvals_in_progress", "deceased"):
            journey = await an_eap_journey(session, patient, status=status)
            session.add(EapGate(eap_journey_id=journey.eap_journey_id, gate="ethics"))
        await a_call(session, patient, call_date=now - timedelta(days=number), status="completed", outcome="reached")
        await a_call(session, patient, booking_date=now + timedelta(days=number + 1), status="scheduled")
        await a_note(session, person, patient_id=patient.patient_id, is_pinned=True)
        await a_document(session, person, patient_id=patient.patient_id)
        session.add(Task(title="Ask the site", due_at=now, due_by=now, person_id=person.person_id))
    session.add(Task(title="Report it", due_at=now, due_by=now, person_id=person.person_id, rule="side_effect"))
    session.add(Task(title="Asked", due_at=now, due_by=now, person_id=person.person_id, status="done", done_at=now))
    session.add(
        PersonRelationship(
            person_id=mother.person_id, related_person_id=person.person_id, relationship_type="parent",
            authority="informal",
        )
    )  # fmt: skip
    session.add(
        PatientPhysicianRelationship(
            patient_id=patient.patient_id, physician_id=doctor.physician_id, relationship_type="referring"
        )
    )
    for field, theirs, decision in (("last_name", "Bosch", "open"), ("first_name", "Jan", "accepted")):
        session.add(
            SuggestedChange(
                person_id=person.person_id, table_name="person", record_id=person.person_id, field=field, ours=None,
                ours_version=1, theirs=theirs, value_hash=value_hash(theirs), source="contact_form", decision=decision,
                decided_at=now if decision != "open" else None,
            )
        )  # fmt: skip
    await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=now)
    await session.commit()
    await signed_in(client, session, owner.account_id)

    for place in (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}", f"/patients/{patient.patient_id}/peek"):
        with statements(bound) as found:
            answer = await client.get(place)
        assert answer.status_code == 200, answer.text
        assert len(found) <= 3 + 14, (place, found)
        if "peek" not in place:
            assert "Maria Carvalho" in answer.text
            assert "Ask a programme manager whom to report it to: Kwame Osei." in answer.text
            assert "Caregiver" in answer.text


async def test_a_timeline_is_narrowed_to_one_kind_by_its_address(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    patient, lead = await a_patient(session, person), await a_lead(session, person)
    await a_call(session, patient, call_date=clock.now(), status="completed", outcome="reached", notes="Spoke long.")
    await a_note(session, person, patient_id=patient.patient_id, text="Likes mornings.")
    await as_user(client, session, settings, "navigator")

    for place in (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}"):
        whole = await client.get(place)
        calls = await client.get(place, params={"about": "calls"})
        notes = await client.get(place, params={"about": "notes", "limit": "1"})
        wrong = await client.get(place, params={"about": "visits"})

        assert "Spoke long." in whole.text
        assert "Likes mornings." in whole.text
        assert "Spoke long." in calls.text
        assert "Likes mornings." not in calls.text
        assert "1 entry" in calls.text
        assert "Likes mornings." in notes.text
        assert re.search(r'aria-current="true">Notes<', notes.text)
        assert wrong.status_code == 422


async def test_all_suggested_values_are_taken_over_with_one_press_and_what_cannot_be_is_named(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Jan", last_name="Bos", phone="+31 20 123 4567")
    patient = await a_patient(session, person)
    ids = []
    for field, ours, theirs in (
        ("last_name", "Bos", "Bosch"), ("preferred_name", None, "Janneke"),
        ("phone", "+31 20 000 0000", "+31 20 999 9999"),
    ):  # fmt: skip
        change = SuggestedChange(
            person_id=person.person_id, table_name="person", record_id=person.person_id, field=field, ours=ours,
            ours_version=1, theirs=theirs, value_hash=value_hash(theirs), source="contact_form",
        )  # fmt: skip
        session.add(change)
        await session.flush()
        ids.append(str(change.suggested_change_id))
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"

    before = await client.get(here)
    sent = {"csrf_token": token, "id": ids}
    done = await client.post(f"{here}/suggested-changes/accept-all", data=sent, headers=ORIGIN)
    after = await client.get(here)

    assert "Accept all 3" in before.text
    assert done.status_code == 303
    assert "2 suggested values are taken over" in unescape(after.text)
    assert "Phone is left" in unescape(after.text)
    stored = await session.get(Person, person.person_id, populate_existing=True)
    assert stored is not None
    assert (stored.last_name, stored.preferred_name, stored.phone) == ("Bosch", "Janneke", "+31 20 123 4567")
    # What a page has not shown is not taken over with the rest.
    assert (await client.post(f"{here}/suggested-changes/accept-all", data={"csrf_token": token})).status_code == 422


async def test_owner_and_condition_are_changed_where_they_stand(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    patient, lead = await a_patient(session, person), await a_lead(session, person)
    other = await a_condition(session, "ALS")
    owner = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    token = await as_user(client, session, settings, "navigator")

    for here, row in ((f"/patients/{patient.patient_id}", patient), (f"/leads/{lead.lead_id}", lead)):
        condition_form = await client.get(f"{here}/cases/medical_condition_id")
        owner_form = await client.get(f"{here}/cases/owner_id")
        sent = {"csrf_token": token, "seen": str(row.medical_condition_id)}
        of_condition = await client.post(
            f"{here}/cases/medical_condition_id",
            data=sent | {"medical_condition_id": str(other.medical_condition_id)},
            headers=ORIGIN,
        )
        of_owner = await client.post(
            f"{here}/cases/owner_id",
            data={"csrf_token": token, "seen": "", "owner_id": str(owner.account_id)},
            headers=ORIGIN,
        )
        shown = await client.get(here)

        assert 'data-combobox="/pickers/conditions"' in condition_form.text
        assert 'data-combobox="/pickers/owners-of-' in owner_form.text
        assert (of_condition.status_code, of_owner.status_code) == (303, 303)
        await session.refresh(row)
        assert (row.medical_condition_id, row.owner_id) == (other.medical_condition_id, owner.account_id)
        assert other.name in shown.text


async def test_a_call_is_logged_and_a_wrong_form_comes_back_with_all_that_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"
    typed = {
        "csrf_token": token, "outcome": "reached", "adverse_event_heard": "false", "notes": "Long talk.",
        "direction": "inbound", "channel": "phone",
    }  # fmt: skip

    form = await client.get(f"{here}/calls/new")
    wrong = await client.post(
        f"{here}/calls", data=typed | {"call_duration_minutes": "x", "call_date": "soon"}, headers=ORIGIN
    )
    nothing = (await session.scalars(select(CallHistory))).all()
    saved = await client.post(
        f"{here}/calls", data=typed | {"call_duration_minutes": "12", "call_date": "2026-11-02 14:30"}, headers=ORIGIN
    )
    now_saved = await client.post(f"{here}/calls", data=typed, headers=ORIGIN)

    assert "How did it end?" in form.text
    assert wrong.status_code == 422
    assert "2 fields need another look" in wrong.text
    assert "Long talk." in wrong.text
    assert nothing == []
    assert (saved.status_code, now_saved.status_code) == (303, 303)
    calls = (await session.scalars(select(CallHistory).order_by(CallHistory.occurs_at))).all()
    assert [call.notes for call in calls] == ["Long talk.", "Long talk."]
    first, second = calls
    assert (first.status, first.direction, first.adverse_event_heard) == ("completed", "inbound", False)
    assert first.call_date is not None
    assert first.call_date.isoformat().startswith("2026-11-02T14:30")
    assert second.call_date is not None
    assert clock.now() - second.call_date < timedelta(minutes=1)


@pytest.mark.parametrize(("to", "status"), [("not_pursued", 303), ("on_study", 409)])
async def test_a_journey_is_moved_where_it_may_go(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, to: str, status: int
) -> None:
    patient, other = await a_patient(session), await a_patient(session, await a_person(session, last_name="Other"))
    trial = await a_trial(session)
    journey = await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    place = f"clinical-trial-journeys/{journey.ct_journey_id}/move"

    form = await client.get(f"/patients/{patient.patient_id}/{place}", params={"to": "not_pursued"})
    sent = {"csrf_token": token, "to": to, "reason_code": "other", "reason": "They moved away."}
    moved = await client.post(f"/patients/{patient.patient_id}/{place}", data=sent, headers=ORIGIN)
    of_another = await client.post(f"/patients/{other.patient_id}/{place}", data=sent, headers=ORIGIN)
    no_kind = await client.get(f"/patients/{patient.patient_id}/visits/{journey.ct_journey_id}/move")

    assert re.search(r'name="to" value="not_pursued"', form.text)
    assert of_another.status_code == 404
    assert no_kind.status_code == 404
    await session.refresh(journey)
    assert moved.status_code == status
    assert journey.status == ("not_pursued" if status == 303 else "identified")
    assert ("They moved away." in moved.text) is (status == 409)


async def test_inactive_is_not_offered_while_a_journey_is_open_and_the_way_to_it_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    patient = await a_patient(session, await a_person(session))
    trial = await a_trial(session, trial_id="NCT01234567")
    journey = await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    way = f'#journey-{journey.ct_journey_id}"'

    record, form = await client.get(here), await client.get(f"{here}/status")
    part = await client.get(here, headers={"hx-request": "true", "hx-target": "#record-about"})
    refused = await client.post(f"{here}/status", data={"csrf_token": token, "status": "inactive"}, headers=ORIGIN)

    assert f'id="journey-{journey.ct_journey_id}"' in record.text
    for shown in (record, part, form, refused):
        assert way in shown.text
        assert "NCT01234567" in shown.text
        assert not re.search(r'value="inactive"', shown.text)
    assert refused.status_code == 409

    journey.status = "pre_screen_failed"
    await session.commit()
    record, form = await client.get(here), await client.get(f"{here}/status")
    assert 'name="status" value="inactive"' in record.text
    assert re.search(r'<option value="inactive"', form.text)
    assert way not in record.text + form.text


async def test_the_timeline_tells_the_fields_of_what_was_sent_by_their_labels_and_days_in_words(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Ada", last_name="Visser")
    patient = await a_patient(session, person)
    of_patient = {
        "first_contact_date": "2026-09-03",
        "initial_consult_date": "2026-02-31",
        "person": {"last_name": "Visser", "date_of_birth": "1979-03-14"},
        "day_of_form": "2026-09-04",
    }
    for payload in (of_patient, {"call_date": "2026-09-05", "channel": "video"}, {"relationship_type": "parent"}):
        session.add(
            IntakeSubmission(
                person_id=person.person_id, source="api", payload=payload, match_outcome="matched", match_reasons=[]
            )
        )  # fmt: skip
    change = SuggestedChange(
        person_id=person.person_id, table_name="person", record_id=person.person_id, field="date_of_birth",
        ours="1979-03-14", theirs="1979-03-15", ours_version=1, source="api",
        value_hash=value_hash("1979-03-15"), decision="accepted", decided_at=clock.now(),
    )  # fmt: skip
    session.add(change)
    await session.commit()
    await as_user(client, session, settings, "navigator")

    page = (await client.get(f"/patients/{patient.patient_id}?about=submissions")).text.partition('class="story"')[2]
    changes = (await client.get(f"/patients/{patient.patient_id}?about=suggestions")).text

    lines = re.findall(r"<dt>([^<]+)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)
    told = {label: " ".join(re.sub(r"<[^>]+>", " ", value).split()) for label, value in lines}
    assert told["First contact"] == "3 Sep 2026"
    assert told["First consult"] == "2026-02-31"
    assert told["Date of birth"] == "14 Mar 1979"
    assert told["day_of_form"] == "2026-09-04"
    assert told["Call date"] == "5 Sep 2026"
    assert told["Relationship type"] == "Parent"
    for raw in ("first_contact_date", "relationship_type", "call_date:", "2026-09-03"):
        assert raw not in page, raw
    assert "<del>14 Mar 1979</del>" in " ".join(changes.split())


async def test_the_timeline_says_what_was_sent_by_whom_and_leads_to_the_lead_that_it_opened(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Ada", last_name="Visser")
    patient = await a_patient(session, person)
    me = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    sent = [
        IntakeSubmission(
            person_id=person.person_id, source=source, payload=payload, received_by=by, match_outcome="matched",
            match_reasons=[],
        )
        for source, payload, by in (
            ("contact_form", {"said": "Is there a trial near Lyon?", "person": {"last_name": "Visser"}}, None),
            ("phone", {"said": "She called her mother."}, me.account_id),
            ("navigator", {"person": {"last_name": "Visser"}}, me.account_id),
            ("navigator", {"person": {"last_name": "Visser"}}, None),
        )
    ]  # fmt: skip
    session.add_all(sent)
    await session.flush()
    lead = await a_lead(session, person, intake_submission_id=sent[0].intake_submission_id)
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get(f"/patients/{patient.patient_id}?about=submissions")).text
    await as_user(client, session, settings, "auditor")
    masked = (await client.get(f"/patients/{patient.patient_id}?about=submissions")).text

    for told in (
        "Sent in by contact form",
        "In their words: Is there a trial near Lyon?",
        "Noor Brandt entered what came by phone",
        "Entered by Noor Brandt",
        "Entered by a navigator",
    ):
        assert told in page, told
    assert "came by navigator" not in page
    assert "Sent in by navigator" not in page
    assert f'href="/leads/{lead.lead_id}"' in page
    assert "Lyon" not in masked
    assert "hidden from you" in masked
