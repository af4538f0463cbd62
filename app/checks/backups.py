"""How old the newest backup is that lacks nothing, and how far the archive of the log reaches."""

import asyncio
from datetime import timedelta
from typing import Final

from app.backups import keeping, wal
from app.backups.listing import list_backups, newest_complete
from app.checks.findings import Finding, Installation, in_words, ok, warning, wrong
from app.platform import clock
from app.platform.file_store import store_at

_LATE: Final = timedelta(hours=26)
"""A night was missed: as they are taken once a day."""
_WRONG: Final = timedelta(days=3)
_ADVICE: Final = "Run `crm backup create`, and look why the last ones were not made."


async def backups(at: Installation) -> Finding:
    place = at.settings.backups
    if place is None:
        if not at.settings.is_production:
            return ok("No backups are kept of this development database.")
        return warning(
            "No place of backups is named here, so their age is not known.",
            "Set CRM_BACKUPS, run this where it is set, or watch the backups that your platform takes.",
        )
    newest = newest_complete(await asyncio.to_thread(lambda: list_backups(store_at(place, spread=False))))
    if newest is None:
        return wrong("There is no backup that lacks nothing.", _ADVICE)
    age = clock.now() - newest.taken_at
    told = f"The newest backup that lacks nothing is {in_words(age)} old."
    if age > _WRONG:
        return wrong(told, _ADVICE)
    return warning(told, _ADVICE) if age > _LATE else ok(told)


_ARCHIVE_LATE: Final = timedelta(minutes=10)
"""A segment is finished each minute (archive_timeout) and sent on at once."""
_ARCHIVE_ADVICE: Final = (
    "See whether `crm backup archive` runs and what it says; where the database keeps no log for it any more, run "
    "`crm backup create --base`."
)


async def archive(at: Installation) -> Finding:
    place = at.settings.backups
    if place is None:
        return ok("No archive of the database's log is kept from here.")
    found, _ = await asyncio.to_thread(lambda: keeping.all_bases(store_at(place, spread=False), wal.log_store(place)))
    if not found:
        return ok("No archive of the database's log is kept: what comes after the last backup has no copy.")
    newest = found[0]
    if newest.fault:
        return wrong(f"The newest base or its log is not whole: {newest.fault}.", _ARCHIVE_ADVICE)
    age = clock.now() - newest.until
    told = f"The archive leads to any moment until {in_words(age)} ago."
    return wrong(told, _ARCHIVE_ADVICE) if age > _ARCHIVE_LATE else ok(told)
