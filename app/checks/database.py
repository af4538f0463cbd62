"""The database: whether it answers, whose schema it has, the time it has, room in the trail, its replicas."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.partitions import MONTHS_AHEAD
from app.checks.findings import Finding, Installation, in_words, ok, warning, wrong
from app.platform import clock
from app.platform.newest_revision import head_revision, known_revisions
from app.platform.replica import ReplicaCannotAnswer
from app.platform.served_programs import is_served

_OLDEST_POSTGRESQL: Final = 180_000
_CLOCK_DIFFERS: Final = timedelta(seconds=2)
_CLOCK_IS_WRONG: Final = timedelta(seconds=30)
"""A step of an authenticator app: from here on right codes are refused."""
_LAG_BYTES: Final = 64 * 1024 * 1024
_LAG_IS_WRONG_BYTES: Final = 1024 * 1024 * 1024


async def reached(at: Installation) -> Finding:
    if at.database is None:
        if at.settings.is_production:
            return wrong("No database is named.", "Set CRM_DATABASE_URL.")
        return wrong(
            "The embedded PostgreSQL of CRM_DATA_DIR does not run.",
            "Start it with `crm serve`, or name another database in CRM_DATABASE_URL.",
        )
    try:
        async with at.database.session() as session:
            version = int((await session.execute(text("SHOW server_version_num"))).scalar_one())
    except Exception as error:  # noqa: BLE001 - whatever the reason: it does not answer
        cause: BaseException = getattr(error, "orig", None) or error
        return wrong(
            f"The database does not answer ({type(cause.__cause__ or cause).__name__}).",
            "See whether it runs, and whether host, account and password of CRM_DATABASE_URL are right.",
        )
    if version < _OLDEST_POSTGRESQL:
        return wrong(f"The database is PostgreSQL {version // 10_000}.", "PostgreSQL 18 or newer is needed.")
    return ok(f"The database answers: PostgreSQL {version // 10_000}.{version % 10_000}.")


async def connections(at: Installation) -> Finding:
    """Whether the processes of this machine can all have the connections that they may take."""
    async with session_of(at) as session:
        most = int((await session.execute(text("SHOW max_connections"))).scalar_one())
    each = at.settings.pool_size + at.settings.statement_pool_size
    wanted = (at.settings.workers + 1) * each
    says = f"The server and a worker here may take {wanted} connections; the database has {most}"
    if wanted > most:
        return wrong(
            f"{says}.",
            "Lower CRM_POOL_SIZE or CRM_WORKERS, or raise max_connections above what all processes together take.",
        )
    return ok(f"{says}.")


async def time(at: Installation) -> Finding:
    """Our clock against the database's: sessions, codes and jobs are judged by both."""
    async with session_of(at) as session:
        before = clock.now()
        theirs: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        after = clock.now()
    # The answer was made at some moment between: what lies outside is no matter of the way.
    apart = max(before - theirs, theirs - after, timedelta(0))
    if apart < _CLOCK_DIFFERS:
        return ok("This machine and the database have the same time.")
    says = f"This machine's clock is {in_words(apart)} {'ahead of' if before > theirs else 'behind'} the database's"
    advice = "Let both machines take their time from the same NTP servers, and see which of them is wrong."
    if apart >= _CLOCK_IS_WRONG:
        return wrong(f"{says}: codes of authenticator apps and sessions may be refused.", advice)
    return warning(f"{says}.", advice)


async def revision(at: Installation) -> Finding:
    async with session_of(at) as session:
        return await revision_in(session)


async def revision_in(session: AsyncSession) -> Finding:
    """Whether the schema serves this program."""
    there = await session.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    found = None
    if there.scalar_one():
        found = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    if found is None:
        return wrong("The database has no schema yet.", "Run `crm db roles` and `crm db upgrade`.", "missing")
    if found == head_revision():
        return ok(f"The schema is this program's ({found}).")
    if found in known_revisions():
        return wrong(
            f"The schema ({found}) is older than this program ({head_revision()}).", "Run `crm db upgrade`.", "older"
        )
    if await is_served(session):
        return warning(
            f"A later version has moved the schema, which still serves this program ({head_revision()}).",
            "Run the newer program everywhere.",
            "newer",
        )
    return wrong(
        f"The schema is newer than this program ({head_revision()}), which does not know its revision.",
        "Run the newer program that has moved the schema, or restore the backup of before.",
        "differs",
    )


