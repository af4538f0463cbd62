"""`crm backup …`: backups of the database and the documents of one moment."""

import asyncio
import json
import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from app.access import service as access
from app.audit import service as audit
from app.backups import age, archive, keeping, listing, moment, verify, wal
from app.backups import base as bases
from app.backups import create as creating
from app.backups import restore as restoring
from app.backups.errors import DocumentsMissing
from app.backups.listing import Found
from app.backups.manifest import read_manifest
from app.commands import Addresses, addresses, read_settings, say
from app.commands.preparing import administrator, set_up_roles, with_database
from app.platform import clock
from app.platform.db import Database
from app.platform.embedded import exit_on_sigterm
from app.platform.errors import Invalid
from app.platform.file_store import FileStore, file_store, store_at
from app.platform.newest_revision import head_revision
from app.platform.secret_key import with_kept_key
from app.platform.settings import Settings, SettingsError

commands = typer.Typer(
    no_args_is_help=True,
    help="Backups of database and documents (CRM_BACKUPS, CRM_BACKUP_RECIPIENTS, CRM_BACKUP_KEEP).",
)
_IDENTITY = "The file with the private key of age; - for standard input."
Name = Annotated[str, typer.Argument(help="The name of a backup, as `crm backup list` tells it; newest for that one.")]
_MANY_DOCUMENTS = 10
_NAME_WIDTH = len("crm-2026-11-28T020000Z")


@commands.command("create")
def backup_create(
    *, base: Annotated[bool, typer.Option("--base", help="A base for any moment from now on, not a dump.")] = False
) -> None:
    """Take a backup, print its name, and remove those that CRM_BACKUP_KEEP keeps no longer."""
    settings, store = _settings_and_store()
    exit_on_sigterm()
    if base:
        _create_base(settings, store)
        return
    with addresses(settings) as found:
        made = creating.create(
            found.owner,
            documents=file_store(settings),
            backups=store,
            public_keys=settings.backup_recipients,
            pg_bin=settings.pg_bin,
        )
        _note(settings, found, "create_backup")
    manifest = made.manifest
    say.print(f"{_size(manifest.size_bytes)}: {sum(manifest.rows.values())} rows, {manifest.document_count} documents.")
    for old in listing.superfluous(listing.list_backups(store), settings.backup_keep):
        listing.remove(store, old)
        say.print(f"Removed {old.name}, which CRM_BACKUP_KEEP keeps no longer.")
    typer.echo(manifest.name)
    if made.lacking:
        named = ", ".join(map(str, made.lacking[:_MANY_DOCUMENTS]))
        raise DocumentsMissing(
            f"The backup is made, and the store of documents lacks the file of {len(made.lacking)} documents, or has "
            f"it damaged: look for it in an older backup (document_version {named})."
        )


@commands.command("list")
def backup_list(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON list, for machines.")] = False
) -> None:
    """List what is there, the newest first: its age, its size, whether it is complete."""
    settings, store = _settings_and_store()
    found = listing.list_backups(store)
    bases_there, remains = keeping.all_bases(store, wal.log_store(_place(settings)))
    if as_json:
        told = [*map(_as_json, found), *map(_base_as_json, bases_there)]
        told += [{"name": name, "is_complete": False, "faults": [state]} for name, state in remains.items()]
        typer.echo(json.dumps(told, indent=2))
        return
    # A name is to be copied: it is never shortened.
    table = Table(Column("Name", min_width=_NAME_WIDTH), "Age", "Size", "Documents", "State", box=None)
    for backup in found:
        state = "complete" if backup.is_complete else "; ".join(backup.faults)
        if (manifest := backup.manifest) is None:
            table.add_row(backup.name, "", "", "", state)
            continue
        table.add_row(
            backup.name,
            _age(clock.now() - manifest.taken_at),
            _size(manifest.size_bytes),
            str(manifest.document_count),
            state,
        )
    for name, state in remains.items():
        table.add_row(name, "", "", "", state)
    for one in bases_there:
        state = f"any moment until {one.until:%Y-%m-%d %H:%M:%S} UTC" + (f"; then {one.fault}" if one.fault else "")
        made = one.manifest
        table.add_row(made.name, _age(clock.now() - made.taken_at), _size(made.size_bytes), "", state)
    Console(highlight=False, soft_wrap=True).print(table)


