"""What the database tells of itself, of what waits, and of how much there is."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.database import replication_slots, revision_in, trail_counts
from app.checks.findings import Level
from app.checks.work import HEARTBEAT, JOBS, waiting_mails
from app.documents.models import DocumentVersion
from app.journeys.kinds import KINDS
from app.leads.models import PatientLead
from app.patients.models import Patient
from app.tasks.models import Task


class Metric(NamedTuple):
    """A gauge: its samples are the values of its labels, and a number. Without samples it is not there."""

    name: str
    help: str
    labels: Sequence[str]
    samples: list[tuple[Sequence[str], float]]


def gauge(name: str, about: str, value: float | None) -> Metric:
    """A gauge without labels; None where there is nothing to be told."""
    return Metric(name, about, (), [] if value is None else [((), float(value))])


_CONNECTIONS: Final = text(
    "SELECT coalesce(state, 'unknown') AS state, count(*) AS connections FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"
)
_LIMIT: Final = text("SELECT current_setting('max_connections')::int")


async def state(session: AsyncSession) -> list[Metric]:
    """What is so at this moment: the schema, connections, jobs, mails, the trail, replicas. Some milliseconds."""
    jobs = list(await session.execute(JOBS))
    mails = await waiting_mails(session)
    missing, not_closed = await trail_counts(session)
    slots = await replication_slots(session)
    heartbeat = (await session.execute(HEARTBEAT)).scalar_one()
    waiting = select(func.count()).where(DocumentVersion.scan_status == "waiting")
    return [
        gauge(
            "crm_schema_is_current",
            "1 when the schema serves this program, else 0.",
            (await revision_in(session)).level is not Level.WRONG,
        ),
        Metric(
            "crm_database_connections",
            "Connections to this database by what they do; those of other accounts are unknown.",
            ("state",),
            [((row.state,), row.connections) for row in await session.execute(_CONNECTIONS)],
        ),
        gauge("crm_database_connections_limit", "max_connections.", (await session.execute(_LIMIT)).scalar_one()),
        gauge("crm_worker_heartbeat_age_seconds", "Since some worker was last heard of.", heartbeat),
        Metric(
            "crm_jobs",
            "Jobs that are due (todo), under way (doing), or have failed within a day.",
            ("job", "status"),
            [((job.job, job.status), job.jobs) for job in jobs],
        ),
        gauge(
            "crm_job_oldest_due_seconds",
            "How long the oldest job that nobody has taken is due; 0 when none is.",
            max((job.oldest_seconds or 0 for job in jobs if job.status == "todo"), default=0),
        ),
        gauge("crm_mails_due", "Mails that are due and not sent.", mails.due),
        gauge("crm_mails_given_up", "Mails of the last 7 days that were given up.", mails.given_up),
        gauge(
            "crm_documents_waiting_for_scan",
            "Versions of documents that nobody can read yet.",
            (await session.execute(waiting)).scalar_one(),
        ),
        gauge("crm_audit_partitions_missing", "Months of the trail's two ahead that have no partition.", missing),
        gauge(
            "crm_audit_months_not_closed", "Months of the trail that are over and have no index of persons.", not_closed
        ),
        Metric(
            "crm_replica_lag_bytes",
            "How far behind the primary a replica with a slot is.",
            ("replica",),
            [((slot.name,), slot.behind) for slot in slots if slot.behind is not None],
        ),
        Metric(
            "crm_replica_connected",
            "1 while the replica is connected, else 0.",
            ("replica",),
            [((slot.name,), slot.active) for slot in slots],
        ),
    ]


def _counts() -> Iterator[Any]:
    patients = select(Patient.status, func.count().label("records")).where(Patient.deleted_at.is_(None))
    yield "patient", patients.group_by(Patient.status)
    by_status = {"lead": PatientLead.status, "task": Task.status, **{kind.name: kind.model.status for kind in KINDS}}
    for name, status in by_status.items():
        yield name, select(status, func.count().label("records")).group_by(status)


async def amounts(session: AsyncSession) -> list[Metric]:
    """How many records of each kind are in which status. It reads whole tables or their indexes."""
    parts = [
        select(literal(name).label("record"), *counted.c)
        for name, counts in _counts()
        for counted in [counts.subquery()]
    ]
    rows = await session.execute(union_all(*parts))
    return [
        Metric(
            "crm_records",
            "Records by kind and status, at most five minutes old.",
            ("record", "status"),
            [((record, status), number) for record, status, number in rows],
        )
    ]