_MONTHS: Final = text("""
    SELECT to_regclass('audit_event_' || to_char((now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYY_MM')) IS NOT NULL
               AS tomorrow,
           (SELECT count(*) FROM generate_series(0, CAST(:ahead AS integer)) AS month
            WHERE to_regclass('audit_event_' || to_char(
                date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month), 'YYYY_MM')) IS NULL)
               AS missing,
           (SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('audit_event') AND c.relname ~ '^audit_event_[0-9]{4}_[0-9]{2}$'
              AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month 2 days' <= now() AT TIME ZONE 'UTC'
              AND to_regclass(c.relname || '_action') IS NULL) AS not_closed
""")
"""A month is closed within an hour of the day after it; a day later that has not happened."""


async def trail(at: Installation) -> Finding:
    async with session_of(at) as session:
        return await trail_in(session)


async def trail_counts(session: AsyncSession) -> tuple[int, int]:
    """How many months ahead have no partition, and how many that are over are not closed."""
    found = (await session.execute(_MONTHS, {"ahead": MONTHS_AHEAD})).one()
    return found.missing, found.not_closed


async def trail_in(session: AsyncSession) -> Finding:
    """Whether the events of the months to come have a place, and those of the months that are over their indexes."""
    found = (await session.execute(_MONTHS, {"ahead": MONTHS_AHEAD})).one()
    advice = "See that a worker runs (it makes them each hour), or run `crm db upgrade`."
    if not found.tomorrow:
        return wrong(
            "The audit trail has no partition for tomorrow: nothing will be answered then.", advice, "no partition"
        )
    if found.missing:
        return wrong(f"The audit trail lacks {found.missing} of its partitions ahead.", advice, "partition missing")
    if found.not_closed:
        return warning(
            f"{found.not_closed} months of the audit trail are over and not closed: asking who saw a person is slow.",
            "See that a worker runs; it closes them each hour.",
        )
    return ok(f"The audit trail has its partitions for {MONTHS_AHEAD} months ahead.")


_SLOTS: Final = text("""
    SELECT slot_name::text AS name, active, wal_status::text AS wal_status,
           CASE WHEN NOT pg_is_in_recovery()
               THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END::bigint AS behind
    FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary ORDER BY behind DESC NULLS LAST
""")


async def replication_slots(session: AsyncSession) -> list[Any]:
    """
    The standbys that the primary keeps its log for: name, whether it is connected, how many bytes it is behind.

    The application may not look at pg_stat_replication; a standby without a slot is not seen.
    """
    return list((await session.execute(_SLOTS)).all())


async def replicas(at: Installation) -> Finding:
    async with session_of(at) as session:
        slots = await replication_slots(session)
    if not slots:
        return ok("The database has no replica that is seen from here (a replication slot).")
    advice = "See whether it runs and reaches the primary; a standby that is gone for good is dropped with its slot."
    if gone := [slot.name for slot in slots if not slot.active]:
        return warning(f"{len(gone)} of {len(slots)} replicas are not connected ({', '.join(gone)}).", advice)
    behind = max(int(slot.behind or 0) for slot in slots)
    says = f"The slowest of {len(slots)} replicas is {behind // 1024 // 1024:,} MiB behind"
    if behind >= _LAG_IS_WRONG_BYTES:
        return wrong(f"{says}.", advice)
    return warning(f"{says}.", advice) if behind >= _LAG_BYTES else ok(f"{says}.")


async def replica_for_reads(at: Installation) -> Finding:
    """Whether reads that may be somewhat old are answered by the replica that the settings name."""
    assert at.database is not None  # noqa: S101 - the table of checks has seen to it
    if at.database.replica is None:
        return ok("The primary answers all reads: CRM_REPLICA_URL names no replica.")

    async def probe(session: AsyncSession) -> str:
        return str((await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one())

    async with session_of(at) as session:
        try:
            await at.database.replica.answer(session, probe)
        except ReplicaCannotAnswer as error:
            return warning(
                f"The replica of CRM_REPLICA_URL {error}, so the primary answers all reads.",
                "See whether it runs, follows the primary, and lets the application log in; nothing is lost meanwhile.",
            )
    return ok(f"The replica answers, and is at most {at.settings.replica_lag_seconds:g} s behind.")


def session_of(at: Installation) -> AsyncSession:
    """A session for a check that needs the database."""
    assert at.database is not None  # noqa: S101 - the table of checks has seen to it
    return at.database.session()
