"""A zone that is stored and that tzdata does not know (it was renamed, or migrated as it stood) stops nobody's work."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.time_zones import offset_faults
from app.platform import clock
from app.platform.plausibility import Life
from app.tasks.rules import Due
from tests import builders
from tests.conftest import AsRole

APP = Path(__file__).parents[2] / "app"
UNKNOWN = ("Mars/Olympus", "Europe", "GMT+25:00", "../etc/passwd", "x" * 64)
"""Of a planet, a folder of zones, an offset, a path, a long text."""
AT = datetime(2090, 5, 17, 9, 30, tzinfo=UTC)
CHECKED_BEFORE = {
    "platform/clock.py",
    "platform/settings.py",
    "web/gallery.py",
    "legacy/contract.py",
    "legacy/values.py",
}
"""Where a zone is of our own, or is refused when it is unknown."""


@pytest.mark.parametrize("zone", UNKNOWN)
def test_an_unknown_zone_is_taken_for_none(zone: str) -> None:
    assert clock.zone_named(zone) is UTC
    assert Due(None, AT, zone).day == AT.date()
    assert Due(AT.date(), None, zone).moment == datetime(2090, 5, 17, 23, 59, 59, tzinfo=UTC)
    assert Due(None, AT, zone).moved_to(date(2090, 5, 18)).at == AT + timedelta(days=1)
    assert Life(time_zone=zone).has_come(AT.date(), AT)
    assert offset_faults("due_at", AT.astimezone(clock.zone_named("Asia/Tokyo")), "due_time_zone", zone) == []


def test_no_stored_zone_is_held_for_known() -> None:
    using = {str(path.relative_to(APP)) for path in APP.rglob("*.py") if "ZoneInfo(" in path.read_text()}
    assert using <= CHECKED_BEFORE


@pytest.mark.parametrize("zone", UNKNOWN[:2])
async def test_records_with_an_unknown_zone_are_shown_and_changed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, zone: str
) -> None:
    person = await builders.a_person(session, time_zone=zone, date_of_birth=date(1980, 5, 17))
    patient = await builders.a_patient(session, person)
    call = await builders.a_call(session, patient, booking_date=AT, booking_time_zone=zone)
    task = await builders.a_task(session, person, due_at=AT, due_by=AT, due_time_zone=zone)
    await session.commit()
    headers = await as_role("navigator")
    tokyo = AT.astimezone(clock.zone_named("Asia/Tokyo")).isoformat()
    today = clock.now().date().isoformat()

    async def asked(method: str, path: str, **body: Any) -> None:
        answer = await client.request(method, f"/api/v1{path}", json=body or None, headers=headers)
        assert answer.status_code in {200, 201}, (path, body, answer.text)

    for path in (
        f"/tasks/{task.task_id}",
        "/tasks",
        f"/patients/{patient.patient_id}",
        f"/call-history/{call.call_id}",
    ):
        await asked("GET", path)
    for change in ({"title": "Other"}, {"due_at": tokyo}, {"repeat_every": 1, "repeat_unit": "day"}):
        await asked("PUT", f"/tasks/{task.task_id}", **change)
    await asked("PUT", f"/tasks/{task.task_id}", status="done")
    await asked("PUT", f"/call-history/{call.call_id}", booking_date=tokyo)
    await asked("PUT", f"/patients/{patient.patient_id}", first_contact_date=today)
    await asked("PUT", f"/persons/{person.person_id}", language="nl")
