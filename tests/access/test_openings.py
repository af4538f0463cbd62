"""Break-glass, single reveals, and the caseload: what opens, for whom, how long, and what stays on record."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.openings.models import AccessOpening
from app.access.openings.service import remind_of_reviews
from app.access.policy import Role, roles_allowing
from app.access.service import command_actor, create_service_key, rotate_api_key
from app.audit.models import AuditEvent
from app.platform import clock
from app.platform.errors import Conflict, Invalid
from app.platform.mail import OutgoingMail
from tests.builders import a_colleague, a_patient, a_person
from tests.canaries import H, P, World, a_world
from tests.conftest import AsRole

REASON = "The ward cannot reach the family; I am on call."


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


async def _break(client: httpx.AsyncClient, headers: dict[str, str], person_id: UUID) -> dict[str, Any]:
    answer = await client.post(
        "/api/v1/break-glass", json={"person_id": str(person_id), "reason": REASON}, headers=headers
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _purposes(session: AsyncSession, action: str) -> list[str | None]:
    found = await session.scalars(
        select(AuditEvent.purpose).where(AuditEvent.action == action).order_by(AuditEvent.audit_event_id)
    )
    return list(found)


@pytest.mark.parametrize("role", roles_allowing("break_glass.use"))
async def test_broken_glass_opens_one_person_everywhere_and_nobody_else(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World, role: str
) -> None:
    headers = await as_role(role, by_name=True)
    other = await a_patient(session, await a_person(session, last_name=f"{P}Stranger"))
    await session.commit()
    await _break(client, headers, world.person_id)

    mine = (await client.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=headers)).json()
    assert mine["person"]["last_name"].startswith(P)
    assert mine["medical_condition"]["name"].startswith(H)
    listed = (await client.get("/api/v1/patients", headers=headers)).json()["items"]
    names = {item["patient_id"]: item["person"]["last_name"] for item in listed}
    assert names[str(world.ids["patient_id"])].startswith(P)
    assert names[str(other.patient_id)] == HIDDEN
    person = (await client.get(f"/api/v1/persons/{world.person_id}", headers=headers)).json()
    assert (person["last_name"][: len(P)], person["date_of_birth"]) == (P, "1931-07-13")
    stranger = (await client.get(f"/api/v1/persons/{other.person_id}", headers=headers)).json()
    assert stranger["last_name"] == HIDDEN
    timeline = await client.get(f"/api/v1/patients/{world.ids['patient_id']}/timeline", headers=headers)
    history = await client.get(f"/api/v1/call-history/{world.ids['call_id']}/history", headers=headers)
    events = await client.get(f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}/events", headers=headers)
    assert all(H in answer.text for answer in (timeline, history, events))

    assert await _purposes(session, "get_patient") == ["break_glass"]
    await client.get(f"/api/v1/patients/{other.patient_id}", headers=headers)
    assert await _purposes(session, "get_patient") == ["break_glass", None]


async def test_a_key_that_is_not_made_for_it_breaks_no_glass(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    """Everything else its role may do it does: the page asks the person for a fresh proof, a key is no person."""
    headers, asked = await as_role("auditor"), {"person_id": str(world.person_id), "reason": REASON}
    refused = await client.post("/api/v1/break-glass", json=asked, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_needed")
    assert await session.scalar(select(func.count()).where(AccessOpening.reason == REASON)) == 0
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "open_break_glass"))).one()
    assert (event.outcome, event.code) == ("refused", "scope_needed")
    assert (await client.get(f"/api/v1/persons/{world.person_id}", headers=headers)).status_code == 200
    stranger = await as_role("navigator")
    refused = await client.post("/api/v1/break-glass", json=asked, headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("good_for", [None, timedelta(hours=25), timedelta(days=90)])
async def test_a_key_that_breaks_the_glass_lives_for_a_day_at_most(
    session: AsyncSession, good_for: timedelta | None
) -> None:
    ends = None if good_for is None else clock.now() + good_for
    with pytest.raises(Invalid) as refused:
        await create_service_key(
            session, command_actor(), role=Role.AUDITOR, name="night", scopes=["break_glass.use"], expires_at=ends
        )
    assert [(field.field, field.code) for field in refused.value.fields] == [("expires_at", "too_long")]


async def test_a_key_that_breaks_the_glass_is_made_anew_and_not_rotated(session: AsyncSession) -> None:
    ends = clock.now() + timedelta(hours=12)
    scopes = ["break_glass.use", "person.read"]
    await create_service_key(session, command_actor(), role=Role.AUDITOR, name="night", scopes=scopes, expires_at=ends)
    key = (await session.scalars(select(ApiKey).where(ApiKey.name == "night"))).one()
    with pytest.raises(Conflict) as refused:
        await rotate_api_key(
            session, command_actor(), api_key_id=key.api_key_id, overlap=timedelta(days=1), now=clock.now()
        )
    assert refused.value.error_code == "made_anew"


async def test_programme_manager_sees_names_of_the_opened_person_in_their_journeys(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    headers = await as_role("programme_manager", by_name=True)
    url = f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}"
    assert (await client.get(url, headers=headers)).json()["patient"]["person"]["last_name"] == HIDDEN
    await _break(client, headers, world.person_id)
    assert (await client.get(url, headers=headers)).json()["patient"]["person"]["last_name"].startswith(P)


async def test_programme_manager_reads_people_masked_in_health_too_and_journeys_with_it(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    headers = await as_role("programme_manager")
    patient = (await client.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=headers)).json()
    assert (patient["person"]["last_name"], patient["medical_condition"]["name"]) == (HIDDEN, HIDDEN)
    call = (await client.get(f"/api/v1/call-history/{world.ids['call_id']}", headers=headers)).json()
    assert (call["notes"], call["outcome"]) == (HIDDEN, HIDDEN)
    journey = (await client.get(f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}", headers=headers)).json()
    assert journey["eap_number"].startswith(H)


@pytest.mark.parametrize("how", ["ended", "expired", "another account"])
async def test_the_glass_is_whole_again(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World, how: str
) -> None:
    headers = await as_role("auditor", by_name=True)
    opening = await _break(client, headers, world.person_id)
    if how == "ended":
        ended = await client.post(f"/api/v1/break-glass/{opening['access_opening_id']}/end", headers=headers)
        assert ended.json()["ended_at"] is not None
    elif how == "expired":
        earlier = clock.now() - timedelta(hours=2)
        await session.execute(update(AccessOpening).values(created_at=earlier, expires_at=earlier + timedelta(hours=1)))
        await session.commit()
    else:
        headers = await as_role("auditor")
    answer = await client.get(f"/api/v1/persons/{world.person_id}", headers=headers)
    assert answer.json()["last_name"] == HIDDEN


async def test_break_glass_is_for_masked_roles_with_a_reason_and_for_people_there_are(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    url, person = "/api/v1/break-glass", str(world.person_id)
    for role in ("navigator", "data_steward", "admin", "integration"):
        refused = await client.post(url, json={"person_id": person, "reason": REASON}, headers=await as_role(role))
        assert refused.status_code == 403, role
    auditor = await as_role("auditor", by_name=True)
    for body in ({"person_id": person}, {"person_id": person, "reason": "  "}):
        assert (await client.post(url, json=body, headers=auditor)).status_code == 422
    unknown = await client.post(url, json={"person_id": str(uuid4()), "reason": REASON}, headers=auditor)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "person_not_found")


async def test_privacy_officers_are_told_at_once_without_a_name(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    officer, _ = await a_colleague(session, "privacy_officer")
    await session.execute(
        update(UserAccount)
        .where(UserAccount.user_account_id == officer.user_account_id)
        .values(email="officer@example.org", email_key="officer@example.org")
    )
    await session.commit()
    await _break(client, await as_role("auditor", by_name=True), world.person_id)
    mails = list(await session.scalars(select(OutgoingMail)))
    assert [mail.to_address for mail in mails] == ["officer@example.org"]
    assert P not in f"{mails[0].subject} {mails[0].body}"
    assert REASON not in (mails[0].body or "")


async def _officer(session: AsyncSession, address: str) -> UserAccount:
    officer, _ = await a_colleague(session, "privacy_officer")
    officer.email = officer.email_key = address
    await session.commit()
    return officer


async def _opened(session: AsyncSession, account: UserAccount, person_id: UUID, ago: timedelta) -> AccessOpening:
    began = clock.now() - ago
    opening = AccessOpening(
        kind="break_glass",
        created_at=began,
        user_account_id=account.user_account_id,
        person_id=person_id,
        reason=REASON,
        expires_at=began + timedelta(hours=1),
    )
    session.add(opening)
    await session.commit()
    return opening


async def _remind(session: AsyncSession) -> tuple[int, list[OutgoingMail]]:
    """The number of accesses that officers were reminded of, and the mails."""
    count = await remind_of_reviews(session, now=clock.now())
    await session.commit()
    mails = await session.scalars(select(OutgoingMail).order_by(OutgoingMail.to_address))
    return count, list(mails)


async def test_privacy_officers_are_reminded_once_of_what_was_not_reviewed_in_72_hours(
    session: AsyncSession, world: World
) -> None:
    officer, auditor = await _officer(session, "officer@example.org"), (await a_colleague(session, "auditor"))[0]
    for ago in (timedelta(hours=71), timedelta(hours=73), timedelta(days=9)):
        await _opened(session, auditor, world.person_id, ago)
    reviewed = await _opened(session, auditor, world.person_id, timedelta(hours=80))
    reviewed.reviewed_at, reviewed.reviewed_by, reviewed.verdict = clock.now(), officer.user_account_id, "justified"
    await session.commit()

    count, mails = await _remind(session)

    assert count == 2
    assert [mail.to_address for mail in mails] == ["officer@example.org"]
    assert "2 accesses" in (mails[0].body or "")
    assert P not in f"{mails[0].subject} {mails[0].body}"
    assert REASON not in (mails[0].body or "")
    again, mails = await _remind(session)
    assert (again, len(mails)) == (0, 1)


async def test_nobody_is_reminded_of_their_own_access_and_one_without_a_reader_waits(
    session: AsyncSession, world: World
) -> None:
    me = await _officer(session, "me@example.org")
    await _opened(session, me, world.person_id, timedelta(hours=73))
    assert await _remind(session) == (0, [])
    await _officer(session, "other@example.org")
    count, mails = await _remind(session)
    assert (count, [mail.to_address for mail in mails]) == (1, ["other@example.org"])
    assert "1 access " in (mails[0].body or "")


async def test_an_access_is_reviewed_once_by_somebody_else(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    officer, other = await as_role("privacy_officer", by_name=True), await as_role("privacy_officer")
    opening = await _break(client, officer, world.person_id)
    review = f"/api/v1/break-glass/{opening['access_opening_id']}/review"
    verdict = {"verdict": "justified", "note": "Agreed with the ward."}

    async def waiting() -> list[str]:
        answer = await client.get("/api/v1/break-glass", params={"reviewed": "false"}, headers=other)
        return [item["access_opening_id"] for item in answer.json()["items"]]

    assert opening["access_opening_id"] in await waiting()
    own = await client.post(review, json=verdict, headers=officer)
    assert (own.status_code, own.json()["code"]) == (403, "own_access")
    assert (await client.post(review, json=verdict, headers=await as_role("auditor"))).status_code == 403
    done = await client.post(review, json=verdict, headers=other)
    assert done.json()["verdict"] == "justified"
    again = await client.post(review, json=verdict, headers=other)
    assert (again.status_code, again.json()["code"]) == (409, "already_reviewed")
    assert opening["access_opening_id"] not in await waiting()


async def test_database_lets_nobody_review_their_own(session: AsyncSession, world: World) -> None:
    with pytest.raises(Exception, match="nobody_reviews_their_own"):
        await session.execute(
            update(AccessOpening).values(
                reviewed_by=AccessOpening.user_account_id, reviewed_at=clock.now(), verdict="justified"
            )
        )


async def test_a_reveal_gives_the_values_once_with_one_event_that_names_the_fields(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World
) -> None:
    headers = await as_role("auditor")
    asked = {
        "record_type": "call_history",
        "record_id": str(world.ids["call_id"]),
        "fields": ["notes", "person.last_name"],
        "reason": REASON,
    }
    answer = await client.post("/api/v1/reveals", json=asked, headers=headers)
    assert answer.json()["values"] == {"notes": f"{H} notes new", "person.last_name": f"{P}LastNew"}

    events = list(await session.scalars(select(AuditEvent).where(AuditEvent.action == "reveal_fields")))
    assert [(e.purpose, e.record_id, e.person_ids, e.field_names) for e in events] == [
        ("reveal", world.ids["call_id"], [world.person_id], ["notes", "person.last_name"])
    ]
    still = await client.get(f"/api/v1/call-history/{world.ids['call_id']}", headers=headers)
    assert still.json()["notes"] == HIDDEN


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"record_type": "nothing"}, 422),
        ({"fields": ["nothing"]}, 422),
        ({"fields": []}, 422),
        ({"fields": ["person.last_name.more"]}, 422),
        ({"fields": ["__class__"]}, 422),
        ({"reason": ""}, 422),
        ({"record_id": str(uuid4())}, 404),
        ({"record_type": "medical_condition"}, 404),
    ],
)
async def test_reveals_that_cannot_be_meant_are_refused(
    client: httpx.AsyncClient, as_role: AsRole, world: World, change: dict[str, Any], status: int
) -> None:
    asked = {
        "record_type": "person",
        "record_id": str(world.person_id),
        "fields": ["last_name"],
        "reason": REASON,
    } | change
    answer = await client.post("/api/v1/reveals", json=asked, headers=await as_role("privacy_officer"))
    assert answer.status_code == status, answer.text
    assert P not in answer.text


@pytest.mark.parametrize(
    ("record", "group"),
    [("call_history", "person"), ("call_history", "pn"), ("patient", "medical_condition"), ("eap_journey", "patient")],
)
async def test_a_reveal_names_single_fields_not_groups_of_them(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World, record: str, group: str
) -> None:
    key = {"call_history": "call_id"}.get(record, f"{record}_id")
    asked = {"record_type": record, "record_id": str(world.ids[key]), "fields": ["created_at", group], "reason": REASON}
    answer = await client.post("/api/v1/reveals", json=asked, headers=await as_role("auditor"))
    assert answer.status_code == 422
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("fields.1", "not_a_single_field")]
    assert await session.scalar(select(func.count()).where(AccessOpening.kind == "reveal")) == 0


async def test_a_field_of_a_part_that_is_not_there_is_revealed_as_nothing(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    call_id = str(world.ids["call_id"])
    asked = {"record_type": "call_history", "record_id": call_id, "fields": ["pn.last_name"], "reason": REASON}
    answer = await client.post("/api/v1/reveals", json=asked, headers=await as_role("auditor"))
    assert (answer.status_code, answer.json().get("values")) == (200, {"pn.last_name": None})


async def test_a_key_reveals_only_in_records_it_may_read(
    client: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    asked = {"record_type": "person", "record_id": str(world.person_id), "fields": ["last_name"], "reason": REASON}
    key = await create_service_key(session, command_actor(), role=Role.AUDITOR, name="narrow", scopes=["reveal.use"])
    await session.commit()
    answer = await client.post("/api/v1/reveals", json=asked, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 404


async def _own(session: AsyncSession, world: World, account: UserAccount) -> None:
    for table in ("patient", "patient_lead"):
        await session.execute(
            text(f"UPDATE {table} SET owner_id = :owner WHERE person_id = :person"),
            {"owner": account.user_account_id, "person": world.person_id},
        )
    await session.commit()


async def test_outside_the_caseload_one_sees_who_it_is_but_not_the_case(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    _, headers = await a_colleague(session)
    await _own(session, world, owner)

    patient = (await assigned.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=headers)).json()
    assert patient["person"]["last_name"].startswith(P)
    assert patient["medical_condition"]["name"].startswith(H)
    assert patient["owner_id"] == str(owner.user_account_id)
    calls = (await assigned.get(f"/api/v1/patients/{world.ids['patient_id']}/calls", headers=headers)).json()["items"]
    assert [(c["notes"], c["outcome"], c["status"]) for c in calls] == [(HIDDEN, HIDDEN, "completed")]
    closed = {
        f"/api/v1/call-history/{world.ids['call_id']}",
        f"/api/v1/call-history/{world.ids['call_id']}/history",
        f"/api/v1/clinical-trial-journeys/{world.ids['ct_journey_id']}",
        f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}",
    }
    for url in closed:
        answer = await assigned.get(url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "access_reason_needed"), url
        assert answer.json()["header"] == "X-Access-Reason"
    changed = await assigned.put(
        f"/api/v1/call-history/{world.ids['call_id']}", json={"no_show": False}, headers=headers
    )
    assert changed.json()["code"] == "access_reason_needed"


@pytest.mark.parametrize("second", ["auditor", "programme_manager"])
async def test_a_second_role_that_sees_people_masked_opens_no_case_outside_the_caseload(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, second: str
) -> None:
    owner, _ = await a_colleague(session)
    me, headers = await a_colleague(session)
    session.add(RoleGrant(user_account_id=me.user_account_id, role=second))
    await _own(session, world, owner)
    answer = await assigned.get(f"/api/v1/call-history/{world.ids['call_id']}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "access_reason_needed")


async def test_a_stated_reason_opens_the_case_for_an_hour_and_is_on_record(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    me, headers = await a_colleague(session)
    await _own(session, world, owner)
    url = f"/api/v1/call-history/{world.ids['call_id']}"

    stated = await assigned.get(url, headers=headers | {"X-Access-Reason": "caf%C3%A9: she calls me back"})
    assert stated.json()["notes"].startswith(H)
    again = await assigned.get(url, headers=headers)
    assert again.json()["notes"].startswith(H)

    (opening,) = await session.scalars(select(AccessOpening).where(AccessOpening.kind == "outside_caseload"))
    assert (opening.reason, opening.user_account_id, opening.person_id) == (
        "café: she calls me back",
        me.user_account_id,
        world.person_id,
    )
    assert await _purposes(session, "get_call") == ["outside_caseload", "outside_caseload"]
    await session.execute(update(AccessOpening).values(ended_at=clock.now()))
    await session.commit()
    assert (await assigned.get(url, headers=headers)).status_code == 403


@pytest.mark.parametrize("case", ["mine", "nobody's", "another role"])
async def test_ones_own_people_the_common_queue_and_other_roles_need_no_reason(
    assigned: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, world: World, case: str
) -> None:
    me, headers = await a_colleague(session)
    if case == "mine":
        await _own(session, world, me)
    elif case == "another role":
        other, _ = await a_colleague(session)
        await _own(session, world, other)
        headers = await as_role("data_steward")
    answer = await assigned.get(f"/api/v1/call-history/{world.ids['call_id']}", headers=headers)
    assert answer.json()["notes"].startswith(H)


async def test_anyone_who_picks_up_logs_the_call_without_a_reason(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    _, headers = await a_colleague(session)
    await _own(session, world, owner)
    logged = {"patient_id": str(world.ids["patient_id"]), "call_date": "2026-11-20T10:00:00Z", "notes": "She called."}
    answer = await assigned.post("/api/v1/call-history", json=logged, headers=headers)
    assert (answer.status_code, answer.json()["notes"]) == (201, "She called.")


@pytest.mark.parametrize("reason", ["", "   ", "a%00b", "%ff", "x" * 501])
async def test_a_reason_that_is_no_line_of_text_is_refused(
    client: httpx.AsyncClient, as_role: AsRole, world: World, reason: str
) -> None:
    for header in ("X-Access-Reason", "X-Change-Reason"):
        answer = await client.put(
            f"/api/v1/persons/{world.person_id}",
            json={"phone": "1"},
            headers=await as_role("navigator") | {header: reason},
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == header


async def test_the_reason_of_a_change_stands_in_its_history(
    client: httpx.AsyncClient, as_role: AsRole, world: World
) -> None:
    headers, url = await as_role("navigator"), f"/api/v1/persons/{world.person_id}"
    await client.put(url, json={"phone": "+31 20 1"}, headers=headers | {"X-Change-Reason": "she moved"})
    await client.put(url, json={"phone": "+31 20 2"}, headers=headers | {"X-Change-Reason": "misheard"})
    newest, older = (await client.get(f"{url}/history", params={"limit": 2}, headers=headers)).json()["items"]
    assert (newest["reason"], older["reason"]) == ("misheard", "she moved")
    assert older["changed_by_name"] == "Test navigator"
    assert {"field": "phone", "before": "+31 6 1234567", "after": "+31 20 1"} in older["changes"]
    then = (await client.get(f"{url}/history", params={"as_of": older["valid_from"]}, headers=headers)).json()
    assert [item["version"] for item in then["items"]] == [older["version"]]
    assert then["items"][0]["values"]["phone"] == "+31 20 1"
    before = await client.get(f"{url}/history", params={"as_of": "2001-01-01T00:00:00Z"}, headers=headers)
    assert (before.status_code, before.json()["code"]) == (404, "not_there_yet")
