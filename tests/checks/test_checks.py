"""Each check says that all is well where it is, and names the fault where one was really made."""

import asyncio
import os
import shutil
import ssl
import subprocess
import zoneinfo
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from sqlalchemy import make_url

from app.access.accounts import totp
from app.access.accounts.models import TotpCredential
from app.backups import wal
from app.backups.base import BaseManifest
from app.backups.manifest import Manifest, name_at, write_manifest
from app.checks.backups import backups
from app.checks.findings import Finding, Installation, Level
from app.checks.machine import disk_of
from app.checks.table import CHECKS, look
from app.main import create_app
from app.platform import clock
from app.platform.db import Database, create_engine, create_replica
from app.platform.embedded import Cluster
from app.platform.file_store import store_at
from app.platform.newest_revision import head_revision
from app.platform.roles import APPLICATION
from app.platform.settings import Environment, Settings, SmtpSecurity
from tests import builders
from tests.collector import a_collector
from tests.conftest import passable_folder
from tests.platform.test_mail import MailServer
from tests.serving import free_port

KEY = "q8vN2xLr0fTzB5yWm7KdHs3Gc9Jp4Ae6UiXo1Rt"


@dataclass(frozen=True)
class Sound:
    """An installation in which all is well, and how to get at what stands around it."""

    at: Installation
    cluster: Cluster
    owner: str
    folder: Path

    def changed(self, **settings: Any) -> "Sound":
        return replace(self, at=replace(self.at, settings=self.at.settings.model_copy(update=settings)))

    def told(self, **environ: str) -> "Sound":
        return replace(self, at=replace(self.at, environ={**self.at.environ, **environ}))

    def sql(self, statement: str, *, superuser: bool = False) -> None:
        """Do it as the owner of the database, or as the superuser."""
        database = str(make_url(self.owner).database)
        url = self.cluster.url(database, role="postgres") if superuser else self.owner
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
async def sound(cluster: Cluster, another_database: Callable[[str], str], settings: Settings) -> AsyncIterator[Sound]:
    name = f"checked_{os.getpid()}"
    owner = another_database(name)
    url = cluster.url(name, role=APPLICATION)
    server = MailServer()
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    with passable_folder() as folder:
        changed = settings.model_copy(
            update={
                "database_url": SecretStr(url),
                "data_dir": folder,
                "secret_key": SecretStr(KEY),
                "smtp_host": "127.0.0.1",
                "smtp_port": listening.sockets[0].getsockname()[1],
                "smtp_security": SmtpSecurity.NONE,
            }
        )
        database = Database(create_engine(changed, url))
        async with database.session() as session:
            account, _ = await builders.a_colleague(session, "navigator")
            version, seed = changed.keys.seal(
                purpose=totp.PURPOSE, owner=str(account.user_account_id), plain=totp.new_secret().encode()
            )
            session.add(
                TotpCredential(
                    user_account_id=account.user_account_id, secret_encrypted=seed, key_version=version, last_step=0
                )
            )
            await session.commit()
        made = Sound(Installation(changed, {"CRM_SECRET_KEY": KEY}, database), cluster, owner, folder)
        made.sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
        yield made
        await database.close()
    listening.close()
    await listening.wait_closed()


async def found(sound: Sound) -> dict[str, Finding]:
    return {check.name: finding for check, finding in await look(sound.at)}


async def test_where_all_is_well_every_check_says_so(sound: Sound) -> None:
    sound.sql("UPDATE procrastinate_workers SET last_heartbeat = now()")
    told = await found(sound)
    assert {name: finding for name, finding in told.items() if finding.level is not Level.OK} == {}
    assert {finding.advice for finding in told.values()} == {""}


Fault = Callable[[Sound], AbstractAsyncContextManager[Sound]]
FAULTS: list[tuple[str, Level, str, Fault]] = []
"""The check that names it, how bad it is, words of the sentence, and what makes the fault and mends it."""