@commands.command("verify")
def backup_verify(
    name: Name, identity: Annotated[typer.FileText | None, typer.Option("--identity", help=_IDENTITY)] = None
) -> None:
    """
    Read a backup whole and compare its checksums; with an identity decrypt it too, and count its rows and documents.

    Nothing is written. The identity need not be on the server: the folder of backups is enough on another machine.
    Of a base and its log the files are compared; what is in them a restore shows.
    """
    settings, store = _settings_and_store()
    if name.startswith("base-"):
        _verify_base(settings, store, name)
        return
    manifest = read_manifest(store, _named(store, name))
    if identity is None:
        verify.verify_files(store, manifest)
        say.print(f"{manifest.name}: every file is as its manifest says. What is in them an identity alone can show.")
        return
    verify.verify_content(store, manifest, age.identities(identity), pg_bin=settings.pg_bin)
    say.print(
        f"{manifest.name}: decrypted and read whole, with {sum(manifest.rows.values())} rows in "
        f"{len(manifest.rows)} tables and {manifest.document_count} documents, as its manifest says."
    )


@commands.command("archive")
def backup_archive(
    spool: Annotated[Path | None, typer.Option("--spool", help="Where the log waits; in CRM_DATA_DIR.")] = None,
) -> None:
    """Go on to copy the log of the database and new documents into the store, so that any moment can be reached."""
    settings, _ = _settings_and_store()
    ends = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ends.set())
    archive.Archiver(
        _archive_url(settings),
        spool or settings.data_dir / "spool",
        wal.log_store(_place(settings)),
        file_store(settings),
        wal.copies_store(_place(settings)),
        age.recipients(settings.backup_recipients),
        settings.pg_bin,
        say.print,
        ends,
    ).run()


@commands.command("restore")
def backup_restore(
    identity: Annotated[typer.FileText, typer.Option("--identity", help=_IDENTITY)],
    name: Annotated[str | None, typer.Argument(help="The name of a backup; newest for that one.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="A moment, as 2026-11-28T14:03:00+01:00.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="An empty folder for the server's files.")] = None,
) -> None:
    """
    Bring a backup back into an empty database and an empty store of documents, and prove that it is whole.

    With --data, instead of a name: the whole server as it was at a moment, the newest unless --until says which.
    """
    settings, store = _settings_and_store()
    settings = with_kept_key(settings, os.environ)
    if (name is None) == (data is None) or (until is not None and data is None):
        raise Invalid("Give the name of a backup, or --data with or without --until.", code="restore_of_what")
    if data is not None:
        _restore_moment(settings, store, age.identities(identity), until, data)
        return
    assert name is not None  # noqa: S101 - one of the two is given
    exit_on_sigterm()
    documents, identities = file_store(settings), age.identities(identity)
    with addresses(settings) as found:
        manifest = read_manifest(store, _named(store, name))
        restoring.refuse_what_cannot_be_restored(administrator(settings, found), documents, manifest)
        has_roles = settings.is_production or len({found.owner, found.operator_if_known, found.application}) > 1
        if has_roles:
            set_up_roles(settings, found)
        restoring.restore(
            found.owner,
            documents=documents,
            backups=store,
            manifest=manifest,
            identities=identities,
            pg_bin=settings.pg_bin,
        )
        if has_roles:
            set_up_roles(settings, found)
        restoring.make_ready(found.owner)
        try:
            proved = restoring.prove(found.owner, documents=documents, manifest=manifest, keys=settings.keys)
        finally:
            # After the rows were counted, and also where something is not as it was: it is restored all the same.
            if manifest.schema_revision == head_revision():
                _note(settings, found, "restore_backup")
    say.print(
        f"Restored {manifest.name} of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC: {proved.rows} rows, as many as its "
        f"manifest says; the keys of all {proved.documents} documents open, and {proved.read} of them were read and "
        "are as they were."
    )
    if manifest.schema_revision != head_revision():
        say.print("Its schema is an earlier one: run `crm db upgrade` next.")
    say.print("What was erased after that moment is here again: erase it anew.")


@commands.command("key")
def backup_key() -> None:
    """
    Make a pair of keys of age: print the private one, as `age-keygen` does, and tell the public one on stderr.

    On a machine that is not the server: `crm backup key > backup-identity.txt`. Keep two copies apart from the backups.
    """
    private, public = age.new_identity()
    typer.echo(f"# public key: {public}\n{private}")
    if not sys.stdout.isatty():
        say.print(f"CRM_BACKUP_RECIPIENTS={public}", soft_wrap=True)


