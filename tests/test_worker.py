"""The worker: what is due is done, a killed worker's job is taken again, and health knows whether one lives."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from procrastinate import App
from procrastinate.periodic import PeriodicTask
from sqlalchemy import text

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.main import create_app
from app.platform import schema
from app.platform.db import Database
from app.platform.heartbeat import worker_is_alive
from app.platform.settings import Settings
from app.worker import make_worker
from tests.builders import a_colleague


@pytest.fixture
def jobs(settings: Settings, committed_database: Database, committed_url: str) -> App:
    return make_worker(settings, committed_database, committed_url)


async def _work(jobs: App, *names: str) -> None:
    """Defer these jobs and work until none is left."""
    async with jobs.open_async():
        for name in names:
            await jobs.configure_task(name).defer_async(timestamp=0)
        await jobs.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")


async def _scalar(database: Database, query: str) -> Any:
    async with database.session() as session:
        return (await session.execute(text(query))).scalar_one()


async def test_each_job_is_due_at_its_times(jobs: App) -> None:
    """Also that no job is missing here: what is due every few seconds would else wait for a certain minute."""
    start = datetime(2026, 11, 24, 8, 10, 13, tzinfo=UTC).timestamp()

    def next_times(job: PeriodicTask[Any, Any, Any]) -> list[str]:
        job.croniter.set_current(start)
        return [f"{job.croniter.get_next(datetime):%H:%M:%S}" for _ in range(3)]

    found = {job.task.name: next_times(job) for job in jobs.periodic_registry.periodic_tasks.values()}

    hourly = ["08:17:00", "09:17:00", "10:17:00"]
    assert found == {
        "send_mail": ["08:10:15", "08:10:20", "08:10:25"],
        "scan_documents": ["08:10:15", "08:10:20", "08:10:25"],
        "notice_what_is_due": ["08:11:00", "08:12:00", "08:13:00"],
        "mail_digests": hourly,
        "remove_leftover_files": ["02:41:00"] * 3,
        "retry_stalled_jobs": ["08:11:00", "08:12:00", "08:13:00"],
        "move_next_calls_on": ["08:11:00", "08:12:00", "08:13:00"],
        "forget_idempotency_keys": hourly,
        "forget_sign_ins": hourly,
        "forget_drafts": hourly,
        "remind_of_reviews": hourly,
        "ensure_audit_partitions": hourly,
        "keep_search": ["02:41:00"] * 3,
    }


async def test_old_idempotency_keys_go_and_young_ones_stay(
    jobs: App, committed_database: Database, settings: Settings
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name="retention")
    transport = httpx.ASGITransport(app=create_app(settings, committed_database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for name in ("old", "young"):
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"retention-{name}"}
            await client.post("/api/v1/medical-conditions", json={"name": f"Retention {name}"}, headers=headers)
    async with committed_database.unit_of_work() as session:
        old = "UPDATE idempotency_key SET created_at = now() - interval '25 h' WHERE key = 'retention-old'"
        await session.execute(text(old))

    await _work(jobs, "forget_idempotency_keys")

    kept = "SELECT array_agg(key::text) FROM idempotency_key WHERE key LIKE 'retention-%'"
    assert await _scalar(committed_database, kept) == ["retention-young"]


async def test_audit_partitions_are_made_ahead(
    jobs: App, committed_database: Database, committed_owner_url: str
) -> None:
    engine = schema.sync_engine(committed_owner_url)
    with engine.begin() as connection:
        last = "audit_event_' || to_char((now() AT TIME ZONE 'UTC') + interval '2 months', 'YYYY_MM')"
        connection.execute(text(f"DO $$ BEGIN EXECUTE 'DROP TABLE {last}; END $$"))
    engine.dispose()
    partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_event'::regclass"
    before = await _scalar(committed_database, partitions)

    await _work(jobs, "ensure_audit_partitions")

    assert await _scalar(committed_database, partitions) == before + 1


async def test_job_of_a_killed_worker_is_taken_again(jobs: App, committed_database: Database) -> None:
    async with jobs.open_async():
        await jobs.configure_task("forget_idempotency_keys").defer_async(timestamp=0)
    async with committed_database.unit_of_work() as session:
        # What kill -9 leaves behind: a job that is being done by a worker that has not been heard of for long.
        dead = (
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) "
            "VALUES (now() - interval '10 min') RETURNING id)"
            " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead) WHERE status = 'todo'"
        )
        await session.execute(text(dead))

    await _work(jobs, "retry_stalled_jobs")
    await _work(jobs)

    unfinished = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'forget_idempotency_keys'"
    assert await _scalar(committed_database, unfinished) == 0


async def test_health_knows_whether_a_worker_lives(committed_database: Database) -> None:
    async with committed_database.unit_of_work() as session:
        await session.execute(text("DELETE FROM procrastinate_workers"))
        assert not await worker_is_alive(session)
        await session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        assert await worker_is_alive(session)
        await session.execute(text("DELETE FROM procrastinate_workers"))


async def test_accesses_that_nobody_has_reviewed_are_reminded_of_once(jobs: App, committed_database: Database) -> None:
    async with committed_database.session() as session:
        officer, _ = await a_colleague(session, "privacy_officer")
        officer.email = officer.email_key = "reminded@example.org"
        auditor, _ = await a_colleague(session, "auditor")
        opened = (
            "INSERT INTO access_opening (kind, user_account_id, person_id, reason, created_at, expires_at) "
            "VALUES ('break_glass', :account, :person, 'why', now() - interval '73 h', now() - interval '72 h')"
        )
        await session.execute(text(opened), {"account": auditor.user_account_id, "person": auditor.person_id})
        await session.commit()

    for _ in range(2):
        await _work(jobs, "remind_of_reviews")

    mails = "SELECT count(*) FROM outgoing_mail WHERE to_address = 'reminded@example.org'"
    assert await _scalar(committed_database, mails) == 1


async def test_what_signing_in_leaves_behind_goes(jobs: App, committed_database: Database) -> None:
    async with committed_database.unit_of_work() as session:
        for age in ("3 days", "1 hour"):
            row = "INSERT INTO sign_in_attempt (at, account_sha256, source, known_device) "
            await session.execute(text(f"{row} SELECT now() - interval '{age}', sha256('x'), 'retention', false"))

    await _work(jobs, "forget_sign_ins")

    left = "SELECT count(*) FROM sign_in_attempt WHERE source = 'retention'"
    assert await _scalar(committed_database, left) == 1
