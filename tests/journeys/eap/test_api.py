"""The entry points of programmes and expanded-access journeys, and the gates on the way."""

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.patients.models import Patient
from tests.builders import a_patient, a_physician, a_programme, an_eap_journey
from tests.conftest import AsRole

PROGRAMMES = "/api/v1/eap-programs"
URL = "/api/v1/eap-journeys"
Headers = dict[str, str]
SINCE = {"happened_at": "2026-01-05T12:00:00Z"}


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
    body = {"patient_id": str(patient.patient_id), "eap_number": "EAP-7", "product": "Ataluren"} | values
    made = await client.post(URL, json=body, headers=headers)
    assert made.status_code == 201, made.text
    answer: dict[str, object] = made.json()
    return answer


async def move(
    client: httpx.AsyncClient, headers: Headers, journey: dict[str, object], **step: object
) -> httpx.Response:
    return await client.post(f"{URL}/{journey['eap_journey_id']}/transitions", json=step, headers=headers)


async def test_programme_is_the_managers_and_its_name_unique_whatever_its_case(
    client: httpx.AsyncClient, as_role: AsRole, navigator: Headers
) -> None:
    manager = await as_role("programme_manager")
    new = {"name": "Ataluren early access", "product": "Ataluren", "countries": ["NL", "DE", "NL"]}

    made = await client.post(PROGRAMMES, json=new, headers=manager)
    again = await client.post(PROGRAMMES, json={**new, "name": "ATALUREN EARLY ACCESS"}, headers=manager)
    refused = await client.post(PROGRAMMES, json=new, headers=navigator)

    assert made.status_code == 201, made.text
    assert made.json()["countries"] == ["DE", "NL"]
    assert (again.status_code, again.json()["code"]) == (409, "eap_program_exists")
    assert refused.status_code == 403
    for query, found in (({"country": "DE"}, 1), ({"country": "FR"}, 0), ({"q": "ata"}, 1), ({"status": "closed"}, 0)):
        listed = (await client.get(PROGRAMMES, params=query, headers=navigator)).json()
        assert len(listed["items"]) == found, query
    changed = await client.put(
        made.headers["location"],
        json={"status": "paused", "countries": ["FR"]},
        headers={**manager, "If-Match": made.headers["etag"]},
    )
    assert (changed.json()["status"], changed.json()["countries"]) == ("paused", ["FR"])
    stale = await client.put(
        made.headers["location"], json={"sponsor": "x"}, headers={**manager, "If-Match": made.headers["etag"]}
    )
    assert stale.status_code == 412
    read = await client.get(made.headers["location"], headers=navigator)
    assert read.json() == changed.json()


