"""Every kind of suggestion that a later export makes can be accepted."""

import asyncio
from pathlib import Path

import orjson
import psycopg
import pytest
from sqlalchemy import make_url

from app import setup
from app.access.service import command_actor
from app.legacy import runner
from app.people import suggestions
from app.people.errors import AlreadyDecided
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.errors import AppError
from app.platform.settings import Settings
from tests.legacy.exports import guid, write_export
from tests.legacy.test_changed_there import NEL
from tests.legacy.test_columns import export_of_columns

Kind = tuple[str, str, str]


def _accepted(url: str, **why: str) -> dict[Kind, str]:
    """Accept what waits, each by itself; what came of each kind."""

    async def accept() -> dict[Kind, str]:
        database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
        done: dict[Kind, str] = {}
        with psycopg.connect(url) as connection:
            waiting = connection.execute(
                "SELECT suggested_change_id, s.table_name, field, CASE WHEN field IN ('status', 'is_active')"
                " THEN theirs #>> '{}' ELSE '' END FROM suggested_change AS s JOIN migrated_row AS m"
                " ON m.record_id = suggested_change_id AND m.run_id = 2 WHERE decision = 'open'"
                # Somebody is inactive when nothing of theirs is open.
                " ORDER BY s.table_name = 'person', 2, 3, theirs::text"
            ).fetchall()
        for key, *kind in waiting:
            try:
                async with database.unit_of_work() as session:
                    await suggestions.accept(
                        session, command_actor(), suggested_change_id=key, why=suggestions.Why(**why)
                    )
            except AlreadyDecided:
                # Of two values for a field one was accepted.
                continue
            except AppError as error:
                done[kind[0], kind[1], kind[2]] = f"{error.error_code} {error.fields}"
            else:
                done.setdefault((kind[0], kind[1], kind[2]), "accepted")
        await database.close()
        return done

    return asyncio.run(accept())


@pytest.fixture
def owned(cluster: Cluster, url: str) -> str:
    """The address of the same database for who may change everything in it."""
    return cluster.url(str(make_url(url).database))


def test_every_kind_of_suggestion_can_be_accepted(url: str, owned: str, tmp_path: Path) -> None:
    runner.run(url, export_of_columns(tmp_path / "first", later=False))
    runner.run(url, export_of_columns(tmp_path / "later", later=True))
    setup.move_to_head(owned)
    done = _accepted(owned)
    asked = ("patient_lead", "status", "disqualified")
    assert "reason_code" in done.pop(asked)
    assert {kind: came for kind, came in done.items() if came != "accepted"} == {}
    assert _accepted(owned, reason_code="other", reason="Inactive in the old system.") == {asked: "accepted"}
    assert {
        ("call_history", "status", "cancelled"),
        ("call_history", "status", "completed"),
        ("call_history", "status", "no_show"),
        ("clinical_trial_journey", "status", "pre_screen_failed"),
        ("clinical_trial_journey", "status", "screening"),
        ("eap_journey", "status", "on_treatment"),
        ("patient", "status", "inactive"),
        ("patient_lead", "status", "converted"),
        ("person", "is_active", "false"),
        ("physician", "hospital_id", ""),
        ("physician", "specialization_id", ""),
    } <= set(done)
    with psycopg.connect(url) as connection:
        again = connection.execute(
            "SELECT count(*) FROM patient_lead WHERE status = 'converted' AND converted_to_patient_id IS NULL"
        ).fetchone()
    assert again == (0,)


def test_a_booking_that_was_moved_there_can_be_taken_over(url: str, owned: str, tmp_path: Path) -> None:
    first, second = "2090-01-01T10:00:00Z", "2090-02-02T10:00:00Z"
    runner.run(url, write_export(tmp_path / "first", contact=[NEL | {"booking_date": first}]))
    changed = {"logicalName": "myt_booking_date", "oldValue": first, "newValue": second}
    moved = {
        "auditid": guid(9), "objecttypecode": "contact", "objectid": guid(2), "createdon": "2024-02-01T10:00:00Z",
        "changedata": orjson.dumps({"changedAttributes": [changed]}).decode(),
    }  # fmt: skip
    runner.run(url, write_export(tmp_path / "later", contact=[NEL | {"booking_date": second}], audit=[moved]))
    setup.move_to_head(owned)
    assert _accepted(owned) == {("call_history", "status", "rescheduled"): "accepted"}
