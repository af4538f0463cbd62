"""The entry points of trials and trial journeys: named by number, moved by the machine, every move kept."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.journeys.trial.models import ClinicalTrial
from app.journeys.trial.service import find_or_add_trial
from app.patients.models import Patient
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Database
from tests.builders import a_patient, a_physician, a_trial, a_trial_journey
from tests.conftest import AsRole

TRIALS = "/api/v1/clinical-trials"
URL = "/api/v1/clinical-trial-journeys"
Headers = dict[str, str]


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await a_patient(session)
    await session.commit()
    return made


@pytest.fixture
async def navigator(as_role: AsRole) -> Headers:
    return await as_role("navigator")


async def open_journey(
    client: httpx.AsyncClient, headers: Headers, patient: Patient, **values: object
) -> dict[str, object]:
    body = {"patient_id": str(patient.patient_id), "trial_id": "NCT04567890"} | values
    made = await client.post(URL, json=body, headers=headers)
    assert made.status_code == 201, made.text
    answer: dict[str, object] = made.json()
    return answer


async def move(
    client: httpx.AsyncClient, headers: Headers, journey: dict[str, object], **step: object
) -> httpx.Response:
    return await client.post(f"{URL}/{journey['ct_journey_id']}/transitions", json=step, headers=headers)


async def test_trial_is_kept_as_its_registry_writes_it_and_once(client: httpx.AsyncClient, as_role: AsRole) -> None:
    manager = await as_role("programme_manager")
    made = await client.post(TRIALS, json={"trial_id": "nct 0456-7890", "title": "ONWARD"}, headers=manager)

    again = await client.post(TRIALS, json={"trial_id": "NCT04567890"}, headers=manager)
    elsewhere = await client.post(TRIALS, json={"trial_id": "NCT04567890", "registry_code": "jRCT"}, headers=manager)
    nonsense = await client.post(TRIALS, json={"trial_id": "trial of last week"}, headers=manager)
    other = await client.post(TRIALS, json={"trial_id": "DRKS00012345", "registry_code": "other"}, headers=manager)

    assert made.status_code == 201, made.text
    assert (made.json()["trial_id"], made.json()["registry_code"]) == ("NCT04567890", "NCT")
    assert (again.status_code, again.json()["code"]) == (409, "clinical_trial_exists")
    shown = {name: made.json()[name] for name in ("clinical_trial_id", "trial_id", "title", "status")}
    assert again.json()["existing"] == shown
    assert elsewhere.json()["errors"][0]["code"] == "registry_mismatch"
    assert nonsense.json()["errors"][0]["code"] == "trial_id_not_recognised"
    assert (other.status_code, other.json()["trial_id"]) == (201, "DRKS00012345")
    for query in ({"q": "nct 04567890"}, {"q": "nct045"}, {"q": "onw"}, {"registry_code": "NCT"}):
        found = (await client.get(TRIALS, params=query, headers=manager)).json()
        assert [item["trial_id"] for item in found["items"]] == ["NCT04567890"], query
    changed = await client.put(made.headers["location"], json={"status": "recruiting"}, headers=manager)
    assert (changed.json()["status"], changed.json()["title"]) == ("recruiting", "ONWARD")


async def test_navigator_reads_trials_but_does_not_write_them(client: httpx.AsyncClient, navigator: Headers) -> None:
    assert (await client.get(TRIALS, headers=navigator)).status_code == 200
    assert (await client.post(TRIALS, json={"trial_id": "NCT04567890"}, headers=navigator)).status_code == 403


async def test_unknown_number_makes_an_unverified_trial_that_the_next_journey_finds(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    first = await open_journey(client, navigator, patient, trial_id="nct04567890", trial_name="ONWARD")
    second = await open_journey(client, navigator, patient, trial_id="NCT 0456 7890", trial_name="another title")

    assert first["trial_id"] == second["trial_id"] == "NCT04567890"
    assert first["trial_name"] == second["trial_name"] == "ONWARD", "a trial keeps its title"
    assert first["clinical_trial_id"] == second["clinical_trial_id"]
    assert first["clinical_trial"]["status"] == "unverified"  # type: ignore[index]
    assert first["ct_journey_id"] != second["ct_journey_id"], "many journeys, into one trial as well"
    assert (first["status"], first["status_group"]) == ("identified", "identified")
    read = await client.get(f"{URL}/{first['ct_journey_id']}", headers=navigator)
    assert read.json() == first


async def test_two_who_name_an_unknown_number_at_once_get_one_trial(committed_database: Database, actor: Actor) -> None:
    async def name_it() -> object:
        async with committed_database.unit_of_work() as session:
            trial = await find_or_add_trial(session, actor, number="NCT09990001")
            return trial.clinical_trial_id

    ids = await asyncio.gather(*(name_it() for _ in range(8)))

    assert len(set(ids)) == 1
    async with committed_database.unit_of_work() as session:
        counted = select(func.count()).where(ClinicalTrial.trial_id == "NCT09990001")
        assert await session.scalar(counted) == 1


async def test_journey_by_an_unknown_id_or_a_wrong_number_is_refused_and_stores_nothing(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    who = str(patient.patient_id)
    for body, field, code in (
        ({"patient_id": who, "clinical_trial_id": who}, "clinical_trial_id", "unknown_reference"),
        ({"patient_id": who, "trial_id": "sometime"}, "trial_id", "trial_id_not_recognised"),
        ({"patient_id": who}, "trial_id", "missing"),
        ({"patient_id": str(patient.person_id), "trial_id": "NCT04567890"}, "patient_id", "unknown_reference"),
        ({"patient_id": who, "trial_id": "NCT04567890", "physician_id": who}, "physician_id", "unknown_reference"),
    ):
        refused = await client.post(URL, json=body, headers=navigator)
        assert refused.status_code == 422, body
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [(field, code)]
    assert (await client.get(URL, headers=navigator)).json()["items"] == []


async def test_backfilled_journey_says_since_when(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    body = {"patient_id": str(patient.patient_id), "trial_id": "NCT04567890", "status": "enrolled"}

    undated = await client.post(URL, json=body, headers=navigator)
    made = await client.post(URL, json={**body, "happened_at": "2026-03-02T10:00:00+01:00"}, headers=navigator)

    assert undated.json()["errors"][0]["code"] == "missing"
    assert made.status_code == 201, made.text
    assert (made.json()["status"], made.json()["status_group"]) == ("eligible_enrolled", "enrolled")
    assert made.json()["enrollment_date"] == "2026-03-02"
    events = (await client.get(f"{made.headers['location']}/events", headers=navigator)).json()["items"]
    [event] = events
    assert (event["from_status"], event["to_status"], event["via"]) == (None, "eligible_enrolled", "opened")
    assert event["happened_at"] == "2026-03-02T09:00:00Z"
    assert event["happened_at"] < event["created_at"]


async def test_illegal_move_lists_the_legal_ones(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient)

    refused = await move(client, navigator, journey, to="on_study")

    assert (refused.status_code, refused.json()["code"]) == (409, "transition_not_allowed")
    assert refused.json()["allowed"] == journey["allowed_transitions"]
    assert refused.json()["allowed"][:2] == ["pre_screening", "not_pursued"]


async def test_state_that_needs_a_reason_takes_a_code_or_words(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient, status="pre_screening", happened_at="2026-01-01T00:00:00Z")

    without = await move(client, navigator, journey, to="pre_screen_failed")
    other = await move(client, navigator, journey, to="pre_screen_failed", reason_code="other")
    unknown = await move(client, navigator, journey, to="pre_screen_failed", reason_code="bad_luck")
    words = await move(client, navigator, journey, to="pre_screen_failed", reason="Moved abroad")

    assert (without.status_code, without.json()["code"]) == (422, "reason_needed")
    assert "lab_values" in without.json()["allowed"]
    assert (other.status_code, other.json()["code"]) == (422, "reason_needed")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "reason_code")
    assert (words.status_code, words.json()["status_group"]) == (200, "closed")
    events = (await client.get(f"{URL}/{journey['ct_journey_id']}/events", headers=navigator)).json()["items"]
    assert [(e["to_status"], e["reason_code"], e["reason"]) for e in events] == [
        ("pre_screening", None, None),
        ("pre_screen_failed", "other", "Moved abroad"),
    ]


async def test_screening_may_be_repeated(client: httpx.AsyncClient, navigator: Headers, patient: Patient) -> None:
    journey = await open_journey(client, navigator, patient, status="screening", happened_at="2026-01-01T00:00:00Z")

    failed = await move(client, navigator, journey, to="screen_failed", reason_code="lab_values")
    again = await move(client, navigator, journey, to="screening")

    assert (failed.json()["status"], again.json()["status"]) == ("screen_failed", "screening")


async def test_referral_needs_a_physician_and_a_recruiting_trial(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    trial = await a_trial(session, status="suspended")
    journey = await a_trial_journey(
        session, patient, clinical_trial_id=trial.clinical_trial_id, status="referral_ready"
    )
    physician = await a_physician(session)
    await session.commit()
    place = f"{URL}/{journey.ct_journey_id}"

    refused = await client.post(f"{place}/transitions", json={"to": "referred"}, headers=navigator)
    trial.status = "recruiting"
    await session.commit()
    by_put = await client.put(
        place, json={"status": "referred", "physician_id": str(physician.physician_id)}, headers=navigator
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "guard_not_met")
    assert refused.json()["not_met"] == ["linked_physician", "trial_recruiting"]
    assert by_put.status_code == 200, by_put.text
    assert by_put.json()["status"] == "referred"
    assert by_put.json()["physician"]["person"]["last_name"] == "Jansen"
    assert by_put.json()["referral_date"] == clock.today().isoformat()
    [event] = (await client.get(f"{place}/events", headers=navigator)).json()["items"]
    assert event["guards"] == {
        "share_consent": "not_checked",
        "linked_physician": "met",
        "medical_review": "not_checked",
        "trial_recruiting": "met",
    }
    assert event["via"] == "update"


async def test_unverified_trial_is_not_checked_and_the_patients_physician_counts(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    physician = await a_physician(session)
    await session.commit()
    linked = await client.post(
        f"/api/v1/patients/{patient.patient_id}/physicians",
        json={"physician_id": str(physician.physician_id), "relationship_type": "treating"},
        headers=navigator,
    )
    journey = await open_journey(
        client, navigator, patient, status="referral_ready", happened_at="2026-01-01T00:00:00Z"
    )

    referred = await move(client, navigator, journey, to="referred")

    assert linked.status_code == 201, linked.text
    assert referred.status_code == 200, referred.text
    events = (await client.get(f"{URL}/{journey['ct_journey_id']}/events", headers=navigator)).json()["items"]
    assert (events[-1]["guards"]["linked_physician"], events[-1]["guards"]["trial_recruiting"]) == (
        "met",
        "not_checked",
    )


async def test_put_changes_the_fields_given_and_keeps_the_dates_in_order(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient, referral_date="2026-02-01")
    place = f"{URL}/{journey['ct_journey_id']}"

    eligible = await client.put(
        place, json={"eligible": False, "ineligible_reason": "Age"}, headers={**navigator, "If-Match": '"1"'}
    )
    for body, field in (
        ({"eligible": True}, "ineligible_reason"),
        ({"enrollment_date": "2026-01-31"}, "enrollment_date"),
        ({"enrollment_date": "2026-02-02", "completion_date": "2026-02-01"}, "completion_date"),
        ({"on_hold_until": "2026-05-01"}, "on_hold_reason"),
        ({"reason": "because"}, "status"),
        ({"status": "identified", "reason": "because"}, "status"),
    ):
        refused = await client.put(place, json=body, headers=navigator)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), body
    held = await client.put(
        place, json={"on_hold_reason": "Records missing", "on_hold_until": "2026-05-01"}, headers=navigator
    )
    resumed = await client.put(place, json={"on_hold_reason": None, "status": "identified"}, headers=navigator)
    stale = await client.put(place, json={"notes": "x"}, headers={**navigator, "If-Match": '"1"'})
    nothing = await client.put(place, json={}, headers=navigator)

    assert eligible.json()["ineligible_reason"] == "Age"
    assert (held.json()["on_hold"], held.json()["on_hold_until"]) == (True, "2026-05-01")
    assert (resumed.json()["on_hold"], resumed.json()["on_hold_until"]) == (False, None)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert nothing.headers["etag"] == resumed.headers["etag"]
    events = (await client.get(f"{place}/events", headers=navigator)).json()["items"]
    assert len(events) == 1, "the present status is no change"


async def test_journey_that_names_no_trial_gets_one_once(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    legacy = await a_trial_journey(session, patient, clinical_trial_id=None, trial_reference="the Basel trial")
    trial, other = await a_trial(session), await a_trial(session)
    await session.commit()
    place = f"{URL}/{legacy.ct_journey_id}"

    before = (await client.get(place, headers=navigator)).json()
    named = await client.put(place, json={"clinical_trial_id": str(trial.clinical_trial_id)}, headers=navigator)
    again = await client.put(place, json={"clinical_trial_id": str(other.clinical_trial_id)}, headers=navigator)

    assert (before["trial_id"], before["clinical_trial"], before["trial_reference"]) == (None, None, "the Basel trial")
    assert named.json()["trial_id"] == trial.trial_id
    assert (again.status_code, again.json()["code"]) == (409, "trial_is_fixed")


async def test_move_from_a_state_seen_earlier_is_stale(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient)
    place = f"{URL}/{journey['ct_journey_id']}"
    await client.put(place, json={"notes": "called"}, headers=navigator)

    stale = await client.post(
        f"{place}/transitions", json={"to": "pre_screening"}, headers={**navigator, "If-Match": '"1"'}
    )

    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")


async def test_move_of_the_future_is_refused(client: httpx.AsyncClient, navigator: Headers, patient: Patient) -> None:
    journey = await open_journey(client, navigator, patient)

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = await move(client, navigator, journey, to="pre_screening", happened_at=tomorrow)

    assert refused.json()["errors"] == [
        {"field": "happened_at", "code": "in_the_future", "message": "Must not lie in the future."}
    ]


async def test_list_is_filtered_by_state_group_patient_physician_trial_and_time(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    physician, trial = await a_physician(session), await a_trial(session)
    wanted = await a_trial_journey(
        session,
        patient,
        clinical_trial_id=trial.clinical_trial_id,
        physician_id=physician.physician_id,
        status="site_review",
    )
    await a_trial_journey(session, await a_patient(session))
    await session.commit()

    async def found(**query: object) -> list[object]:
        answer = await client.get(URL, params={k: str(v) for k, v in query.items()}, headers=navigator)
        assert answer.status_code == 200, answer.text
        return [item["ct_journey_id"] for item in answer.json()["items"]]

    for query in (
        {"status": "site_review"},
        {"status": "referred"},
        {"patient_id": patient.patient_id},
        {"physician_id": physician.physician_id},
        {"clinical_trial_id": trial.clinical_trial_id},
        {"clinical_trial_id": trial.clinical_trial_id, "created_from": "2020-01-01T00:00:00Z"},
    ):
        assert await found(**query) == [str(wanted.ct_journey_id)], query
    assert await found(created_from="2999-01-01T00:00:00Z") == []
    assert len(await found()) == 2
    wrong = await client.get(URL, params={"status": "somewhere"}, headers=navigator)
    assert wrong.status_code == 422


async def test_journey_of_a_deleted_patient_is_not_found(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    journey = await open_journey(client, navigator, patient)
    patient.deleted_at, patient.deleted_by = clock.now(), patient.patient_id
    await session.commit()

    assert (await client.get(f"{URL}/{journey['ct_journey_id']}", headers=navigator)).status_code == 404
    assert (await move(client, navigator, journey, to="pre_screening")).status_code == 404
    assert (await client.get(URL, headers=navigator)).json()["items"] == []


async def test_auditor_sees_neither_who_nor_what(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, as_role: AsRole
) -> None:
    journey = await open_journey(client, navigator, patient, notes="Wheelchair")
    auditor, manager = await as_role("auditor"), await as_role("programme_manager")
    place = f"{URL}/{journey['ct_journey_id']}"

    masked = (await client.get(place, headers=auditor)).json()
    event = (await client.get(f"{place}/events", headers=auditor)).json()["items"][0]
    managed = (await client.get(place, headers=manager)).json()

    assert masked["patient"]["person"]["last_name"] == masked["status"] == masked["notes"] == "•••"
    assert (masked["trial_id"], masked["clinical_trial_id"], masked["allowed_transitions"]) == ("•••", None, [])
    assert (event["to_status"], event["happened_at"]) == ("•••", None)
    assert (managed["patient"]["person"]["last_name"], managed["status"]) == ("•••", "identified")
    assert (await client.put(place, json={}, headers=manager)).status_code == 403


async def test_every_use_is_on_record_with_the_patient(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    journey = await open_journey(client, navigator, patient)
    place = f"{URL}/{journey['ct_journey_id']}"
    await client.get(place, headers=navigator)
    await client.get(f"{place}/events", headers=navigator)
    await client.get(URL, headers=navigator)
    await client.put(place, json={"notes": "called"}, headers=navigator)
    await move(client, navigator, journey, to="pre_screening")

    rows = await session.execute(
        select(AuditEvent.action, AuditEvent.person_ids, AuditEvent.field_names)
        .where(AuditEvent.action.like("%clinical_trial_journey%"))
        .order_by(AuditEvent.at, AuditEvent.audit_event_id)
    )
    events = {row.action: row for row in rows}
    assert set(events) == {
        "create_clinical_trial_journey",
        "get_clinical_trial_journey",
        "list_clinical_trial_journey_events",
        "list_clinical_trial_journeys",
        "update_clinical_trial_journey",
        "move_clinical_trial_journey",
    }
    assert {tuple(row.person_ids) for row in events.values()} == {(patient.person_id,)}
    assert events["update_clinical_trial_journey"].field_names == ["notes"]
