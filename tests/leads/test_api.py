"""The entry point of the leads: opened for a person found or made, moved with reasons, reopened in time."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent, RowHistory
from app.leads.models import PatientLead
from app.people.models import ContactType, IntakeSubmission, Person, PersonContactType
from app.platform import clock
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/leads"
NOBODY = "00000000-0000-7000-8000-000000000000"
ANNA = {"first_name": "Anna", "last_name": "de Vries", "email": "anna@example.org", "phone": "+31 6 12345678"}


_number = count(1)


async def form(session: AsyncSession, **values: Any) -> dict[str, Any]:
    """A landing page's form, as it is sent."""
    condition = await builders.a_condition(session)
    asked = {
        "person": ANNA,
        "medical_condition_id": str(condition.medical_condition_id),
        "source": "landing_page",
        "landing_page_url": "https://example.org/dmd?utm_source=search",
        "consent_text_version": "2026-02",
        "language": "nl",
    }
    return {name: value for name, value in (asked | values).items() if value is not ...}


async def a_lead(client: httpx.AsyncClient, session: AsyncSession, headers: dict[str, str], **values: Any) -> str:
    """The address of a fresh lead, whose content no other one has."""
    unlike = {"landing_page_url": f"https://example.org/{next(_number)}"}
    made = await client.post(URL, json=await form(session, **unlike | values), headers=headers)
    assert made.status_code == 201, made.text
    return made.headers["location"]


async def roles_of(session: AsyncSession, person_id: str) -> list[tuple[str, bool]]:
    rows = await session.execute(
        select(ContactType.type_name, PersonContactType.valid_to.is_(None))
        .join(PersonContactType.contact_type)
        .where(PersonContactType.person_id == UUID(person_id))
        .order_by(PersonContactType.valid_from)
    )
    return [(name, current) for name, current in rows]


async def test_form_makes_a_person_a_lead_and_keeps_what_was_sent(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    sent, integration = await form(session), await as_role("integration")

    made = await client.post(URL, json=sent, headers=integration)

    assert made.status_code == 201, made.text
    lead = made.json()
    assert lead["match"]["outcome"] == "new_person"
    assert (lead["status"], lead["status_group"], lead["source"]) == ("new", "new", "landing_page")
    assert lead["person"]["email"] == "anna@example.org"
    assert lead["medical_condition"]["abbreviation"] == "DMD"
    read = await client.get(made.headers["location"], headers=integration)
    assert read.json() == {name: value for name, value in lead.items() if name != "match"}
    assert read.headers["etag"] == made.headers["etag"] == '"1"'
    kept = await session.get_one(IntakeSubmission, UUID(lead["intake_submission_id"]))
    assert kept.payload == sent
    assert (kept.source, kept.language, kept.consent_text_version) == ("landing_page", "nl", "2026-02")
    assert await roles_of(session, lead["person_id"]) == [("patient-lead", True)]


async def test_returning_person_gets_a_second_lead_and_nothing_is_overwritten(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    first = (await client.post(URL, json=await form(session), headers=navigator)).json()
    changed = ANNA | {"email": " ANNA@Example.org ", "phone": "+31 6 87654321"}

    second = (await client.post(URL, json=await form(session, person=changed), headers=navigator)).json()

    assert second["lead_id"] != first["lead_id"]
    assert second["person_id"] == first["person_id"]
    assert second["match"]["outcome"] == "existing_person"
    suggested = [(change["field"], change["ours"], change["theirs"]) for change in second["match"]["suggested_changes"]]
    assert suggested == [("phone", "+31 6 12345678", "+31 6 87654321")]
    assert second["person"]["phone"] == "+31 6 12345678"
    submissions = await session.scalars(
        select(IntakeSubmission.payload).where(IntakeSubmission.person_id == UUID(first["person_id"]))
    )
    assert sorted(payload["person"]["phone"] for payload in submissions) == ["+31 6 12345678", "+31 6 87654321"]
    assert await roles_of(session, first["person_id"]) == [("patient-lead", True)]


async def test_known_person_gets_a_lead_by_id(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    person = await builders.a_person(session)
    await session.commit()
    sent = await form(session, person=..., person_id=str(person.person_id), language="de")

    made = await client.post(URL, json=sent, headers=await as_role("navigator"))

    assert made.status_code == 201, made.text
    assert made.json()["person_id"] == str(person.person_id)
    assert made.json()["match"]["outcome"] == "existing_person"
    kept = await session.get_one(IntakeSubmission, UUID(made.json()["intake_submission_id"]))
    assert kept.language == "de"


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"medical_condition_id": ...}, "medical_condition_id", "missing"),
        ({"medical_condition_id": NOBODY}, "medical_condition_id", "unknown_reference"),
        ({"owner_id": NOBODY}, "owner_id", "unknown_reference"),
        ({"person": ..., "person_id": NOBODY}, "person_id", "unknown_reference"),
        ({"landing_page_url": "javascript:alert(1)"}, "landing_page_url", "string_pattern_mismatch"),
        ({"landing_page_url": "https://"}, "landing_page_url", "string_pattern_mismatch"),
        ({"source": "rumour"}, "source", "literal_error"),
        ({"status": "converted"}, "status", "literal_error"),
        ({"person": {"email": "anna@example.org"}}, "person.last_name", "name_needed"),
        ({"person": ...}, "person", "missing"),
    ],
)
async def test_refused_lead_names_the_field_and_stores_nothing(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, said: dict[str, Any], field: str, code: str
) -> None:
    answer = await client.post(URL, json=await form(session, **said), headers=await as_role("navigator"))

    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert list(await session.scalars(select(PatientLead.lead_id))) == []
    assert list(await session.scalars(select(Person.person_id).where(Person.email_key == "anna@example.org"))) == []


