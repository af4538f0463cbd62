"""Every check, in the order in which one looks: what comes first is often the reason of what follows."""

import asyncio
from typing import Final

from app.checks import backups, configuration, database, machine, secrets, work
from app.checks.findings import Check, Finding, Installation, Level, warning, wrong

CHECKS: Final = (
    Check("settings", configuration.settings),
    Check("disk", machine.disk),
    Check("time zones", machine.time_zones),
    Check("database", database.reached),
    Check("connections", database.connections, needs_database=True),
    Check("clock", database.time, needs_database=True),
    Check("revision", database.revision, needs_database=True),
    Check("audit trail", database.trail, needs_database=True),
    Check("replicas", database.replicas, needs_database=True),
    Check("replica for reads", database.replica_for_reads, needs_database=True),
    Check("worker", work.worker, needs_database=True),
    Check("mail", work.mail),
    Check("traces", work.traces),
    Check("documents", secrets.documents),
    Check("secret key", secrets.secret_key),
    Check("sealed data", secrets.sealed, needs_database=True),
    Check("backups", backups.backups),
    Check("archive", backups.archive),
    Check("certificate", machine.certificate),
)
_SECONDS: Final = 20
"""For one check; the slowest waits for another machine."""


async def look(at: Installation) -> list[tuple[Check, Finding]]:
    """Each check with what it found. None of them stops the others, whatever happens to it."""
    found: list[tuple[Check, Finding]] = []
    answers = True
    for check in CHECKS:
        if check.needs_database and not answers:
            finding = warning(
                "This could not be looked at, since the database does not answer.", "Begin with the database."
            )
        else:
            finding = await _found(check, at)
        if check.look is database.reached:
            answers = finding.level is Level.OK
        found.append((check, finding))
    return found


async def _found(check: Check, at: Installation) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            return await check.look(at)
    except TimeoutError:
        return wrong(f"This could not be looked at within {_SECONDS} seconds.", "Look at what it asks: it hangs.")
    except Exception as error:  # noqa: BLE001 - its kind is enough to act on, and its text may quote a value
        return wrong(
            f"This could not be looked at ({type(error).__name__}).",
            "See the findings above first; then whether the rights in the database are set (`crm db roles`).",
        )
