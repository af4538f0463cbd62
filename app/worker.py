"""
The worker: work that is due without anybody asking. `crm worker` runs it, and `crm serve` beside the embedded database.

Every job may run twice (a killed worker's jobs are taken again), so each is idempotent: it looks for what is due and
does that. Several workers may run at once.
"""

import asyncio
import signal
from contextlib import suppress
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.middleware import AsyncCallNext, WorkerMiddleware
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from app import earlier_rows
from app.access import rate_limits
from app.access.accounts import sessions
from app.access.openings import service as openings
from app.audit.partitions import close_partitions, ensure_partitions
from app.documents.leftovers import remove_leftovers
from app.documents.scans import scan_waiting
from app.drafts.service import forget_old_drafts
from app.notifications import due
from app.patients import queries as patients
from app.people.search import rows as search
from app.platform import clock, mail
from app.platform.database_hosts import psycopg_arguments
from app.platform.db import Database, work_as
from app.platform.files import Files
from app.platform.idempotency import forget_old_keys
from app.platform.locales import read_in
from app.platform.logs import describe_error, log_as_part_of
from app.platform.settings import Settings
from app.platform.traces import begin_traces

log = structlog.get_logger()

# Seconds come last. Half of the ten seconds within which a mail leaves: the rest is for waking up and sending.
_EVERY_5_SECONDS = "* * * * * */5"
_EVERY_MINUTE = "* * * * *"
_EVERY_HOUR = "17 * * * *"
_EVERY_NIGHT = "41 2 * * *"
_PAUSE_SECONDS: Final = 2
_WAIT_SECONDS: Final = 10
"""For a connection of the queue: each of its statements takes milliseconds."""


def make_worker(settings: Settings, database: Database, database_url: str) -> App:
    """The jobs with their times. The app is not open yet: `run_worker` opens it."""
    times = psycopg_arguments(database_url)
    app = App(connector=PsycopgConnector(kwargs=times, pool_factory=_pool_of_the_primary, min_size=1, max_size=4))

    @app.periodic(cron=_EVERY_5_SECONDS)
    @app.task(name="send_mail", queueing_lock="send_mail", pass_context=False)
    async def send_mail(timestamp: int) -> None:
        """Send the mails that are due."""
        await mail.send_waiting(database, settings)

    _add_document_jobs(app, settings, database)
    _add_notification_jobs(app, settings, database)
    _add_list_jobs(app, database)

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="forget_idempotency_keys", queueing_lock="forget_idempotency_keys")
    async def forget_idempotency_keys(timestamp: int) -> None:
        """Remove the stored answers of more than 24 hours ago."""
        async with database.unit_of_work() as session:
            log.info("idempotency_keys_forgotten", count=await forget_old_keys(session))

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="forget_sign_ins", queueing_lock="forget_sign_ins")
    async def forget_sign_ins(timestamp: int) -> None:
        """Remove what signing in has left behind: long ended sessions, old tries, browsers, kept forms."""
        async with database.unit_of_work() as session:
            await sessions.forget_old_sessions(session, now=clock.now())
            await rate_limits.forget_old_tries(session, now=clock.now())

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="forget_drafts", queueing_lock="forget_drafts")
    async def forget_drafts(timestamp: int) -> None:
        """Remove the drafts that nobody has saved for 30 days."""
        async with database.unit_of_work() as session:
            log.info("drafts_forgotten", count=await forget_old_drafts(session, now=clock.now()))

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="ensure_audit_partitions", queueing_lock="ensure_audit_partitions")
    async def ensure_audit_partitions(timestamp: int) -> None:
        """Make the audit partitions of the months ahead, and index the months that are over."""
        async with database.unit_of_work() as session:
            await ensure_partitions(session)
        async with database.unit_of_work() as session:
            await close_partitions(session)

    @app.periodic(cron=_EVERY_NIGHT)
    @app.task(name="keep_search", queueing_lock="keep_search")
    async def keep_search(timestamp: int) -> None:
        """Make the keys and the rows of the search that are missing or of earlier rules; count the words of names."""
        log.info("keys_made", count=await earlier_rows.fill(database))
        log.info("people_made_searchable", count=await search.fill(database))
        log.info("search_words_counted", count=await search.count_words(database))

    @app.periodic(cron=_EVERY_MINUTE)
    @app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs")
    async def retry_stalled_jobs(timestamp: int) -> None:
        """Take up the jobs of workers that were killed: without this they would stay `doing` for ever."""
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)
            log.warning("stalled_job_retried", job=job.task_name)

    return app


