"""The entry point of the calls: every booking and call is kept, corrected with its past, voided and not lost."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent, RowHistory
from app.calls.models import CallHistory
from app.platform import clock
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/call-history"
NOBODY = "00000000-0000-7000-8000-000000000000"


def at(**ago: float) -> str:
    return (clock.now() - timedelta(**ago)).isoformat()


async def patient_id(session: AsyncSession, **values: Any) -> str:
    patient = await builders.a_patient(session, **values)
    await session.commit()
    return str(patient.patient_id)


async def history(session: AsyncSession, call_id: str) -> list[dict[str, Any]]:
    rows = await session.scalars(
        select(RowHistory.row).where(RowHistory.record_id == UUID(call_id)).order_by(RowHistory.version)
    )
    return list(rows)


async def test_every_post_is_a_call_of_its_own_and_the_patient_shows_them_newest_first(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator, patient = await as_role("navigator"), await patient_id(session)
    booked = {"patient_id": patient, "booking_date": at(days=1)}

    first = await client.post(URL, json=booked, headers=navigator)
    second = await client.post(URL, json=booked | {"call_date": at(hours=1), "outcome": "reached"}, headers=navigator)

    assert first.status_code == second.status_code == 201, first.text + second.text
    assert first.json()["call_id"] != second.json()["call_id"]
    assert first.headers["location"] == f"{URL}/{first.json()['call_id']}"
    listed = (await client.get(f"/api/v1/patients/{patient}/calls", headers=navigator)).json()
    # What is said of a booking is said once, to who makes it.
    assert [{**one, "warnings": []} for one in listed["items"]] == [second.json(), first.json()]
    assert listed["total"] == 2
    read = (await client.get(first.headers["location"], headers=navigator)).json()
    assert {**read, "warnings": []} == first.json()


async def test_what_is_not_said_is_filled_in(client: httpx.AsyncClient, session: AsyncSession) -> None:
    patient = await patient_id(session)
    account, navigator = await builders.a_colleague(session)

    made = (await client.post(URL, json={"patient_id": patient, "call_date": at(hours=1)}, headers=navigator)).json()

    expected = {
        "status": "scheduled",
        "status_group": "open",
        "no_show": False,
        "direction": "outbound",
        "channel": "phone",
        "pn_id": str(account.person_id),
        "adverse_event_heard": None,
        "unresolved_because": "no_outcome",
        "voided_at": None,
        "created_by": str(account.user_account_id),
    }
    assert {name: made[name] for name in expected} == expected
    assert made["occurs_at"] == made["call_date"]
    assert made["person"]["last_name"] == "de Vries"
    assert made["pn"]["last_name"] == "Bakker"
    nobody = {"patient_id": patient, "call_date": at(hours=1), "pn_id": None}
    assert (await client.post(URL, json=nobody, headers=navigator)).json()["pn_id"] is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"outcome": "reached", "adverse_event_heard": False}, "completed"),
        ({"no_show": True}, "no_show"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "no_show"}, "no_show"),
        ({"status": "confirmed"}, "confirmed"),
    ],
)
async def test_status_follows_from_what_is_said(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, said: dict[str, Any], status: str
) -> None:
    body = {"patient_id": await patient_id(session), "booking_date": at(days=400)} | said

    made = (await client.post(URL, json=body, headers=await as_role("navigator"))).json()

    assert (made["status"], made["no_show"]) == (status, status == "no_show")


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"booking_date": None}, "call_date", "missing"),
        ({"booking_date": "2026-03-14"}, "booking_date", "instant"),
        ({"booking_date": 1_700_000_000}, "booking_date", "instant"),
        ({"call_duration_minutes": -1}, "call_duration_minutes", "greater_than_equal"),
        ({"call_duration_minutes": 1_441}, "call_duration_minutes", "less_than_equal"),
        ({"call_duration_minutes": 2**40}, "call_duration_minutes", "less_than_equal"),
        ({"status": "rescheduled"}, "status", "literal_error"),
        ({"status": "cancelled", "outcome": "reached"}, "outcome", "cancelled_has_no_outcome"),
        ({"status": "completed", "no_show": True}, "no_show", "contradicts_status"),
        ({"outcome": "x" * 101}, "outcome", "string_too_long"),
        ({"notes": "a\x00b"}, "notes", "invalid_characters"),
        ({"notes": ""}, "notes", "blank"),
        ({"booking_time_zone": "Mars/Olympus"}, "booking_time_zone", "time_zone"),
        ({"pn_id": NOBODY}, "pn_id", "unknown_reference"),
        ({"voided_at": None}, "*", "unknown_field"),
    ],
)
async def test_refused_call_names_the_field_and_stores_nothing(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, said: dict[str, Any], field: str, code: str
) -> None:
    body = {"patient_id": await patient_id(session), "booking_date": at(days=1)} | said

    answer = await client.post(URL, json=body, headers=await as_role("navigator"))

    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert (await session.execute(select(func.count()).select_from(CallHistory))).scalar_one() == 0


async def test_errors_name_the_alternative_that_was_meant(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")

    for_lead = await client.post(URL, json={"lead_id": "x", "booking_date": at(days=1)}, headers=navigator)
    for_patient = await client.post(URL, json={"booking_date": at(days=1)}, headers=navigator)

    assert [error["field"] for error in for_lead.json()["errors"]] == ["lead_id"]
    assert [error["field"] for error in for_patient.json()["errors"]] == ["patient_id"]


async def test_notes_keep_their_paragraphs(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    body = {"patient_id": await patient_id(session), "call_date": at(days=1), "notes": " First.\r\n\r\n\tSecond. "}
    made = await client.post(URL, json=body, headers=await as_role("navigator"))
    assert made.json()["notes"] == "First.\n\n\tSecond."


async def test_deleted_and_unknown_patients_and_leads_are_not_found(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    account, navigator = await builders.a_colleague(session)
    deleted = await patient_id(session, deleted_at=clock.now(), deleted_by=account.user_account_id)

    for whom, code in (
        ({"patient_id": deleted}, "patient_not_found"),
        ({"patient_id": NOBODY}, "patient_not_found"),
        ({"lead_id": NOBODY}, "lead_not_found"),
    ):
        answer = await client.post(URL, json=whom | {"call_date": at(days=1)}, headers=navigator)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    listed = await client.get(f"/api/v1/patients/{deleted}/calls", headers=navigator)
    assert (listed.status_code, listed.json()["code"]) == (404, "patient_not_found")


async def test_calls_with_a_deleted_patient_are_out_of_sight_until_it_is_brought_back(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    account, navigator = await builders.a_colleague(session)
    patient = await builders.a_patient(session, deleted_at=clock.now(), deleted_by=account.user_account_id)
    call = await builders.a_call(session, patient)
    await session.commit()
    place = f"{URL}/{call.call_id}"

    assert (await client.get(place, headers=navigator)).status_code == 404
    assert (await client.put(place, json={"notes": "x"}, headers=navigator)).status_code == 404
    assert (await client.get(URL, headers=navigator)).json()["items"] == []

    patient.deleted_at = patient.deleted_by = None
    await session.commit()
    assert (await client.get(place, headers=navigator)).status_code == 200
    assert len((await client.get(URL, headers=navigator)).json()["items"]) == 1


async def test_patient_and_lead_of_one_call_are_the_same_person(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    person = await session.get_one(type(await builders.a_person(session)), patient.person_id)
    own, others = await builders.a_lead(session, person), await builders.a_lead(session)
    await session.commit()
    navigator = await as_role("navigator")
    body = {"patient_id": str(patient.patient_id), "call_date": at(days=1)}

    fits = await client.post(URL, json=body | {"lead_id": str(own.lead_id)}, headers=navigator)
    does_not = await client.post(URL, json=body | {"lead_id": str(others.lead_id)}, headers=navigator)

    assert fits.json()["patient_id"] == body["patient_id"]
    assert fits.json()["lead_id"] == str(own.lead_id)
    assert (does_not.status_code, does_not.json()["code"]) == (422, "of_another_person")


async def test_call_with_a_lead_shows_on_the_patient_that_it_becomes(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    person = await builders.a_person(session)
    lead = await builders.a_lead(session, person)
    await session.commit()
    made = await client.post(URL, json={"lead_id": str(lead.lead_id), "booking_date": at(days=1)}, headers=navigator)
    patient = await builders.a_patient(session, person)
    await session.commit()

    listed = await client.get(f"/api/v1/patients/{patient.patient_id}/calls", headers=navigator)

    assert [item["call_id"] for item in listed.json()["items"]] == [made.json()["call_id"]]


async def test_correction_keeps_the_earlier_version(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body = {"patient_id": await patient_id(session), "booking_date": at(days=1), "notes": "Wants Trial A."}
    made = await client.post(URL, json=body, headers=navigator)
    place, tag = made.headers["location"], {"If-Match": made.headers["etag"]}

    changed = await client.put(place, json={"outcome": "reached", "notes": "Trial B."}, headers=navigator | tag)
    stale = await client.put(place, json={"notes": None}, headers=navigator | tag)
    nothing = await client.put(place, json={}, headers=navigator)

    assert changed.status_code == 200, changed.text
    assert (changed.json()["status"], changed.json()["notes"], changed.json()["version"]) == (
        "completed",
        "Trial B.",
        2,
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert nothing.headers["etag"] == changed.headers["etag"]
    assert [(row["status"], row["notes"]) for row in await history(session, made.json()["call_id"])] == [
        ("scheduled", "Wants Trial A.")
    ]


async def test_status_goes_the_ways_of_the_machine(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body = {"patient_id": await patient_id(session), "booking_date": at(days=1), "outcome": "reached"}
    place = (await client.post(URL, json=body, headers=navigator)).headers["location"]

    illegal = await client.put(place, json={"status": "confirmed"}, headers=navigator)
    with_outcome = await client.put(place, json={"status": "cancelled"}, headers=navigator)
    cancelled = await client.put(place, json={"status": "cancelled", "outcome": None}, headers=navigator)
    dateless = await client.put(place, json={"booking_date": None}, headers=navigator)

    assert (illegal.status_code, illegal.json()["code"]) == (409, "transition_not_allowed")
    assert illegal.json()["allowed"] == ["scheduled", "no_show", "cancelled"]
    assert [error["code"] for error in with_outcome.json()["errors"]] == ["cancelled_has_no_outcome"]
    assert cancelled.json()["status"] == "cancelled"
    assert [error["field"] for error in dateless.json()["errors"]] == ["call_date"]


async def test_no_show_and_its_withdrawal_move_the_status(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body = {"patient_id": await patient_id(session), "booking_date": at(days=1)}
    place = (await client.post(URL, json=body, headers=navigator)).headers["location"]

    missed = await client.put(place, json={"no_show": True}, headers=navigator)
    came = await client.put(place, json={"no_show": False, "outcome": "reached"}, headers=navigator)

    assert (missed.json()["status"], missed.json()["no_show"]) == ("no_show", True)
    assert (came.json()["status"], came.json()["no_show"]) == ("completed", False)


async def test_rescheduling_books_anew_and_closes_the_old_booking(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body = {
        "patient_id": await patient_id(session),
        "booking_date": at(days=1),
        "booking_time_zone": "Europe/Amsterdam",
    }
    old = await client.post(URL, json=body, headers=navigator)
    place = old.headers["location"]

    new = await client.post(f"{place}/reschedule", json={"booking_date": at(days=-3)}, headers=navigator)
    again = await client.post(f"{place}/reschedule", json={"booking_date": at(days=-4)}, headers=navigator)

    assert new.status_code == 201, new.text
    assert new.json()["status"] == "scheduled"
    assert new.json()["booking_time_zone"] == "Europe/Amsterdam"
    closed = (await client.get(place, headers=navigator)).json()
    assert (closed["status"], closed["rescheduled_to"]) == ("rescheduled", new.json()["call_id"])
    assert closed["booking_date"] == old.json()["booking_date"]
    assert (again.status_code, again.json()["code"]) == (409, "already_rescheduled")


async def test_no_show_booked_anew_stays_a_no_show_and_a_completed_call_is_not_booked_anew(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator, patient = await as_role("navigator"), await patient_id(session)
    booked = {"patient_id": patient, "booking_date": at(days=1)}
    missed = (await client.post(URL, json=booked | {"no_show": True}, headers=navigator)).headers["location"]
    done = (await client.post(URL, json=booked | {"outcome": "reached"}, headers=navigator)).headers["location"]

    new = await client.post(f"{missed}/reschedule", json={"booking_date": at(days=-3)}, headers=navigator)
    refused = await client.post(f"{done}/reschedule", json={"booking_date": at(days=-3)}, headers=navigator)

    kept = (await client.get(missed, headers=navigator)).json()
    assert (kept["status"], kept["no_show"], kept["rescheduled_to"]) == ("no_show", True, new.json()["call_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_not_allowed")


async def test_voided_call_is_gone_for_all_but_those_who_may_read_voided(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator, steward, patient = await as_role("navigator"), await as_role("data_steward"), await patient_id(session)
    made = await client.post(URL, json={"patient_id": patient, "call_date": at(days=1)}, headers=navigator)
    place, calls = made.headers["location"], f"/api/v1/patients/{patient}/calls"

    gone = await client.delete(place, headers={**navigator, "X-Change-Reason": "Wrong patient."})

    assert gone.status_code == 204
    assert gone.content == b""
    assert (await client.get(place, headers=navigator)).json()["code"] == "call_not_found"
    assert (await client.put(place, json={"notes": "x"}, headers=navigator)).status_code == 404
    assert (await client.delete(place, headers=navigator)).status_code == 404
    for listing in (URL, calls):
        assert (await client.get(listing, headers=navigator)).json()["items"] == []
        with_voided = {"include_voided": "true"}
        assert (await client.get(listing, params=with_voided, headers=navigator)).status_code == 403
        shown = (await client.get(listing, params=with_voided, headers=steward)).json()["items"]
        assert [(item["void_reason"], item["status"]) for item in shown] == [("Wrong patient.", "scheduled")]
    assert (await client.get(place, params={"include_voided": "true"}, headers=steward)).status_code == 200
    assert len(await history(session, made.json()["call_id"])) == 1


async def test_own_calls_are_voided_by_their_navigator_and_maker_others_by_the_steward(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await patient_id(session)
    maker, steward, other = await as_role("navigator"), await as_role("data_steward"), await as_role("navigator")
    account, navigator = await builders.a_colleague(session)
    body = {"patient_id": patient, "call_date": at(days=1), "pn_id": str(account.person_id)}
    places = [(await client.post(URL, json=body, headers=maker)).headers["location"] for _ in range(3)]

    assert (await client.delete(places[0], headers=other)).status_code == 403
    assert (await client.delete(places[0], headers=maker)).status_code == 204
    assert (await client.delete(places[1], headers=navigator)).status_code == 204
    assert (await client.delete(places[2], headers=steward)).status_code == 204


async def test_list_is_filtered_by_what_a_call_is_about_and_when(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient, other = await builders.a_patient(session), await builders.a_patient(session)
    lead = await builders.a_lead(session)
    navigator_person = await builders.a_person(session)
    days = {"old": 9, "mid": 5, "new": 1}
    calls = {
        name: await builders.a_call(session, patient, booking_date=clock.now() - timedelta(days=ago))
        for name, ago in days.items()
    }
    calls["missed"] = await builders.a_call(session, other, status="no_show", no_show=True)
    calls["lead"] = await builders.a_call(
        session,
        other,
        patient_id=None,
        person_id=lead.person_id,
        lead_id=lead.lead_id,
        pn_id=navigator_person.person_id,
    )
    await session.commit()
    names = {str(call.call_id): name for name, call in calls.items()}
    headers = await as_role("navigator")

    async def found(**params: str) -> list[str]:
        answer = await client.get(URL, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return [names[item["call_id"]] for item in answer.json()["items"]]

    assert await found(patient_id=str(patient.patient_id)) == ["new", "mid", "old"]
    assert await found(person_id=str(patient.person_id), occurs_from=at(days=6)) == ["new", "mid"]
    assert await found(person_id=str(patient.person_id), occurs_to=at(days=6)) == ["old"]
    assert await found(lead_id=str(lead.lead_id)) == ["lead"]
    assert await found(pn_id=str(navigator_person.person_id)) == ["lead"]
    assert await found(status="no_show") == ["missed"]
    assert await found(status="closed") == ["missed"]
    assert await found(status="open") == ["lead", "new", "mid", "old"]
    assert await found(patient_id=NOBODY) == []


async def test_unresolved_are_past_bookings_without_an_end_and_calls_that_did_not_ask(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    past, future = clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)
    done: dict[str, Any] = {"status": "completed", "outcome": "reached", "call_date": past}
    unresolved = {
        (await builders.a_call(session, patient, booking_date=past)).call_id: "no_outcome",
        (await builders.a_call(session, patient, **done)).call_id: "adverse_event_not_asked",
    }
    resolved = [
        await builders.a_call(session, patient, booking_date=future),
        await builders.a_call(session, patient, **done, adverse_event_heard=False),
        await builders.a_call(session, patient, **done | {"outcome": "no_answer"}),
        await builders.a_call(session, patient, **done | {"outcome": "Voicemail"}),
        await builders.a_call(session, patient, booking_date=past, status="cancelled"),
        await builders.a_call(session, patient, booking_date=past, voided_at=past, void_reason="x"),
    ]
    await session.commit()
    navigator = await as_role("navigator")

    listed = (await client.get(URL, params={"unresolved": "true"}, headers=navigator)).json()
    others = (await client.get(URL, params={"unresolved": "false"}, headers=navigator)).json()

    assert {UUID(item["call_id"]): item["unresolved_because"] for item in listed["items"]} == unresolved
    assert {UUID(item["call_id"]) for item in others["items"]} == {call.call_id for call in resolved[:5]}
    assert {item["unresolved_because"] for item in others["items"]} == {None}


async def test_pages_follow_each_other_when_many_calls_are_at_one_moment(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient, moment = await builders.a_patient(session), clock.now()
    made = {str((await builders.a_call(session, patient, booking_date=moment)).call_id) for _ in range(7)}
    await session.commit()
    navigator, walked, params = await as_role("navigator"), [], {"limit": "3"}
    while True:
        answer = await client.get(f"/api/v1/patients/{patient.patient_id}/calls", params=params, headers=navigator)
        page = answer.json()
        walked += [item["call_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert len(walked) == 7
    assert set(walked) == made


async def test_reading_and_writing_are_on_record_with_the_people_shown(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    account, navigator = await builders.a_colleague(session)
    body = {"patient_id": str(patient.patient_id), "call_date": at(days=1)}
    place = (await client.post(URL, json=body, headers=navigator)).headers["location"]
    await client.get(place, headers=navigator)
    await client.put(place, json={"notes": "x"}, headers=navigator)
    await client.get(URL, headers=navigator)
    await client.delete(place, headers=navigator)

    query = select(AuditEvent).where(AuditEvent.actor_id == account.user_account_id).order_by(AuditEvent.audit_event_id)
    events = list(await session.scalars(query))

    assert [event.action for event in events] == ["create_call", "get_call", "update_call", "list_calls", "void_call"]
    assert {event.record_type for event in events} == {"call_history"}
    assert all(patient.person_id in (event.person_ids or []) for event in events)
    assert events[2].field_names == ["notes"]


async def test_auditor_sees_that_a_call_was_but_not_what_was_said(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    body = {"patient_id": await patient_id(session), "call_date": at(days=1), "outcome": "reached", "notes": "Secret."}
    place = (await client.post(URL, json=body, headers=await as_role("navigator"))).headers["location"]

    seen = (await client.get(place, headers=await as_role("auditor"))).json()

    assert seen["status"] == "completed"
    assert seen["notes"] == seen["outcome"] == seen["person"]["last_name"] == "•••"
    assert seen["call_date"] is seen["occurs_at"] is None


async def test_auditor_may_not_write_and_admin_may_not_read(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    body = {"patient_id": await patient_id(session), "call_date": at(days=1)}
    assert (await client.post(URL, json=body, headers=await as_role("auditor"))).status_code == 403
    assert (await client.get(URL, headers=await as_role("admin"))).status_code == 403


async def test_integration_logs_calls(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    body = {"patient_id": await patient_id(session), "call_date": at(days=1)}
    made = await client.post(URL, json=body, headers=await as_role("integration"))
    assert made.status_code == 201
    assert made.json()["pn_id"] is None


async def test_same_key_has_one_effect(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    navigator = await as_role("navigator") | {"Idempotency-Key": "call-1"}
    body = {"patient_id": await patient_id(session), "call_date": at(days=1)}

    first = await client.post(URL, json=body, headers=navigator)
    again = await client.post(URL, json=body, headers=navigator)
    other = await client.post(URL, json=body | {"notes": "other"}, headers=navigator)

    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await session.execute(select(func.count()).select_from(CallHistory))).scalar_one() == 1