def _create_base(settings: Settings, store: FileStore) -> None:
    made = bases.create_base(
        _archive_url(settings),
        backups=store,
        log=wal.log_store(_place(settings)),
        public_keys=settings.backup_recipients,
        pg_bin=settings.pg_bin,
        tell=say.print,
    )
    with addresses(settings) as found:
        _note(settings, found, "create_backup")
    say.print(f"{_size(made.size_bytes)}. Any moment from {made.taken_at.isoformat()} on.")
    days = max(settings.backup_keep.daily, 1)
    for old in keeping.remove_superfluous(store, wal.log_store(_place(settings)), days=days, now=clock.now()):
        say.print(f"Removed {old} and its log: no moment of the last {days} days needs them.")
    typer.echo(made.name)


def _verify_base(settings: Settings, store: FileStore, name: str) -> None:
    log = wal.log_store(_place(settings))
    bases.read_base(store, name)
    (base,) = [one for one in keeping.all_bases(store, log)[0] if one.manifest.name == name]
    keeping.verify_base(store, log, base)
    say.print(
        f"{name}: every file is as its manifest says, and so are the {len(base.chain.segments)} segments of its log, "
        f"until {base.until.isoformat()}."
    )


def _restore_moment(settings: Settings, store: FileStore, identities: list[Any], until: str | None, data: Path) -> None:
    exit_on_sigterm()
    documents, log = file_store(settings), wal.log_store(_place(settings))
    at = _instant(until)
    base = moment.base_for(keeping.all_bases(store, log)[0], at)
    proved = moment.recover(
        base,
        at,
        data.resolve(),
        backups=store,
        log=log,
        copies=wal.copies_store(_place(settings)),
        documents=documents,
        identities=identities,
        keys=settings.keys,
        pg_bin=settings.pg_bin,
    )
    say.print(
        f"Restored {base.manifest.name} and its log until {until or 'the newest moment'}: {proved.rows} rows; the keys "
        f"of all {proved.documents} documents open, and {proved.read} of them were read and are as they were."
    )
    say.print(f"Start the server on {data}, then run `crm backup create --base`: the archive begins anew with it.")
    say.print("What was erased after that moment is here again: erase it anew.")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid("--until needs a moment with its offset, as 2026-11-28T14:03:00+01:00.", code="no_instant")
    return at


def _archive_url(settings: Settings) -> str:
    if settings.archive_database_url is None:
        raise SettingsError("CRM_ARCHIVE_DATABASE_URL is needed: where an account logs in that may replicate")
    return settings.archive_database_url.get_secret_value()


def _place(settings: Settings) -> str:
    assert settings.backups is not None  # noqa: S101 - _settings_and_store has seen to it
    return settings.backups


def _settings_and_store() -> tuple[Settings, FileStore]:
    settings = read_settings()
    if settings.backups is None:
        raise SettingsError("CRM_BACKUPS is needed: the folder, or s3://bucket/prefix, where backups lie")
    return settings, store_at(settings.backups, spread=False)


def _named(store: FileStore, name: str) -> str:
    if name != "newest":
        return name
    newest = listing.newest_complete(listing.list_backups(store))
    return newest.name if newest else name


def _note(settings: Settings, found: Addresses, action: str) -> None:
    async def work(database: Database) -> None:
        async with database.unit_of_work() as session:
            await audit.write_event(session, access.command_actor(), action=action)

    asyncio.run(with_database(settings, found.owner, work))


def _as_json(backup: Found) -> dict[str, object]:
    manifest = backup.manifest
    return {
        "name": backup.name,
        "is_complete": backup.is_complete,
        "faults": backup.faults,
        "taken_at": manifest and manifest.taken_at.isoformat(),
        "size_bytes": manifest and manifest.size_bytes,
        "documents": manifest and manifest.document_count,
        "schema_revision": manifest and manifest.schema_revision,
    }


def _base_as_json(base: keeping.Base) -> dict[str, object]:
    return {
        "name": base.manifest.name,
        "is_complete": base.fault is None,
        "faults": [base.fault] if base.fault else [],
        "taken_at": base.manifest.taken_at.isoformat(),
        "size_bytes": base.manifest.size_bytes,
        "until": base.until.isoformat(),
    }


def _age(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