def fault(check: str, level: Level, words: str) -> Callable[[Callable[[Sound], Any]], Callable[[Sound], Any]]:
    def add(make: Callable[[Sound], Any]) -> Callable[[Sound], Any]:
        FAULTS.append((check, level, words, asynccontextmanager(make)))
        return make

    return add


@fault("settings", Level.WRONG, "CRM_SMTP_PASSWORD is not set")
async def _a_part_is_missing(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(smtp_user="crm")


@fault("settings", Level.WRONG, "CRM_ALLOWED_HOSTS does not have the host")
async def _users_are_refused(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(allowed_hosts=("elsewhere.example",))


@fault("settings", Level.WARNING, "CRM_SMTP_HOTS is none of ours, CRM_SMTP_HOST is")
async def _a_name_is_misspelled(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.told(CRM_SMTP_HOTS="smtp.example.org")


@fault("settings", Level.WARNING, "CRM_CALL_FEED_INITIALS without CRM_CALL_FEEDS")
async def _a_setting_does_nothing(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(call_feed_initials=True)


@fault("disk", Level.WRONG, "are about to be refused")
async def _the_disk_is_full(sound: Sound) -> AsyncIterator[Sound]:
    with a_disk(sound.folder / "full", mib=400) as disk:
        # Written for real: what is left is 200 MiB.
        with (disk / "fills").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 200 * 1024 * 1024)
        yield sound.changed(documents=str(disk))


@fault("disk", Level.WARNING, "free of 400")
async def _the_disk_is_nearly_full(sound: Sound) -> AsyncIterator[Sound]:
    with a_disk(sound.folder / "low", mib=400) as disk:
        yield sound.changed(documents=str(disk))


@contextmanager
def a_disk(folder: Path, *, mib: int) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("only root makes a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@fault("time zones", Level.WARNING, "of 2019c")
async def _time_zones_are_old(sound: Sound) -> AsyncIterator[Sound]:
    zones = sound.folder / "zones"
    zones.mkdir()
    (zones / "UTC").touch()
    (zones / "tzdata.zi").write_text("# version 2019c\n")
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(zones)])
    try:
        yield sound
    finally:
        zoneinfo.reset_tzpath(to=before)


@fault("database", Level.WRONG, "does not answer")
async def _the_database_is_down(sound: Sound) -> AsyncIterator[Sound]:
    down = Database(create_engine(sound.at.settings, f"postgresql://crm@127.0.0.1:{free_port()}/crm"))
    yield replace(sound, at=replace(sound.at, database=down))
    await down.close()


@fault("database", Level.WRONG, "does not run")
async def _the_embedded_one_does_not_run(sound: Sound) -> AsyncIterator[Sound]:
    yield replace(sound, at=replace(sound.at, database=None))


@fault("connections", Level.WRONG, "may take 624 connections")
async def _connections_will_run_out(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(pool_size=200, workers=2)


@fault("clock", Level.WRONG, "5 minutes ahead of")
async def _the_clock_is_ahead(sound: Sound) -> AsyncIterator[Sound]:
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=2)):
        yield sound


@fault("clock", Level.WARNING, "seconds behind")
async def _the_clock_is_a_little_behind(sound: Sound) -> AsyncIterator[Sound]:
    with time_machine.travel(clock.now() - timedelta(seconds=10)):
        yield sound


def _stamped(sound: Sound, revision: str) -> None:
    sound.sql(f"UPDATE alembic_version SET version_num = '{revision}'")


@fault("revision", Level.WRONG, "newer than this program")
async def _the_schema_is_newer(sound: Sound) -> AsyncIterator[Sound]:
    async with asynccontextmanager(_a_newer_schema_serves)(sound):
        sound.sql("CREATE TABLE kept_served AS TABLE served_program; DELETE FROM served_program")
        yield sound
        sound.sql("INSERT INTO served_program TABLE kept_served; DROP TABLE kept_served")


@fault("revision", Level.WARNING, "still serves this program")
async def _a_newer_schema_serves(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("CREATE TABLE kept_revision AS TABLE alembic_version")
    _stamped(sound, "9999")
    yield sound
    sound.sql("UPDATE alembic_version SET version_num = (TABLE kept_revision); DROP TABLE kept_revision")


@fault("revision", Level.WRONG, "(0001_core) is older than this program")
async def _the_schema_is_older(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("CREATE TABLE kept_revision AS TABLE alembic_version")
    _stamped(sound, "0001_core")
    yield sound
    sound.sql("UPDATE alembic_version SET version_num = (TABLE kept_revision); DROP TABLE kept_revision")


@fault("revision", Level.WRONG, "no schema yet")
async def _there_is_no_schema(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("ALTER TABLE alembic_version RENAME TO kept_revision")
    yield sound
    sound.sql("ALTER TABLE kept_revision RENAME TO alembic_version")


def _partition(months: int) -> str:
    return (
        "'audit_event_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC')"
        f" + make_interval(months => {months}), 'YYYY_MM')"
    )


@fault("audit trail", Level.WRONG, "lacks 1 of its partitions")
async def _a_partition_is_missing(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql(f"DO $$ BEGIN EXECUTE 'DROP TABLE ' || {_partition(2)}; END $$")
    yield sound
    sound.sql("SELECT ensure_audit_partitions(2)")


@fault("audit trail", Level.WRONG, "no partition for tomorrow")
async def _tomorrow_has_no_partition(sound: Sound) -> AsyncIterator[Sound]:
    tomorrow = "'audit_event_' || to_char((now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYY_MM')"
    sound.sql(f"DO $$ BEGIN EXECUTE 'DROP TABLE ' || {tomorrow}; END $$")
    yield sound
    sound.sql("SELECT ensure_audit_partitions(2)")


@fault("audit trail", Level.WARNING, "1 months of the audit trail are over and not closed")
async def _a_month_is_not_closed(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql(
        "CREATE TABLE audit_event_2020_01 PARTITION OF audit_event FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')"
    )
    yield sound
    sound.sql("DROP TABLE audit_event_2020_01")


@fault("replicas", Level.WARNING, "1 of 1 replicas are not connected (standby_of_a_test)")
async def _a_replica_is_gone(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("SELECT pg_create_physical_replication_slot('standby_of_a_test', true)", superuser=True)
    yield sound
    sound.sql("SELECT pg_drop_replication_slot('standby_of_a_test')", superuser=True)


@fault("replica for reads", Level.WARNING, "The replica of CRM_REPLICA_URL is not a standby")
async def _the_replica_is_none(sound: Sound) -> AsyncIterator[Sound]:
    names_itself = sound.at.settings.model_copy(update={"replica_url": sound.at.settings.database_url})
    assert names_itself.database_url is not None
    here = names_itself.database_url.get_secret_value()
    database = Database(create_engine(names_itself, here), replica=create_replica(names_itself))
    yield replace(sound, at=replace(sound.at, settings=names_itself, database=database))
    await database.close()


@fault("worker", Level.WRONG, "No worker has ever run")
async def _no_worker_ever_ran(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("DELETE FROM procrastinate_workers")
    yield sound
    sound.sql("INSERT INTO procrastinate_workers DEFAULT VALUES")


@fault("worker", Level.WRONG, "last heard of 10 minutes ago")
async def _the_worker_has_stopped(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 min 5 s'")
    yield sound
    sound.sql("UPDATE procrastinate_workers SET last_heartbeat = now()")


@fault("traces", Level.WARNING, "The collector of CRM_OTLP_ENDPOINT does not take traces")
async def _the_collector_refuses_us(sound: Sound) -> AsyncIterator[Sound]:
    with a_collector() as collector:
        collector.answers = 403
        yield sound.changed(otlp_endpoint=collector.url)


_A_JOB = "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock) VALUES ('default', 'send_mail', 'x')"


@fault("worker", Level.WARNING, "send_mail has been due for 1 hour")
async def _a_job_waits(sound: Sound) -> AsyncIterator[Sound]:
    # Its moment is noted by a trigger.
    sound.sql(f"{_A_JOB}; UPDATE procrastinate_events SET at = now() - interval '61 min'")
    yield sound
    sound.sql("DELETE FROM procrastinate_jobs")


@fault("worker", Level.WARNING, "failed within a day: send_mail (1)")
async def _a_job_has_failed(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql(f"{_A_JOB}; UPDATE procrastinate_jobs SET status = 'doing'")
    sound.sql("UPDATE procrastinate_jobs SET status = 'failed'")
    yield sound
    sound.sql("DELETE FROM procrastinate_jobs")


@fault("mail", Level.WRONG, "is not reached")
async def _the_mail_server_is_down(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(smtp_port=free_port())


@fault("mail", Level.WRONG, "does not go on with us (SMTPNotSupportedError)")
async def _the_mail_server_has_no_tls(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(smtp_security=SmtpSecurity.STARTTLS)


_A_MAIL = "INSERT INTO outgoing_mail (to_address, subject, body, tries, due_at) VALUES ('i@crm.example', 'x', 'x'"


@fault("mail", Level.WARNING, "1 mails of this week were given up after 8 tries")
async def _a_mail_was_given_up(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql(f"{_A_MAIL}, 8, now())")
    yield sound
    sound.sql("DELETE FROM outgoing_mail")


@fault("mail", Level.WARNING, "1 mails are due, the oldest for 1 hour")
async def _a_mail_waits(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql(f"{_A_MAIL}, 0, now() - interval '1 hour 2 s')")
    yield sound
    sound.sql("DELETE FROM outgoing_mail")


@fault("documents", Level.WRONG, "does not take a file")
async def _the_folder_of_documents_is_no_folder(sound: Sound) -> AsyncIterator[Sound]:
    # Root may write everywhere: a file in its place refuses root too.
    file = sound.folder / "no-folder"
    file.touch()
    yield sound.changed(documents=str(file))
    file.unlink()


@fault("documents", Level.WRONG, "not there and cannot be made")
async def _the_folder_of_documents_cannot_be_made(sound: Sound) -> AsyncIterator[Sound]:
    file = sound.folder / "no-folder-above"
    file.touch()
    yield sound.changed(documents=str(file / "documents"))
    file.unlink()


@fault("secret key", Level.WRONG, "CRM_SECRET_KEY can be guessed")
async def _the_key_can_be_guessed(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.told(CRM_SECRET_KEY="abcabcabcabcabcabcabcabcabcabcabcabc")


@fault("secret key", Level.WRONG, "Two of the keys are the same")
async def _a_key_is_there_twice(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(master_keys={1: SecretStr(KEY)})


@fault("sealed data", Level.WRONG, "What master key 0 has sealed does not open")
async def _the_key_is_another_one(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(secret_key=SecretStr(KEY[::-1]))


@fault("sealed data", Level.WRONG, "the secret key is not here")
async def _the_key_is_not_here(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.told(CRM_SECRET_KEY="")


@fault("sealed data", Level.WARNING, "still sealed with master key 0, while 3 is the newest")
async def _not_all_is_rotated(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(master_keys={3: SecretStr(KEY[::-1])})


@fault("sealed data", Level.WARNING, "has sealed something 8")
async def _the_key_is_old(sound: Sound) -> AsyncIterator[Sound]:
    sound.sql("UPDATE totp_credential SET created_at = now() - interval '800 days 1 hour'")
    yield sound
    sound.sql("UPDATE totp_credential SET created_at = now()")


@fault("certificate", Level.WRONG, "ended 3 days ago")
async def _the_certificate_has_ended(sound: Sound) -> AsyncIterator[Sound]:
    async with served_with_a_certificate(sound.folder, ends_in=timedelta(days=-3, hours=-1)) as url:
        yield sound.changed(base_url=url)


@fault("certificate", Level.WARNING, "ends in 10 days")
async def _the_certificate_ends_soon(sound: Sound) -> AsyncIterator[Sound]:
    async with served_with_a_certificate(sound.folder, ends_in=timedelta(days=10, hours=1)) as url:
        yield sound.changed(base_url=url)


@fault("certificate", Level.WARNING, "is not reached from here")
async def _nobody_answers_there(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(base_url=f"https://127.0.0.1:{free_port()}")


@fault("certificate", Level.WARNING, "can be read on its way")
async def _users_come_without_encryption(sound: Sound) -> AsyncIterator[Sound]:
    yield sound.changed(base_url="http://crm.example.org", allowed_hosts=())


@asynccontextmanager
async def served_with_a_certificate(folder: Path, *, ends_in: timedelta) -> AsyncIterator[str]:
    """A server of TLS on loopback whose certificate ends then."""
    key, end = ec.generate_private_key(ec.SECP256R1()), clock.now() + ends_in
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


def _a_backup_of(sound: Sound, age: timedelta, **changed: Any) -> Sound:
    """A place of backups with one that was taken so long ago: its manifest, and no file that it would name."""
    taken_at = clock.now() - age
    manifest = Manifest(
        name=name_at(taken_at),
        taken_at=taken_at,
        program_version="0",
        schema_revision=head_revision(),
        postgresql_version=180000,
        recipients=[],
        database=[],
        documents=[],
        rows={},
        document_count=0,
        document_bytes=0,
        document_keys={},
        **{"missing_documents": 0, "damaged_documents": 0, "erased_documents": 0, **changed},
    )
    place = sound.folder / "backups"
    shutil.rmtree(place, ignore_errors=True)
    write_manifest(store_at(str(place), spread=False), manifest)
    return sound.changed(backups=str(place))


@fault("backups", Level.WARNING, "The newest backup that lacks nothing is 1 day old.")
async def _a_night_was_missed(sound: Sound) -> AsyncIterator[Sound]:
    yield _a_backup_of(sound, timedelta(hours=30))


@fault("backups", Level.WRONG, "The newest backup that lacks nothing is 4 days old.")
async def _backups_have_stopped(sound: Sound) -> AsyncIterator[Sound]:
    yield _a_backup_of(sound, timedelta(days=4))


@fault("backups", Level.WRONG, "There is no backup that lacks nothing.")
async def _the_only_backup_lacks_documents(sound: Sound) -> AsyncIterator[Sound]:
    yield _a_backup_of(sound, timedelta(hours=1), missing_documents=1)


def _an_archive(sound: Sound, age: timedelta, *, segments: tuple[int, ...] = (1, 2)) -> Sound:
    place = sound.folder / "archived"
    shutil.rmtree(place, ignore_errors=True)
    store, log = store_at(str(place), spread=False), wal.log_store(str(place))
    base = BaseManifest(
        name="base-2026-11-28T020000Z", taken_at=clock.now() - timedelta(days=1), program_version="1",
        postgresql_version=180000, system_identifier=7, timeline=1, segment_bytes=2**24, database="crm",
        first_segment=f"{1:08X}{1:016X}", last_segment=f"{1:08X}{1:016X}", superuser="crm", recipients=[], files=[],
    )  # fmt: skip
    store.put(f"{base.name}.json", iter([base.model_dump_json().encode()]))
    for number in segments:
        log.put(wal.StoredSegment(7, f"{1:08X}{number:016X}", "0" * 32, "0" * 64).name, iter([b"x"]))
    reach = wal.Reach(
        system_identifier=7, timeline=1, segment=f"{1:08X}{max(segments):016X}", reached=clock.now() - age
    )
    wal.write_reach(log, reach)
    return sound.changed(backups=str(place))


@fault("archive", Level.WRONG, "The archive leads to any moment until 20 minutes ago.")
async def _the_archive_has_stopped(sound: Sound) -> AsyncIterator[Sound]:
    yield _an_archive(sound, timedelta(minutes=20))


@fault("archive", Level.WRONG, "not whole: segment 000000010000000000000002 of the log is missing")
async def _the_archive_has_a_hole(sound: Sound) -> AsyncIterator[Sound]:
    yield _an_archive(sound, timedelta(), segments=(1, 3))


async def test_an_archive_that_goes_on_is_well(sound: Sound) -> None:
    told = (await found(_an_archive(sound, timedelta(seconds=70))))["archive"]
    assert (told.level, told.says) == (Level.OK, "The archive leads to any moment until 1 minute ago.")


async def test_a_backup_of_last_night_is_well(sound: Sound) -> None:
    told = (await found(_a_backup_of(sound, timedelta(hours=20))))["backups"]
    assert (told.level, told.says) == (Level.OK, "The newest backup that lacks nothing is 20 hours old.")


async def test_production_is_told_that_no_place_of_backups_is_named(sound: Sound) -> None:
    told = await backups(
        replace(sound.at, settings=sound.at.settings.model_copy(update={"environment": Environment.PRODUCTION}))
    )
    assert told.level is Level.WARNING


@pytest.mark.parametrize(
    ("check", "level", "words", "make"), FAULTS, ids=[f"{check}: {words}" for check, _, words, _ in FAULTS]
)
async def test_a_fault_is_named_by_its_check(sound: Sound, check: str, level: Level, words: str, make: Fault) -> None:
    async with make(sound) as faulty:
        told = (await found(faulty))[check]
    assert words in told.says
    assert (told.level, bool(told.advice)) == (level, True)
    for sentence in (told.says, told.advice):
        assert sentence.endswith(".")
        assert "\n" not in sentence
    assert (await found(sound))[check].level is Level.OK, "the fault is mended, or the next test meets it"


def test_each_check_has_its_fault() -> None:
    assert {check for check, *_ in FAULTS} == {check.name for check in CHECKS}


async def test_a_disk_is_full_below_the_limit(sound: Sound) -> None:
    assert disk_of(sound.at.settings).word == "ok"
    assert disk_of(sound.at.settings, full_bytes=10**18).word == "full"


async def test_with_the_database_down_all_else_is_looked_at(sound: Sound) -> None:
    async with asynccontextmanager(_the_database_is_down)(sound) as down:
        told = await found(down)
    skipped = {name for name, finding in told.items() if "since the database does not answer" in finding.says}
    assert skipped == {check.name for check in CHECKS if check.needs_database}
    assert {name for name, finding in told.items() if finding.level is Level.OK} == set(told) - skipped - {"database"}


async def test_a_check_that_breaks_stops_no_other_one(sound: Sound) -> None:
    sound.sql("ALTER TABLE procrastinate_workers RENAME TO away")
    told = await found(sound)
    sound.sql("ALTER TABLE away RENAME TO procrastinate_workers")
    assert told["worker"].says == "This could not be looked at (ProgrammingError)."
    assert {name for name, finding in told.items() if finding.level is not Level.OK} == {"worker"}


async def _ready(sound: Sound) -> tuple[int, dict[str, Any]]:
    transport = httpx.ASGITransport(app=create_app(sound.at.settings, sound.at.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/health/ready", headers={"Host": "localhost"})
    return answer.status_code, answer.json()


async def test_ready_names_what_is_wrong_in_a_word_and_nothing_more(sound: Sound) -> None:
    well = {"database": "ok", "revision": "ok", "audit": "ok", "worker": "ok", "disk": "ok"}
    sound.sql("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert await _ready(sound) == (200, {"status": "ok", "checks": well})
    async with asynccontextmanager(_the_schema_is_newer)(sound):
        assert await _ready(sound) == (503, {"status": "unavailable", "checks": {**well, "revision": "differs"}})
    async with asynccontextmanager(_a_newer_schema_serves)(sound):
        assert await _ready(sound) == (200, {"status": "ok", "checks": {**well, "revision": "newer"}})
    async with asynccontextmanager(_the_schema_is_older)(sound):
        assert (await _ready(sound))[1]["checks"] == {**well, "revision": "older"}
    async with asynccontextmanager(_the_database_is_down)(sound) as down:
        unknown = dict.fromkeys(("revision", "audit", "worker"), "unknown")
        assert (await _ready(down))[1]["checks"] == {**well, **unknown, "database": "failed"}
    async with asynccontextmanager(_the_disk_is_full)(sound) as full:
        # Everything but uploads goes on.
        assert await _ready(full) == (200, {"status": "ok", "checks": {**well, "disk": "full"}})
