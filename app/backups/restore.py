"""
Bringing a backup back into an empty database and an empty store of documents.

The documents come first and the database last, in one transaction: whatever ends a restore, there is no database that
looks whole beside documents that are not. Nothing is committed before the last checksum has been compared.
"""

import hashlib
import subprocess
import tarfile
from collections import deque
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.backups import age, database
from app.backups.database import KeptDocument
from app.backups.errors import BackupDamaged, DatabaseFailed, DocumentStoreFailed, NotAsItWas, NotEmpty, SchemaTooNew
from app.backups.manifest import Manifest
from app.backups.programs import find_programs, last_words, program_environment
from app.backups.streams import Watched, as_file, feed
from app.backups.verify import checked
from app.platform.crypto import MasterKeys, Unreadable
from app.platform.file_store import FileStore, StoreFailed
from app.platform.files import PURPOSE
from app.platform.newest_revision import known_revisions
from app.platform.schema import sync_engine
from app.platform.sealed_files import unseal_file

SAMPLE = 200
"""Of so many documents the content is read and compared. Of all of them the key is opened."""
_READ_BYTES = 256 * 1024


@dataclass(frozen=True)
class Restored:
    """What was counted, opened and read after a restore."""

    rows: int
    documents: int
    read: int


def refuse_what_cannot_be_restored(url: str, documents: FileStore, manifest: Manifest) -> None:
    """SchemaTooNew, NotEmpty, DocumentStoreFailed: before anything is read or written."""
    if manifest.schema_revision not in known_revisions():
        raise SchemaTooNew(
            f"The backup has the schema {manifest.schema_revision}, which this version does not know: "
            f"it was made by version {manifest.program_version}. Restore it with that version or a newer one."
        )
    with database.one_moment(url) as connection:
        if objects := database.objects(connection):
            raise NotEmpty(
                f"The database has {objects} tables, views and sequences. A backup is restored into an empty one: "
                "make a new database, and name it in the settings."
            )
    try:
        if next(documents.names(), None) is not None:
            raise NotEmpty(
                "The store of documents has files. A backup is restored into an empty one: "
                "name another place in CRM_DOCUMENTS."
            )
    except StoreFailed as error:
        raise _documents_failed(error) from None


def restore(
    url: str,
    *,
    documents: FileStore,
    backups: FileStore,
    manifest: Manifest,
    identities: list[Any],
    pg_bin: Path | None,
) -> None:
    """
    Bring documents and database back; where one fails, neither is there.

    WrongIdentity, BackupDamaged, BackupStoreFailed, DocumentStoreFailed, DatabaseFailed, SettingsError.
    """
    put: list[str] = []
    try:
        _restore_documents(documents, put, backups, manifest, identities)
        _restore_database(url, backups, manifest, identities, pg_bin)
    except BaseException:
        # The store was empty: these are ours.
        for name in put:
            with suppress(StoreFailed):
                documents.delete(name)
        raise


def prove(url: str, *, documents: FileStore, manifest: Manifest, keys: MasterKeys) -> Restored:
    """
    Count the rows of every table, open the key of every document, and read the content of a sample of them.

    NotAsItWas tells what differs from the manifest, and what no given master key opens.
    """
    with database.one_moment(url) as connection:
        rows, kept = database.count_rows(connection), database.kept_documents(connection)
    faults = [
        f"{name} has {rows.get(name, 0)} rows, not {manifest.rows.get(name, 0)}"
        for name in sorted(rows.keys() | manifest.rows.keys())
        if rows.get(name, 0) != manifest.rows.get(name, 0)
    ]
    may_differ = manifest.missing_documents + manifest.damaged_documents + manifest.erased_documents
    faults += faults_of_documents(kept, documents, keys, may_differ=may_differ)
    if faults:
        raise NotAsItWas(f"The backup is restored, but not as it was: {'; '.join(faults[:10])}.")
    return Restored(sum(rows.values()), len(kept), min(SAMPLE, len(kept)))


