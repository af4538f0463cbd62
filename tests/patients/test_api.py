"""The entry point of the patients: registered once, brought back, changed with their person, deleted."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent, RowHistory
from app.events.models import JourneyEvent
from app.journeys.trial.models import ClinicalTrialJourney
from app.patients.models import Patient
from app.people.models import ContactType, IntakeSubmission, Person, PersonContactType
from tests.builders import a_colleague, a_condition, a_patient, a_person
from tests.conftest import AsRole

URL = "/api/v1/patients"
JAN = {"first_name": "Jan", "last_name": "de Vries", "email": "jan@example.org", "phone": "+31 6 12345678"}
CANARY = "zebra7"


async def a_body(session: AsyncSession, **values: Any) -> dict[str, Any]:
    condition = await a_condition(session)
    return {"person": JAN, "medical_condition_id": str(condition.medical_condition_id)} | values


async def count(session: AsyncSession, table: type[Any]) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_patient_is_registered_with_person_role_and_submission(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    new = await a_body(session, first_contact_date="2026-03-02")

    made = await client.post(URL, json=new, headers=await as_role("navigator"))

    assert made.status_code == 201, made.text
    answer = made.json()
    assert made.headers["location"] == f"{URL}/{answer['patient_id']}"
    assert (answer["status"], answer["status_group"], answer["first_contact_date"]) == (
        "active",
        "active",
        "2026-03-02",
    )
    assert answer["person_id"] == answer["person"]["person_id"]
    assert answer["medical_condition_id"] == answer["medical_condition"]["medical_condition_id"]
    assert answer["match"]["outcome"] == "new_person"
    roles = await session.execute(
        select(ContactType.type_name, PersonContactType.valid_to.is_(None)).join(PersonContactType.contact_type)
    )
    assert roles.all() == [("patient", True)]
    kept = (await session.scalars(select(IntakeSubmission))).one()
    assert (kept.payload, str(kept.intake_submission_id)) == (new, answer["intake_submission_id"])
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "create_patient"))).one()
    assert (event.record_type, str(event.record_id)) == ("patient", answer["patient_id"])
    assert [str(person_id) for person_id in event.person_ids or ()] == [answer["person_id"]]


async def test_a_returning_patient_keeps_everything_and_gains_suggestions(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    new = await a_body(session)
    other = await a_condition(session, "GBM")
    made = await client.post(URL, json=new, headers=navigator)

    again = await client.post(
        URL,
        json={
            "person": {"first_name": "JAN", "last_name": "de Vries-Bos", "email": " JAN@Example.ORG "},
            "medical_condition_id": str(other.medical_condition_id),
            "first_contact_date": "2026-04-01",
        },
        headers=navigator,
    )

    assert again.status_code == 200, again.text
    before, after = made.json(), again.json()
    assert {field for field in before if before[field] != after[field]} == {"match", "intake_submission_id"}
    assert after["match"]["outcome"] == "returning_patient"
    assert {(s["table_name"], s["field"], s["ours"], s["theirs"]) for s in after["match"]["suggested_changes"]} == {
        ("person", "last_name", "de Vries", "de Vries-Bos"),
        ("patient", "medical_condition_id", new["medical_condition_id"], str(other.medical_condition_id)),
        ("patient", "first_contact_date", None, "2026-04-01"),
    }
    assert again.headers["etag"] == made.headers["etag"] == '"1.1"'
    assert (await count(session, Patient), await count(session, IntakeSubmission)) == (1, 2)


async def test_a_suggestion_for_a_patients_field_is_accepted(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    other = str((await a_condition(session, "GBM")).medical_condition_id)
    made = await client.post(URL, json=await a_body(session), headers=navigator)
    again = await client.post(
        URL, json=await a_body(session, medical_condition_id=other, first_contact_date="2026-04-01"), headers=navigator
    )

    for change in again.json()["match"]["suggested_changes"]:
        place = f"/api/v1/suggested-changes/{change['suggested_change_id']}/accept"
        assert (await client.post(place, json={}, headers=navigator)).status_code == 200

    found = (await client.get(made.headers["location"], headers=navigator)).json()
    assert (found["medical_condition_id"], found["medical_condition"]["abbreviation"]) == (other, "GBM")
    assert found["first_contact_date"] == "2026-04-01"


async def test_a_known_person_becomes_a_patient_by_id(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    person = await a_person(session)
    await session.commit()
    new = await a_body(session, person_id=str(person.person_id))
    del new["person"]

    made = await client.post(URL, json=new, headers=navigator)
    again = await client.post(URL, json=new, headers=navigator)
    nobody = await client.post(URL, json=new | {"person_id": str(uuid4())}, headers=navigator)

    assert (made.status_code, made.json()["match"]["outcome"]) == (201, "existing_person")
    assert made.json()["match"]["reasons"] == ["person_id_given"]
    assert (again.status_code, again.json()["match"]["outcome"]) == (200, "returning_patient")
    assert again.json()["patient_id"] == made.json()["patient_id"]
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (422, "person_id")


async def test_two_people_of_one_address_are_two_patients_when_that_is_said(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    await client.post(URL, json=await a_body(session), headers=navigator)
    maria = await a_body(session, person=JAN | {"first_name": "Maria"})

    refused = await client.post(URL, json=maria, headers=navigator)
    shared = await client.post(URL, json=maria | {"shared_email": True}, headers=navigator)
    again = await client.post(URL, json=maria | {"shared_email": True}, headers=navigator)

    assert (refused.status_code, refused.json()["code"]) == (409, "email_belongs_to_someone_else")
    assert (shared.status_code, shared.json()["match"]["outcome"]) == (201, "shared_email_person")
    assert (again.status_code, again.json()["patient_id"]) == (200, shared.json()["patient_id"])
    assert (await count(session, Person), await count(session, Patient)) == (2, 2)


async def test_a_refused_patient_leaves_nothing(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    for wrong, field in (
        ({"medical_condition_id": str(uuid4())}, "medical_condition_id"),
        ({"owner_id": str(uuid4())}, "owner_id"),
        ({"status": "paused"}, "status_reason"),
    ):
        answer = await client.post(URL, json=await a_body(session, **wrong), headers=navigator)
        assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, [field]), answer.text
    erased = await client.post(URL, json=await a_body(session, status="erased"), headers=navigator)

    assert (erased.status_code, erased.json()["code"]) == (409, "transition_not_allowed")
    for table in (Person, Patient, IntakeSubmission, PersonContactType):
        assert await count(session, table) == 0


async def test_an_unknown_condition_is_refused_for_a_returning_patient_too(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    await client.post(URL, json=await a_body(session), headers=navigator)

    again = await client.post(URL, json=await a_body(session, medical_condition_id=str(uuid4())), headers=navigator)

    assert (again.status_code, again.json()["errors"][0]["field"]) == (422, "medical_condition_id")
    assert await count(session, IntakeSubmission) == 1


async def test_put_changes_patient_and_person_in_one_transaction(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    made = await client.post(URL, json=await a_body(session), headers=navigator)
    place = made.headers["location"]
    await client.post(URL, json=await a_body(session, person=JAN | {"email": "x@example.org"}), headers=navigator)

    changed = await client.put(
        place,
        json={"initial_consult_date": "2026-03-09", "person": {"preferred_name": "Johnny"}},
        headers={**navigator, "If-Match": made.headers["etag"]},
    )
    of_person = await client.put(
        f"/api/v1/persons/{made.json()['person_id']}", json={"language": "nl"}, headers=navigator
    )
    stale = await client.put(place, json={"owner_id": None}, headers={**navigator, "If-Match": changed.headers["etag"]})
    refused = await client.put(
        place,
        json={"first_contact_date": "2026-01-01", "person": {"email": "x@example.org"}},
        headers=navigator,
    )
    nothing = await client.put(place, json={}, headers=navigator)

    assert changed.headers["etag"] == '"2.2"'
    assert (changed.json()["initial_consult_date"], changed.json()["person"]["preferred_name"]) == (
        "2026-03-09",
        "Johnny",
    )
    assert changed.json()["person"]["first_name"] == "Jan"
    assert of_person.status_code == 200
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
    assert (nothing.headers["etag"], nothing.json()["first_contact_date"]) == ('"2.3"', None)
    earlier = await session.scalars(
        select(RowHistory.row).where(RowHistory.record_id == UUID(made.json()["patient_id"]))
    )
    assert [row["initial_consult_date"] for row in earlier] == [None]


async def test_a_status_moves_as_the_machine_allows_and_leaves_an_event(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    made = await client.post(URL, json=await a_body(session), headers=navigator)
    place = made.headers["location"]

    async def move(**values: Any) -> httpx.Response:
        return await client.put(place, json=values, headers=navigator)

    paused = await move(status="paused", status_reason="abroad until May")
    unexplained = await move(status="withdrawn")
    deceased = await move(status="deceased", date_of_death="2026-11-20", death_source="Their daughter.")
    away = await move(status="withdrawn", status_reason="so")

    assert (paused.json()["status"], paused.json()["status_group"]) == ("paused", "active")
    assert paused.json()["status_reason"] == "abroad until May"
    assert (unexplained.status_code, unexplained.json()["errors"][0]["field"]) == (422, "status_reason")
    assert (deceased.json()["status_group"], deceased.json()["status_reason"]) == ("closed", None)
    assert (away.status_code, away.json()["code"]) == (409, "transition_not_allowed")
    assert away.json()["allowed"] == ["active", "paused", "inactive"]
    events = await session.scalars(select(JourneyEvent).order_by(JourneyEvent.journey_event_id))
    assert [(event.from_status, event.to_status, event.reason) for event in events] == [
        ("active", "paused", "abroad until May"),
        ("paused", "deceased", None),
    ]


async def test_a_patient_with_an_open_journey_does_not_go_inactive(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    patient = await a_patient(session)
    session.add(ClinicalTrialJourney(patient_id=patient.patient_id, trial_reference="a trial abroad"))
    await session.commit()
    place = f"{URL}/{patient.patient_id}"

    refused = await client.put(place, json={"status": "inactive"}, headers=navigator)
    await session.execute(update(ClinicalTrialJourney).values(status="completed", completion_date=date(2026, 1, 1)))
    await session.commit()
    moved = await client.put(place, json={"status": "inactive"}, headers=navigator)

    assert (refused.status_code, refused.json()["code"]) == (409, "journeys_open")
    assert refused.json()["allowed"] == ["paused", "deceased", "withdrawn"]
    assert (moved.status_code, moved.json()["status_group"]) == (200, "inactive")
    guards = await session.scalars(select(JourneyEvent.guards).where(JourneyEvent.patient_id == patient.patient_id))
    assert guards.all() == [{"no_open_journey": "met"}]


async def test_a_deleted_patient_is_gone_until_the_person_returns(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator, officer = await as_role("navigator"), await as_role("privacy_officer")
    made = await client.post(URL, json=await a_body(session), headers=navigator)
    place = made.headers["location"]

    deleted = await client.delete(place, headers={**navigator, "X-Change-Reason": "entered twice"})

    assert (deleted.status_code, deleted.content) == (204, b"")
    for method in ("GET", "PUT", "DELETE"):
        body: dict[str, Any] | None = {} if method == "PUT" else None
        assert (await client.request(method, place, json=body, headers=navigator)).status_code == 404
    assert (await client.get(URL, headers=navigator)).json()["items"] == []
    with_deleted = {"include_deleted": "true"}
    assert (await client.get(URL, params=with_deleted, headers=navigator)).status_code == 403
    assert (await client.get(place, params=with_deleted, headers=navigator)).status_code == 403
    seen = (await client.get(place, params=with_deleted, headers=officer)).json()
    assert (seen["status"], seen["deleted_at"] is not None) == ("active", True)
    assert len((await client.get(URL, params=with_deleted, headers=officer)).json()["items"]) == 1

    back = await client.post(URL, json=await a_body(session), headers=navigator)

    assert (back.status_code, back.json()["patient_id"]) == (200, made.json()["patient_id"])
    assert (back.json()["match"]["reactivated"], back.json()["deleted_at"]) == (True, None)
    assert (await client.get(place, headers=navigator)).status_code == 200
    reasons = await session.scalars(
        select(RowHistory.row).where(RowHistory.table_name == "patient").order_by(RowHistory.version)
    )
    assert [row["deleted_reason"] for row in reasons] == [None, "entered twice"]


async def test_patients_are_listed_by_status_condition_owner_name_and_time(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    colleague, _ = await a_colleague(session)
    dmd, gbm = await a_condition(session), await a_condition(session, "GBM")
    four: dict[str, dict[str, Any]] = {
        "Anna": {"medical_condition_id": dmd.medical_condition_id, "owner_id": colleague.user_account_id},
        "Bo": {"medical_condition_id": gbm.medical_condition_id, "status": "paused"},
        "Cas": {"medical_condition_id": gbm.medical_condition_id, "status": "inactive"},
        "Dirk": {"medical_condition_id": dmd.medical_condition_id, "status": "deceased"},
    }
    for name, values in four.items():
        await a_patient(session, await a_person(session, first_name=name, last_name="Smit"), **values)
    await session.commit()

    async def names(**filters: str) -> set[str]:
        answer = await client.get(URL, params=filters, headers=navigator)
        assert answer.status_code == 200, answer.text
        return {item["person"]["first_name"] for item in answer.json()["items"]}

    assert await names() == {"Anna", "Bo", "Cas", "Dirk"}
    assert await names(status="active") == {"Anna", "Bo"}
    assert await names(status="paused") == {"Bo"}
    assert await names(status="closed") == {"Dirk"}
    assert await names(medical_condition_id=str(gbm.medical_condition_id)) == {"Bo", "Cas"}
    assert await names(medical_condition_id=str(gbm.medical_condition_id), status="inactive") == {"Cas"}
    assert await names(owner_id=str(uuid4())) == set()
    assert await names(owner="nobody") == {"Bo", "Cas", "Dirk"}
    assert await names(owner="nobody", status="active", sort="name") == {"Bo"}
    assert await names(owner="nobody", q="smit") == {"Bo", "Cas", "Dirk"}
    assert await names(q="bo smi") == {"Bo"}
    assert await names(q="smit") == {"Anna", "Bo", "Cas", "Dirk"}
    assert await names(created_from="2020-01-01T00:00:00Z", created_to="2020-02-01T00:00:00Z") == set()
    shown = await session.scalars(
        select(func.cardinality(AuditEvent.person_ids))
        .where(AuditEvent.action == "list_patients")
        .order_by(AuditEvent.audit_event_id)
    )
    assert shown.first() == 4


async def test_pages_of_patients_follow_each_other(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    for _ in range(5):
        await a_patient(session)
    await session.commit()
    walked: list[str] = []
    params: dict[str, str] = {"limit": "2", "status": "active"}
    while True:
        page = (await client.get(URL, params=params, headers=navigator)).json()
        walked += [item["patient_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]

    assert len(walked) == len(set(walked)) == page["total"] == 5
    assert walked == sorted(walked, reverse=True)


async def test_who_sees_people_masked_may_not_search_them(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    auditor = await as_role("auditor")
    patient = await a_patient(session, await a_person(session, first_name=CANARY))
    await session.commit()

    seen = await client.get(f"{URL}/{patient.patient_id}", headers=auditor)
    listed = await client.get(URL, headers=auditor)
    searched = await client.get(URL, params={"q": CANARY}, headers=auditor)

    assert (seen.status_code, listed.status_code, searched.status_code) == (200, 200, 403)
    assert CANARY not in seen.text + listed.text + searched.text
    assert seen.json()["medical_condition_id"] is None
    assert seen.json()["status"] == "active"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"person": {"first_name": "Jan", "email": f"{CANARY}@"}}, "person.email", "email"),
        ({"person": {"first_name": None, "email": f"{CANARY}@"}}, "person.last_name", "name_needed"),
        ({"person": None}, "person", "model_attributes_type"),
        ({"status": CANARY}, "status", "literal_error"),
        ({"medical_condition_id": CANARY}, "medical_condition_id", "uuid"),
        ({"first_contact_date": "2026-03-02T00:00:00Z"}, "first_contact_date", "day"),
        ({"person_id": CANARY}, "person_id", "uuid"),
        ({CANARY: 1}, "*", "unknown_field"),
        ({"source": CANARY}, "source", "literal_error"),
    ],
)
async def test_bad_input_is_named_and_never_repeated(
    session: AsyncSession,
    client: httpx.AsyncClient,
    as_role: AsRole,
    values: dict[str, Any],
    field: str,
    code: str,
) -> None:
    answer = await client.post(URL, json=await a_body(session, **values), headers=await as_role("navigator"))

    assert answer.status_code == 422
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert CANARY not in answer.text


async def test_a_machine_registers_but_does_not_delete(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    machine = await as_role("integration")

    made = await client.post(URL, json=await a_body(session), headers=machine)

    assert made.status_code == 201
    assert (await client.delete(made.headers["location"], headers=machine)).status_code == 403
