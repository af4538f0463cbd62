"""What a running application answers when the schema is moved under it."""

import os
from collections.abc import AsyncIterator, Callable

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.roles import APPLICATION
from app.platform.settings import Settings

MOVES = (
    "ALTER TABLE patient ADD COLUMN planned text",
    "ALTER TABLE person ALTER COLUMN phone TYPE varchar(90)",
    "ALTER TABLE call_history ALTER COLUMN notes TYPE varchar",
    "CREATE OR REPLACE FUNCTION planned() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE person RENAME CONSTRAINT pk_person TO pk_person_planned",
    "ALTER TABLE patient DROP COLUMN planned",
)


@pytest.fixture
async def running(
    another_database: Callable[[str], str], cluster: Cluster, settings: Settings
) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client of an application on a database of its own, with a navigator's key; the owner's address of it."""
    owner = another_database(f"moves_{os.getpid()}")
    made = Database(create_engine(settings, cluster.url(str(make_url(owner).database), role=APPLICATION)))
    async with made.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="Moves")
    transport = httpx.ASGITransport(app=create_app(settings, made), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client, owner
    await made.close()


async def test_a_schema_that_moves_is_never_a_fault_of_the_application(running: tuple[httpx.AsyncClient, str]) -> None:
    client, owner = running
    (condition, *_) = (await client.get("/api/v1/medical-conditions")).json()["items"]
    number = 0

    async def asked() -> list[int]:
        nonlocal number
        number += 1
        person = {"first_name": "Mia", "last_name": f"Bos{number}", "email": f"mia{number}@moves.example"}
        body = {"person": person, "medical_condition_id": condition["medical_condition_id"]}
        made = await client.post("/api/v1/patients", json=body)
        call = {"patient_id": made.json().get("patient_id"), "booking_date": "2030-12-01T10:00:00+01:00"}
        booked = await client.post("/api/v1/call-history", json=call | {"booking_time_zone": "Europe/Amsterdam"})
        addresses = (
            "/patients",
            "/patients?q=mia",
            "/persons",
            "/leads",
            "/call-history",
            f"/patients/{call['patient_id']}",
        )
        found = [(await client.get(f"/api/v1{address}")).status_code for address in addresses]
        return [made.status_code, booked.status_code, *found]

    # Often enough that statements are prepared, and answered by plans that are kept.
    for _ in range(8):
        assert set(await asked()) <= {200, 201}
    wrong = {}
    for move in MOVES:
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(sql.SQL(move))
        first, then = await asked(), await asked()
        if not {*first} <= {200, 201, 503} or not {*then} <= {200, 201}:
            wrong[move] = [first, then]
    assert wrong == {}
