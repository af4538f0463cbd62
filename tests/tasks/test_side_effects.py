"""The report of a side effect is not put off, closed or left without a reason, by pages and programs alike."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform import clock
from app.tasks.models import Task
from app.tasks.rules import SIDE_EFFECT
from tests import builders
from tests.conftest import AsRole

SOON = timedelta(hours=24)


@pytest.fixture
async def report(session: AsyncSession) -> Task:
    person = await builders.a_person(session)
    due = (clock.now() + SOON).replace(microsecond=0)
    task = await builders.a_task(session, person, due_at=due, due_by=due, rule=SIDE_EFFECT)
    await session.commit()
    return task


async def put(client: httpx.AsyncClient, headers: dict[str, str], task: Task, **body: Any) -> httpx.Response:
    return await client.put(f"/api/v1/tasks/{task.task_id}", json=body, headers=headers)


def refused(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


async def test_it_is_put_off_with_a_reason_only(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, report: Task
) -> None:
    navigator = await as_role("navigator")
    later = (clock.now() + timedelta(days=3)).isoformat()
    day = (clock.now() + timedelta(days=3)).date().isoformat()

    for moved in ({"snoozed_until": later}, {"due_at": later}, {"due_at": None, "due_on": day}):
        assert refused(await put(client, navigator, report, **moved)) == [("reason", "reason_needed")], moved
    within = await put(client, navigator, report, snoozed_until=(clock.now() + timedelta(hours=2)).isoformat())
    said = await put(client, navigator, report, snoozed_until=later, reason="The doctor calls back on Monday.")
    again = await put(client, navigator, report, snoozed_until=(clock.now() + timedelta(days=9)).isoformat())

    assert (within.status_code, said.status_code) == (200, 200)
    assert said.json()["reason"] == "The doctor calls back on Monday."
    # What was said of one delay is not said of the next.
    assert refused(again) == [("reason", "reason_needed")]


async def test_done_says_when_it_was_reported_or_why_not(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, report: Task
) -> None:
    navigator = await as_role("navigator")
    now = clock.now().replace(microsecond=0)

    assert refused(await put(client, navigator, report, status="done")) == [("reported_at", "report_needed")]
    assert refused(await put(client, navigator, report, status="cancelled")) == [("reason", "reason_needed")]
    ahead = (now + timedelta(days=1)).isoformat()
    assert refused(await put(client, navigator, report, status="done", reported_at=ahead))[0][0] == "reported_at"
    assert refused(await put(client, navigator, report, reported_at=now.isoformat())) == [("reported_at", "not_done")]
    done = await put(client, navigator, report, status="done", reported_at=now.isoformat())
    opened = await put(client, navigator, report, status="open")
    left = await put(client, navigator, report, status="done", reason="A colleague has reported it.")

    assert (done.status_code, opened.status_code, left.status_code) == (200, 200, 200)
    assert (done.json()["reported_at"] is not None, opened.json()["reported_at"]) == (True, None)
    assert left.json()["reason"] == "A colleague has reported it."


async def test_another_task_is_closed_and_put_off_as_ever(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    task = await builders.a_task(session, await builders.a_person(session))
    await session.commit()
    now = clock.now().replace(microsecond=0).isoformat()

    assert (await put(client, navigator, task, snoozed_until="2090-01-01T00:00:00Z")).status_code == 200
    assert refused(await put(client, navigator, task, status="done", reported_at=now)) == [("reported_at", "not_done")]
    assert (await put(client, navigator, task, status="done")).status_code == 200


async def test_reports_are_asked_for_alone(client: httpx.AsyncClient, as_role: AsRole, report: Task) -> None:
    navigator = await as_role("navigator")

    async def found(is_report: str) -> list[str]:
        answer = await client.get("/api/v1/tasks", params={"is_report": is_report}, headers=navigator)
        return [one["task_id"] for one in answer.json()["items"]]

    assert (await found("true"), await found("false")) == ([str(report.task_id)], [])