async def test_address_of_somebody_else_is_refused(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    await a_lead(client, session, navigator)
    brother = ANNA | {"first_name": "Pieter", "last_name": "Smit"}

    refused = await client.post(URL, json=await form(session, person=brother), headers=navigator)
    shared = await client.post(URL, json=await form(session, person=brother, shared_email=True), headers=navigator)

    assert (refused.status_code, refused.json()["code"]) == (409, "email_belongs_to_someone_else")
    assert shared.json()["match"]["outcome"] == "shared_email_person"
    assert shared.json()["person"]["email"] is None


async def test_lead_goes_its_way_and_every_step_stays(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    place = await a_lead(client, session, navigator)
    wake_up = (clock.today() + timedelta(days=14)).isoformat()
    steps: list[dict[str, Any]] = [
        {"to": "contacting"},
        {"to": "nurture", "wake_up_on": wake_up, "reason": "Waits for the scan."},
        {"to": "call_booked"},
        {"to": "lost", "reason_code": "outside_service_country"},
        {"to": "contacting"},
    ]

    states = [(await client.post(f"{place}/transitions", json=step, headers=navigator)).json() for step in steps]

    assert [state["status"] for state in states] == [
        "contacting",
        "nurture",
        "call_booked",
        "disqualified",
        "contacting",
    ]
    assert [state["wake_up_on"] for state in states] == [None, wake_up, None, None, None]
    assert states[3]["status_group"] == "lost"
    assert states[3]["closed_at"] is not None
    assert (states[4]["closed_at"], states[4]["reason_code"]) == (None, None)
    events = (await client.get(f"{place}/events", headers=navigator)).json()["items"]
    assert [(event["from_status"], event["to_status"], event["via"], event["reason_code"]) for event in events] == [
        (None, "new", "opened", None),
        ("new", "contacting", "transition", None),
        ("contacting", "nurture", "transition", None),
        ("nurture", "call_booked", "transition", None),
        ("call_booked", "disqualified", "transition", "outside_service_country"),
        ("disqualified", "contacting", "transition", None),
    ]


async def test_illegal_move_is_answered_with_those_allowed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    place = await a_lead(client, session, navigator)

    illegal = await client.post(f"{place}/transitions", json={"to": "qualified"}, headers=navigator)
    converting = await client.post(f"{place}/transitions", json={"to": "converted"}, headers=navigator)
    no_reason = await client.post(f"{place}/transitions", json={"to": "lost"}, headers=navigator)

    assert (illegal.status_code, illegal.json()["code"]) == (409, "transition_not_allowed")
    assert illegal.json()["allowed"][:2] == ["contacting", "call_booked"]
    assert converting.status_code == no_reason.status_code == 422
    assert [error["code"] for error in no_reason.json()["errors"]] == ["reason_needed"]


async def test_lead_closed_more_than_thirty_days_ago_is_not_reopened(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    closed_at = clock.now() - timedelta(days=31)
    lead = await builders.a_lead(session, status="unreachable", closed_at=closed_at)
    await session.commit()

    answer = await client.post(
        f"{URL}/{lead.lead_id}/transitions", json={"to": "contacting"}, headers=await as_role("navigator")
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "reopen_too_late")


async def test_duplicate_points_to_the_person(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator, original = await as_role("navigator"), await builders.a_person(session)
    await session.commit()
    place = await a_lead(client, session, navigator)

    nobody = {"to": "duplicate", "duplicate_of_person_id": NOBODY}
    refused = await client.post(f"{place}/transitions", json=nobody, headers=navigator)
    somebody = {"to": "duplicate", "duplicate_of_person_id": str(original.person_id)}
    moved = await client.post(f"{place}/transitions", json=somebody, headers=navigator)

    assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [
        ("duplicate_of_person_id", "unknown_reference")
    ]
    assert (moved.json()["status"], moved.json()["duplicate_of_person_id"]) == ("duplicate", str(original.person_id))


async def test_role_patient_lead_lasts_while_a_lead_is_open(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    first, second = await a_lead(client, session, navigator), await a_lead(client, session, navigator)
    person_id = (await client.get(first, headers=navigator)).json()["person_id"]

    await client.post(f"{first}/transitions", json={"to": "withdrawn"}, headers=navigator)
    assert await roles_of(session, person_id) == [("patient-lead", True)]
    await client.post(f"{second}/transitions", json={"to": "unreachable"}, headers=navigator)
    assert await roles_of(session, person_id) == [("patient-lead", False)]
    await client.post(f"{second}/transitions", json={"to": "contacting"}, headers=navigator)
    assert await roles_of(session, person_id) == [("patient-lead", False), ("patient-lead", True)]


async def test_put_changes_the_fields_given_and_keeps_the_earlier_version(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    account, navigator = await builders.a_colleague(session)
    other = await builders.a_condition(session, "GBM")
    place = await a_lead(client, session, navigator)
    tag = {"If-Match": '"1"'}

    change = {"owner_id": str(account.user_account_id), "medical_condition_id": str(other.medical_condition_id)}
    changed = await client.put(place, json=change, headers=navigator | tag)
    stale = await client.put(place, json={"owner_id": None}, headers=navigator | tag)
    stale_move = await client.post(f"{place}/transitions", json={"to": "contacting"}, headers=navigator | tag)
    nothing = await client.put(place, json={}, headers=navigator)
    moved = await client.put(place, json={"status": "lost", "reason": "Moved away."}, headers=navigator)
    same = await client.put(place, json={"status": "disqualified"}, headers=navigator)

    assert changed.json()["medical_condition"]["abbreviation"] == "GBM"
    assert changed.json()["version"] == 2
    assert stale.status_code == stale_move.status_code == 412
    assert nothing.headers["etag"] == changed.headers["etag"]
    assert (moved.json()["status"], moved.json()["reason_code"]) == ("disqualified", "other")
    assert same.json()["version"] == moved.json()["version"]
    history = await session.scalars(
        select(RowHistory.row)
        .where(RowHistory.record_id == UUID(changed.json()["lead_id"]))
        .order_by(RowHistory.version)
    )
    assert [row["status"] for row in history] == ["new", "new"]


async def test_put_without_a_status_corrects_only_what_the_status_holds(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    place = await a_lead(client, session, navigator)
    day, later = ((clock.today() + timedelta(days=days)).isoformat() for days in (3, 9))

    too_early = await client.put(place, json={"wake_up_on": day}, headers=navigator)
    await client.post(f"{place}/transitions", json={"to": "nurture", "wake_up_on": day}, headers=navigator)
    moved = await client.put(place, json={"wake_up_on": later}, headers=navigator)
    cleared = await client.put(place, json={"wake_up_on": None}, headers=navigator)

    assert [error["code"] for error in too_early.json()["errors"]] == ["not_of_this_status"]
    assert moved.json()["wake_up_on"] == later
    assert [error["code"] for error in cleared.json()["errors"]] == ["missing"]


async def test_list_is_filtered(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    account, headers = await builders.a_colleague(session)
    gbm = await builders.a_condition(session, "GBM")
    day = timedelta(days=1)
    now = clock.now()
    zara = await builders.a_person(session, first_name="Zara", last_name="Okonkwo-Lindqvist")
    leads = {
        "old": await builders.a_lead(session, created_at=now - 9 * day, status="contacting"),
        "nurtured": await builders.a_lead(session, created_at=now - 5 * day, status="nurture", wake_up_on=now.date()),
        "lost": await builders.a_lead(
            session, created_at=now - 4 * day, status="withdrawn", closed_at=now, source="phone"
        ),
        "new": await builders.a_lead(
            session,
            zara,
            created_at=now - 1 * day,
            medical_condition_id=gbm.medical_condition_id,
            owner_id=account.user_account_id,
        ),
    }
    await session.commit()
    names = {str(lead.lead_id): name for name, lead in leads.items()}

    async def found(**params: str) -> list[str]:
        answer = await client.get(URL, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return [names[item["lead_id"]] for item in answer.json()["items"]]

    assert await found() == ["new", "lost", "nurtured", "old"]
    assert await found(status="new") == ["new"]
    assert await found(status="open") == ["nurtured", "old"]
    assert await found(status="nurture") == ["nurtured"]
    assert await found(status="lost") == ["lost"]
    assert await found(medical_condition_id=str(gbm.medical_condition_id)) == ["new"]
    assert await found(owner_id=str(account.user_account_id)) == ["new"]
    assert await found(owner="nobody") == ["lost", "nurtured", "old"]
    assert await found(owner="nobody", status="open") == ["nurtured", "old"]
    assert await found(owner="nobody", q="okonkwo") == []
    assert await found(owner_id=str(account.user_account_id), q="okonkwo") == ["new"]
    assert await found(source="phone") == ["lost"]
    assert await found(person_id=str(zara.person_id)) == ["new"]
    assert await found(q="okonkwo") == ["new"]
    assert await found(q="%") == []
    assert await found(created_from=(now - 5 * day).isoformat(), created_to=(now - 4 * day).isoformat()) == ["nurtured"]


async def test_pages_follow_each_other(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    made = {str((await builders.a_lead(session)).lead_id) for _ in range(5)}
    await session.commit()
    navigator = await as_role("navigator")
    first = (await client.get(URL, params={"limit": 3}, headers=navigator)).json()
    rest = (await client.get(URL, params={"limit": 3, "cursor": first["next_cursor"]}, headers=navigator)).json()
    assert (first["total"], rest["next_cursor"]) == (5, None)
    assert {item["lead_id"] for item in first["items"] + rest["items"]} == made


async def test_reading_and_writing_are_on_record_with_the_person(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    account, navigator = await builders.a_colleague(session)
    place = await a_lead(client, session, navigator)
    lead = (await client.get(place, headers=navigator)).json()
    await client.put(place, json={"owner_id": None}, headers=navigator)
    await client.post(f"{place}/transitions", json={"to": "contacting"}, headers=navigator)
    await client.get(f"{place}/events", headers=navigator)
    await client.get(URL, headers=navigator)

    query = select(AuditEvent).where(AuditEvent.actor_id == account.user_account_id).order_by(AuditEvent.audit_event_id)
    events = list(await session.scalars(query))

    assert [event.action for event in events] == [
        "create_lead",
        "get_lead",
        "update_lead",
        "move_lead",
        "list_lead_events",
        "list_leads",
    ]
    assert {event.record_type for event in events} == {"patient_lead"}
    assert [event.record_id for event in events] == [UUID(lead["lead_id"])] * 5 + [None]
    assert all(event.person_ids == [UUID(lead["person_id"])] for event in events)


async def test_auditor_sees_neither_who_nor_what_for(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    place = await a_lead(client, session, await as_role("navigator"))
    seen = (await client.get(place, headers=await as_role("auditor"))).json()
    assert seen["person"]["last_name"] == "•••"
    assert seen["medical_condition_id"] is None
    assert seen["medical_condition"]["name"] == "•••"
    assert seen["status"] == "new"


async def test_auditor_may_not_write_and_admin_may_not_read(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    assert (await client.post(URL, json=await form(session), headers=await as_role("auditor"))).status_code == 403
    assert (await client.get(URL, headers=await as_role("admin"))).status_code == 403


async def test_lead_repeats_another_one_of_its_person_but_not_itself(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    first = await builders.a_lead(session)
    person = await session.get_one(Person, first.person_id)
    await session.commit()
    own = {"to": "duplicate", "duplicate_of_person_id": str(person.person_id)}

    async def close(lead: PatientLead, by_put: dict[str, str] | None = None) -> httpx.Response:
        if by_put is not None:
            return await client.put(f"{URL}/{lead.lead_id}", json=by_put, headers=navigator)
        return await client.post(f"{URL}/{lead.lead_id}/transitions", json=own, headers=navigator)

    alone = await close(first)
    second = await builders.a_lead(session, person)
    await session.commit()
    repeated = await close(second)
    last = await close(first)
    other = await builders.a_person(session)
    elsewhere = await builders.a_lead(session, other, status="duplicate", duplicate_of_person_id=person.person_id)
    await session.commit()
    corrected = await close(elsewhere, {"duplicate_of_person_id": str(other.person_id)})

    for refused in (alone, last, corrected):
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [
            ("duplicate_of_person_id", "duplicate_of_itself")
        ]
    assert (repeated.status_code, repeated.json()["status"]) == (200, "duplicate")
