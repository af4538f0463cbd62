"""What happens by itself: the worker with its jobs, mail, and traces."""

import asyncio
import smtplib
import ssl
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.database import session_of
from app.checks.findings import Finding, Installation, in_words, ok, warning, wrong
from app.platform import mail as mails
from app.platform.heartbeat import ALIVE_WITHIN
from app.platform.settings import Settings, SmtpSecurity
from app.platform.traces import takes_traces

_WAITS_LONG: Final = timedelta(minutes=10)
_CONNECT_SECONDS: Final = 5

JOBS: Final = text("""
    WITH deferred AS (
        SELECT j.id, j.task_name, j.status::text AS status,
               coalesce(j.scheduled_at, (SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)) AS due_at
        FROM procrastinate_jobs j WHERE j.status IN ('todo', 'doing')
    )
    SELECT task_name AS job, status, count(*) AS jobs,
           extract(epoch FROM max(now() - due_at))::float8 AS oldest_seconds
    FROM deferred WHERE status = 'doing' OR due_at IS NULL OR due_at <= now() GROUP BY task_name, status
    UNION ALL
    SELECT j.task_name, 'failed', count(*), NULL FROM procrastinate_jobs j
    WHERE j.status = 'failed' AND EXISTS (SELECT FROM procrastinate_events e
        WHERE e.job_id = j.id AND e.type = 'failed' AND e.at > now() - interval '1 day')
    GROUP BY j.task_name
""")
"""The jobs that are due or under way, and those that failed within a day: how many of each kind, how old the oldest."""
HEARTBEAT: Final = text("SELECT extract(epoch FROM now() - max(last_heartbeat))::float8 FROM procrastinate_workers")


async def worker(at: Installation) -> Finding:
    async with session_of(at) as session:
        return await worker_in(session)


async def worker_in(session: AsyncSession) -> Finding:
    """Whether some worker lives and keeps up."""
    silent = (await session.execute(HEARTBEAT)).scalar_one()
    jobs = list((await session.execute(JOBS)).all())
    advice = "Start `crm worker` (one is enough), and look into its log if it ended by itself."
    if silent is None:
        return wrong("No worker has ever run: no mail is sent, no file is scanned.", advice, "absent")
    if silent > ALIVE_WITHIN.total_seconds():
        return wrong(
            f"The worker was last heard of {in_words(timedelta(seconds=silent))} ago: what is due waits.",
            advice,
            "absent",
        )
    waiting = [job for job in jobs if job.status == "todo" and job.oldest_seconds is not None]
    oldest = max(waiting, key=lambda job: float(job.oldest_seconds), default=None)
    if oldest is not None and oldest.oldest_seconds > _WAITS_LONG.total_seconds():
        return warning(
            f"The job {oldest.job} has been due for {in_words(timedelta(seconds=oldest.oldest_seconds))}.",
            "Look into the worker's log for what holds it up; a second worker may run beside it.",
            "late",
        )
    if failed := [job for job in jobs if job.status == "failed"]:
        named = ", ".join(f"{job.job} ({job.jobs})" for job in failed)
        return warning(
            f"Jobs have failed within a day: {named}.",
            "The worker's log names the kind of error and its place.",
            "failing",
        )
    return ok(f"A worker was heard of {in_words(timedelta(seconds=silent))} ago, and nothing waits for long.")


_MAILS: Final = text("""
    SELECT count(*) FILTER (WHERE tries >= :tries) AS given_up,
           count(*) FILTER (WHERE tries < :tries AND due_at <= now()) AS due,
           min(due_at) FILTER (WHERE tries < :tries AND due_at <= now()) AS oldest, now() AS now
    FROM outgoing_mail WHERE sent_at IS NULL AND created_at > now() - interval '7 days'
""")


async def waiting_mails(session: AsyncSession) -> Any:
    """`given_up`, `due`, and since when the oldest is due, of the mails of a week that were not sent."""
    return (await session.execute(_MAILS, {"tries": mails.TRIES})).one()


async def mail(at: Installation) -> Finding:
    """Whether the server of mails takes us; nothing is sent. Then whether mails wait."""
    if at.settings.smtp_host is None:
        says = "No mail server is named, so mails are kept here and not sent"
        if at.settings.is_production:
            return warning(
                f"{says}: nobody gets an invitation or a new password.", "Set CRM_SMTP_HOST, as in smtp.example.org."
            )
        return ok(f"{says}; in development /mailbox shows them.")
    return await asyncio.to_thread(_refusal, at.settings) or await _unsent(at)


async def _unsent(at: Installation) -> Finding:
    taken = ok("The mail server takes us.")
    if at.database is None:
        return taken
    try:
        async with at.database.session() as session:
            waiting = await waiting_mails(session)
    except Exception:  # noqa: BLE001 - another check says so; what was asked here is answered
        return taken
    if waiting.given_up:
        return warning(
            f"The mail server takes us; {waiting.given_up} mails of this week were given up after {mails.TRIES} tries.",
            "Their receivers may ask again (an invitation, a new password); the worker's log has the kinds of errors.",
        )
    since: datetime | None = waiting.oldest
    if since is not None and waiting.now - since > _WAITS_LONG:
        return warning(
            f"The mail server takes us; {waiting.due} mails are due, the oldest for {in_words(waiting.now - since)}.",
            "See whether the worker runs.",
        )
    return ok("The mail server takes us, and no mail waits for long.")


def _refusal(settings: Settings) -> Finding | None:
    """What is wrong up to the point where a mail would be handed over; None when nothing is."""
    assert settings.smtp_host is not None  # noqa: S101 - the caller has looked
    place = f"{settings.smtp_host}:{settings.smtp_port}"
    tls = ssl.create_default_context()
    try:
        server: smtplib.SMTP
        if settings.smtp_security is SmtpSecurity.TLS:
            server = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=_CONNECT_SECONDS, context=tls)
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_CONNECT_SECONDS)
    except (OSError, smtplib.SMTPException) as error:
        return wrong(
            f"The mail server {place} is not reached ({type(error).__name__}).",
            "See whether CRM_SMTP_HOST, _PORT and _SECURITY are right, and whether a firewall lets us out.",
        )
    try:
        if settings.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=tls)
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.noop()
    except smtplib.SMTPAuthenticationError:
        return wrong(f"The mail server {place} refuses our account.", "Set CRM_SMTP_USER and CRM_SMTP_PASSWORD anew.")
    except (OSError, smtplib.SMTPException) as error:
        return wrong(
            f"The mail server {place} does not go on with us ({type(error).__name__}).",
            "See whether CRM_SMTP_SECURITY is what it asks for, and whether its certificate is valid.",
        )
    finally:
        server.close()
    return None


async def traces(at: Installation) -> Finding:
    """Whether the collector takes what we send: a request without spans."""
    if at.settings.otlp_endpoint is None:
        return ok("No collector of traces is named, so there are none.")
    if await asyncio.to_thread(takes_traces, at.settings.otlp_endpoint):
        return ok("The collector takes traces.")
    return warning(
        "The collector of CRM_OTLP_ENDPOINT does not take traces: they are lost, and nothing else is.",
        "See whether it runs and takes OTLP by HTTP there, and whether OTEL_EXPORTER_OTLP_HEADERS are what it wants.",
    )
