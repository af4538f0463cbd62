"""`crm secret …`: the master keys."""

import os

import typer

from app.access import service as access
from app.audit import service as audit
from app.commands import read_settings, say
from app.commands.preparing import in_database
from app.documents import rotation
from app.platform.db import Database
from app.platform.errors import Conflict
from app.platform.secret_key import with_kept_key

commands = typer.Typer(no_args_is_help=True, help="Master keys (CRM_MASTER_KEYS).")


@commands.command("rotate")
def secret_rotate() -> None:
    """
    Seal the keys of documents and the seeds of authenticator apps anew, under the newest master key.

    May be ended at any time and run again. Everything opens before, meanwhile and after, as long as the older keys are
    still given; when it has ended without a remark, nothing needs them any more.
    """
    keys = with_kept_key(read_settings(), os.environ).keys

    async def work(database: Database) -> rotation.Rotated:
        rotated = await rotation.rotate(database, keys)
        async with database.unit_of_work() as session:
            await audit.write_event(session, access.command_actor(), action="rotate_secrets")
        return rotated

    rotated = in_database(work)
    say.print(f"Under master key {keys.newest} now: {rotated.documents} document keys, {rotated.seeds} seeds.")
    if rotated.unreadable:
        raise Conflict(
            f"{rotated.unreadable} could not be opened with the keys that are given, and are as they were: give the "
            "master keys of their versions too.",
            code="master_key_missing",
        )