def _add_notification_jobs(app: App, settings: Settings, database: Database) -> None:
    @app.periodic(cron=_EVERY_MINUTE)
    @app.task(name="notice_what_is_due", queueing_lock="notice_what_is_due")
    async def notice_what_is_due(timestamp: int) -> None:
        """Make the notifications of what has become due."""
        async with database.unit_of_work() as session:
            await due.notice(session, now=clock.now())

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="remind_of_reviews", queueing_lock="remind_of_reviews")
    async def remind_of_reviews(timestamp: int) -> None:
        """Remind the privacy officers once of each break-glass that nobody has reviewed in 72 hours."""
        with read_in(settings.default_language):
            async with database.unit_of_work() as session:
                log.info("reviews_reminded_of", count=await openings.remind_of_reviews(session, now=clock.now()))

    @app.periodic(cron=_EVERY_HOUR)
    @app.task(name="mail_digests", queueing_lock="mail_digests")
    async def mail_digests(timestamp: int) -> None:
        """Mail to everybody who wants it how many notifications wait; remove the old ones."""
        with read_in(settings.default_language):
            async with database.unit_of_work() as session:
                mails = await due.mail_digests(session, base_url=settings.base_url, now=clock.now())
                log.info("digests_mailed", count=mails)
                await due.forget_old_notifications(session, now=clock.now())


def _add_list_jobs(app: App, database: Database) -> None:
    @app.periodic(cron=_EVERY_MINUTE)
    @app.task(name="move_next_calls_on", queueing_lock="move_next_calls_on")
    async def move_next_calls_on(timestamp: int) -> None:
        """Give the patients whose next call has begun their place in the order of the list."""
        async with database.unit_of_work() as session:
            log.info("next_calls_moved_on", count=await patients.move_next_calls_on(session, now=clock.now()))


def _add_document_jobs(app: App, settings: Settings, database: Database) -> None:
    files = Files(settings)

    @app.periodic(cron=_EVERY_5_SECONDS)
    @app.task(name="scan_documents", queueing_lock="scan_documents")
    async def scan_documents(timestamp: int) -> None:
        """Scan the files that wait for it."""
        await scan_waiting(database, settings, files)

    @app.periodic(cron=_EVERY_NIGHT)
    @app.task(name="remove_leftover_files", queueing_lock="remove_leftover_files")
    async def remove_leftover_files(timestamp: int) -> None:
        """Remove the files of documents that nobody can read any more."""
        log.info("leftover_files_removed", count=await remove_leftovers(database, files.store, now=clock.now()))


async def _leads_to_the_primary(connection: psycopg.AsyncConnection[Any]) -> None:
    """OperationalError for a connection that has ended, and for one to a standby."""
    await AsyncConnectionPool.check_connection(connection)
    if connection.info.parameter_status("in_hot_standby") == "on":
        raise psycopg.OperationalError("the server is a standby")


def _pool_of_the_primary(**options: Any) -> AsyncConnectionPool:
    # The library asks a connection only whether it is alive before it is used. It waits twice for one that it does not
    # get before its worker ends, and only a new worker looks for the new primary at once.
    return AsyncConnectionPool(**{**options, "check": _leads_to_the_primary, "timeout": _WAIT_SECONDS})


async def run_worker(settings: Settings, database: Database, database_url: str) -> None:
    """
    Work until the process is asked to stop; a job that has begun may end.

    The library's worker ends with its database. Another one begins then, for as long as it takes to find the primary.
    """
    middleware: list[WorkerMiddleware] = [named_by_its_job]
    if (traces := begin_traces(settings)) is not None:
        traces.watch(database)
        middleware.append(traces.around_job)
    is_asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, is_asked.set)
    asked = asyncio.create_task(is_asked.wait())
    while not is_asked.is_set():
        work = asyncio.create_task(_work(make_worker(settings, database, database_url), middleware))
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if is_asked.is_set():
            work.cancel()
        try:
            await work
        except asyncio.CancelledError:
            if not is_asked.is_set():
                raise
        except (ProcrastinateException, psycopg.Error, PoolTimeout, OSError) as error:
            log.warning("worker_lost_its_database", **describe_error(error))
        if not is_asked.is_set():
            log.warning("worker_begins_again", seconds=_PAUSE_SECONDS)
            await asyncio.wait({asked}, timeout=_PAUSE_SECONDS)
    if traces is not None:
        await traces.end()


async def _work(app: App, middleware: list[WorkerMiddleware]) -> None:
    async with app.open_async():
        # People whom a revision found there wait no longer than this.
        with suppress(AlreadyEnqueued):
            await app.configure_task("keep_search").defer_async(timestamp=0)
        # Several at a time: a mail server that takes minutes to answer holds up neither other mails nor other jobs.
        await app.run_worker_async(
            name="crm",
            concurrency=4,
            delete_jobs="successful",
            shutdown_graceful_timeout=20,
            install_signal_handlers=False,
            worker_middleware=middleware,
        )


async def named_by_its_job(call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> Any:
    """Let log lines and the database's list of connections say which job it is: its name and number, no arguments."""
    log_as_part_of(job=context.job.task_name, run_id=str(context.job.id))
    work_as(context.job.task_name)
    return await call_next()
