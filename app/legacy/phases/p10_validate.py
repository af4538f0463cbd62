"""
Phase 10, validation: the equation closes, every decided row is here, nothing that a plain copy loses was lost.

Reads the ledger, the decisions and the tables written. Writes suggested_change (what a later export of the same system
says otherwise), the results of the checks, and one audit event for the run.
"""

from typing import Final

from app.legacy import changes, checks
from app.legacy.errors import PhaseFailed
from app.legacy.phases.context import Context

READS: Final = ("outcome", "record_count", "lineage")
WRITES: Final = ("suggested_change", "audit_event")


def run(context: Context) -> None:
    """Check everything; raise PhaseFailed where something does not hold."""
    changes.list_missing(context)
    changes.suggest_changes(context)
    changes.remember(context)
    check(context)


def check(context: Context) -> None:
    """Make every check, note what it found and the run's audit event; raise PhaseFailed where one does not hold."""
    found = [
        *checks.equation(context.connection, context.run_id),
        *checks.arrival(context.connection, just_written=context.is_first),
        *checks.faults(context.connection, context.frame.now),
    ]
    with context.connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO legacy.check_result (run_id, position, name, expected, found) VALUES (%s, %s, %s, %s, %s)",
            [(context.run_id, i, c.name, c.expected, c.found) for i, c in enumerate(found)],
        )
    broken = [c for c in found if not c.holds]
    if broken:
        told = "; ".join(f"{c.name}: expected {c.expected}, found {c.found}" for c in broken)
        raise PhaseFailed(f"{len(broken)} check(s) do not hold: {told}")
    context.connection.execute(
        "INSERT INTO public.audit_event (action, record_type, outcome, purpose)"
        " SELECT 'legacy_run', 'legacy_run', 'done', format('run %%s from %%s by %%s', run_id, source, started_by)"
        " FROM legacy.run WHERE run_id = %s",
        (context.run_id,),
    )
