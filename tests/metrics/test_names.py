"""Which request or job something belongs to is told by the log and by the database's list of connections."""

import json
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from procrastinate import App
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.serving import write_event
from app.platform.db import Database, name_in_the_database, named_in_the_database
from app.platform.logs import set_up_logs
from app.platform.settings import LogFormat, Settings
from app.worker import make_worker, named_by_its_job
from tests.conftest import AsRole, BoundDatabase

NAME = text("SELECT current_setting('application_name')")


async def test_a_transaction_is_named_after_the_route_template(
    client: httpx.AsyncClient, bound: BoundDatabase, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    async def note(session: AsyncSession, *rest: Any, **further: Any) -> None:
        names.append((await session.execute(NAME)).scalar_one())
        await write_event(session, *rest, **further)

    monkeypatch.setattr("app.access.request_guard.write_event", note)
    headers = await as_role("navigator")
    await client.get("/api/v1/patients", params={"q": "Anna"}, headers={**headers, "X-Access-Reason": "Anna"})
    await client.get("/api/v1/persons?limit=1", headers=headers)
    assert names[-1].startswith("crm GET /api/v1/")
    assert not any("Anna" in name or "limit" in name for name in names)


async def test_a_transaction_gives_its_name_back(database: Database) -> None:

    async with database.engine.connect() as connection:
        async with connection.begin():
            await connection.execute(
                select(
                    named_in_the_database(
                        name_in_the_database("GET /api/v1/a-template-that-is-longer-than-63-bytes-is-cut/{x}")
                    )
                )
            )
            assert len((await connection.execute(NAME)).scalar_one()) == 63
        async with connection.begin():
            assert (await connection.execute(NAME)).scalar_one() == "crm"


async def test_a_job_names_its_log_lines_and_its_transactions(
    settings: Settings, committed_database: Database, committed_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(LogFormat.JSON)
    jobs: App = make_worker(settings, committed_database, committed_url)
    names: list[str] = []

    @jobs.task(name="look")
    async def look() -> None:
        async with committed_database.unit_of_work() as session:
            names.append((await session.execute(NAME)).scalar_one())
        structlog.get_logger().info("looked", count=1)

    async with jobs.open_async():
        await look.defer_async()
        await jobs.run_worker_async(
            wait=False, install_signal_handlers=False, delete_jobs="successful", worker_middleware=[named_by_its_job]
        )
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "looked"]
    assert (line["job"], line["run_id"].isdigit(), names) == ("look", True, ["crm look"])


async def test_each_line_of_a_request_has_its_id(client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogFormat.JSON)
    app: FastAPI = client._transport.app  # type: ignore[attr-defined]  # the application behind the client

    @app.get("/says-something")
    async def say() -> None:
        structlog.get_logger().warning("something")

    await client.get("/says-something", headers={"X-Request-ID": "the-id-of-it"})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {(line["event"], line["request_id"]) for line in lines} == {
        ("something", "the-id-of-it"),
        ("request", "the-id-of-it"),
    }
