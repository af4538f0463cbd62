"""
The end of the migration: the newest run is signed for, and no run, correction or undo comes after it.

A closing is opened again with a reason; both are on record, in the ledger and in the audit trail.
"""

from typing import Any, NamedTuple

import psycopg

from app.legacy import ledger, runner
from app.legacy.errors import NotReady, PhaseFailed
from app.legacy.locks import alone, who

Connection = psycopg.Connection[Any]


class Closing(NamedTuple):
    """Who signed for which run, and what still waits for people: pairs to review and suggested values."""

    run_id: int
    signed_by: str
    pairs: int
    suggestions: int


def close(url: str, *, signed_by: str, run_id: int | None = None) -> Closing:
    """
    Close the migration after `run_id`, else after the newest run.

    Raises NotReady where a run is unfinished, none has finished, another one came after `run_id`, or the migration is
    closed; PhaseFailed, with their names, where checks do not hold today.
    """
    signed_by = " ".join(signed_by.split())
    if not signed_by:
        raise NotReady("a migration is closed by somebody: name them, as in --signed-by 'Ada Visser, data steward'")
    with alone(url) as connection:
        if not ledger.has_ledger(connection):
            raise NotReady("no migration was ever run here")
        ledger.create_ledger(connection)
        ledger.refuse_closed(connection)
        runner.refuse_unfinished(connection)
        newest = connection.execute("SELECT max(run_id) FROM legacy.run WHERE status = 'finished'").fetchone()
        if not newest or newest[0] is None:
            raise NotReady("there is no finished run to close with")
        if run_id is not None and newest[0] != run_id:
            raise NotReady(f"run {newest[0]} came after run {run_id}: look at it, then close again")
        broken = [check.name for check in runner.verify(url) if not check.holds]
        if broken:
            raise PhaseFailed(f"These checks do not hold, so the migration stays open: {', '.join(broken)}.")
        with connection.transaction():
            connection.execute(
                "INSERT INTO legacy.closing (run_id, signed_by, closed_by) VALUES (%s, %s, %s)",
                (newest[0], signed_by, who()),
            )
            _note(connection, "close_legacy", f"run {newest[0]}, signed for by {signed_by}")
        waiting = connection.execute(
            "SELECT (SELECT count(*) FROM duplicate_candidate WHERE decision = 'open'),"
            " (SELECT count(*) FROM suggested_change WHERE decision = 'open')"
        ).fetchone()
        return Closing(newest[0], signed_by, *(waiting or (0, 0)))


def reopen(url: str, *, reason: str) -> None:
    """Open a closed migration again. Raises NotReady where it is not closed, or no reason is given."""
    if not reason.strip():
        raise NotReady("a migration is opened again for a reason: say it by --reason")
    with alone(url) as connection:
        if not ledger.closing(connection):
            raise NotReady("the migration is not closed")
        with connection.transaction():
            connection.execute(
                "UPDATE legacy.closing SET reopened_at = clock_timestamp(), reopened_by = %s, reason = %s"
                " WHERE reopened_at IS NULL",
                (who(), reason.strip()),
            )
            _note(connection, "reopen_legacy", reason.strip())


def _note(connection: Connection, action: str, words: str) -> None:
    connection.execute(
        "INSERT INTO public.audit_event (action, record_type, outcome, purpose) VALUES (%s, 'legacy_run', 'done', %s)",
        (action, f"{words} (by {who()})"),
    )