async def test_journey_starts_as_an_inquiry_beside_all_others(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    programme = await a_programme(session)
    await session.commit()

    alone = await open_journey(client, navigator, patient, status="pending")
    with_programme = await open_journey(
        client, navigator, patient, eap_program_id=str(programme.eap_program_id), product=None
    )

    assert (alone["status"], alone["status_group"], alone["eap_program"]) == ("inquiry", "pending", None)
    assert with_programme["eap_program"]["product"] == "Ataluren"  # type: ignore[index]
    mine = (await client.get(URL, params={"patient_id": str(patient.patient_id)}, headers=navigator)).json()
    assert [item["eap_journey_id"] for item in mine["items"]] == [
        with_programme["eap_journey_id"],
        alone["eap_journey_id"],
    ]


async def test_number_is_used_once_in_a_programme_and_once_without(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    programme = await a_programme(session)
    await session.commit()
    body = {"patient_id": str(patient.patient_id), "eap_number": "EAP-1"}

    for values in ({}, {"eap_program_id": str(programme.eap_program_id)}, {"product": "Givinostat"}):
        first = await client.post(URL, json={**body, **values}, headers=navigator)
        second = await client.post(URL, json={**body, **values}, headers=navigator)
        assert first.status_code == 201, first.text
        assert (second.status_code, second.json()["code"]) == (409, "eap_number_taken"), values


async def test_active_backfills_a_treatment_under_way(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    body = {"patient_id": str(patient.patient_id), "eap_number": "EAP-7", "status": "active"}

    undated = await client.post(URL, json=body, headers=navigator)
    made = await client.post(URL, json={**body, **SINCE}, headers=navigator)

    assert undated.json()["errors"][0]["code"] == "missing"
    assert (made.json()["status"], made.json()["status_group"]) == ("on_treatment", "active")
    assert made.json()["enrollment_date"] is None, "an EAP's dates are typed"


async def test_supply_waits_for_every_recorded_gate(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, as_role: AsRole
) -> None:
    manager = await as_role("programme_manager")
    journey = await open_journey(client, navigator, patient, status="approvals_in_progress", **SINCE)
    gates = f"{URL}/{journey['eap_journey_id']}/gates"

    async def gate(name: str, **values: object) -> httpx.Response:
        return await client.put(f"{gates}/{name}", json=values, headers=manager)

    ethics = await gate("ethics")
    await gate("import_licence", status="not_required")
    pending = await move(client, navigator, journey, to="supply_authorised")
    expired = await gate("ethics", status="approved", decided_on="2026-01-02", expires_on="2026-01-03")
    too_late = await move(client, navigator, journey, to="supply_authorised")
    await gate("ethics", expires_on=None)
    passed = await move(client, navigator, journey, to="supply_authorised")

    assert ethics.status_code == 200, ethics.text
    assert (ethics.json()["gate"], ethics.json()["status"], ethics.headers["etag"]) == ("ethics", "pending", '"1"')
    assert expired.json()["status"] == "approved"
    for refused in (pending, too_late):
        assert (refused.status_code, refused.json()["code"]) == (409, "guard_not_met")
        assert refused.json()["not_met"] == ["gates_approved"]
    assert passed.status_code == 200, passed.text
    events = (await client.get(f"{URL}/{journey['eap_journey_id']}/events", headers=navigator)).json()["items"]
    assert events[-1]["guards"] == {"gates_approved": "met"}
    listed = (await client.get(gates, headers=navigator)).json()
    assert [(item["gate"], item["status"]) for item in listed["items"]] == [
        ("ethics", "approved"),
        ("import_licence", "not_required"),
    ]


async def test_gates_that_nobody_recorded_are_not_checked(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient, status="approvals_in_progress", **SINCE)

    passed = await move(client, navigator, journey, to="supply_authorised")

    assert passed.status_code == 200, passed.text
    events = (await client.get(f"{URL}/{journey['eap_journey_id']}/events", headers=navigator)).json()["items"]
    assert events[-1]["guards"] == {"gates_approved": "not_checked"}


async def test_gate_is_the_managers_and_its_values_are_checked(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, as_role: AsRole
) -> None:
    manager = await as_role("programme_manager")
    journey = await open_journey(client, navigator, patient)
    gates = f"{URL}/{journey['eap_journey_id']}/gates"

    refused = await client.put(f"{gates}/ethics", json={"status": "approved"}, headers=navigator)
    unknown = await client.put(f"{gates}/horoscope", json={}, headers=manager)
    dates = {"decided_on": "2026-02-02", "expires_on": "2026-02-01"}
    disordered = await client.put(f"{gates}/ethics", json=dates, headers=manager)
    first = await client.put(f"{gates}/ethics", json={}, headers={**manager, "If-Match": '"0"'})
    stale = await client.put(f"{gates}/ethics", json={"status": "refused"}, headers={**manager, "If-Match": '"0"'})

    assert refused.status_code == 403
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "gate")
    assert (disordered.status_code, disordered.json()["errors"][0]["field"]) == (422, "expires_on")
    assert (first.status_code, stale.status_code) == (200, 412)


async def test_decline_and_end_of_treatment_have_lists_of_their_own(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    review = await open_journey(client, navigator, patient, status="sponsor_review", **SINCE)
    treated = await open_journey(client, navigator, patient, eap_number="EAP-8", status="on_treatment", **SINCE)

    without = await move(client, navigator, review, to="sponsor_declined")
    wrong = await move(client, navigator, review, to="sponsor_declined", reason_code="completed_course")
    declined = await move(client, navigator, review, to="sponsor_declined", reason_code="supply_limited")
    appealed = await move(client, navigator, review, to="sponsor_review")
    ended = await move(client, navigator, treated, to="treatment_ended", reason_code="completed_course")

    assert (without.status_code, without.json()["code"]) == (422, "reason_needed")
    assert "supply_limited" in without.json()["allowed"]
    assert "completed_course" not in without.json()["allowed"]
    assert wrong.json()["errors"][0]["code"] == "not_of_this_status"
    assert (declined.status_code, appealed.json()["status"]) == (200, "sponsor_review")
    assert ended.json()["status"] == "treatment_ended"


async def test_death_leads_to_reporting_when_treated_and_is_the_end_when_not(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    treated = await open_journey(client, navigator, patient, status="on_treatment", **SINCE)
    untreated = await open_journey(client, navigator, patient, eap_number="EAP-8")

    for journey in (treated, untreated):
        died = await move(client, navigator, journey, to="deceased")
        assert (died.json()["status_group"], died.json()["allowed_transitions"]) == ("closed", ["reporting"])
    reported = await move(client, navigator, treated, to="reporting")
    refused = await move(client, navigator, untreated, to="reporting")

    assert reported.json()["status"] == "reporting"
    assert (refused.status_code, refused.json()["not_met"]) == (409, ["was_treated"])


async def test_redirection_to_a_trial_says_what_comes_next(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    journey = await open_journey(client, navigator, patient, status="eligibility_review", **SINCE)

    redirected = await move(client, navigator, journey, to="redirect_to_trial")

    assert journey["next_step"] is None
    assert (redirected.json()["status_group"], redirected.json()["next_step"]) == (
        "closed",
        "open_clinical_trial_journey",
    )


async def test_put_changes_the_fields_given_and_moves_by_the_machine(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    physician = await a_physician(session)
    await session.commit()
    journey = await open_journey(client, navigator, patient)
    place = f"{URL}/{journey['eap_journey_id']}"

    illegal = await client.put(place, json={"notes": "x", "status": "shipped"}, headers=navigator)
    changed = await client.put(
        place,
        json={"physician_id": str(physician.physician_id), "status": "eligibility_review", "reason": "Serious"},
        headers={**navigator, "If-Match": '"1"'},
    )
    stale = await client.put(place, json={"notes": "x"}, headers={**navigator, "If-Match": '"1"'})
    dates = {"enrollment_date": "2026-02-02", "completion_date": "2026-02-01"}
    disordered = await client.put(place, json=dates, headers=navigator)
    held = await client.put(place, json={"on_hold_until": "2026-02-01"}, headers=navigator)
    loose = await client.put(place, json={"happened_at": "2026-02-01T00:00:00Z"}, headers=navigator)
    nothing = await client.put(place, json={}, headers=navigator)

    assert (illegal.status_code, illegal.json()["code"]) == (409, "transition_not_allowed")
    assert "eligibility_review" in illegal.json()["allowed"]
    assert (changed.json()["status"], changed.json()["notes"]) == ("eligibility_review", None), "all or nothing"
    assert changed.json()["physician_id"] == str(physician.physician_id)
    assert stale.status_code == 412
    assert disordered.json()["errors"][0]["field"] == "completion_date"
    assert held.json()["errors"][0]["field"] == "on_hold_reason"
    assert loose.json()["errors"][0]["field"] == "status"
    assert nothing.headers["etag"] == changed.headers["etag"]
    events = (await client.get(f"{place}/events", headers=navigator)).json()
    assert [(event["to_status"], event["via"], event["reason"]) for event in events["items"]] == [
        ("inquiry", "opened", None),
        ("eligibility_review", "update", "Serious"),
    ]


async def test_list_is_filtered_by_state_group_programme_and_physician(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession
) -> None:
    programme, physician = await a_programme(session), await a_physician(session)
    wanted = await an_eap_journey(
        session,
        patient,
        eap_program_id=programme.eap_program_id,
        physician_id=physician.physician_id,
        status="on_treatment",
    )
    await an_eap_journey(session, await a_patient(session))
    await session.commit()

    for query in (
        {"status": "on_treatment"},
        {"status": "active"},
        {"eap_program_id": str(programme.eap_program_id)},
        {"physician_id": str(physician.physician_id)},
        {"patient_id": str(patient.patient_id), "created_from": "2020-01-01T00:00:00Z"},
    ):
        answer = await client.get(URL, params=query, headers=navigator)
        assert [item["eap_journey_id"] for item in answer.json()["items"]] == [str(wanted.eap_journey_id)], query


async def test_unknown_references_name_their_field(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient
) -> None:
    nobody = "00000000-0000-7000-8000-000000000000"
    for field in ("patient_id", "physician_id", "eap_program_id", "medical_condition_id"):
        body = {"patient_id": str(patient.patient_id), "eap_number": "EAP-9", field: nobody}
        refused = await client.post(URL, json=body, headers=navigator)
        assert refused.status_code == 422, field
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [(field, "unknown_reference")]
    missing = await client.get(f"{URL}/{nobody}/gates", headers=navigator)
    assert (missing.status_code, missing.json()["code"]) == (404, "eap_journey_not_found")


async def test_every_use_is_on_record_with_the_patient(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, session: AsyncSession, as_role: AsRole
) -> None:
    manager = await as_role("programme_manager")
    journey = await open_journey(client, navigator, patient)
    place = f"{URL}/{journey['eap_journey_id']}"
    for path in ("", "/events", "/gates"):
        await client.get(place + path, headers=navigator)
    await client.get(URL, headers=navigator)
    await client.put(f"{place}/gates/ethics", json={}, headers=manager)
    await move(client, navigator, journey, to="eligibility_review")

    rows = await session.execute(
        select(AuditEvent.action, AuditEvent.person_ids).where(AuditEvent.action.like("%_eap_%"))
    )
    shown = {row.action: row.person_ids for row in rows}
    assert set(shown) == {
        "create_eap_journey",
        "get_eap_journey",
        "list_eap_journey_events",
        "list_eap_gates",
        "list_eap_journeys",
        "update_eap_gate",
        "move_eap_journey",
    }
    assert {tuple(people) for people in shown.values()} == {(patient.person_id,)}
