"""Working hours and absences by the API, and the warnings of a booking that follow from them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent, RowHistory
from app.platform import clock
from app.preferences.models import AccountPreference
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/availability"
HOURS = [
    {"weekday": 1, "starts": "09:00", "ends": "12:30"},
    {"weekday": 1, "starts": "13:00", "ends": "24:00"},
    {"weekday": 5, "starts": "00:00", "ends": "08:15"},
]
ABSENCE = {"kind": "training", "starts_at": "2030-01-07T00:00:00Z", "ends_at": "2030-01-08T00:00:00Z"}


async def test_hours_are_said_for_the_whole_week_with_their_past(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    account, me = await builders.a_colleague(session)
    session.add(AccountPreference(user_account_id=account.user_account_id, time_zone="Europe/Lisbon"))
    await session.commit()
    first = await client.get(f"{URL}/me", headers=me)
    nothing = await client.put(f"{URL}/me", json={}, headers=me)
    said = await client.put(f"{URL}/me", json={"hours": HOURS[::-1]}, headers=me | {"If-Match": first.headers["etag"]})
    stale = await client.put(f"{URL}/me", json={"hours": []}, headers=me | {"If-Match": first.headers["etag"]})
    fewer = await client.put(f"{URL}/{account.user_account_id}", json={"hours": HOURS[:1]}, headers=me)

    own = {"user_account_id": str(account.user_account_id), "display_name": "Noor Bakker"}
    assert first.json() == nothing.json() == own | {"time_zone": "Europe/Lisbon", "hours": [], "version": 0}
    assert said.json()["hours"] == HOURS
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert fewer.json()["hours"] == HOURS[:1]
    assert fewer.json()["version"] > said.json()["version"] > 0
    removed = await session.scalars(select(RowHistory.row).where(RowHistory.table_name == "working_span"))
    assert sorted(row["weekday"] for row in removed) == [1, 5]
    events = await session.scalars(select(AuditEvent.action).where(AuditEvent.record_type == "working_week"))
    assert set(events) == {"get_availability", "set_availability"}


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        ([HOURS[0] | {"weekday": 8}], "less_than_equal"),
        ([HOURS[0] | {"starts": "9:00"}], "string_pattern_mismatch"),
        ([HOURS[0] | {"ends": "24:30"}], "string_pattern_mismatch"),
        ([HOURS[0] | {"ends": "09:00"}], "hours_not_in_order"),
        ([HOURS[0], HOURS[0] | {"starts": "12:00", "ends": "14:00"}], "hours_overlap"),
    ],
)
async def test_hours_that_cannot_be_are_refused(
    client: httpx.AsyncClient, session: AsyncSession, hours: Any, code: str
) -> None:
    _, me = await builders.a_colleague(session)
    answer = await client.put(f"{URL}/me", json={"hours": hours}, headers=me)
    assert (answer.status_code, [one["code"] for one in answer.json()["errors"]]) == (422, [code])


async def test_absences_are_made_changed_and_taken_out(client: httpx.AsyncClient, session: AsyncSession) -> None:
    _, me = await builders.a_colleague(session)
    made = await client.post(f"{URL}/me/absences", json=ABSENCE, headers=me)
    place = made.headers["location"]
    changed = await client.put(place, json={"kind": "holiday"}, headers=me | {"If-Match": made.headers["etag"]})
    stale = await client.delete(place, headers=me | {"If-Match": made.headers["etag"]})
    turned = await client.put(place, json={"ends_at": ABSENCE["starts_at"]}, headers=me)
    listed = await client.get(f"{URL}/me/absences", headers=me)
    over = await client.get(f"{URL}/me/absences", params={"ends_after": ABSENCE["ends_at"]}, headers=me)
    gone = await client.delete(place, headers=me)

    assert (made.status_code, made.json()["kind"]) == (201, "training")
    assert changed.json()["kind"] == "holiday"
    assert stale.status_code == 412
    assert turned.json()["errors"][0]["code"] == "dates_not_in_order"
    assert [one["absence_id"] for one in listed.json()["items"]] == [made.json()["absence_id"]]
    assert over.json()["items"] == []
    assert gone.status_code == 204
    assert (await client.put(place, json={}, headers=me)).json()["code"] == "absence_not_found"
    kept = await session.scalars(select(RowHistory.row).where(RowHistory.table_name == "absence"))
    assert sorted(row["kind"] for row in kept) == ["holiday", "training"]


async def test_others_are_read_by_who_reads_calls_and_changed_by_a_programme_manager(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    account, _ = await builders.a_colleague(session)
    whose = f"{URL}/{account.user_account_id}"
    colleague, manager = await as_role("navigator"), await as_role("programme_manager")

    async def statuses(headers: dict[str, str]) -> list[int]:
        return [
            (await client.get(whose, headers=headers)).status_code,
            (await client.put(whose, json={"hours": HOURS}, headers=headers)).status_code,
            (await client.post(f"{whose}/absences", json=ABSENCE, headers=headers)).status_code,
        ]

    assert await statuses(colleague) == [200, 403, 403]
    assert await statuses(manager) == [200, 200, 201]
    assert await statuses(await as_role("auditor")) == [200, 403, 403]
    assert await statuses(await as_role("admin")) == [403, 403, 403]
    nobody = await client.get(f"{URL}/{UUID(int=1)}", headers=colleague)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "colleague_not_found")


async def test_a_booking_outside_of_hours_in_an_absence_or_beside_another_is_made_and_warned_of(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    _, me = await builders.a_colleague(session)
    first, second = await builders.a_patient(session), await builders.a_patient(session)
    monday = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=14)
    monday += timedelta(days=-monday.weekday() % 7)
    await client.put(f"{URL}/me", json={"hours": HOURS[:1]}, headers=me)
    away = {
        "starts_at": (monday + timedelta(hours=10)).isoformat(),
        "ends_at": (monday + timedelta(hours=12)).isoformat(),
    }
    await client.post(f"{URL}/me/absences", json=away, headers=me)

    async def book(patient: Any, at: datetime, **other: Any) -> httpx.Response:
        new = {"patient_id": str(patient.patient_id), "booking_date": at.isoformat(), **other}
        return await client.post("/api/v1/call-history", json=new, headers=me)

    fine = await book(first, monday + timedelta(hours=9))
    early = await book(first, monday + timedelta(hours=7))
    absent = await book(first, monday + timedelta(hours=11))
    beside = await book(second, monday + timedelta(hours=9, minutes=15), allow_overlap=True)
    nobodys = await book(second, monday + timedelta(hours=3), pn_id=None)
    of_now = await client.post(
        "/api/v1/call-history",
        json={"patient_id": str(first.patient_id), "call_date": clock.now().isoformat(), "outcome": "reached"},
        headers=me,
    )
    moved = await client.put(
        f"/api/v1/call-history/{fine.json()['call_id']}",
        json={"booking_date": (monday + timedelta(hours=20)).isoformat()},
        headers=me,
    )
    again = await client.post(
        f"/api/v1/call-history/{early.json()['call_id']}/reschedule",
        json={"booking_date": (monday + timedelta(days=1, hours=9)).isoformat()},
        headers=me,
    )
    answers = [fine, early, absent, beside, nobodys, of_now, again]
    assert [one.status_code for one in answers] == [201] * 7
    assert [one.json()["warnings"] for one in (*answers[:-1], moved, again)] == [
        [],
        ["outside_working_hours"],
        ["absent"],
        ["overlaps_another_call"],
        [],
        [],
        ["outside_working_hours"],
        ["outside_working_hours"],
    ]


@pytest.mark.parametrize("has_navigator", [True, False])
async def test_a_booking_at_night_for_the_person_is_made_and_warned_of(
    client: httpx.AsyncClient, session: AsyncSession, *, has_navigator: bool
) -> None:
    _, me = await builders.a_colleague(session)
    patient = await builders.a_patient(session, await builders.a_person(session, time_zone="America/New_York"))
    await session.commit()
    day = clock.now().date() + timedelta(days=14)
    day += timedelta(days=-day.weekday() % 7)

    found = []
    for time in ("09:30", "16:00"):
        new: dict[str, Any] = {"patient_id": str(patient.patient_id), "booking_date": f"{day}T{time}Z"}
        new |= {} if has_navigator else {"pn_id": None}
        answer = await client.post("/api/v1/call-history", json=new, headers=me)
        found.append((answer.status_code, answer.json()["warnings"]))

    assert found == [(201, ["night_there"]), (201, [])]