def faults_of_documents(
    kept: list[KeptDocument], documents: FileStore, keys: MasterKeys, *, may_differ: int
) -> list[str]:
    """What is wrong with documents that were brought back: every key is opened, a sample is read."""
    faults = []
    closed = [document for document in kept if not _opens(document, keys)]
    if closed:
        versions = ", ".join(map(str, sorted({document.key_version for document in closed})))
        faults.append(
            f"the keys of {len(closed)} of {len(kept)} documents do not open: give CRM_SECRET_KEY (version 0) or "
            f"CRM_MASTER_KEYS of that time for the versions {versions}; nothing needs to be restored again for that"
        )
    else:
        # Names in the store are random, so this is a random sample.
        chosen = kept[:: max(1, len(kept) // SAMPLE)][:SAMPLE]
        differ = sum(not _reads_as_it_was(document, documents, keys) for document in chosen)
        if differ > may_differ:
            faults.append(f"{differ} of {len(chosen)} documents that were read are not what they were")
    return faults


def make_ready(url: str) -> None:
    """What a database needs that has just been filled: statistics for the planner, a place for today's audit events."""
    engine = sync_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT ensure_audit_partitions(2)"))
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _restore_documents(
    documents: FileStore, put: list[str], backups: FileStore, manifest: Manifest, identities: list[Any]
) -> None:
    with closing(age.decrypted(checked(backups, manifest.documents), identities, what="documents")) as plain:
        watched = Watched(plain)
        try:
            with tarfile.open(fileobj=as_file(watched), mode="r|") as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if content is None or not member.name.isalnum():
                        raise BackupDamaged("The documents of the backup hold something else. Take another one.")
                    put.append(member.name)
                    documents.put(member.name, iter(partial(content.read, _READ_BYTES), b""))
        except tarfile.TarError:
            raise BackupDamaged("The documents of the backup cannot be read. Take another one.") from None
        except StoreFailed as error:
            raise watched.failed or _documents_failed(error) from None
        deque(watched, maxlen=0)  # to its end, where the last checksum is
    if len(put) != manifest.document_count:
        raise BackupDamaged(f"The backup has {len(put)} documents, its manifest says {manifest.document_count}.")


def _restore_database(
    url: str, backups: FileStore, manifest: Manifest, identities: list[Any], pg_bin: Path | None
) -> None:
    with database.one_moment(url) as connection:
        major = max(database.server_version(connection), manifest.postgresql_version) // 10_000
    environment, address = program_environment(url)
    command: list[str | Path] = [
        find_programs(pg_bin, major=major) / "pg_restore", "--no-password", "--exit-on-error", "--single-transaction",
        # Whose everything is and who may do what is set by `crm db roles`; the roles need not have these names here.
        "--no-owner", "--no-privileges", "--no-comments", f"--dbname={address}",
    ]  # fmt: skip
    with (
        closing(age.decrypted(checked(backups, manifest.database), identities, what="database")) as plain,
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process,  # noqa: S603
    ):
        try:
            feed(plain, process.stdin)
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            said = process.stderr.read()
        except BaseException:
            # Before it has all: its transaction is rolled back.
            process.kill()
            raise
    if process.returncode != 0:
        raise DatabaseFailed(
            f"The database did not take the backup ({last_words(said)}). Nothing was changed; run it again when it can."
        )


def _opens(document: KeptDocument, keys: MasterKeys) -> bool:
    try:
        _key(document, keys)
    except Unreadable:
        return False
    return True


def _reads_as_it_was(document: KeptDocument, documents: FileStore, keys: MasterKeys) -> bool:
    seen = hashlib.sha256()
    try:
        for part in unseal_file(_key(document, keys), documents.open(document.stored_as)):
            seen.update(part)
    except (Unreadable, StoreFailed):
        return False
    return seen.hexdigest() == document.sha256


def _key(document: KeptDocument, keys: MasterKeys) -> bytes:
    return keys.unseal(document.key_version, purpose=PURPOSE, owner=document.stored_as, sealed=document.wrapped_key)


def _documents_failed(error: StoreFailed) -> DocumentStoreFailed:
    return DocumentStoreFailed(
        f"The store of documents does not take them ({error}): look at CRM_DOCUMENTS, run it again."
    )
