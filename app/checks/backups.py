"""How old the newest backup is that lacks nothing."""

import asyncio
from datetime import timedelta
from typing import Final

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
